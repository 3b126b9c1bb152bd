"""All clues from checks, reports and blocks of details, and what other clues and the changes since the last good run make of them."""

from __future__ import annotations

import math

from mlops_debug_env.agents.declared.checks import Checks
from mlops_debug_env.agents.declared.features import filled, libraries, tokenizers, updated_columns
from mlops_debug_env.agents.declared.labels import class_weights, label_maps, label_order, late_labels
from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.rows import batches, dates, repeats, split_of_rows, test_sources, validation_ids
from mlops_debug_env.agents.declared.settings import Value
from mlops_debug_env.agents.declared.shares import dropped_class, maturity, thinning
from mlops_debug_env.agents.declared.suspicion import Suspicion

_MOVES_CLASSES = ("labels.maturity_months", "imputer.fill")
_MOVE_CLASSES = (".used_until", ".snapshot", ".missing_code")
"""Ends of declarations of a source that, where they are wrong from a month on, move class means."""


def clues_of_checks(declared: Declared, checks: Checks) -> list[Suspicion]:
    """Everything that the checks contradict."""
    found: list[Suspicion] = []
    for rule in (
        label_maps,
        late_labels,
        test_sources,
        maturity,
        repeats,
        dates,
        dropped_class,
        thinning,
        tokenizers,
        updated_columns,
        split_of_rows,
        filled,
        label_order,
        validation_ids,
        batches,
        class_weights,
        libraries,
    ):
        found += rule(declared, checks)
    return found


def explained(found: list[Suspicion]) -> list[Suspicion]:
    """Without what follows from a stronger finding: labels that are read wrongly move shares and class means, too."""
    sure = [each for each in found if each.strength > 1.0]
    are_late = any(each.path == "labels.maturity_months" for each in sure)
    is_moved = any(each.path in _MOVES_CLASSES or each.path.endswith(_MOVE_CLASSES) for each in sure)
    misread = {each.source for each in sure if each.path.endswith(".label_map")}
    misdated = {each.source for each in sure if each.path.endswith(".date_format")}
    are_words_misread = any(each.path.endswith(".tokenizer") for each in sure)

    def weakened(each: Suspicion) -> Suspicion:
        follows = (
            (each.path == "split.by" and is_moved)
            or (each.path.endswith(".majority_kept") and each.source in misread)
            or (_is_late_labels(each) and are_late)
            or (each.path.endswith(".unit") and each.source in misdated)
            or (each.path == "environment.textkit" and are_words_misread)
        )
        share = 2.0 if each.path == "split.by" else 5.0 if each.path.endswith(".unit") else 3.0
        return each._replace(strength=each.strength / share) if follows else each

    return [weakened(each) for each in found]


BORNE_OUT, CHANGED_ELSEWHERE, NOT_CHANGED = 1.15, 0.8, 0.95
"""Factors of a suspicion by the changes since the last good run: to what stood there before; at another source or column; neither."""


def remembered(declared: Declared, found: list[Suspicion]) -> list[Suspicion]:
    """With what changed since the last good run: half of what is wrong is a declaration that was right until then."""
    if declared.changed is None:
        return found
    changed = declared.changed
    kinds = {each.kind for each in (Suspicion(path, value, 0.0) for path, value in changed.items())}

    def weighed(each: Suspicion) -> Suspicion:
        if each.path in changed:
            if is_as_before(each, changed[each.path]):
                return each._replace(value=changed[each.path], strength=BORNE_OUT * each.strength)
            factor = 1.0
        else:
            factor = CHANGED_ELSEWHERE if each.kind in kinds else NOT_CHANGED
        return each._replace(strength=factor * each.strength)

    return [weighed(each) for each in found]


def is_as_before(suspicion: Suspicion, before: Value) -> bool:
    """Whether a suspicion asks for what was declared before; of a share, about."""
    if suspicion.path.endswith(".majority_kept") and isinstance(suspicion.value, float) and isinstance(before, float):
        return abs(math.log(suspicion.value / before)) < 0.5
    return suspicion.value == before


def _is_late_labels(suspicion: Suspicion) -> bool:
    """Whether it says that the labels of a source went wrong from a month on."""
    return suspicion.path == f"sources.{suspicion.source}.used_until"
