"""Tasks, splits of seeds, and suites."""
