"""Clues from rows: which ones there are, how often, of which dates, in which sets and batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean

from mlops_debug_env.agents.declared.checks import RESULTS, STATISTICS, Checks
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


def split_of_rows(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    if declared.text("split.by") != "random":
        return
    movement = checks.number("all.movement", "class_mean_movement")
    # Classes do not move so far: a column has hardly any spread, or a constant is among its values.
    movement = movement / 3.7 if movement < IMPOSSIBLE else 0.0
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
    """As many rows were scored for the validation as the test has, and not as the validation has."""
    now = declared.text("evaluation.validation_ids")
    scored = checks.number(RESULTS, "rows_scored", "validation")
    rows = checks.number(STATISTICS, "splits", "validation", "rows")
    if now in ("a", "b") and not math.isnan(scored + rows):
        yield Suspicion("evaluation.validation_ids", "b" if now == "a" else "a", 10.0 if scored != rows else 0.0)


def batches(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    if declared.facts.get("loader.shuffle") is False:
        entropy = checks.number("train.batches", "arrival_label_entropy")
        yield Suspicion("loader.shuffle", True, (1.0 - entropy) / 0.45)
    if declared.text("loss.divide_by") == "capacity":
        filled = checks.number("train.batches", "rows_over_capacity")
        yield Suspicion("loss.divide_by", "rows", (1.0 - filled) / 0.34)
