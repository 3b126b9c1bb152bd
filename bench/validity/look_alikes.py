"""Compares planted runs of several sources with runs whose texts are alike: the twin, and ordinary healthy runs.

The twin declares the same in a world in which that is right: its texts must be the same. An ordinary healthy run has other
texts; how well a classifier tells it from a planted one is what a fault's declarations give away.
"""

from __future__ import annotations

from statistics import fmean
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from bench.validity.features import Declarations, Names, declared_values, words
from domain.generator import scenario_seed
from domain.training.multi_source import artifacts
from domain.training.multi_source.agreements import AGREEMENTS
from domain.training.multi_source.case import Case, draw_case
from domain.training.style import SeedSplit
from domain.types import ArtifactName

PLANTED_SEED, HEALTHY_SEED = 95_000_000, 96_000_000
MAX_BALANCED_ACCURACY = 0.55
_FOLDS = 5
_TELLS = 3


class Tell(NamedTuple):
    """Something that texts of planted runs hold more or less often than those of healthy ones."""

    name: str
    planted: float
    """Share of the planted runs that have it."""
    healthy: float


class Separation(NamedTuple):
    """How well the texts of one fault are told from those of healthy runs."""

    fault_id: str
    by_declarations: float
    """Balanced accuracy, cross-validated."""
    by_words: float
    tells: tuple[Tell, ...]

    @property
    def worst(self) -> float:
        return max(self.by_declarations, self.by_words)


def static_texts(case: Case) -> dict[ArtifactName, str]:
    """All that does not depend on the training."""
    return {
        "config.yaml": artifacts.render_config(case.now),
        "preprocessing.py": artifacts.render_code(case.now),
        "train.py": artifacts.render_train(case.now),
        "data_sources.yaml": artifacts.render_sources(case.now),
        "changes.diff": artifacts.render_changes(case),
        "model_card.json": artifacts.render_card(case.now),
    }


def separate(fault_id: str, *, seeds: int, split: SeedSplit = "train") -> Separation:
    """Train on texts of runs with this fault and of healthy runs, as many each."""
    sides = [
        [_read(draw_case(scenario_seed("hard", first + number, split), split, planted)) for number in range(seeds)]
        for first, planted in ((PLANTED_SEED, (fault_id,)), (HEALTHY_SEED, ()))
    ]
    labels = np.repeat([1, 0], seeds)
    declared = [values for side in sides for values, _ in side]
    vocabulary = [dict.fromkeys(found, 1.0) for side in sides for _, found in side]
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    forest = RandomForestClassifier(200, min_samples_leaf=3, random_state=0)
    linear = LogisticRegression(C=0.1, solver="liblinear")
    scores = [
        balanced_accuracy_score(labels, cross_val_predict(model, matrix, labels, cv=folds))
        for model, matrix in (
            (forest, DictVectorizer(sparse=False).fit_transform(declared)),
            (linear, DictVectorizer().fit_transform(vocabulary)),
        )
    ]
    return Separation(fault_id, float(scores[0]), float(scores[1]), _tells(declared, seeds))


def separate_all(*, seeds: int) -> list[Separation]:
    """Every fault, the plainest first."""
    found = [separate(agreement.fault_id, seeds=seeds) for agreement in AGREEMENTS]
    return sorted(found, key=lambda one: -one.worst)


def render(found: list[Separation]) -> str:
    """A table in Markdown."""
    lines = ["| fault | by declarations | by words | plainest |", "| --- | --- | --- | --- |"]
    for one in found:
        tells = "; ".join(f"`{tell.name}` {tell.planted:.2f}/{tell.healthy:.2f}" for tell in one.tells)
        lines.append(f"| `{one.fault_id}` | {one.by_declarations:.3f} | {one.by_words:.3f} | {tells} |")
    return "\n".join(lines)


def _read(case: Case) -> tuple[dict[str, float], frozenset[str]]:
    layout = case.now.layout
    names = Names(layout.source_names, layout.column_names, layout.classes, layout.months)
    found = Declarations(case.now.declared, {path: case.before.declared[path] for path in case.changed})
    return declared_values(found, names), words(list(static_texts(case).values()), names)


def _tells(declared: list[dict[str, float]], seeds: int) -> tuple[Tell, ...]:
    keys = {key for one in declared for key in one if not key.startswith("place of")}
    tells = []
    for key in sorted(keys):
        planted, healthy = (fmean(key in one for one in side) for side in (declared[:seeds], declared[seeds:]))
        tells.append(Tell(key, planted, healthy))
    return tuple(sorted(tells, key=lambda tell: -abs(tell.planted - tell.healthy))[:_TELLS])
