"""Which blocks of details are worth a query: what is declared makes some faults possible, totals and reports make some likely.

A weight is in units of how likely one kind of fault is before anything is known. A declaration that half of all runs make doubles
it, one that is safe takes it away; what totals and reports show multiplies it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean, median

from mlops_debug_env.agents.declared.baseline import (
    accuracy_change,
    class_growth,
    first_epoch,
    gap_change,
    growth_over_others,
    last_epoch,
    least_growth,
    log_ratio,
)
from mlops_debug_env.agents.declared.checks import PREVIOUS, RESULTS, STATISTICS, Checks
from mlops_debug_env.agents.declared.columns import HAS_EMPTY, NEAR_CONSTANT, STALE, last_month, odd_columns
from mlops_debug_env.agents.declared.features import are_updates_unclear, tails_are_cut, words_are_cut
from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.settings import Value
from mlops_debug_env.agents.declared.suspicion import Suspicion
from mlops_debug_env.protocol.types import ArtifactName, SanityCheckName

Look = tuple[float, str]
"""Weight of a block and its path."""
CONFIG: ArtifactName = "config.yaml"
"""Of its declarations only the versions of two libraries can be wrong: they decide whether blocks that show their harm are worth a look."""
RISKY = 2.0
"""Weight of a declaration that is right in half of the worlds."""
LOUD, LOUD_AMONG_SEVERAL = 0.33, 0.05
"""Factor of what log and results would mostly have shown at once: it is planted less often, and not at all among none, one or two."""
CHANGED, UNCHANGED, OF_ANOTHER = 2.0, 0.66, 0.05
"""Factor of a declaration that changed since the last good run, of one that did not, and of one where that of another source did."""


def looks_of(declared: Declared, checks: Checks, *, loud: float = LOUD) -> Iterator[Look]:
    """Blocks of details that may contradict a declaration; `loud`: factor of what is planted less often."""
    yield _of_join(declared, checks, loud), "join.rows"
    yield loud * _of_batches(declared, checks), "train.batches"
    yield _odds(declared, "class_weights.order") * _of_class_weights(checks), "train.counts"
    yield loud * _of_test_labels(checks) * _odds(declared, "evaluation.label_order"), "test.labels"
    yield from _of_libraries(declared, checks)
    yield RANDOM * (declared.text("split.by") == "random") * _odds_of_risky(declared, "split.by"), "all.movement"
    yield loud * _of_maturity(declared, checks), "all.classes"
    yield from _of_totals(declared, checks)
    yield from _of_sources(declared, checks, loud)


RANDOM = 1.6
"""Weight of a declaration that two of three runs make."""


def _step(value: float, steps: tuple[tuple[float, float], ...], otherwise: float) -> float:
    """The weight beside the highest of some limits that a value exceeds; 1: the value is not known."""
    if math.isnan(value):
        return 1.0
    return next((weight for limit, weight in steps if value > limit), otherwise)


def _of_class_weights(checks: Checks) -> float:
    """A loss that is weighed by counts of other classes is lower on the training rows than it was, and than on others."""
    loss = last_epoch(checks, "train_loss")
    moved = log_ratio(loss, last_epoch(checks, "train_loss", PREVIOUS))
    both = moved + log_ratio(loss, last_epoch(checks, "val_loss"))
    return _step(both, ((-0.235, 0.4), (-0.38, 1.0), (-0.56, 1.6)), 7.5)


def _of_maturity(declared: Declared, checks: Checks) -> float:
    """Where labels came too early, the first class became more frequent since the last good run."""
    maturity = "labels.maturity_months"
    if declared.number(maturity, 0) >= 2:
        return 0.0
    grown = class_growth(checks)
    by_growth = _step(grown[0], ((0.25, 20.0), (0.15, 8.0), (0.08, 2.0)), 0.12) if grown else 1.0
    return 1.3 * by_growth * _odds_of_risky(declared, maturity)


WORDS: SanityCheckName = "encoder_version_match"
REPEATS: SanityCheckName = "data_leakage"
"""Checks whose totals say whether to look at the texts, or the ids, of sources."""
OF_TOTAL = 0.8
"""Share of the weight of a total that explains repeated rows: it does not always tell."""


def _of_totals(declared: Declared, checks: Checks) -> Iterator[Look]:
    for check, name in ((WORDS, "tokenizer"), (REPEATS, "deduplicate")):
        if check in checks:
            continue
        # Where the changes name a source, the total tells no more than its details.
        is_named = any(f"sources.{source}.{name}" in (declared.changed or ()) for source in declared.sources)
        kind = OF_REPEATS * min(RISKY, _of_kept_repeats(declared, checks)) if check == REPEATS else OF_WORDS
        yield kind * (OF_ANOTHER if is_named else UNCHANGED), check


OF_REPEATS = 0.4
"""What the total of repetitions tells of what the details of a source would: growth since the last good run tells nearly as much."""


OF_WORDS = 2.2
"""Weight of the total that tells of the texts of all sources at once."""


def _of_kept_repeats(declared: Declared, checks: Checks) -> float:
    """How likely rows that were sent again are kept at some source."""
    return 2.0 * sum(_of_kept_repeats_at(declared, checks, source) for source in declared.sources)


def _of_kept_repeats_at(declared: Declared, checks: Checks, source: str) -> float:
    """The same at one source: it has a fifth more rows than the others since the last good run."""
    path = f"sources.{source}.deduplicate"
    if declared.text(path) != "none":
        return 0.0
    share = _share(declared, checks, source, "deduplicate")
    if f"sources.{source}.majority_kept" in (declared.changed or ()):
        return share
    return share * _step(growth_over_others(declared, checks, source), ((0.35, 0.5), (0.09, 10.0)), 0.12)


def _odds(declared: Declared, path: str) -> float:
    """How much likelier the changes since the last good run make a wrong declaration; 1: they are not known."""
    if declared.changed is None:
        return 1.0
    return CHANGED if path in declared.changed else UNCHANGED


def _odds_of_risky(declared: Declared, path: str) -> float:
    """The same of a declaration whose weight already counts that it is one that only some worlds allow."""
    return min(1.0, _odds(declared, path))


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


def _accuracy(checks: Checks, name: str) -> float:
    """Of the results; NaN: not known."""
    return checks.number(RESULTS, "metrics", f"{name}_accuracy")


def _of_join(declared: Declared, checks: Checks, loud: float) -> float:
    weight = 0.0
    if declared.text("join.how") == "inner":
        # Rows of a class that the second table lacks are missing from the training rows.
        rarest = min(class_growth(checks), default=_rarest_in_training(checks))
        weight += (
            loud * RANDOM * _step(rarest, ((-0.35, 0.05), (-0.5, 2.0)), 40.0) * _odds_of_risky(declared, "join.how")
        )
    if declared.text("join.keys") == "id":
        # Every source has more rows where the second table has several lines an id.
        grown = _step(least_growth(declared, checks), ((0.12, 10.0), (0.08, 2.0)), 0.08)
        weight += RANDOM * grown * _odds_of_risky(declared, "join.keys")
    return weight


def _rarest_in_training(checks: Checks) -> float:
    """The lowest log ratio of a class's share among the training rows to that in the last month."""
    train, recent = (checks.by_name(STATISTICS, "splits", name, "classes") for name in ("train", "recent"))
    totals = sum(train.values()), sum(recent.values())
    ratios = [
        math.log((count + 1.0) / (recent.get(name, 0.0) + 1.0) * (totals[1] + 1.0) / (totals[0] + 1.0))
        for name, count in train.items()
    ]
    return min(ratios, default=0.0)


