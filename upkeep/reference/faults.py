"""Renders the public part of the catalogue of faults, without severities and without the faults of seeds."""

from __future__ import annotations

from collections import Counter

from domain.faults import CATALOGUE, POOLS
from domain.faults.fault import Fault
from upkeep.reference.markdown import code, table


def render() -> str:
    categories = sorted({each.category for each in CATALOGUE.values()})
    count = Counter((each.category, each.task_id) for each in CATALOGUE.values())
    counted = table(
        ("category", *POOLS),
        ((f"`{category}`", *(str(count[category, task]) for task in POOLS)) for category in categories),
    )
    head = (
        f"{len(CATALOGUE)} faults. [faults.md](../explanation/faults.md) says what each really shows; where more than one category, file or\n"
        "field stands here, each is accepted. Neither harmful values nor the faults of seeds are shown.\n\n"
    )
    parts = [head, counted]
    for task in POOLS:
        rows = (_row(CATALOGUE[name]) for name in POOLS[task])
        columns = (
            "fault",
            "category",
            "file",
            "field",
            "artifacts that can differ from the twin's",
            "where it was seen",
        )
        parts.append(f"\n## {task}\n\n" + table(columns, rows))
    return "".join(parts)


def _row(fault: Fault) -> tuple[str, ...]:
    return (
        f"`{fault.fault_id}`",
        code((fault.category, *fault.also_categories)),
        code((fault.file, *fault.also_files)),
        code((fault.field, *fault.also_fields)),
        code(sorted(fault.causal)),
        "; ".join(fault.sources),
    )
