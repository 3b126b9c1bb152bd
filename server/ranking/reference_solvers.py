"""What programs score that do not reason, for boards: of five kinds, measured by ``python -m bench.validity solvers``.

Rule: the figures come from ``solver_scores.json`` alone, and hold for the generator and the rubric that it names. A board of
another one, or of tasks that were not measured, has none.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Mapping

FIGURES = Path(__file__).with_name("solver_scores.json")
KINDS = ("best constant", "lint", "static reader", "checks only", "everything")
"""A program is named by its kind, or by its kind, a colon and what it is."""


def solvers_of_board(board: Mapping[str, Any]) -> dict[str, Any] | None:
    """The field ``reference_solvers`` of ``/leaderboard.json``: the best program of each kind on each measured task of the
    suite, and over the whole suite if all its tasks were measured. None: there are no figures for this board."""
    return _solvers_of_board(board, _measured())


def _solvers_of_board(board: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, Any] | None:
    versions = (board["generator_version"], board["rubric_version"])
    if versions != (measured["generator_version"], measured["rubric_version"]):
        return None
    entries = board["suite"]["entries"]
    tasks = {
        task: _best_of_kinds(measured["tasks"][task]) for task in board["suite"]["mix"] if task in measured["tasks"]
    }
    if not tasks:
        return None
    return {
        "command": measured["command"],
        "split": measured["split"],
        "tasks": {
            task: {"episodes": measured["tasks"][task]["episodes"], **_band(best)} for task, best in tasks.items()
        },
        "suite": _band(_over_suite(tasks, entries)) if set(entries) <= set(tasks) else None,
    }


def _best_of_kinds(measured: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By kind, the program with the highest mean; a kind without a program is left out."""
    found: dict[str, dict[str, Any]] = {}
    for program, figure in measured["programs"].items():
        kind = program.split(":")[0]
        if kind in KINDS and (kind not in found or figure["mean"] > found[kind]["mean"]):
            found[kind] = {"kind": kind, "program": program, **figure}
    return {kind: found[kind] for kind in KINDS if kind in found}


def _over_suite(tasks: Mapping[str, Mapping[str, Any]], entries: list[str]) -> dict[str, dict[str, Any]]:
    """The mean over the entries of each kind that has a program on all tasks."""
    kinds = [kind for kind in KINDS if all(kind in best for best in tasks.values())]
    return {
        kind: {
            "kind": kind,
            "mean": round(sum(tasks[task][kind]["mean"] for task in entries) / len(entries), 3),
        }
        for kind in kinds
    }


def _band(best: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    means = [each["mean"] for each in best.values()]
    return {"low": min(means), "high": max(means), "solvers": list(best.values())}


@cache
def _measured() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return found
