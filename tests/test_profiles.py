"""The seed profiles of a run, and its line about what it left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import profiles

ROOT = Path(__file__).parents[1]


def test_the_quick_profile_takes_the_first_of_the_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "_is_full", False)
    assert list(profiles.seeds(range(50))) == [0, 1, 2]
    assert (profiles.examples(300), profiles.count(2, quick=9)) == (profiles.QUICK_EXAMPLES, 2)


def test_the_full_profile_takes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "_is_full", True)
    assert list(profiles.seeds(range(50))) == list(range(50))
    assert (profiles.examples(300), profiles.count(20, quick=9)) == (300, 20)


def test_rows_that_are_no_smoke_rows_are_exhaustive() -> None:
    first, second = profiles.smoke(["a", "b"], lambda row: row == "a")
    assert first == "a"
    assert second == pytest.param("b", marks=pytest.mark.exhaustive)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "1"], ids=["in one process", "by a worker"])
def test_a_bare_run_says_in_its_last_line_what_it_left_out(workers: str) -> None:
    options = ["-n", workers, "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests/domain/corpus/test_reading.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "\nleft out: 6 exhaustive; seeds: quick. Everything: pytest -m '' --seeds full\n" in ran.stdout, ran.stdout
