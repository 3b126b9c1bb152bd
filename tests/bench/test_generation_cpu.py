"""What generating costs against another version."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.generation_cpu import HERE, Cost, main, measure, render


def test_a_checkout_compared_with_itself_generates_the_same_rows() -> None:
    theirs, ours = measure((HERE, HERE), ("easy",), 1)["easy"]
    assert [one.rows for one in theirs] == [one.rows for one in ours] != []
    assert all(one.seconds > 0 and one.rows > 500 for one in (*theirs, *ours))


def test_ratios_are_of_medians_and_of_a_row() -> None:
    table = render({"hard": [[Cost(0.01, 100), Cost(0.02, 100), Cost(9.0, 100)], [Cost(0.03, 400)]]})
    assert table.splitlines()[-1] == "| hard | 20.0 ms | 100 | 30.0 ms | 400 | 1.50 | 0.38 |"


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--against", str(tmp_path)])
    assert "has no domain/generator.py" in capsys.readouterr().err
