"""Analyses preprocessing.py by symbolic interpretation; the code is never run.

Rows of the table, fitted objects and the model are symbols; everything else is a concrete value. Names of variables, the place
of a step and the style make no difference; the only known names are those of the imported library, of the table's columns
and of the returned report.
"""

from __future__ import annotations

from mlops_debug_env.agents.code.roles import PipelineCode

__all__ = ["PipelineCode"]
