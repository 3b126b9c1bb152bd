"""What a block that was not looked at would most likely have contradicted, where steps run out."""

from __future__ import annotations

from mlops_debug_env.agents.declared.checks import STATISTICS
from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.settings import Value
from mlops_debug_env.agents.declared.suspicion import Suspicion

GUESSED = 0.3
"""Strength of a suspicion that nothing was measured for."""
_REPAIRS: tuple[tuple[str, str, dict[str, Value]], ...] = (
    ("timestamps", "date_format", {"DD/MM/YYYY": "MM/DD/YYYY", "MM/DD/YYYY": "DD/MM/YYYY"}),
    ("ids", "deduplicate", {"none": "content"}),
    ("labels", "majority_kept", {"1.0": 0.28}),
)
_REPAIRS_OF_THE_RUN: tuple[tuple[str, str, dict[str, Value]], ...] = (
    ("join.rows", "join.keys", {"id": "id, line"}),
    ("join.rows", "join.how", {"inner": "left"}),
    ("train.batches", "loss.divide_by", {"capacity": "rows"}),
    ("train.batches", "loader.shuffle", {"False": True}),
    ("train.counts", "class_weights.order", {"model": "sorted", "sorted": "model", "reversed": "model"}),
    ("all.words", "environment.textkit", {"1.9": "1.8"}),
    ("all.tails", "environment.tabular", {"2.4": "2.3"}),
    ("all.movement", "split.by", {"random": "month"}),
    ("all.classes", "labels.maturity_months", {"0": 2, "1": 2}),
)
"""Block, declaration, and what is right where the declared value is wrong."""


def guess(declared: Declared, block: str) -> Suspicion | None:
    """What a block that was not looked at would most likely have contradicted; None: too many things.

    A declaration that changed is likelier than others, and what it was before is likely right.
    """
    for path, before in (declared.changed or {}).items():
        if _block_of(path) == block:
            return Suspicion(path, before, GUESSED)
    if block == STATISTICS and declared.text("evaluation.sources") in declared.sources:
        return Suspicion("evaluation.sources", "all", GUESSED)
    first, _, rest = block.partition(".")
    if first in declared.sources:
        paths = ((f"sources.{first}.{name}", repairs) for one, name, repairs in _REPAIRS if one == rest)
    else:
        paths = ((path, repairs) for one, path, repairs in _REPAIRS_OF_THE_RUN if one == block)
    for path, repairs in paths:
        if declared.text(path) in repairs:
            return Suspicion(path, repairs[declared.text(path)], GUESSED)
    return None


_SHOWN_IN = {
    "date_format": "timestamps",
    "deduplicate": "ids",
    "label_map": "labels",
    "majority_kept": "labels",
    "tokenizer": "texts",
    "used_until": "labels",
}
"""Name of a declaration of a source, and of the block that shows whether it is right."""


def _block_of(path: str) -> str:
    """The block that shows whether a declaration is right; empty: none does alone."""
    match path.split("."):
        case ["sources", source, "columns", column, _]:
            return f"{source}.{column}"
        case ["sources", source, name]:
            return f"{source}.{_SHOWN_IN[name]}" if name in _SHOWN_IN else ""
    return next((block for block, one, _ in _REPAIRS_OF_THE_RUN if one == path), "")
