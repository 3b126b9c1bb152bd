"""Compares planted runs of several sources with healthy runs whose texts are alike.

- The twin declares the same in a world in which that is right: its texts must be the same.
- A look-alike is a healthy run of another seed that is made and changed as one with the fault is. Every healthy run is the
  look-alike of some fault: a classifier of texts should not tell planted runs from these.
- Ordinary healthy runs are the look-alikes of all faults together. A declaration of which a fault always shows one value shows it in
  fewer of them: how well they are told apart says how much likelier a text makes the fault, not that anything is wrong.
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
from domain.families.multi_source import FAULTS
from domain.generator import scenario_seed
from domain.training.multi_source import artifacts
from domain.training.multi_source.case import LOOK_ALIKE_COUNTS, Case, draw_case, draw_look_alike
from domain.training.multi_source.pools import draw_quiet
from domain.training.randomness import Stream
from domain.training.style import SeedSplit
from domain.types import ArtifactName

PLANTED_SEED, LOOK_ALIKE_SEED, ORDINARY_SEED = 95_000_000, 96_000_000, 96_500_000
MAX_BALANCED_ACCURACY = 0.55
ANY_FAULT = "any"
"""One or two faults, as expert tasks plant them, against ordinary healthy runs."""
_FOLDS = 5
_TELLS = 3


class Read(NamedTuple):
    """What classifiers see of one run."""

    declared: dict[str, float]
    words: frozenset[str]


class Tell(NamedTuple):
    """Something that texts of planted runs hold more or less often than those of look-alikes."""

    name: str
    planted: float
    """Share of the planted runs that have it."""
    healthy: float


class Separation(NamedTuple):
    """How well the texts of runs with one fault are told from those of healthy runs."""

    fault_id: str
    by_declarations: float
    """Balanced accuracy against look-alikes, cross-validated."""
    by_words: float
    from_ordinary: float
    """The higher of the two against ordinary healthy runs."""
    tells: tuple[Tell, ...]

    @property
    def worst(self) -> float:
        return max(self.by_declarations, self.by_words)


def static_texts(case: Case) -> dict[ArtifactName, str]:
    """All that does not depend on the training."""
    texts = {**artifacts.render_declared(case), "model_card.json": artifacts.render_card(case.now)}
    return {name: texts[name] for name in sorted(texts)}


def separate(fault_id: str, ordinary: list[Read], *, seeds: int, split: SeedSplit = "train") -> Separation:
    """Train on texts of runs with this fault and of its look-alikes, as many each."""
    numbers = range(seeds)
    planted = [_read(draw_case(_seed(PLANTED_SEED + number, split), split, (fault_id,))) for number in numbers]
    alike = [_read(draw_look_alike(_seed(LOOK_ALIKE_SEED + number, split), split, (fault_id,))) for number in numbers]
    return _separation(fault_id, planted, alike, max(told_apart(planted, ordinary)))


def separate_any(ordinary: list[Read], *, seeds: int, split: SeedSplit = "train") -> Separation:
    """Train on texts of runs with any one or two faults and of ordinary healthy runs."""
    numbers = (_seed(PLANTED_SEED + seeds + number, split) for number in range(seeds))
    planted = [_read(draw_case(seed, split, draw_quiet(Stream(seed, "any"), LOOK_ALIKE_COUNTS))) for seed in numbers]
    return _separation(ANY_FAULT, planted, ordinary)


def separate_all(*, seeds: int) -> list[Separation]:
    """Every fault, the plainest first, after all faults together."""
    ordinary = draw_ordinary(seeds)
    found = [separate(fault_id, ordinary, seeds=seeds) for fault_id in FAULTS]
    return [separate_any(ordinary, seeds=seeds), *sorted(found, key=lambda one: -one.worst)]


def draw_ordinary(seeds: int, split: SeedSplit = "train") -> list[Read]:
    """Texts of healthy runs as tasks have them."""
    return [_read(draw_case(_seed(ORDINARY_SEED + number, split), split, ())) for number in range(seeds)]


def render(found: list[Separation]) -> str:
    """A table in Markdown."""
    lines = [
        "| fault | by declarations | by words | from ordinary healthy runs | plainest, in planted runs and look-alikes |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for one in found:
        tells = "; ".join(f"`{tell.name}` {tell.planted:.2f}/{tell.healthy:.2f}" for tell in one.tells)
        name = one.fault_id if one.fault_id == ANY_FAULT else f"`{one.fault_id}`"
        lines.append(f"| {name} | {one.by_declarations:.3f} | {one.by_words:.3f} | {one.from_ordinary:.3f} | {tells} |")
    return "\n".join(lines)


def _seed(public: int, split: SeedSplit) -> int:
    return scenario_seed("hard", public, split)


def _separation(
    fault_id: str, planted: list[Read], alike: list[Read], from_ordinary: float | None = None
) -> Separation:
    by_declarations, by_words = told_apart(planted, alike)
    return Separation(
        fault_id,
        by_declarations,
        by_words,
        max(by_declarations, by_words) if from_ordinary is None else from_ordinary,
        _tells(planted, alike),
    )


def told_apart(planted: list[Read], healthy: list[Read]) -> tuple[float, float]:
    """Balanced accuracy of a forest on the declarations, and of a linear model on the words."""
    labels = np.repeat([1, 0], (len(planted), len(healthy)))
    runs = [*planted, *healthy]
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    forest = RandomForestClassifier(200, min_samples_leaf=3, random_state=0)
    linear = LogisticRegression(C=0.1, solver="liblinear")
    declared = DictVectorizer(sparse=False).fit_transform([run.declared for run in runs])
    vocabulary = DictVectorizer().fit_transform([dict.fromkeys(run.words, 1.0) for run in runs])
    by_declarations, by_words = (
        float(balanced_accuracy_score(labels, cross_val_predict(model, matrix, labels, cv=folds)))
        for model, matrix in ((forest, declared), (linear, vocabulary))
    )
    return by_declarations, by_words


def _read(case: Case) -> Read:
    layout = case.now.layout
    names = Names(layout.source_names, layout.column_names, layout.classes, layout.months)
    found = Declarations(case.now.declared, {path: case.before.declared[path] for path in case.changed})
    return Read(declared_values(found, names), words(list(static_texts(case).values()), names))


def _tells(planted: list[Read], healthy: list[Read]) -> tuple[Tell, ...]:
    keys = {key for run in (*planted, *healthy) for key in run.declared if not key.startswith("place of")}
    tells = []
    for key in sorted(keys):
        tells.append(Tell(key, *(fmean(key in run.declared for run in side) for side in (planted, healthy))))
    return tuple(sorted(tells, key=lambda tell: -abs(tell.planted - tell.healthy))[:_TELLS])
