"""Public names of episodes: the number of a running one, the id of an ended one.

Without API keys, anyone who has the id of a running episode can play it. Pages therefore name a running episode by its
number, the store-wide position of its reset, which gives no access. After the end the id is shown.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Iterable, NamedTuple

from domain.ranking.rounds import round_of_name
from server.security.identity import given_name

PUBLIC_NAME_FORM = r"^~([1-9][0-9]{0,17})$"
_NUMBER = re.compile(PUBLIC_NAME_FORM[1:-1])
"""No episode id contains a tilde, so that a number is never mistaken for one."""
_OF_RUN = re.compile(r"((.+)\.([0-9]{1,6})\.([0-9]{1,6}))(?:\.[0-9a-f]{32})?")
"""How ``mlops-debug run`` names the episodes of a run: its name, the place of the entry, the trial, and a digest that makes the
name a secret while the episode runs; earlier versions named them without it."""
_WHOLE = 24
_HEAD, _TAIL = 8, 12
"""How many characters of a longer id are shown of its beginning and of its end, which mostly distinguishes it."""


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


class RunPlace(NamedTuple):
    """Where an episode stands in a run of a client."""

    run: str
    """Name of the run, with the prefix of the API key that its episodes were begun with."""
    entry: int
    trial: int
    """Both from 0."""


def place_in_run(episode_id: str) -> RunPlace | None:
    """The run that an id names, as clients of this project do it; None: it names none, or is that of a ranked attempt."""
    found = None if round_of_name(episode_id) is not None else _OF_RUN.fullmatch(episode_id)
    return None if found is None else RunPlace(found[2], int(found[3]), int(found[4]))


def short_names(names: Iterable[str | None]) -> dict[str, str]:
    """Each name with its beginning and end; whole where two of them would read the same."""
    distinct = dict.fromkeys(name for name in names if name is not None)
    cut = {name: _cut(_without_digest(given_name(name))) for name in distinct}
    often = Counter(cut.values())
    return {name: short if often[short] == 1 else name for name, short in cut.items()}


def _without_digest(name: str) -> str:
    found = _OF_RUN.fullmatch(name)
    return name if found is None else found[1]


def _cut(name: str) -> str:
    return name if len(name) <= _WHOLE else f"{name[:_HEAD]}…{name[-_TAIL:]}"
