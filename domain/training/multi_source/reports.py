"""train.log, dataset_stats.json, eval_results.json and previous_run.json: what a run measured."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.training.artifacts.json_text import indented
from domain.training.artifacts.numbers import to_json, to_text
from domain.training.multi_source.artifacts.cosmetics import DAYS, PREVIOUS_DAYS, draw_cosmetics
from domain.training.multi_source.layout import LABELLED_MONTHS
from domain.training.multi_source.run import SETS, Run
from domain.training.randomness import Ints, Stream
from domain.types import ArtifactName

_WARNINGS_AT_START = (
    "progress bar is disabled: output is not a terminal",
    "environment variable TABULAR_CACHE is not set, tables are read without a cache",
    "TABULAR_THREADS=4, but 2 cores are available: 2 threads are used",
)
_WARNING_OF_SOURCE = "source {}: connection was reset, attempt 2 of 5"
_WARNING_AT_END = "eval_results.json exists and is replaced"
SCORING = "scoring the network"
"""Begins the line of the log behind the last epoch."""
_WARNING, _ERROR = "WARNING", "ERROR"
_HOUR = 3600 * 1000
"""In milliseconds; no training takes longer."""


class Identity(NamedTuple):
    """Names and dates of a run; they are independent of what happened in it."""

    run_id: str
    started: str
    """ISO date, in the month whose rows the model scores."""
    labelled: str
    """ISO date of when the rows of that month had been looked up by hand."""


def draw_identity(run: Run, *, is_previous: bool = False) -> Identity:
    """The identity of a run, or of the one before it."""
    layout = run.state.layout
    draw = Stream(layout.seed, "identity-before" if is_previous else "identity")
    scored = layout.months[-1]
    year, month = divmod(int(scored[:4]) * 12 + int(scored[5:]), 12)
    # The changes lie between the two trainings.
    day = draw.integer(*(PREVIOUS_DAYS if is_previous else DAYS))
    return Identity(
        draw_cosmetics(run.state).run_id,
        f"{scored}-{day:02d}",
        f"{year}-{month + 1:02d}-{Stream(layout.seed, 'labelled').integer(8, 19):02d}",
    )


def render_reports(run: Run, previous: Run) -> dict[ArtifactName, str]:
    """Text by name."""
    identity = draw_identity(run)
    return {
        "train.log": render_log(run, identity),
        "dataset_stats.json": indented(_statistics(run)),
        "eval_results.json": indented({"run_id": identity.run_id, **_results(run, identity)}),
        "previous_run.json": indented(_previous(previous)),
    }


# The log.


class _Clock:
    """Times of the log's lines. Experiments follow the run, and one another, on the same day."""

    def __init__(self, seed: int, started: str, style: int, number: int) -> None:
        self._day, self._style = started, style
        self._milliseconds = Stream(seed, "log-clock").integer(0, 12 * _HOUR)
        if number:
            self._milliseconds += number * 2 * _HOUR + Stream(seed, f"log-clock/{number}").integer(0, _HOUR)

    def __call__(self, milliseconds: int = 1, level: str = "INFO") -> str:
        """The head of a line that is written so much later than the line before."""
        self._milliseconds = min(24 * 3600 * 1000 - 1, self._milliseconds + milliseconds)
        seconds, rest = divmod(self._milliseconds, 1000)
        time = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
        match self._style:
            case 0:
                return f"{self._day} {time} {level}"
            case 1:
                return f"[{self._day}T{time}Z] {level}"
            case 2:
                return f"{time} | {level:<7} |"
            case _:
                return f"{level} {time}"


