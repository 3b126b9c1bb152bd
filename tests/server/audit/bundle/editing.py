"""Edits a bundle as an attacker without the host's key could."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Change = Callable[[str], str | None]
"""The new text of a member; None: it is left out."""


def rewritten(bundle: Path, folder: Path, changes: Mapping[str, Change]) -> Path:
    """A copy of the bundle in which some members are other ones."""
    path = folder / "changed.zip"
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name).decode()
            after = changes[name](text) if name in changes else text
            if after is not None:
                new.writestr(name, after)
    return path


def left_out(text: str) -> None:
    """The member is gone."""


def without(*parts: str) -> Change:
    """Without the lines that hold one of these."""
    return lambda text: "".join(f"{line}\n" for line in text.splitlines() if not any(part in line for part in parts))


def edited(change: Callable[[Any], Any]) -> Change:
    """Another JSON value; ``change`` may also edit the value in place."""

    def apply(text: str) -> str:
        value = json.loads(text)
        returned = change(value)
        return json.dumps(value if returned is None else returned)

    return apply


def withholding(*parts: str) -> Change:
    """Without the payload of the resets of these."""

    def apply(text: str) -> str:
        lines = [json.loads(line) for line in text.splitlines()]
        for each in lines:
            if each["kind"] == "reset" and any(part in each["stream_id"] for part in parts):
                each["payload"] = None
        return "".join(json.dumps(each) + "\n" for each in lines)

    return apply


def members(bundle: Path) -> dict[str, str]:
    with zipfile.ZipFile(bundle) as file:
        return {name: file.read(name).decode() for name in file.namelist()}
