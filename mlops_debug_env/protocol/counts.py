"""Numbers with their nouns, as the commands print them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 episode``, ``2 episodes``, ``3 entries``."""
    if number == 1:
        return f"1 {noun}"
    ending = noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"
    return f"{number} {ending}"
