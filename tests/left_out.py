"""A pytest plugin: prints in one line at the end of a run what its marks left out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

MARKS = ("slow", "exhaustive", "postgres")
_KEY = "left_out_by_mark"
_found: Counter[str] = Counter()


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        _found.update([mark for mark in MARKS if item.get_closest_marker(mark)][:1])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist collects; only the process that started it has a terminal."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = dict(_found)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker collects the same tests, so one of them is counted."""
    _found.clear()
    _found.update(getattr(node, "workeroutput", {}).get(_KEY, {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _found:
        counted = ", ".join(f"{number} {mark}" for mark, number in _found.most_common())
        profile = config.getoption("--seeds")
        terminalreporter.write_line(f"left out: {counted}; seeds: {profile}. Everything: pytest -m '' --seeds full")
