"""The heuristic for runs on several sources, whose checks measure and do not judge. It knows what the wire shows, nothing else.

- `reading`, `settings`: texts to declarations; Python is parsed, never executed.
- `history`: declarations before the changes since the last good run. `log`: versions and epochs of train.log.
- `checks`: what was measured. `baseline`: the run against the last good one. `labels`, `shares`, `rows`, `features`, `blocks`: numbers that contradict a declaration, as `suspicion.Suspicion`; `measured`: all of them.
- `looks`, `looks_of_sources`, `columns`: which blocks are worth a query, in the unit of `weights`. `guesses`: what a block that was not looked at would contradict. `trials`: which suspicions an experiment can decide.
- `plan`: what to look at next. `agent`: `ComparingAgent`.
"""
