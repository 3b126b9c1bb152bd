"""Evaluation: one agent over one suite, what it wrote to disk, and what follows from it."""
