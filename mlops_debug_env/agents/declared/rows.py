"""Clues from rows: which ones there are, how often, of which dates, in which sets and batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean

from mlops_debug_env.agents.declared.checks import RESULTS, STATISTICS, Checks
from mlops_debug_env.agents.declared.log import LOG
from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.suspicion import Suspicion


def repeats(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """Ids with several lines, and rows that were sent again, where nothing declared removes them."""
    if declared.text("join.keys") == "id":
        lines = checks.number("join.rows", "lines_per_id")
        yield Suspicion("join.keys", "id, line", (lines - 1.0) / 0.115)
    for source, block in checks.by_source("ids", declared.sources).items():
        path = f"sources.{source}.deduplicate"
        if declared.text(path) == "none":
            yield Suspicion(path, "content", (block["repeated_share"] or 0.0) / 0.09, source=source)


def dates(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The part of the dates that is declared to be the month exceeds 12."""
    for name, declared_format, other in (
        ("second_part_over_12", "DD/MM/YYYY", "MM/DD/YYYY"),
        ("first_part_over_12", "MM/DD/YYYY", "DD/MM/YYYY"),
    ):
        for source, block in checks.by_source("timestamps", declared.sources).items():
            path = f"sources.{source}.date_format"
            if declared.text(path) == declared_format:
                yield Suspicion(path, other, (block[name] or 0.0) / 0.05, source=source)


IMPOSSIBLE = 100.0
"""A movement of class means that no drift explains."""


MOVED = 2.45
"""Movement that 110 of 126 runs exceed whose classes move over the year, and 9 of 1147 others with a random split."""


def split_of_rows(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    if declared.text("split.by") != "random":
        return
    movement = checks.number("all.movement", "class_mean_movement")
    # Classes do not move so far: a column has hardly any spread, or a constant is among its values.
    movement = movement / MOVED if movement < IMPOSSIBLE else 0.0
    # Columns that are frozen or empty from a month on move the classes as well: this alone never ends the search.
    yield Suspicion("split.by", "month", min(movement, 1.25))
    if declared.text("split.groups") == "none":
        yield Suspicion("split.groups", "customer", (rows_per_customer(checks, declared.sources) - 1.0) / 0.3)


def rows_per_customer(checks: Checks, sources: tuple[str, ...]) -> float:
    """Mean rows of a customer at the sources that were looked at; NaN: not known."""
    found = [float(block["rows_per_customer"]) for block in checks.by_source("ids", sources).values()]
    return fmean(found) if found else math.nan


def test_sources(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """One source is tested, while rows of others were scored in the last month as well."""
    tested = declared.text("evaluation.sources")
    recent = checks.by_name(STATISTICS, "splits", "recent", "sources")
    if tested in recent:
        others = 1.0 - recent[tested] / max(1.0, sum(recent.values()))
        # Few of them may be rows of earlier months whose dates are read wrongly.
        yield Suspicion("evaluation.sources", "all", others / 0.3)


def validation_ids(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """Other rows were scored for the validation: more or fewer, or not with the accuracy that the log has for the same network."""
    now = declared.text("evaluation.validation_ids")
    pairs = (
        (
            checks.number(RESULTS, "rows_scored", "validation"),
            checks.number(STATISTICS, "splits", "validation", "rows"),
        ),
        (checks.number(RESULTS, "metrics", "validation_accuracy"), _logged_accuracy(checks)),
    )
    gaps = [abs(scored - known) for scored, known in pairs if not math.isnan(scored + known)]
    if now in ("a", "b") and gaps:
        is_other = max(gaps) > SAME_ACCURACY
        yield Suspicion("evaluation.validation_ids", "b" if now == "a" else "a", 10.0 if is_other else 0.0)


SAME_ACCURACY = 0.0002
"""Difference of two printed accuracies of the same rows and network, at most."""


def _logged_accuracy(checks: Checks) -> float:
    """On the validation rows, of the epoch whose network was scored; NaN: not known."""
    epochs = checks.get(LOG, "epochs") or []
    number = checks.get(RESULTS, "checkpoint_epoch")
    is_known = isinstance(number, int) and 0 < number <= len(epochs)
    return float(epochs[number - 1].get("val_acc", math.nan)) if is_known else math.nan


UNMIXED = 0.15
"""How far the entropy of batches lies below that of random ones: 0.18 or more in 15 runs whose rows arrive class by class, under 0.03 in 1226 others."""


def batches(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    if declared.facts.get("loader.shuffle") is False:
        entropy = checks.number("train.batches", "arrival_label_entropy")
        yield Suspicion("loader.shuffle", True, (1.0 - entropy) / UNMIXED)
    if declared.text("loss.divide_by") == "capacity":
        filled = checks.number("train.batches", "rows_over_capacity")
        yield Suspicion("loss.divide_by", "rows", (1.0 - filled) / 0.34)
