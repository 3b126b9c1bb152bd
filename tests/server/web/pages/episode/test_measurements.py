"""Numbers of the checks beside those of the healthy twin."""

from __future__ import annotations

from typing import Any

from domain.events import CheckRun
from domain.scenario import Evidence
from server.web.pages.episode.measurements import MAX_SHOWN, build_differences
from tests.hand_made import hand_made_scenario


def measuring(**measured: dict[str, Any]) -> Evidence:
    evidence = hand_made_scenario().evidence
    checks = {
        name: check.model_copy(update={"measured": measured.get(name, {})}) for name, check in evidence.checks.items()
    }
    return evidence.model_copy(update={"checks": checks})


def test_the_number_that_differs_most_for_its_size_comes_first() -> None:
    run = measuring(data_leakage={"rows": 1000, "shares": {"a": [0.5, 0.1]}, "names": ["x"], "none": None})
    twin = measuring(data_leakage={"rows": 900, "shares": {"a": [0.5, 0.4]}, "names": ["y"], "none": 3})
    found = build_differences(run, twin, [CheckRun(check="data_leakage", observation_digest="")])
    assert [(one.name, one.run, one.twin, one.seen_at) for one in found] == [
        ("shares.a[1]", 0.1, 0.4, 0),
        ("rows", 1000, 900, 0),
    ]


def test_a_share_of_nearly_nothing_does_not_come_first() -> None:
    run, twin = (
        measuring(data_leakage={"tiny": 0.001, "large": 0.5}),
        measuring(data_leakage={"tiny": 0.0, "large": 0.4}),
    )
    assert [one.name for one in build_differences(run, twin, [])] == ["large", "tiny"]


def test_equal_runs_differ_in_nothing() -> None:
    evidence = measuring(data_leakage={"a": 1})
    assert build_differences(evidence, evidence, []) == ()


def test_no_check_takes_all_the_places() -> None:
    run = measuring(data_leakage={"a": list(range(1, 40))}, class_balance={"b": 1.0})
    twin = measuring(data_leakage={"a": [0] * 39}, class_balance={"b": 0.9})
    found = build_differences(run, twin, [])
    assert len(found) == MAX_SHOWN // 3 + 1
    assert found[-1].check == "class_balance"
