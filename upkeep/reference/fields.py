"""The registry: every field that a diagnosis or a patch may name."""

from __future__ import annotations

from domain.fields.registry import REGISTRY
from upkeep.reference.markdown import table


def render() -> str:
    files = list(dict.fromkeys(each.file for each in REGISTRY))
    parts = [
        "Every field of every artifact that a diagnosis or a patch may name: the same for every episode, also in `GET /schema` "
        "and in\nthe answer to a reset.\n"
    ]
    for file in files:
        rows = ((f"`{each.field}`", each.domain_text()) for each in REGISTRY if each.file == file)
        parts.append(f"\n## {file}\n\n" + table(("field", "takes"), rows))
    return "".join(parts)
