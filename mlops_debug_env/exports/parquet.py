"""Writes rows as Parquet, with the declared types of `columns`. Needs the extra ``data``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from mlops_debug_env.exports.columns import COLUMNS, ColumnType
from mlops_debug_env.exports.formats import What

ROW_GROUP_ROWS = 1000
"""Rows that are kept in memory until they are written."""


class MissingParquetError(Exception):
    """pyarrow is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Parquet needs pyarrow: pip install 'openenv-mlops-debug-env[data]', or pip install '.[data]' in a checkout"
        )


class ParquetRows:
    """Writes rows to an open file, a group at a time."""

    def __init__(self, what: What, file: BinaryIO) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise MissingParquetError from None
        self.count = 0
        self._schema = pyarrow.schema([(name, _arrow(kind)) for name, kind in COLUMNS[what].items()])
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._make_table = pyarrow.Table.from_pylist
        self._waiting: list[Mapping[str, Any]] = []

    def write(self, row: Mapping[str, Any]) -> None:
        self.count += 1
        self._waiting.append(row)
        if len(self._waiting) == ROW_GROUP_ROWS:
            self._write_group()

    def close(self) -> None:
        """Write what waits and the file's footer."""
        if self._waiting:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        self._writer.write_table(self._make_table(self._waiting, schema=self._schema))
        self._waiting.clear()


def _arrow(kind: ColumnType) -> Any:
    import pyarrow

    if isinstance(kind, str):
        return pyarrow.type_for_alias(kind)
    if isinstance(kind, tuple):
        return pyarrow.list_(_arrow(kind[0]))
    return pyarrow.struct([(name, _arrow(each)) for name, each in kind.items()])
