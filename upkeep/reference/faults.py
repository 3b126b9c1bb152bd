"""Renders the public part of the catalogue of faults, without severities and without the faults of seeds."""

from __future__ import annotations

from collections import Counter

from domain.families.multi_source import QUIET_FAULTS
from domain.faults import CATALOGUE, POOLS
from domain.faults.fault import Fault
from domain.faults.loudness import LOUD, LOUDNESS, SEEDS
from domain.tasks.categories import CATEGORY_MEANING
from domain.training.multi_source.agreements import AGREEMENTS, Agreement
from domain.training.multi_source.fault_notes import NOTES
from domain.training.multi_source.loudness import QUIET, SOURCE_LOUDNESS
from domain.training.multi_source.loudness import SEEDS as SOURCE_SEEDS
from domain.training.multi_source.pools import QUIET_WEIGHT
from upkeep.reference.markdown import code, table


def render() -> str:
    return _single_table() + _several_sources()


def _several_sources() -> str:
    head = (
        "\n## hard and expert\n\n"
        f"{len(AGREEMENTS)} faults of runs of several sources, each a declaration that does not agree with the world "
        "([how these runs are made](../explanation/exam.md)). "
        "Each is planted in two ways: the declaration was changed, or the world was. The harmless world is one in which every declaration "
        "reads the same.\n\n"
    )
    columns = (
        "fault",
        "category",
        "file",
        "declaration",
        "what is wrong",
        "harmless where",
        "shows in",
        "where it was seen",
    )
    return "".join(
        [
            head,
            table(columns, (_declared_row(agreement) for agreement in AGREEMENTS)),
            "\n## How loud those of several sources are\n\n",
            _ABOUT_SOURCES,
            table(("fault", "expert", "last month", "loudness", "shows in"), _source_rows()),
        ]
    )


_ABOUT_SOURCES = f"""Each was planted in {SOURCE_SEEDS} seeds (`python -m bench.measure_loudness --several-sources`). What a reader can form of eval_results.json and train.log
alone (accuracies of the sets, by source and by month, confusions, losses, rows) is set against healthy runs. Loudness is the median of the
largest deviation: at 1 nine tenths of the healthy runs lie below. Shows in: the share of the runs that are louder. `hard` plants those
that show in {QUIET:.0%} of the runs at most {QUIET_WEIGHT} times as often as the others; `expert` plants no others, and of two faults one at least is of a source or a column. Last month: mean accuracy on the rows that were scored after
the training, minus that of the healthy twin.

"""


def _source_rows() -> list[tuple[str, ...]]:
    ordered = sorted(SOURCE_LOUDNESS.items(), key=lambda item: (item[1].shown, item[0]))
    return [
        (
            f"`{fault_id}`",
            "yes" if fault_id in QUIET_FAULTS else "",
            f"{row.recent_change:+.3f}",
            f"{row.loudness:.2f}",
            f"{row.shown:.0%}",
        )
        for fault_id, row in ordered
    ]


def _declared_row(agreement: Agreement) -> tuple[str, ...]:
    note = NOTES[agreement.fault_id]
    return (
        f"`{agreement.fault_id}`",
        code((agreement.category, *agreement.also_categories)),
        code((agreement.file,)),
        code((agreement.pattern,)),
        note.summary,
        note.look_alike,
        note.shows_in,
        "; ".join(note.sources),
    )


def _single_table() -> str:
    pools = {task: [CATALOGUE[name] for name in names] for task, names in POOLS.items()}
    count: Counter[tuple[str, str]] = Counter(
        (each.category, task) for task, faults in pools.items() for each in faults
    )
    count.update((agreement.category, "hard and expert") for agreement in AGREEMENTS)
    columns = (*pools, "hard and expert")
    categories = sorted({category for category, _ in count})
    counted = table(
        ("category", *columns),
        ((f"`{category}`", *(str(count[category, column]) for column in columns)) for category in categories),
    )
    total = sum(map(len, pools.values())) + len(AGREEMENTS)
    head = (
        f"{total} faults. [exam.md](../explanation/exam.md) says how they are planted and how hard they are; where more than one category, file\n"
        "or field stands here, each is accepted. Neither harmful values nor the faults of seeds are shown.\n\n"
    )
    meanings = ((f"`{name}`", meaning) for name, meaning in CATEGORY_MEANING.items())
    parts = [
        head,
        counted,
        "\n## Categories\n\nBy where the mistake was made. A fault accepts each whose sentence is true of it.\n\n",
        table(("category", "meaning"), meanings),
        "\n## How loud those of one table are\n\n",
        _ABOUT_LOUDNESS,
        table(_LOUDNESS_COLUMNS, _loudness_rows()),
    ]
    for task, names in POOLS.items():
        rows = (_row(CATALOGUE[name]) for name in names)
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
    planted = {name for names in POOLS.values() for name in names}
    rows = ((fault_id, row) for fault_id, row in LOUDNESS.items() if fault_id in planted)
    ordered = sorted(rows, key=lambda item: (-item[1].shown, item[0]))
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
