"""Parsed artifacts and check results. Missing or malformed ones are unknown, never an error."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any, Iterable, Mapping

import yaml

from mlops_debug_env.agents.code import PipelineCode
from mlops_debug_env.protocol.observations import CheckResult

_PAIR = re.compile(r"(\w+)=(\S+)")


class Evidence:
    """The artifacts and check results of one training run."""

    def __init__(self, artifacts: Mapping[str, str], checks: Mapping[str, CheckResult]) -> None:
        self._artifacts = artifacts
        self._checks = checks

    def config(self, path: str) -> Any:
        """A value of config.yaml, for example ``optimizer.momentum``."""
        return _at(self._config, path)

    def config_number(self, path: str) -> float | None:
        return _number(self.config(path))

    def results(self, path: str) -> Any:
        """A value of eval_results.json."""
        return _at(self._results, path)

    def stats(self, path: str) -> Any:
        """A value of dataset_stats.json."""
        return _at(self._stats, path)

    def measured(self, check: str, name: str) -> float | None:
        """A number that a check measured."""
        found = self._checks.get(check)
        return None if found is None else _number(found.measured.get(name))

    def is_unusual(self, check: str, name: str) -> bool | None:
        """Whether the check calls this number unusual; None: it was not run, or it only measures."""
        found = self._checks.get(check)
        if found is None or found.reasons is None:
            return None
        return any(reason.startswith(f"{name} ") for reason in found.reasons)

    @cached_property
    def code(self) -> PipelineCode:
        """preprocessing.py."""
        return PipelineCode(self._artifacts.get("preprocessing.py", ""))

    @cached_property
    def log_header(self) -> dict[str, str]:
        """The pairs of train.log outside the epochs, for example ``n_train``."""
        lines = self._artifacts.get("train.log", "").splitlines()
        return dict(pair for line in lines if not line.startswith("[EPOCH") for pair in _PAIR.findall(line))

    @cached_property
    def epochs(self) -> list[dict[str, float]]:
        """The pairs of each epoch of train.log."""
        lines = [line for line in self._artifacts.get("train.log", "").splitlines() if line.startswith("[EPOCH")]
        return [{name: _float(text) for name, text in _PAIR.findall(line)} for line in lines]

    def logged(self, name: str) -> float | None:
        return _number(_float(self.log_header[name])) if name in self.log_header else None

    @cached_property
    def _config(self) -> Any:
        try:
            return yaml.safe_load(self._artifacts.get("config.yaml", ""))
        except yaml.YAMLError:
            return None

    @cached_property
    def _results(self) -> Any:
        return _json(self._artifacts.get("eval_results.json", ""))

    @cached_property
    def _stats(self) -> Any:
        return _json(self._artifacts.get("dataset_stats.json", ""))


def listed(names: Iterable[str] | None) -> str:
    """Sorted names joined by "and"."""
    return " and ".join(sorted(names or ("unknown",)))


def _at(tree: Any, path: str) -> Any:
    for key in path.split("."):
        if not isinstance(tree, dict) or key not in tree:
            return None
        tree = tree[key]
    return tree


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
