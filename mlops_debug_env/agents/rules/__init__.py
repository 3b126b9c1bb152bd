"""The rules of the heuristic agent: each looks for the clues of one harmful setting.

A rule states what a careful engineer expects of a setting, and what its harm would look like in the measurements. It
knows no catalogue of faults: most rules are about settings that may never be planted. A further rule is one function
and its name in the list at the end of its file.
"""

from __future__ import annotations

from mlops_debug_env.agents.hypothesis import Rule
from mlops_debug_env.agents.rules import evaluation, leakage, network, optimization, preparation

RULES: tuple[Rule, ...] = (
    *optimization.RULES,
    *network.RULES,
    *leakage.RULES,
    *preparation.RULES,
    *evaluation.RULES,
)
