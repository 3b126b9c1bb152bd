"""What leaves a run: JSON lines for other programs. docs/exports.md describes every field."""
