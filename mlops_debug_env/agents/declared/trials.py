"""Which suspicions a training with the repair can settle, and what it shows."""

from __future__ import annotations

import re
from typing import NamedTuple

from mlops_debug_env.agents.declared.suspicion import Suspicion, place_of
from mlops_debug_env.protocol.actions import PatchEntry, RunExperiment
from mlops_debug_env.protocol.observations import ExperimentMetrics

WEAK, STRONG = 0.65, 1.0
"""Only suspicions between these strengths are worth a training."""


class Trial(NamedTuple):
    """What a repair would change where the suspicion is right."""

    form: str
    """Of the path of the declaration."""
    split: str
    """The rows whose accuracy changes: ``train`` or ``validation``."""
    of_source: bool
    """Whether the rows of its source show it."""
    change: float
    """Of the accuracy, about."""


TRIALS: tuple[Trial, ...] = (Trial(r"sources\.[^.]+\.used_until", "train", True, 0.08),)
"""Without an entry: training and validation look alike with and without the repair."""


def trial_of(suspicion: Suspicion) -> Trial | None:
    """How the suspicion could be settled; None: no training can."""
    return next((trial for trial in TRIALS if re.fullmatch(trial.form, suspicion.path)), None)


def experiment_on(suspicion: Suspicion | None) -> RunExperiment:
    """A training with the repair; None: with nothing but another seed."""
    if suspicion is None:
        return RunExperiment()
    file, _ = place_of(suspicion.path)
    return RunExperiment(patch=(PatchEntry(file=file, field=suspicion.path, value=suspicion.value),))


def settled(suspicion: Suspicion, trial: Trial, plain: ExperimentMetrics, repaired: ExperimentMetrics) -> Suspicion:
    """The suspicion after a training without and one with the repair."""
    before, after = _accuracy(plain, suspicion, trial), _accuracy(repaired, suspicion, trial)
    if before is None or after is None:
        return suspicion
    borne_out = (after - before) / trial.change
    factor = 1.3 if borne_out > 0.6 else 1.0 if borne_out > 0.3 else 0.75
    return suspicion._replace(strength=suspicion.strength * factor)


def _accuracy(metrics: ExperimentMetrics, suspicion: Suspicion, trial: Trial) -> float | None:
    if trial.of_source:
        found = metrics.by_source.get(suspicion.source)
        return None if found is None else getattr(found, f"{trial.split}_accuracy")
    accuracy: float | None = getattr(metrics, trial.split).accuracy
    return accuracy