def _of_batches(declared: Declared, checks: Checks) -> float:
    weight = 0.0
    if declared.facts.get("loader.shuffle") is False:
        # Batches of one class have steep gradients.
        steep = _step(first_epoch(checks, "grad_norm"), ((1.1, 15.0), (0.95, 3.0)), 0.05)
        weight += RANDOM * steep * _odds_of_risky(declared, "loader.shuffle")
    if declared.text("loss.divide_by") == "capacity":
        # A loss that is divided by more rows than there are is lower than that of the validation rows.
        ratio = log_ratio(last_epoch(checks, "train_loss"), last_epoch(checks, "val_loss"))
        is_low = _step(ratio, ((-0.35, 0.05), (-0.5, 1.0), (-0.6, 5.0)), 40.0)
        weight += RANDOM * is_low * _odds_of_risky(declared, "loss.divide_by")
    return weight


def _of_test_labels(checks: Checks) -> float:
    gap = _accuracy(checks, "test") - _accuracy(checks, "validation")
    return 24.0 if gap < -0.25 else 0.3 if gap < -0.1 else 0.02


def _of_libraries(declared: Declared, checks: Checks) -> Iterator[Look]:
    """Blocks that show harm of two libraries, and config.yaml, which has the versions of both where the log does not tell."""
    words = OF_VOCABULARY * _of_version(declared, "environment.textkit", "1.9")
    tails = _of_version(declared, "environment.tabular", "2.4") * _of_tails(checks)
    is_known = {"environment.textkit", "environment.tabular"} <= declared.facts.keys()
    yield words, "all.words"
    yield tails, "all.tails"
    if not is_known:
        is_cut = words_are_cut(checks) > 0.8 or tails_are_cut(checks) > 0.8
        yield 20.0 if is_cut else CONFIG_FIRST * (words + tails), CONFIG


