"""The world under investigation: a small training run that really happens. Knows no fault, no episode, no task."""
