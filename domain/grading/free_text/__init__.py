"""Reads the change that a fix in words proposes, for the run at hand. Knows what a run has, no fault.

- `fixes`: `read_words`; what is read from scored candidates. `features`: what a text says of each value of each field.
- `targets`, `lexicon`: the fields of the run, what they can become, and the words for both.
- `clauses`, `numbers`, `language`: the segments of a text and their roles, numbers, and the expressions behind them.
- Data: ``lexicon.json``, ``language.json``, and ``weights.json``, which `python -m bench.validity train-words` trains.
"""