OF_VOCABULARY = 0.6
"""Most of the vocabularies that leave words out are of runs in which these words tell nothing."""
CONFIG_FIRST = 0.6
"""Reading the versions shows no harm, and half of the time saves looking for it."""


def _of_version(declared: Declared, path: str, risky: str) -> float:
    """A version of a library may be the one whose default changed; config.yaml may not have been read yet."""
    known = 1.0 if path not in declared.facts else RISKY * (declared.text(path) == risky)
    return known * _odds_of_risky(declared, path)


def _of_tails(checks: Checks) -> float:
    """A scaler that leaves out a near-constant column harms where this column tells the classes apart."""
    frequent = checks.by_name("feature_statistics", "most_frequent_share")
    association = checks.by_name("feature_statistics", "class_association")
    told = [association.get(name, 0.0) for name, share in frequent.items() if share > NEAR_CONSTANT]
    return _step(max(told, default=math.nan), ((0.12, 15.0), (0.06, 1.0)), 0.03)


def _of_exports(declared: Declared, checks: Checks) -> float:
    """A column that is taken as of the export and tells the classes apart better than others do."""
    association = checks.by_name("feature_statistics", "class_association")
    exported = [value for column, value in association.items() if declared.text(f"features.{column}.as_of") == "export"]
    if not exported:
        return 0.0
    by_gap = _step(gap_change(checks), ((0.115, 6.0), (0.08, 3.5), (0.012, 1.9)), 0.2)
    excess = max(exported) - median(association.values())
    changed = max((_odds(declared, f"features.{column}.as_of") for column in association), default=1.0)
    return 1.3 * changed * max(0.25, by_gap * (1.7 if excess > 0.2 else 1.0 if excess > 0.085 else 0.35))


def _of_sources(declared: Declared, checks: Checks, loud: float) -> Iterator[Look]:
    words = _of_words(checks.number(WORDS, "distance_from_other_sources"))
    repeats = _of_repeats(declared, checks)
    misread = _outside_if_misread(declared)
    are_rows_drawn = declared.text("split.by") == "random" and declared.text("split.groups") == "none"
    # Any source shows whether customers have many rows, and what exports add.
    of_customers = GROUPS * (are_rows_drawn and not checks.by_source("ids", declared.sources))
    of_customers *= _odds_of_risky(declared, "split.groups")
    of_exports = _of_exports(declared, checks)
    if checks.by_source("updates", declared.sources):
        of_exports = UNCLEAR * are_updates_unclear(declared, checks)
    oddest = max(odd_columns(declared, checks).values(), default=0.0)
    for source in declared.sources:
        prior = _prior(declared, checks, source)
        yield _of_labels(declared, checks, source, loud), f"{source}.labels"
        part = prior / max(_prior(declared, checks, name) for name in declared.sources)
        kept = 2.0 * _of_kept_repeats_at(declared, checks, source) * repeats
        yield kept + part * of_customers, f"{source}.ids"
        yield part * of_exports, f"{source}.updates"
        yield _share(declared, checks, source, "tokenizer") * words, f"{source}.texts"
        if month := last_month(declared):
            yield _of_month(oddest) * _share_of_columns(declared, checks, source), f"{source}.{month}"
        rows = checks.by_name(STATISTICS, "sources", source)
        outside = rows.get("outside_window", 0.0) / max(1.0, rows.get("read", 0.0)) / max(0.01, misread)
        at = _share(declared, checks, source, "date_format")
        yield loud * at * (30.0 if outside > 0.8 else 1.0 if outside > 0.5 else 0.02), f"{source}.timestamps"


GROUPS = 2.0
"""Weight of rows that are drawn one by one: half of the runs with a random split declare it."""


def _share(declared: Declared, checks: Checks, source: str, name: str) -> float:
    """Share of what is wrong with a declaration of sources that is wrong at this one, times its odds."""
    prior, changed = _prior(declared, checks, source), declared.changed
    if changed is None:
        return prior
    if f"sources.{source}.{name}" in changed:
        return CHANGED
    is_elsewhere = any(f"sources.{one}.{name}" in changed for one in declared.sources)
    return prior * (OF_ANOTHER if is_elsewhere else UNCHANGED)


OF_COLUMNS = ("unit", "missing_code", "used_until")
"""Declarations of a column of a source."""


def _share_of_columns(declared: Declared, checks: Checks, source: str) -> float:
    """As `_share`, of all that one month of a source shows."""
    found = [_share(declared, checks, source, "snapshot")]
    for name in OF_COLUMNS:
        found.append(_share_of_column(declared, checks, source, name))
    return fmean(found)


def _share_of_column(declared: Declared, checks: Checks, source: str, name: str) -> float:
    prior = _prior(declared, checks, source)
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
    return 0.05 if oddest < HAS_EMPTY else 1.2 if oddest < 1.1 else 4.0


