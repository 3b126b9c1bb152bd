"""Statements that are compiled once for each dialect and then run with plain tuples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Callable, NamedTuple, Sequence

from sqlalchemy import ClauseElement, Connection, Dialect, Table


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A statement and the order in which its values are given."""

    clause: ClauseElement
    names: tuple[str, ...]
    multi_row_text: Callable[[int], str] | None = None
    """SQLite's text for a given number of rows, with flat values; None: each row alone."""
    is_named: bool = False
    """Whether its first value is a name that other servers keep in memory what is stored about; see `Writer.foreign_writes`."""


class StatementRow(NamedTuple):
    """One statement to run with an append; opaque to the store."""

    statement: Statement
    values: tuple[Any, ...]


def run_rows(connection: Connection, statement: Statement, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement for each row. Plain driver SQL: building a dict for each row costs a fifth of the throughput."""
    connection.exec_driver_sql(*arrange_rows(statement, rows, connection.dialect))


def arrange_rows(
    statement: Statement, rows: Sequence[tuple[Any, ...]], dialect: Dialect
) -> tuple[str, list[tuple[Any, ...]]]:
    """The statement's text and its rows, as the driver takes them."""
    text, arrange = _compiled(statement, dialect)
    return text, [arrange(values) for values in rows]


@lru_cache(maxsize=64)
def _compiled(statement: Statement, dialect: Dialect) -> tuple[str, Callable[[tuple[Any, ...]], tuple[Any, ...]]]:
    compiled = statement.clause.compile(dialect=dialect)
    # None where the dialect names its parameters; both dialects in use number them.
    order = tuple(getattr(compiled, "positiontup", None) or ())
    if order == statement.names:
        return str(compiled), tuple
    picked = tuple(statement.names.index(name) for name in order)
    # itemgetter of one index gives the value itself, not a tuple.
    return str(compiled), itemgetter(*picked) if len(picked) > 1 else (lambda values: (values[picked[0]],))


def multi_row_insert(table: Table, names: Sequence[str]) -> Callable[[int], str]:
    """Inserts rows in the order given."""
    row = f"({', '.join('?' * len(names))})"

    def text(count: int) -> str:
        return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([row] * count)}"

    return text


def multi_row_update(
    table: Table, names: Sequence[str], key: str, key_of: str, **computed: str
) -> Callable[[int], str]:
    """Updates rows by a key that follows from the last value of a row.

    Args:
        table: whose rows.
        names: columns, in the order of the values.
        key: column that identifies a row.
        key_of: SQL of the key, from the last value as ``{name}``.
        computed: further columns, and the SQL of their values.
    """
    row = f"({', '.join('?' * (len(names) + 1))})"
    given = [f"{name} = new.column{number}" for number, name in enumerate(names, start=1)]
    changes = ", ".join((*given, *(f"{name} = {value}" for name, value in computed.items())))

    def text(count: int) -> str:
        rows = ", ".join([row] * count)
        return (
            f"UPDATE {table.name} SET {changes} FROM (VALUES {rows}) AS new "
            f"WHERE {table.name}.{key} = {key_of.format(name=f'new.column{len(names) + 1}')}"
        )

    return text
