"""The code blocks of README.md and docs, with their language and, where one is not run, the reason that stands above it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
RUN = ("bash", "python", "sql")
READ = ("json", "yaml", "mermaid", "text")
"""Held to their form; ``text`` has none."""
_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+) -->\n)?^(?P<indent> *)```(?P<language>\S*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    flags=re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """One block."""

    page: str
    """Path from the root."""
    line: int
    language: str
    text: str
    reason: str | None
    """Why it is not run; null: it is."""

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        yield Block(str(page.relative_to(ROOT)), line, found["language"], found["text"], found["reason"])


def all_blocks() -> list[Block]:
    return [block for page in pages() for block in blocks_of(page)]


def is_code(block: Block) -> bool:
    return block.language in RUN
