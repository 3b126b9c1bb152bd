"""Reads edits of a run's files as a patch. Nothing that an agent sends is ever executed.

- `reading`: `read_edits`, what edits change, in the registry's words.
- `text`: applies strings to find and replace, and unified diffs.
- `documents`: YAML as data.
- `code`: Python as normalised statements.
- `places`: which lines of a file stand for which declaration.
"""
