"""Paths and supported Pythons of the checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EVERY_PYTHON = ("3.11", "3.12", "3.13")
