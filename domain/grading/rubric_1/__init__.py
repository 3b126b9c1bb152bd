"""The reader of rubric 1, as it was: episodes recorded under it are graded by it again when they are audited.

Reads the fields that a diagnosis names and the change that its fix proposes, from free text. Knows the registry, no fault.

- `fixes`: `read_fix`, a fix in words to a patch or to direction hints.
- `naming`: `fields_named`, `file_named`.
- `clauses`, `choices`, `numbers`, `ratios`: clauses of a text, and the value that a clause proposes.
- `concepts`: the word patterns, as data.
"""
