"""Tables in Markdown."""

from __future__ import annotations

from typing import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line(columns), _line(["---"] * len(columns)), *(_line([_cell(each) for each in row]) for row in rows)]
    return "\n".join(lines) + "\n"


def code(words: Iterable[str]) -> str:
    """Each as code, separated by commas."""
    return ", ".join(f"`{each}`" for each in words)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
