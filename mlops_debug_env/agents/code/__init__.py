"""Reads preprocessing.py by what calls what, and never runs it.

The program is followed by hand: rows of the table, fitted objects and the model are symbols, everything else is the value
that the code spells out. What a name is called, where a step stands and how it is written makes no difference; the only
words that are known are those of the imported library, of the table's columns and of the returned report.
"""

from __future__ import annotations

from mlops_debug_env.agents.code.roles import Code

__all__ = ["Code"]
