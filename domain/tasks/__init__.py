"""Static data of what can be played.

- `table`: `TASKS`, the four tasks with their descriptions and step limits.
- `splits`: `SPLITS`, the numbered tasks of train, validation and test.
- `suites`: `SUITES`, the tasks and mixes of faults of a round.
"""
