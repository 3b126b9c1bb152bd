"""Measures the validity of the benchmark: what can be scored without reading the evidence, or without reasoning about it.

- `episodes`, `features`: public episodes as programs read them. `judge`: the grader of the server.
- `classifiers`, `answers`, `lint`, `solvers`: programs that do not reason, and the bounds that they must keep.
- `agents`: agents on the same episodes. `items`, `report`, `command`: fault by program, as a page.
- `look_alikes`: whether planted and healthy runs are told apart by their texts.
- `healthy`: accuracy of healthy runs, how often a check looks unusual in them, planted runs against their twins.
- `floor`, `blind_answers`: the best constant answer of easy and medium, and answers that list or stuff names.
"""
