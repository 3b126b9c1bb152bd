"""Ranked rounds without storage.

- `rounds`: seed, fault, name and commitment of an attempt, from the round's secret.
- `statistics`: scores with confidence intervals, ranks, pass rates, calibration.
"""
