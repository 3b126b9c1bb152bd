"""How an episode is named in public.

Without API keys the id of a running episode is all that is needed to play it. Pages therefore call a running episode by
its number, the store-wide position of its reset: it names the episode and opens nothing. After the end the id is shown.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"~([1-9][0-9]{0,17})")
"""The tilde is in no episode id, so that a number never reads as one."""


def number_name(position: int) -> str:
    """The public name of an episode, for example ``~1204``."""
    return f"~{position}"


def parse_number(text: str) -> int | None:
    """The position that a public name stands for; null: it is no public name."""
    named = _NUMBER.fullmatch(text)
    return None if named is None else int(named[1])


def page_path(*, episode_id: str, number: int, is_running: bool) -> str:
    """Where an episode is shown, without telling the id of one that runs."""
    return f"/episodes/{number_name(number) if is_running else episode_id}"
