"""The heuristic for runs on several sources, whose checks measure and do not judge. It knows what the wire shows, nothing else.

- `reading`, `settings`: texts to declarations; Python is parsed, never executed.
- `measured`, `blocks`: numbers of checks and of data_slices.json that contradict a declaration, as `suspicion.Suspicion`.
- `columns`: which blocks are worth a query. `trials`: which suspicions an experiment can decide.
- `plan`: what to look at next. `agent`: `ComparingAgent`.
"""