def render_log(run: Run, identity: Identity, *, number: int = 0) -> str:
    """The text of train.log; `number` of an experiment, 0: of the run itself."""
    state, fit, layout = run.state, run.fit, run.state.layout
    draw = Stream(layout.seed, "log")
    style = draw.integer(0, 3)
    if number:
        draw = Stream(layout.seed, f"log/{number}")
    now, declared = _Clock(layout.seed, identity.started, style, number), state.declared
    rate = to_text(float(declared["optimizer.learning_rate"] or 0))
    lines = [
        f"{now()} run {identity.run_id} dataset {layout.dataset}",
        f"{now()} tabular {declared['environment.tabular']} textkit {declared['environment.textkit']} numpy backend",
    ]
    if draw.integer(0, 1):
        lines.append(f"{now(level=_WARNING)} {draw.choice(_WARNINGS_AT_START)}")
    failed = draw.integer(0, 3 * len(layout.sources))
    for place, (name, counts) in enumerate(source_rows(run).items()):
        took = draw.integer(300, 2400)
        if place == failed:
            lines.append(f"{now(took, _WARNING)} {_WARNING_OF_SOURCE.format(name)}")
        lines.append(f"{now(took)} source {name}: " + " ".join(f"{key}={value}" for key, value in counts.items()))
    # Which rows the evaluation scores stands in the results; those of the last month were not there yet.
    held_out = len(run.sets["validation"]) + len(run.sets["test"])
    lines.append(f"{now()} rows train={len(run.sets['train'])} held_out={held_out}")
    steps, batch = fit.steps_per_epoch, min(int(declared["training.batch_size"] or 1), len(run.sets["train"]))
    lines.append(
        f"{now()} inputs={run.features['train'].shape[1]} classes={len(layout.classes)} steps_per_epoch={steps} lr={rate}"
    )
    third = max(1, steps // 3)
    for epoch in fit.epochs:
        parts = zip((third, third, steps - 2 * third), epoch.loss_of_thirds, strict=True)
        for part, (batches, loss) in enumerate(parts, 1):
            if batches > 0:
                speed = draw.integer(4100, 6900)
                head = now(1000 * batches * batch // speed)
                lines.append(f"{head} epoch {epoch.number} {part}/3 loss={to_text(loss)} rows/s={speed}")
        lines.append(
            f"{now(draw.integer(20, 90))} epoch {epoch.number} train_loss={to_text(epoch.train_loss)}"
            f" train_acc={to_text(epoch.train_accuracy)} val_loss={to_text(epoch.val_loss)}"
            f" val_acc={to_text(epoch.val_accuracy)} grad_norm={to_text(epoch.gradient_norm)}"
            f" grad_norm_max={to_text(epoch.gradient_norm_max)} lr={rate}"
        )
    if fit.stopped_at is not None:
        lines.append(f"{now(level=_ERROR)} loss is not finite at step {fit.stopped_at}, training stopped")
    lines.append(f"{now()} {SCORING} of epoch {fit.best_epoch}")
    for name, accuracy in _validation_by_source(run).items():
        lines.append(f"{now()} validation of {name}: accuracy={accuracy}")
    if draw.integer(0, 3) == 0:
        lines.append(f"{now(level=_WARNING)} {_WARNING_AT_END}")
    lines.append(f"{now(draw.integer(100, 900))} evaluation written to eval_results.json")
    return "\n".join(lines) + "\n"


def source_rows(run: Run) -> dict[str, dict[str, int]]:
    """For each source, without the month after the labelled ones: rows read, rows dated outside the window, dropped by a declaration, used."""
    reading, names = run.reading, run.state.layout.source_names
    is_recent = reading.month == LABELLED_MONTHS
    is_outside = (reading.month < 0) | (reading.month > LABELLED_MONTHS)

    def of_sources(rows: NDArray[np.bool_]) -> list[int]:
        found: list[int] = np.bincount(run.tables.source[rows], minlength=len(names)).tolist()
        return found

    gone = (reading.dropped == 1) & ~is_recent
    numbers = (~is_recent, is_outside, gone & ~is_outside, ~is_recent & ~gone)
    found = zip(*map(of_sources, numbers), strict=True)
    keys = ("read", "outside_window", "dropped", "used")
    return {name: dict(zip(keys, counts, strict=True)) for name, counts in zip(names, found, strict=True)}


def _validation_by_source(run: Run) -> dict[str, str]:
    found = _accuracy_by(run, "validation", run.sets["validation"].source, len(run.state.layout.sources))
    names = run.state.layout.source_names
    return {name: to_text(accuracy) for name, accuracy in zip(names, found, strict=True) if accuracy is not None}


def _accuracy_by(run: Run, kind: str, group: Ints, groups: int) -> list[float | None]:
    """Accuracy on the rows of each group of a set, labels as the pipeline reads them; None: the group has no row."""
    rows = np.bincount(group, minlength=groups).tolist()
    right = np.bincount(group[run.predicted[kind] == _labels(run, kind)], minlength=groups).tolist()
    return [own / count if count else None for own, count in zip(right, rows, strict=True)]


# Documents.


def _counts(labels: Ints, classes: tuple[str, ...]) -> dict[str, int]:
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    return dict(zip(classes, counts, strict=True))


def _statistics(run: Run) -> dict[str, Any]:
    layout = run.state.layout
    splits = {}
    for name, part in run.sets.items():
        splits[name] = {
            "rows": len(part),
            "months": [layout.months[int(part.month.min())], layout.months[int(part.month.max())]] if len(part) else [],
            "classes": _counts(part.label, layout.classes),
            "sources": {source: int((part.source == place).sum()) for place, source in enumerate(layout.source_names)},
        }
    return {
        "dataset": layout.dataset,
        "classes": list(layout.classes),
        "splits": splits,
        "sources": source_rows(run),
    }


def _results(run: Run, identity: Identity) -> dict[str, Any]:
    layout = run.state.layout
    validation, test, recent = (run.scores[name] for name in ("reported_validation", "reported_test", "recent"))
    held = ("validation", "test", "recent")
    of_sources = [_accuracy_by(run, kind, run.sets[kind].source, len(layout.sources)) for kind in held]
    of_months = _accuracy_by(run, "test", run.sets["test"].month, LABELLED_MONTHS)
    of_months += _accuracy_by(run, "recent", np.zeros_like(run.sets["recent"].month), 1)
    return {
        "checkpoint_epoch": run.fit.best_epoch,
        "metrics": {
            "validation_accuracy": to_json(validation.accuracy),
            "validation_loss": to_json(validation.loss),
            "test_accuracy": to_json(test.accuracy),
            "test_loss": to_json(test.loss),
            "recent_accuracy": to_json(recent.accuracy),
        },
        "rows_scored": {"validation": validation.rows, "test": test.rows, "recent": recent.rows},
        "accuracy_by_source": {
            name: {kind: _rounded(one) for kind, one in zip(held, own, strict=True)}
            for name, *own in zip(layout.source_names, *of_sources, strict=True)
        },
        "accuracy_by_month": {
            name: _rounded(own) for name, own in zip(layout.months, of_months, strict=True) if own is not None
        },
        "confusion": {
            kind: _confusion(scores.confusion, layout.classes)
            for kind, scores in (("validation", validation), ("test", test), ("recent", recent))
        },
        "about": _covered(run, identity),
    }


def _covered(run: Run, identity: Identity) -> dict[str, str]:
    """What the numbers of the results are of."""
    tested = str(run.state.declared["evaluation.sources"])
    of_test = "all sources" if tested == "all" else f"{tested} only"
    return {
        "metrics": f"validation and test: the lists that validation_ids names; test: rows of {of_test}; confusion is of the same rows",
        "accuracy_by_source": "all rows of a set as the split made it, whichever source is tested",
        "accuracy_by_month": "the test rows of all sources, and of the last month the recent ones",
        "recent": f"rows that the model scored in {run.state.layout.months[-1]}; they were labelled by hand, with errors as"
        f" elsewhere, and added on {identity.labelled}",
    }


def _rounded(accuracy: float | None) -> float | None:
    return None if accuracy is None else to_json(accuracy)


def _labels(run: Run, name: str) -> Ints:
    return run.test_labels if name == "test" else run.sets[name].label


def _confusion(confusion: Ints, classes: tuple[str, ...]) -> dict[str, list[int]]:
    """True class to predicted counts, in the order of the classes."""
    return dict(zip(classes, confusion.tolist(), strict=True))


def _previous(run: Run) -> dict[str, Any]:
    layout, identity = run.state.layout, draw_identity(run, is_previous=True)
    labelled = [run.sets[name] for name in SETS[:3]]
    source = np.concatenate([part.source for part in labelled])
    label = np.concatenate([part.label for part in labelled])
    results = _results(run, identity)
    return {
        "run_id": identity.run_id,
        "started": identity.started,
        "verdict": "accepted",
        "epochs": [
            {
                "train_loss": to_json(epoch.train_loss),
                "train_acc": to_json(epoch.train_accuracy),
                "val_loss": to_json(epoch.val_loss),
                "val_acc": to_json(epoch.val_accuracy),
            }
            for epoch in run.fit.epochs
        ],
        "rows": {name: len(part) for name, part in run.sets.items()},
        "sources": {
            name: {"rows": int((source == place).sum()), "classes": _counts(label[source == place], layout.classes)}
            for place, name in enumerate(layout.source_names)
        },
        "metrics": results["metrics"],
        "rows_scored": results["rows_scored"],
        "accuracy_by_source": results["accuracy_by_source"],
        "about": {
            **{
                name: text
                for name, text in results["about"].items()
                if name in ("metrics", "accuracy_by_source", "recent")
            },
            "sources": "labelled rows that the run used, by class as it read them",
        },
    }
