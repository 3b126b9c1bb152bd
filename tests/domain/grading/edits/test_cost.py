"""Edits that are made to be expensive to read cost no more than others, and nothing that is sent is run."""

from __future__ import annotations

import random
import time

import pytest

from domain.diagnosis import TextEdit
from domain.grading.edits import places
from domain.grading.edits.reading import read_edits
from domain.grading.written_run import WrittenRun, _run_of, run_of
from tests.domain.grading.truths import truth_of
from tests.profiles import count

MOST_SECONDS = 0.050


def _fresh_run(fault: str, seed: int) -> WrittenRun:
    """A run of which nothing is cached."""
    _run_of.cache_clear()
    places.written.cache_clear()
    return run_of(truth_of(fault, seed))


def _hostile_texts() -> dict[str, str]:
    deep = 3900
    return {
        "long": "x" * 4000,
        "many lines": "a = 1\n" * 660,
        "brackets": "(" * deep,
        "closed brackets": "[" * (deep // 2) + "]" * (deep // 2),
        "unary": "x = " + "-" * deep + "1",
        "unary over lines": "x = " + "-\\\n" * 1300 + "1",
        "not": "x = " + "not " * 900 + "1",
        "lambdas": "x = " + "lambda:" * 550 + "1",
        "conditions": "x = " + "1 if 1 else " * 330 + "1",
        "attributes": "x = a" + ".b" * 1900,
        "subscripts": "x = a" + "[0]" * 1300,
        "calls": "x = a" + "()" * 1900,
        "sums": "x = 1" + "+1" * 1900,
        "powers": "x = 9" + "**9" * 1300,
        "large number": "x = " + "9" * 3900,
        "f-strings": "x = " + "f'{" * 100 + "1" + "}'" * 100,
        "nested blocks": "".join(" " * n + "if 1:\n" for n in range(80)) + " " * 80 + "pass",
        "nested functions": "".join(" " * n + "def f():\n" for n in range(70)) + " " * 70 + "pass",
        "numbers": "x = [" + ",".join(map(str, range(800))) + "]",
        "binary": "\0\x01\x7f\ufeff" * 900,
        "yaml flow": "a: " + "[" * deep,
        "yaml maps": "a: " + "{a: " * 970,
        "yaml depth": "".join(" " * n + "a:\n" for n in range(80)),
        "yaml keys": "? " * 1900,
        "yaml anchors": "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a,*a]\n" for n in range(150)),
        "yaml merges": "a: &a {b: c}\n" + "<<: *a\n" * 500,
        "yaml many": "".join(f"k{n}: 1\n" for n in range(480)),
        "yaml block": "a: |\n" + " x\n" * 1200,
        "quotes": "'" * 3999,
        "triple quotes": '"""' * 1300,
        "backslashes": "\\" * 3999,
        "diff": "@@ -1 +1 @@\n-a\n+b\n" * 200,
    }


def _seconds(run: WrittenRun, file: str, edits: tuple[TextEdit, ...] | str) -> float:
    started = time.process_time()
    read_edits(edits, run)
    return time.process_time() - started


def _targets(run: WrittenRun) -> list[tuple[str, str]]:
    """A line that occurs once, of every file."""
    found = []
    for file in run.files:
        text = run.text(file)
        line = next(one for one in text.splitlines() if len(one) > 12 and text.count(one) == 1)
        found.append((file, line))
    return found


@pytest.mark.parametrize("name", _hostile_texts())
@pytest.mark.parametrize("fault", ["data_leakage_scaler", "multi_source/frozen_column"])
def test_a_hostile_edit_costs_little(fault: str, name: str) -> None:
    text = _hostile_texts()[name]
    for file, line in _targets(run_of(truth_of(fault, 1))):
        for replace in (text, f"{line}\n{text}", f"{text}\n{line}"):
            edits = (TextEdit(file=file, find=line, replace=replace[:4000]),)
            # The least of three: other programs of the machine only ever add.
            seconds = min(_seconds(_fresh_run(fault, 1), file, edits) for _ in range(3))
            assert seconds < MOST_SECONDS, (file, seconds)


@pytest.mark.parametrize("name", _hostile_texts())
def test_a_hostile_diff_costs_little(name: str) -> None:
    text = _hostile_texts()[name]
    run = run_of(truth_of("multi_source/frozen_column", 1))
    for file, line in _targets(run):
        added = "\n".join(f"+{one}" for one in text.splitlines())
        diff = f"--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n-{line}\n{added}\n"
        for one in (diff[:8000], text[:8000], text[:3000] + diff[:5000]):
            seconds = min(_seconds(_fresh_run("multi_source/frozen_column", 1), file, one) for _ in range(3))
            assert seconds < MOST_SECONDS, (file, seconds)


def test_random_edits_never_fail_and_cost_little() -> None:
    draw = random.Random(5)
    run = run_of(truth_of("data_leakage_scaler", 1))
    marks = list("()[]{}:,'\"\n\t #=-+*&!|>%@`\\\0aZ09_.") + [
        "\n    ",
        "def ",
        "if ",
        "- ",
        "é",
        "\ufeff",
        "import os",
        ": ",
    ]
    worst = 0.0
    for _ in range(count(400, quick=60)):
        file = draw.choice(run.files)
        text = run.text(file)
        start = draw.randrange(len(text))
        find = text[start : start + draw.randrange(1, 200)]
        replace = "".join(draw.choice(marks) for _ in range(draw.randrange(0, 4000)))[:4000]
        edits = tuple(TextEdit(file=file, find=find, replace=replace) for _ in range(draw.choice((1, 1, 2))))
        worst = max(worst, min(_seconds(run, file, edits) for _ in range(2)))
    print(f"the most expensive of the random edits took {1000 * worst:.1f} ms of processor time")
    assert worst < MOST_SECONDS


def test_nothing_that_is_sent_is_run(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = run_of(truth_of("data_leakage_scaler", 1))
    code = "open('seen', 'w').write('x')"
    read_edits(
        (TextEdit(file="preprocessing.py", find="import numpy as np", replace=f"import numpy as np\n{code}"),), run
    )
    line = next(one for one in run.text("config.yaml").splitlines() if "run_id" in one)
    tagged = f'run_id: !!python/object/apply:eval ["{code}"]'
    read_edits((TextEdit(file="config.yaml", find=line, replace=tagged),), run)
    assert list(tmp_path.iterdir()) == []
