"""train.log, dataset_stats.json, eval_results.json and previous_run.json: what a run measured."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from domain.training.artifacts.json_text import indented
from domain.training.artifacts.numbers import to_json, to_text
from domain.training.multi_source.artifacts.cosmetics import draw_cosmetics
from domain.training.multi_source.layout import LABELLED_MONTHS
from domain.training.multi_source.run import SETS, Run
from domain.training.randomness import Ints, Stream
from domain.types import ArtifactName

_WARNINGS = (
    "checkpoint directory is not empty, older files are kept",
    "progress bar is disabled: output is not a terminal",
    "3 worker threads were asked for, 2 are available",
    "clock of the scheduler differs by {} ms",
    "table statistics are {} h old, the planner uses them anyway",
    "retrying a read of {} rows, attempt 2 of 5",
    "metrics endpoint answered after {} ms",
    "cache of compiled queries is full, {} entries were evicted",
    "deprecated option 'pin_memory' has no effect",
)


_HOUR = 3600 * 1000
"""In milliseconds; no training takes longer."""


class Identity(NamedTuple):
    """Names and dates of a run; they are independent of what happened in it."""

    run_id: str
    started: str
    """ISO date."""


def draw_identity(run: Run, *, is_previous: bool = False) -> Identity:
    """The identity of a run, or of the one before it."""
    layout = run.state.layout
    draw = Stream(layout.seed, "identity-before" if is_previous else "identity")
    year, month = (int(part) for part in layout.months[-1].split("-"))
    # After the month whose rows were scored; the changes lie between the two.
    day = draw.integer(1, 3) if is_previous else draw.integer(25, 28)
    date = f"{(year * 12 + month) // 12}-{(year * 12 + month) % 12 + 1:02d}-{day:02d}"
    return Identity(draw_cosmetics(run.state).run_id, date)


def render_reports(run: Run, previous: Run) -> dict[ArtifactName, str]:
    """Text by name."""
    identity = draw_identity(run)
    return {
        "train.log": render_log(run, identity),
        "dataset_stats.json": indented(_statistics(run)),
        "eval_results.json": indented({"run_id": identity.run_id, **_results(run)}),
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

    def __call__(self, milliseconds: int = 1) -> str:
        """The head of a line that is written so much later than the line before."""
        self._milliseconds = min(24 * 3600 * 1000 - 1, self._milliseconds + milliseconds)
        seconds, rest = divmod(self._milliseconds, 1000)
        time = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
        match self._style:
            case 0:
                return f"{self._day} {time} INFO"
            case 1:
                return f"[{self._day}T{time}Z]"
            case 2:
                return f"{time} |"
            case _:
                return f"INFO {time}"


def render_log(run: Run, identity: Identity, *, number: int = 0) -> str:
    """The text of train.log; `number` of an experiment, 0: of the run itself."""
    state, fit, layout = run.state, run.fit, run.state.layout
    draw = Stream(layout.seed, "log")
    style = draw.integer(0, 3)
    if number:
        draw = Stream(layout.seed, f"log/{number}")
    now, declared = _Clock(layout.seed, identity.started, style, number), state.declared
    lines = [
        f"{now()} run {identity.run_id} dataset {layout.dataset}",
        f"{now()} tabular {declared['environment.tabular']} textkit {declared['environment.textkit']} numpy backend",
    ]
    for name, counts in source_rows(run).items():
        lines.append(
            f"{now(draw.integer(300, 2400))} source {name}: "
            + " ".join(f"{key}={value}" for key, value in counts.items())
        )
        if draw.integer(0, 3) == 0:
            lines.append(f"{now()} {_warning(draw)}")
    # Which rows the evaluation scores stands in the results.
    held_out = len(run.sets["validation"]) + len(run.sets["test"])
    lines.append(f"{now()} rows train={len(run.sets['train'])} held_out={held_out} recent={len(run.sets['recent'])}")
    lines.append(
        f"{now()} inputs={run.features['train'].shape[1]} classes={len(layout.classes)} steps_per_epoch={fit.steps_per_epoch}"
        f" lr={to_text(float(declared['optimizer.learning_rate'] or 0))}"
    )
    for number, epoch in enumerate(fit.epochs, 1):
        for part, loss in zip(("1/3", "2/3", "3/3"), epoch.loss_of_thirds, strict=True):
            speed = draw.integer(4100, 6900)
            took = 1000 * len(run.sets["train"]) // 3 // speed
            lines.append(f"{now(took)} epoch {number} {part} loss={to_text(loss)} rows/s={speed}")
        lines.append(
            f"{now(draw.integer(20, 90))} epoch {number} train_loss={to_text(epoch.train_loss)} train_acc={to_text(epoch.train_accuracy)}"
            f" val_loss={to_text(epoch.val_loss)} val_acc={to_text(epoch.val_accuracy)}"
            f" grad_norm={to_text(epoch.gradient_norm)} grad_norm_max={to_text(epoch.gradient_norm_max)}"
            f" lr={to_text(float(declared['optimizer.learning_rate'] or 0))}"
        )
        for name, accuracy in _validation_by_source(run).items() if number == len(fit.epochs) else ():
            lines.append(f"{now()} validation of {name}: accuracy={accuracy}")
        if draw.integer(0, 2) == 0:
            lines.append(f"{now()} {_warning(draw)}")
    if fit.stopped_at is not None:
        lines.append(f"{now()} loss is not finite at step {fit.stopped_at}, training stopped")
    lines.append(f"{now()} best validation accuracy at epoch {fit.best_epoch}, checkpoint kept")
    lines.append(f"{now(draw.integer(100, 900))} evaluation written to eval_results.json")
    return "\n".join(lines) + "\n"


def _warning(draw: Stream) -> str:
    return "warning: " + draw.choice(_WARNINGS).format(draw.integer(3, 97))


def source_rows(run: Run) -> dict[str, dict[str, int]]:
    """For each source: rows read, rows dated outside the window, rows dropped by a declaration, rows used."""
    reading, tables = run.reading, run.tables
    outside = (reading.month < 0) | (reading.month > LABELLED_MONTHS)
    found = {}
    for place, name in enumerate(run.state.layout.source_names):
        own = tables.source == place
        gone = own & (reading.dropped == 1)
        found[name] = {
            "read": int(own.sum()),
            "outside_window": int((own & outside).sum()),
            "dropped": int((gone & ~outside).sum()),
            "used": int((own & (reading.dropped == 0)).sum()),
        }
    return found


def _validation_by_source(run: Run) -> dict[str, str]:
    part, predicted = run.sets["validation"], run.predicted["validation"]
    found = {}
    for place, name in enumerate(run.state.layout.source_names):
        own = part.source == place
        if own.any():
            found[name] = to_text(float((predicted[own] == part.label[own]).mean()))
    return found


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


def _results(run: Run) -> dict[str, Any]:
    layout = run.state.layout
    validation, test, recent = (run.scores[name] for name in ("reported_validation", "reported_test", "recent"))
    held = {"validation": run.sets["validation"], "test": run.sets["test"]}
    by_source: dict[str, Any] = {}
    for place, name in enumerate(layout.source_names):
        by_source[name] = {
            kind: to_json(
                float((run.predicted[kind][part.source == place] == _labels(run, kind)[part.source == place]).mean())
            )
            if (part.source == place).any()
            else None
            for kind, part in (*held.items(), ("recent", run.sets["recent"]))
        }
    by_month: dict[str, Any] = {}
    for place, name in enumerate(layout.months):
        kind = "recent" if place == LABELLED_MONTHS else "test"
        part = run.sets[kind]
        own = part.month == place
        if own.any():
            by_month[name] = to_json(float((run.predicted[kind][own] == _labels(run, kind)[own]).mean()))
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
        "accuracy_by_source": by_source,
        "accuracy_by_month": by_month,
        "confusion": {
            kind: _confusion(scores.confusion, layout.classes)
            for kind, scores in (("validation", validation), ("test", test), ("recent", recent))
        },
        "recent": f"rows scored in {layout.months[-1]}, labelled by hand afterwards",
    }


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
    results = _results(run)
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
    }
