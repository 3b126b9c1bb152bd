"""Pure rules of the benchmark: same input, same output. No I/O, no clock, no ambient randomness.

Layers, from the top; each imports only what is below it (the import-linter contract in pyproject.toml):

- `episode`: decides on commands, folds events into a state, encodes observations.
- `ranking`: seeds of ranked attempts, estimates and ranks.
- `events`: the event types, their stored form and the upcasters.
- `grader` and `grading`: judge patches, grade diagnoses, read fixes in words.
- `generator`: one seed to one scenario.
- `faults`: the catalogue of faults and which two can be combined.
- `fields`: the registry of fields, their aliases and their values.
- `tasks`: tasks, splits of seeds, suites.
- `actions`, `diagnosis`, `scenario`, `rubric`, `grade`: the values that these exchange.
- `training`: the training runs; `chain`: the hash chain; `json`: encoding; `types`: closed sets of names.
"""
