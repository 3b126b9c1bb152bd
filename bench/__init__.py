"""Measurements of speed and validity, and calibration. Run from a checkout, never installed; see README.md here."""
