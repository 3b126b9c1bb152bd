"""Scenarios and the simulations behind them: the repository, the process pool, grading with re-runs."""
