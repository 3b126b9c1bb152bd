"""The catalogue of faults: what is public of it. Doses, and what a seed plants, are not."""

from __future__ import annotations

from collections import Counter

from domain.faults import CATALOGUE, POOLS
from domain.faults.fault import Fault
from domain.faults.loudness import LOUD, LOUDNESS, SEEDS
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
        "field stands here, each is accepted. A harmful value is not told, and neither is which seed plants what.\n\n"
    )
    parts = [head, counted, "\n## How loud each is\n\n", _ABOUT_LOUDNESS, table(_LOUDNESS_COLUMNS, _loudness_rows())]
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


_ABOUT_LOUDNESS = f"""Each was planted in {SEEDS} seeds and run beside its twin (`python -m bench.measure_loudness`). A fault shows in a run where a
number that train.log or eval_results.json print lies outside what 99 % of healthy runs have, or where the test accuracy lies 0.10
or more below the twin's. Those that show in {LOUD:.0%} of the runs or more are on the easy task, the quieter ones on medium; the
first nine faults of the project keep their tasks. Missed: no check raises a flag that the twin's does not.

"""
_LOUDNESS_COLUMNS = ("fault", "task", "test accuracy minus the twin's", "shows in", "missed by the checks in")


def _loudness_rows() -> list[tuple[str, ...]]:
    ordered = sorted(LOUDNESS.items(), key=lambda item: (-item[1].shown, item[0]))
    return [
        (
            f"`{fault_id}`",
            CATALOGUE[fault_id].task_id,
            f"{row.test_change:+.3f}",
            f"{row.shown:.0%}",
            f"{row.missed:.0%}",
        )
        for fault_id, row in ordered
    ]


def _row(fault: Fault) -> tuple[str, ...]:
    return (
        f"`{fault.fault_id}`",
        code((fault.category, *fault.also_categories)),
        code((fault.file, *fault.also_files)),
        code((fault.field, *fault.also_fields)),
        code(sorted(fault.causal)),
        "; ".join(fault.sources),
    )
