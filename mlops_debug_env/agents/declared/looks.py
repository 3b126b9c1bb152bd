"""Which blocks of the whole run are worth a query: what is declared makes some faults possible, totals and reports make some likely.

A weight is in units of how likely one kind of fault is before anything is known. A declaration that half of all runs make doubles
it, one that is safe takes it away; what totals and reports show multiplies it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from mlops_debug_env.agents.declared.baseline import class_growth, first_epoch, last_epoch, least_growth, log_ratio
from mlops_debug_env.agents.declared.checks import PREVIOUS, RESULTS, STATISTICS, Checks
from mlops_debug_env.agents.declared.columns import NEAR_CONSTANT
from mlops_debug_env.agents.declared.features import tails_are_cut, words_are_cut
from mlops_debug_env.agents.declared.looks_of_sources import looks_of_sources, looks_of_totals
from mlops_debug_env.agents.declared.reading import CALLS, Declared
from mlops_debug_env.agents.declared.weights import LOUD, RISKY, Look, odds, odds_of_risky, step
from mlops_debug_env.protocol.types import ArtifactName

CONFIG: ArtifactName = "config.yaml"
"""Of its declarations only the versions of two libraries can be wrong: they decide whether blocks that show their harm are worth a look."""
TRAINING: ArtifactName = "train.py"
"""Whether its declarations can be wrong shows in the log and in losses first."""


def looks_of(declared: Declared, checks: Checks, *, loud: float = LOUD) -> Iterator[Look]:
    """Blocks of details that may contradict a declaration; `loud`: factor of what is planted less often."""
    yield _of_join(declared, checks, loud), "join.rows"
    yield from _of_training(declared, checks, loud)
    yield _of_statistics(declared), STATISTICS
    yield loud * _of_test_labels(checks) * odds(declared, "evaluation.label_order"), "test.labels"
    yield from _of_libraries(declared, checks)
    yield RANDOM * (declared.text("split.by") == "random") * odds_of_risky(declared, "split.by"), "all.movement"
    yield loud * _of_maturity(declared, checks), "all.classes"
    yield from looks_of_totals(declared, checks)
    yield from looks_of_sources(declared, checks, loud)


RANDOM = 1.6
"""Weight of a declaration that two of three runs make."""


def _of_training(declared: Declared, checks: Checks, loud: float) -> Iterator[Look]:
    """What train.py declares, and the blocks that show whether it is right."""
    batches = loud * _of_batches(declared, checks)
    weights = odds(declared, "class_weights.order") * _of_class_weights(checks)
    is_known = any(CALLS[path][0] == TRAINING for path in declared.facts if path in CALLS)
    yield batches * is_known, "train.batches"
    yield COUNTS * weights * is_known, "train.counts"
    yield (batches + weights) * TRAINING_FIRST * (not is_known), TRAINING


TRAINING_FIRST = 1.0
"""Weight of the file over that of the blocks that may contradict it."""
COUNTS = 2.0
"""Weight of the counts where the file was read, which happens only where the log makes a wrong order likely."""


def _of_statistics(declared: Declared) -> float:
    """Sources of the rows of the last month, which tell whether a test of one source is right."""
    path = "evaluation.sources"
    return OF_ONE_SOURCE * odds(declared, path) * (declared.text(path) in declared.sources)


OF_ONE_SOURCE = 1.5
"""Weight of a test of one source: it is wrong in 17 % of the runs where it is new, and in 8 % of others."""


def _of_class_weights(checks: Checks) -> float:
    """A loss that is weighed by counts of other classes is lower on the training rows than it was, and than on others."""
    loss = last_epoch(checks, "train_loss")
    moved = log_ratio(loss, last_epoch(checks, "train_loss", PREVIOUS))
    both = moved + log_ratio(loss, last_epoch(checks, "val_loss"))
    # Rare classes that weigh too much make the first gradients steeper; those of batches of one class are steeper still.
    steep = step(first_epoch(checks, "grad_norm"), ((0.8, 0.3), (0.5, 2.5), (0.4, 1.5), (0.3, 0.6)), 0.2)
    return steep * step(both, ((-0.15, 0.2), (-0.3, 0.5), (-0.45, 1.0)), 6.0)


def _of_maturity(declared: Declared, checks: Checks) -> float:
    """Where labels came too early, the first class became more frequent since the last good run."""
    maturity = "labels.maturity_months"
    if declared.number(maturity, 0) >= 2:
        return 0.0
    grown = class_growth(checks)
    # A change makes late labels likely as soon as the share rose; else it takes a rise that campaigns do not make.
    is_changed = maturity in (declared.changed or ())
    steps, usual = (((0.15, 7.0), (0.0, 2.0)), 0.1) if is_changed else (((0.25, 14.0), (0.15, 0.7)), 0.3)
    by_growth = step(grown[0], steps, usual) if grown else 1.0
    return 1.3 * by_growth * odds_of_risky(declared, maturity)


def _accuracy(checks: Checks, name: str) -> float:
    """Of the results; NaN: not known."""
    return checks.number(RESULTS, "metrics", f"{name}_accuracy")


def _of_join(declared: Declared, checks: Checks, loud: float) -> float:
    weight = 0.0
    if declared.text("join.how") == "inner":
        # Rows of a class that the second table lacks are missing from the training rows.
        rarest = min(class_growth(checks), default=_rarest_in_training(checks))
        weight += loud * RANDOM * step(rarest, ((-0.35, 0.05), (-0.5, 2.0)), 40.0) * odds_of_risky(declared, "join.how")
    if declared.text("join.keys") == "id":
        # Every source has more rows where the second table has several lines an id.
        grown = step(least_growth(declared, checks), ((0.12, 10.0), (0.08, 2.0)), 0.06)
        weight += RANDOM * grown * odds_of_risky(declared, "join.keys")
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
    if declared.facts.get("loader.shuffle", False) is False:
        # Batches of one class have steep gradients: 0.88 or more in 15 such runs, under 0.8 in 985 others.
        steep = step(first_epoch(checks, "grad_norm"), ((0.8, 20.0), (0.6, 2.0)), 0.03)
        weight += RANDOM * steep * odds_of_risky(declared, "loader.shuffle")
    if declared.facts.get("loss.divide_by", "capacity") == "capacity":
        # A loss that is divided by more rows than there are is lower than that of the validation rows.
        ratio = log_ratio(last_epoch(checks, "train_loss"), last_epoch(checks, "val_loss"))
        is_low = step(ratio, ((-0.35, 0.05), (-0.5, 1.0), (-0.6, 5.0)), 40.0)
        weight += RANDOM * is_low * odds_of_risky(declared, "loss.divide_by")
    return weight


def _of_test_labels(checks: Checks) -> float:
    gap = _accuracy(checks, "test") - _accuracy(checks, "validation")
    return 24.0 if gap < -0.25 else 0.3 if gap < -0.1 else 0.02


def _of_libraries(declared: Declared, checks: Checks) -> Iterator[Look]:
    """Blocks that show harm of two libraries, and config.yaml, which has the versions of both where the log does not tell."""
    words = _of_vocabulary(declared, checks) * _of_version(declared, "environment.textkit", "1.9")
    tails = _of_version(declared, "environment.tabular", "2.4") * _of_tails(checks)
    is_known = {"environment.textkit", "environment.tabular"} <= declared.facts.keys()
    yield words, "all.words"
    yield tails, "all.tails"
    if not is_known:
        is_cut = words_are_cut(checks) > 0.8 or tails_are_cut(checks) > 0.8
        yield 20.0 if is_cut else CONFIG_FIRST * (words + tails), CONFIG


def _of_vocabulary(declared: Declared, checks: Checks) -> float:
    """Where a vocabulary is new that leaves out words that tell the classes apart, the training rows are fitted worse than before."""
    if "environment.textkit" not in (declared.changed or ()):
        return OF_VOCABULARY
    moved = log_ratio(last_epoch(checks, "train_loss"), last_epoch(checks, "train_loss", PREVIOUS))
    return step(moved, ((0.1, 2.0), (0.0, 1.4)), 0.3)


OF_VOCABULARY = 0.7
"""Most of the vocabularies that leave words out are of runs in which these words tell nothing."""
CONFIG_FIRST = 0.6
"""Reading the versions shows no harm, and half of the time saves looking for it."""


def _of_version(declared: Declared, path: str, risky: str) -> float:
    """A version of a library may be the one whose default changed; config.yaml may not have been read yet."""
    known = 1.0 if path not in declared.facts else RISKY * (declared.text(path) == risky)
    return known * odds_of_risky(declared, path)


def _of_tails(checks: Checks) -> float:
    """A scaler that leaves out a near-constant column harms where this column tells the classes apart."""
    frequent = checks.by_name("feature_statistics", "most_frequent_share")
    association = checks.by_name("feature_statistics", "class_association")
    told = [association.get(name, 0.0) for name, share in frequent.items() if share > NEAR_CONSTANT]
    return step(max(told, default=math.nan), ((0.12, 15.0), (0.06, 1.0)), 0.03)