def is_small(declared: Declared, checks: Checks, source: str) -> bool:
    """Whether a source has clearly fewer rows than others: what is wrong there matters little."""
    return _size(declared, checks, source) < 0.85


def _size(declared: Declared, checks: Checks, source: str) -> float:
    """Rows of a source over those of the middle one."""
    rows = {name: checks.number(STATISTICS, "sources", name, "read") for name in declared.sources}
    return rows[source] / max(1.0, median(rows.values()))


def _prior(declared: Declared, checks: Checks, source: str) -> float:
    """Share of what is wrong at some source that is wrong at this one."""

    def share(name: str) -> float:
        size = _size(declared, checks, name)
        # Where rows are missing that should be there, a source looks smaller than it is.
        return 0.1 if size < 0.7 else 0.5 if size < 0.9 else 1.0

    return share(source) / sum(share(name) for name in declared.sources)


def of_seen(declared: Declared, checks: Checks, sources: list[str]) -> float:
    """Share of what is wrong with columns that one month of each of some sources would have shown."""
    return SHOWN_BY_MONTH * sum(_prior(declared, checks, source) for source in sources)


SHOWN_BY_MONTH = 0.8


def _of_words(distance: float) -> float:
    """Weight of the texts, by how far the words of the sources lie apart."""
    steps = ((0.12, 35.0), (0.11, 5.0), (0.1, 1.5), (0.09, 0.5))
    if math.isnan(distance):
        return 1.0
    return next((weight for lowest, weight in steps if distance > lowest), 0.03)


UNCLEAR = 10.0
"""Weight of the updates of another source where those of the first leave open whether they know the class."""
REPEATED, REPEATED_IF_SENT_ONCE = 0.243, 0.026
"""Share of the rows of a source whose content occurs twice, where rows were sent again and where they were not."""


def may_repeat(declared: Declared, checks: Checks) -> bool:
    """Whether rows of a source that is not small may stand twice: nothing declared removes them."""
    return any(
        declared.text(f"sources.{source}.deduplicate") == "none" and not is_small(declared, checks, source)
        for source in declared.sources
    )


def _of_repeats(declared: Declared, checks: Checks) -> float:
    """How likely a source sent rows again whose repetitions are kept: by repetitions that no other source explains."""
    repeated = checks.number(REPEATS, "repeated_share")
    rows = {source: checks.number(STATISTICS, "sources", source, "read") for source in declared.sources}
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
    """How much likelier rows of a source are thinned by how many it has, against the last good run and the other sources.

    Where the declared share of the rows that are kept changed, their number follows only if the rows did change.
    """
    grown = growth_over_others(declared, checks, source)
    if f"sources.{source}.majority_kept" in (declared.changed or ()):
        return _step(abs(grown), ((0.08, 0.04), (0.05, 2.0)), 9.0)
    return _step(grown, ((-0.1, 0.04), (-0.18, 1.0)), 12.0)


def _of_labels(declared: Declared, checks: Checks, source: str, loud: float) -> float:
    """How the labels of a source fit its rows: against the last month, whose labels were looked up by hand.

    Exchanged labels, and random ones from a month on, make the labelled rows look worse; thinned rows show nowhere else.
    """
    is_dropped_later = declared.facts.get(f"sources.{source}.used_until") is not None
    thinned = 0.9 * _of_rows(declared, checks, source)

    def weighted(exchanged: float, random: float) -> float:
        return (
            loud * _share(declared, checks, source, "label_map") * exchanged
            + loud * _share(declared, checks, source, "used_until") * random * (not is_dropped_later)
            + _share(declared, checks, source, "majority_kept") * thinned
        )

    moved = accuracy_change(declared, checks, source)
    if not math.isnan(moved):
        # Labels that are read wrongly make the model look worse than it did.
        return weighted(
            _step(moved, ((-0.05, 0.3), (-0.1, 0.8), (-0.2, 4.0)), 40.0),
            _step(moved, ((-0.08, 0.02), (-0.1, 0.6), (-0.2, 5.0)), 40.0),
        )
    found = checks.by_name(RESULTS, "accuracy_by_source", source)
    labelled = [found[name] for name in ("validation", "test") if name in found]
    if not labelled or "recent" not in found:
        return weighted(1.0, 1.0)
    gap = found["recent"] - fmean(labelled)
    steps = ((0.2, 28.0, 28.0), (0.15, 4.0, 5.0), (0.1, 0.9, 2.2), (0.05, 0.2, 0.25), (-1.0, 0.3, 0.05))
    exchanged, random = next((two for lowest, *two in steps if gap > lowest), (0.3, 0.05))
    return weighted(exchanged, random)


# What was not looked at.

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
