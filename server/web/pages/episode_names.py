"""Public names of episodes: the number of a running one, the id of an ended one.

Without API keys, anyone who has the id of a running episode can play it. Pages therefore name a running episode by its
number, the store-wide position of its reset, which gives no access. After the end the id is shown.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"~([1-9][0-9]{0,17})")
"""No episode id contains a tilde, so that a number is never mistaken for one."""


def public_name(position: int) -> str:
    """The public name of an episode, for example ``~1204``."""
    return f"~{position}"


def parse_public_name(text: str) -> int | None:
    """The position in a public name; None: it is not a public name."""
    named = _NUMBER.fullmatch(text)
    return None if named is None else int(named[1])


def page_path(*, episode_id: str, number: int, is_running: bool) -> str:
    """The path of an episode's page, without the id if the episode runs."""
    return f"/episodes/{public_name(number) if is_running else episode_id}"
