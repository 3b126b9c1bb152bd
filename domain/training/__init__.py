"""The training run that an agent investigates; it is really executed. Knows no fault, no episode and no task.

- `pipeline`: `Pipeline`, `draw_pipeline`; `raw_data`: `draw_rows`.
- `simulator`: `simulate`, `holdout_accuracy`; `tabular`, `frame`: the library that preprocessing.py shows.
- `fitting`, `network`, `optimization`: the training of the network.
- `checks`, `thresholds`: the eight sanity checks.
- `artifacts`: the six rendered files; `style`, `themes`: how they are written.
- `randomness`: `Stream`, reproducible random draws.
"""
