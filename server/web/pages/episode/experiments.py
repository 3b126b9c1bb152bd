"""View model of the experiments: a table of runs, the run that is investigated first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

from domain.episode.query import MISSING
from domain.types import ArtifactName
from server.web.pages.episode.curves import Curves
from server.web.pages.episode.documents import Documents
from server.web.pages.episode.timeline import TimelineEntry
from server.web.pages.formatting import NONE

_RESULTS: ArtifactName = "eval_results.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One training."""

    number: int | None
    """Of the experiment; None: the run that is investigated."""
    step: int | None
    patch: tuple[str, ...]
    status: str
    train_accuracy: str
    train_loss: str
    validation_accuracy: str
    validation_loss: str
    by_source: tuple[tuple[str, str, str], ...]
    """Source, its accuracy in training and validation."""


def build_run_rows(entries: Sequence[TimelineEntry], documents: Documents, curves: Curves | None) -> tuple[RunRow, ...]:
    """The runs of an episode; empty: no experiment was run, or its result is hidden from this viewer."""
    made = [entry for entry in entries if entry.kind == "experiment" and entry.result is not None]
    return (_own_row(documents, curves), *(_row(entry) for entry in made)) if made else ()


def _own_row(documents: Documents, curves: Curves | None) -> RunRow:
    sources = documents.keys(_RESULTS, "accuracy_by_source")
    return RunRow(
        number=None,
        step=None,
        patch=(),
        status="",
        train_accuracy=_of_log(documents, curves, "train_acc"),
        train_loss=_of_log(documents, curves, "train_loss"),
        validation_accuracy=_of_results(documents, "accuracy"),
        validation_loss=_of_results(documents, "loss"),
        by_source=tuple(
            (source, NONE, documents.cell(_RESULTS, f"accuracy_by_source.{source}.validation").text)
            for source in sources
        ),
    )


def _of_results(documents: Documents, kind: str) -> str:
    found = [documents.value(_RESULTS, f"metrics.{split}_{kind}") for split in ("validation", "val")]
    return next((_number(value) for value in found if value is not MISSING), NONE)


def _of_log(documents: Documents, curves: Curves | None, series: str) -> str:
    """The number of the epoch whose network was kept, or of the last; as far as this viewer may see the log."""
    if curves is None:
        return NONE
    kept = documents.value(_RESULTS, "checkpoint_epoch")
    at = curves["epoch"].index(kept) if kept is not MISSING and kept in curves["epoch"] else -1
    return _number(curves[series][at])


def _row(entry: TimelineEntry) -> RunRow:
    result: dict[str, Any] = (entry.result or {})["experiment"]
    train, validation = (result["metrics"][name] for name in ("train", "validation"))
    return RunRow(
        number=result["number"],
        step=entry.number,
        patch=tuple(
            f"{each['field']} = {'null' if each['value'] is None else each['value']}" for each in result["patch"]
        ),
        status=result["status"],
        train_accuracy=_number(train["accuracy"]),
        train_loss=_number(train["loss"]),
        validation_accuracy=_number(validation["accuracy"]),
        validation_loss=_number(validation["loss"]),
        by_source=tuple(
            (name, _number(each["train_accuracy"]), _number(each["validation_accuracy"]))
            for name, each in result["metrics"]["by_source"].items()
        ),
    )


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else NONE
