"""What leaves a run: JSON lines for other programs. docs/reference/exports.md describes every field."""
