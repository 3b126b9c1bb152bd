"""The README of the package is that of the checkout without its front matter, which is for Hugging Face Spaces only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class ReadmeWithoutFrontMatter(MetadataHookInterface):
    """Sets ``readme``, which pyproject.toml declares as dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": without_front_matter(text)}


def without_front_matter(text: str) -> str:
    """What stands between two lines of three dashes at the very beginning is left out."""
    if not text.startswith("---\n"):
        return text
    return text.partition("\n---\n")[2].lstrip("\n")
