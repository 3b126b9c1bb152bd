"""Measures the benchmark itself: blind floors, canaries, difficulty."""
