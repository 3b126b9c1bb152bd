"""Maintenance of a checkout: constraints, vulnerabilities, the image and the reference pages. Never installed."""
