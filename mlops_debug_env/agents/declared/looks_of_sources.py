"""Which blocks of sources and columns are worth a query, and the two totals that say whether to look at texts or ids of sources."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean, median

from mlops_debug_env.agents.declared.baseline import accuracy_change, gap_change, growth_over_others
from mlops_debug_env.agents.declared.checks import RESULTS, Checks
from mlops_debug_env.agents.declared.columns import HAS_EMPTY, STALE, last_month, odd_columns
from mlops_debug_env.agents.declared.features import are_updates_unclear
from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.weights import (
    CHANGED,
    OF_ANOTHER,
    RISKY,
    UNCHANGED,
    Look,
    odds,
    odds_of_risky,
    prior_of,
    share_of,
    step,
)
from mlops_debug_env.protocol.types import SanityCheckName

WORDS: SanityCheckName = "encoder_version_match"
REPEATS: SanityCheckName = "data_leakage"
"""Checks whose totals say whether to look at the texts, or the ids, of sources."""


def looks_of_totals(declared: Declared, checks: Checks) -> Iterator[Look]:
    for check, name in ((WORDS, "tokenizer"), (REPEATS, "deduplicate")):
        if check in checks:
            continue
        # Where the changes name a source, the total tells no more than its details.
        is_named = any(f"sources.{source}.{name}" in (declared.changed or ()) for source in declared.sources)
        kind = OF_REPEATS * min(RISKY, _of_kept_repeats(declared, checks)) if check == REPEATS else OF_WORDS
        yield kind * (OF_ANOTHER if is_named else UNCHANGED), check


OF_REPEATS = 0.4
"""What the total of repetitions tells of what the details of a source would: growth since the last good run tells nearly as much."""


OF_WORDS = 1.7
"""Weight of the total that tells of the texts of all sources at once."""


def _of_kept_repeats(declared: Declared, checks: Checks) -> float:
    """How likely rows that were sent again are kept at some source."""
    return 2.0 * sum(_of_kept_repeats_at(declared, checks, source) for source in declared.sources)


def _of_kept_repeats_at(declared: Declared, checks: Checks, source: str) -> float:
    """The same at one source: it has a fifth more rows than the others since the last good run."""
    path = f"sources.{source}.deduplicate"
    if declared.text(path) != "none":
        return 0.0
    share = share_of(declared, checks, source, "deduplicate")
    if f"sources.{source}.majority_kept" in (declared.changed or ()):
        return share
    return share * step(growth_over_others(declared, checks, source), ((0.35, 0.5), (0.09, 10.0)), 0.12)


def of_column(oddness: float) -> float:
    """Weight of the overview of a column, by how odd the column is; what a month of each source shows is not counted."""
    steps = ((STALE, 16.0), (STALE - 0.01, 4.0), (1.5, 4.0), (1.3, 2.5), (1.1, 0.8), (HAS_EMPTY - 0.001, 0.3))
    return next((weight for lowest, weight in steps if oddness > lowest), 0.005)


def of_changed_cell(name: str, oddness: float) -> float:
    """Weight of a column of one source of which this declaration changed, by how odd the column is."""
    if oddness < HAS_EMPTY:
        return 0.05
    usual, odd = {"unit": (0.05, 6.0), "missing_code": (3.0, 3.0)}.get(name, (2.0, 6.0))
    return odd if oddness >= 1.5 else usual


def of_cell(oddness: float) -> float:
    """Weight of a column of one source, by how odd it is in the overview of the column."""
    if oddness < 1.5:
        return 0.03 if oddness < 0.7 else 0.15 if oddness < 1.05 else 0.3 + 4.0 * (oddness - 1.05)
    return 4.0


def looks_of_sources(declared: Declared, checks: Checks, loud: float) -> Iterator[Look]:
    words = _of_words(checks.number(WORDS, "distance_from_other_sources"))
    repeats = _of_repeats(declared, checks)
    misread = _outside_if_misread(declared)
    are_rows_drawn = declared.text("split.by") == "random" and declared.text("split.groups") == "none"
    # Any source shows whether customers have many rows, and what exports add.
    of_customers = GROUPS * (are_rows_drawn and not checks.by_source("ids", declared.sources))
    of_customers *= odds_of_risky(declared, "split.groups")
    of_exports = _of_exports(declared, checks)
    if checks.by_source("updates", declared.sources):
        of_exports = UNCLEAR * are_updates_unclear(declared, checks)
    oddest = max(odd_columns(declared, checks).values(), default=0.0)
    for source in declared.sources:
        prior = prior_of(declared, checks, source)
        yield _of_labels(declared, checks, source, loud), f"{source}.labels"
        part = prior / max(prior_of(declared, checks, name) for name in declared.sources)
        kept = 2.0 * _of_kept_repeats_at(declared, checks, source) * repeats
        yield kept + part * of_customers, f"{source}.ids"
        yield part * of_exports, f"{source}.updates"
        yield share_of(declared, checks, source, "tokenizer") * words, f"{source}.texts"
        if month := last_month(declared):
            yield _of_month(oddest) * _share_of_columns(declared, checks, source), f"{source}.{month}"
        read, outside_window = (checks.rows_of(source, name) for name in ("read", "outside_window"))
        outside = outside_window / max(1.0, read) / max(0.01, misread)
        at = share_of(declared, checks, source, "date_format")
        yield loud * at * (30.0 if outside > 0.8 else 0.15 if outside > 0.5 else 0.02), f"{source}.timestamps"


GROUPS = 2.0
"""Weight of rows that are drawn one by one: half of the runs with a random split declare it."""


OF_COLUMNS = ("unit", "missing_code", "used_until")
"""Declarations of a column of a source."""


def _share_of_columns(declared: Declared, checks: Checks, source: str) -> float:
    """As `_share`, of all that one month of a source shows."""
    found = [share_of(declared, checks, source, "snapshot")]
    for name in OF_COLUMNS:
        found.append(_share_of_column(declared, checks, source, name))
    return fmean(found)


def _share_of_column(declared: Declared, checks: Checks, source: str, name: str) -> float:
    prior = prior_of(declared, checks, source)
    if declared.changed is None:
        return prior
    sources = {path.split(".")[1] for path in changed_cells(declared, name)}
    return CHANGED if source in sources else prior * (OF_ANOTHER if sources else UNCHANGED)


def changed_cells(declared: Declared, name: str) -> list[str]:
    """Paths of the declarations of columns of sources, of this name, that changed since the last good run."""
    return [path for path in declared.changed or () if ".columns." in path and path.endswith(f".{name}")]


def _of_month(oddest: float) -> float:
    """Weight of the last labelled month, which shows all columns of a source: wrong codes, frozen values, missing partners, other units.

    Each of them makes a column odd over all sources.
    """
    return 0.05 if oddest < HAS_EMPTY else 0.8 if oddest < 1.1 else 4.0


def of_seen(declared: Declared, checks: Checks, sources: list[str]) -> float:
    """Share of what is wrong with columns that one month of each of some sources would have shown."""
    return SHOWN_BY_MONTH * sum(prior_of(declared, checks, source) for source in sources)


SHOWN_BY_MONTH = 0.8


def _of_words(distance: float) -> float:
    """Weight of the texts, by how far the words of the sources lie apart."""
    steps = ((0.12, 25.0), (0.11, 4.0), (0.1, 1.2), (0.09, 0.5))
    if math.isnan(distance):
        return 1.0
    return next((weight for lowest, weight in steps if distance > lowest), 0.03)


UNCLEAR = 10.0
"""Weight of the updates of another source where those of the first leave open whether they know the class."""
REPEATED, REPEATED_IF_SENT_ONCE = 0.243, 0.026
"""Share of the rows of a source whose content occurs twice, where rows were sent again and where they were not."""


def _of_repeats(declared: Declared, checks: Checks) -> float:
    """How likely a source sent rows again whose repetitions are kept: by repetitions that no other source explains."""
    repeated = checks.number(REPEATS, "repeated_share")
    rows = {source: checks.rows_of(source, "read") for source in declared.sources}
    are_dropped = {source: declared.text(f"sources.{source}.deduplicate") == "content" for source in rows}
    if math.isnan(repeated):
        return 1.0
    total = sum(rows.values())
    expected = sum(
        count / total * (REPEATED if are_dropped[source] else REPEATED_IF_SENT_ONCE) for source, count in rows.items()
    )
    largest = max((count for source, count in rows.items() if not are_dropped[source]), default=0.0)
    if not largest:
        return 0.0
    excess = (repeated - expected) / ((REPEATED - REPEATED_IF_SENT_ONCE) * largest / total)
    return 15.0 if excess > 0.7 else 1.3 if excess > 0.5 else 0.03


def _outside_if_misread(declared: Declared) -> float:
    """Share of the rows that leave the window where day and month are exchanged, which only days up to 12 allow."""
    first = int(declared.months[0][5:]) if declared.months else 7
    months = [place % 12 + 1 for place in range(first - 1, first + 11)]
    gone = sum(first - 1 if month >= first else 12 - first for month in months)
    return 12 / 28 * gone / 144


def _of_rows(declared: Declared, checks: Checks, source: str) -> float:
    """Weight of thinned rows of a source, by how many it has, against the last good run and the other sources.

    Where the declared share of the rows that are kept changed, their number follows only if the rows did change. Where it did
    not, a source that lacks rows is small because of that: its size does not count.
    """
    grown = growth_over_others(declared, checks, source)
    share = share_of(declared, checks, source, "majority_kept")
    if f"sources.{source}.majority_kept" in (declared.changed or ()):
        return share * step(abs(grown), ((0.08, 0.04), (0.05, 2.0)), 9.0)
    if math.isnan(grown) or grown > -0.18:
        return share * step(grown, ((-0.1, 0.04),), 0.3)
    is_elsewhere = any(f"sources.{one}.majority_kept" in (declared.changed or ()) for one in declared.sources)
    return (0.3 if is_elsewhere else 1.0) * (3.0 if grown < -0.3 else 0.8)


def _of_labels(declared: Declared, checks: Checks, source: str, loud: float) -> float:
    """How the labels of a source fit its rows: against the last month, whose labels were looked up by hand.

    Exchanged labels, and random ones from a month on, make the labelled rows look worse; thinned rows show nowhere else.
    """
    is_dropped_later = declared.facts.get(f"sources.{source}.used_until") is not None
    thinned = 0.9 * _of_rows(declared, checks, source)

    def weighted(exchanged: float, random: float) -> float:
        return (
            loud * share_of(declared, checks, source, "label_map") * exchanged
            + loud * share_of(declared, checks, source, "used_until") * random * (not is_dropped_later)
            + thinned
        )

    moved = accuracy_change(declared, checks, source)
    if not math.isnan(moved):
        # Labels that are read wrongly make the model look worse than it did.
        return weighted(
            step(moved, ((-0.05, 0.3), (-0.1, 0.8), (-0.2, 4.0)), 40.0),
            step(moved, ((-0.08, 0.02), (-0.1, 0.6), (-0.2, 5.0)), 40.0),
        )
    found = checks.by_name(RESULTS, "accuracy_by_source", source)
    labelled = [found[name] for name in ("validation", "test") if name in found]
    if not labelled or "recent" not in found:
        return weighted(1.0, 1.0)
    gap = found["recent"] - fmean(labelled)
    steps = ((0.2, 28.0, 28.0), (0.15, 4.0, 5.0), (0.1, 0.9, 2.2), (0.05, 0.2, 0.25), (-1.0, 0.3, 0.05))
    exchanged, random = next((two for lowest, *two in steps if gap > lowest), (0.3, 0.05))
    return weighted(exchanged, random)


def _of_exports(declared: Declared, checks: Checks) -> float:
    """A column that is taken as of the export and tells the classes apart better than others do."""
    association = checks.by_name("feature_statistics", "class_association")
    exported = [value for column, value in association.items() if declared.text(f"features.{column}.as_of") == "export"]
    if not exported:
        return 0.0
    by_gap = step(gap_change(checks), ((0.1, 6.0), (0.06, 3.0), (0.02, 1.4), (-0.02, 0.5)), 0.25)
    excess = max(exported) - median(association.values())
    changed = max((odds(declared, f"features.{column}.as_of") for column in association), default=1.0)
    return 1.3 * changed * max(0.35, by_gap * (1.5 if excess > 0.2 else 1.0 if excess > 0.085 else 0.5))
