"""What both YAML files have in common: heads, comments."""

from __future__ import annotations

from typing import Sequence


def framed(lines: Sequence[str], header: str, title: str) -> str:
    """The text of a file, with what stands before and after its lines."""
    found = list(lines)
    match header:
        case "document":
            found = [f"# {title}", "---", *found]
        case "directive":
            found = ["%YAML 1.1", "---", f"# {title}", *found]
        case "ended":
            found = ["---", *found, "..."]
    return "\n".join(found) + "\n"


def commented(lines: list[str], comment: str, idiom: str) -> list[str]:
    """A section with a comment."""
    match idiom:
        case "banner":
            return [f"# {comment}", *lines]
        case "trailing":
            return [f"{lines[0]}  # {comment}", *lines[1:]]
        case "rule":
            return [f"# {'-' * 8} {comment}", *lines]
    return lines
