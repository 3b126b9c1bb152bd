"""Reads the change that a fix in words proposes, for the run at hand. Knows what a run has, no fault.

- `fixes`: `read_words`; what is read from scored candidates.
- `features`: what a text says of each value of each field.
- `targets`: the fields of the run and what they can become, for both families.
- `clauses`: the segments of a text, and whether they request, reject, forbid, keep or explain.
- `numbers`: numbers of a segment, also relative ones.
- `lexicon`, `language`: names and expressions of values; words of requests and numbers.
- `quotes`: names and lines of the run's own code.
- Data: ``lexicon.json``, ``language.json``, and ``weights.json``, which `python -m bench.validity train-words` trains.
"""
