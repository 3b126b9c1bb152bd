"""Columns have declared types: in Parquet, and in the card that tells them to readers of JSON lines."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from mlops_debug_env.exports.card import dataset_card
from mlops_debug_env.exports.columns import COLUMNS, ColumnType
from mlops_debug_env.exports.formats import FileFormat, What
from mlops_debug_env.exports.parquet import ROW_GROUP_ROWS, MissingParquetError, ParquetRows
from mlops_debug_env.runner.records import RunHeader
from mlops_debug_env.suites import SuiteEntry

Row = dict[str, Any]
ROWS_OF_20_MB = 11_000
VALUES: Mapping[str, Any] = {"string": "x" * 150, "int64": 2**40, "float64": 0.5, "bool": True}
SCALARS: Mapping[str, type] = {"string": str, "int64": int, "float64": float, "bool": bool}


HEADER = RunHeader(
    run_id="0" * 32,
    suite="practice-2",
    entries=(SuiteEntry(task_id="easy", seed=1),),
    agent="a|b",
    model=None,
    trials=1,
    reward_mode="shaped",
    agent_options={},
    package_version="0.1.0",
)


def fits(value: Any, kind: ColumnType) -> bool:
    """Whether a value of a row is of the declared type."""
    if value is None:
        return True
    if isinstance(kind, str):
        return isinstance(value, SCALARS[kind]) or (kind == "float64" and isinstance(value, int))
    if isinstance(kind, tuple):
        return isinstance(value, list) and all(fits(each, kind[0]) for each in value)
    return list(value) == list(kind) and all(fits(value[name], each) for name, each in kind.items())


def value_of(kind: ColumnType) -> Any:
    if isinstance(kind, str):
        return VALUES[kind]
    if isinstance(kind, tuple):
        return [value_of(kind[0])]
    return {name: value_of(each) for name, each in kind.items()}


def rows_with_nulls_first(what: What, count: int) -> Iterator[Row]:
    """Every column but the first is null in all rows but the last."""
    columns = COLUMNS[what]
    first = next(iter(columns))
    for _ in range(count - 1):
        yield {name: "y" * 1000 if name == first else None for name in columns}
    yield {name: value_of(kind) for name, kind in columns.items()}


@pytest.mark.parametrize("what", get_args(What))
def test_a_column_that_is_null_at_first_keeps_its_type(what: What) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow, of the extra dev")
    file = io.BytesIO()
    rows = ParquetRows(what, file)
    given = list(rows_with_nulls_first(what, ROW_GROUP_ROWS + 2))
    for each in given:
        rows.write(each)
    rows.close()
    table = parquet.read_table(io.BytesIO(file.getvalue()))
    assert table.to_pylist() == given
    assert "null" not in {str(each.type) for each in table.schema}


@pytest.mark.parametrize("what", get_args(What))
def test_the_values_that_are_made_here_fit_the_declared_types(what: What) -> None:
    assert all(fits(row[name], COLUMNS[what][name]) for row in rows_with_nulls_first(what, 2) for name in row)


def test_without_pyarrow_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingParquetError, match=r"pip install .*\[data\]"):
        ParquetRows("results", io.BytesIO())


@pytest.mark.parametrize("what", get_args(What))
def test_the_card_names_the_file_and_every_column_with_its_type(what: What) -> None:
    card = dataset_card(what, Path("folder/rows.jsonl"), "jsonl", count=1200, headers=[HEADER])
    _, head, text = card.split("---\n", 2)
    parsed = yaml.safe_load(head)
    assert parsed["configs"] == [{"config_name": what, "data_files": [{"split": "train", "path": "rows.jsonl"}]}]
    assert [each["name"] for each in parsed["dataset_info"]["features"]] == list(COLUMNS[what])
    assert parsed["size_categories"] == ["1K<n<10K"]
    assert HEADER.run_id in text
    assert ("do not train on it" in text) == ("fault_id" in COLUMNS[what])


@pytest.mark.slow
@pytest.mark.harness
@pytest.mark.parametrize("file_format", get_args(FileFormat))
def test_datasets_loads_20_mb_with_a_column_that_is_null_at_first(
    file_format: FileFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets: Any = pytest.importorskip("datasets", reason="needs the harness datasets")
    folder = tmp_path / "exported"
    folder.mkdir()
    file = folder / f"results.{file_format}"
    given = rows_with_nulls_first("results", ROWS_OF_20_MB)
    if file_format == "parquet":
        with file.open("wb") as binary:
            rows = ParquetRows("results", binary)
            for each in given:
                rows.write(each)
            rows.close()
    else:
        file.write_text("".join(f"{json.dumps(each)}\n" for each in given))
        assert file.stat().st_size > 20_000_000
    card = dataset_card("results", file, file_format, count=ROWS_OF_20_MB, headers=[HEADER])
    (folder / "README.md").write_text(card)
    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert (len(loaded), loaded[-1]["model"]) == (ROWS_OF_20_MB, VALUES["string"])
    assert {name: feature.dtype for name, feature in loaded.features.items()} == COLUMNS["results"]
