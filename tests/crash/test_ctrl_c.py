"""Ctrl-C on a terminal, which all processes of a command get, ends it at any moment with one line, exit code 130 and nothing half done."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash.ended import Ended, press_ctrl_c, run_and_end
from tests.crash.victims import TEMPORARY, VICTIMS, Place, Stores
from tests.e2e.running import ServerProcess

INTERRUPTED = 130
LONG_AFTER = 600.0
MOMENTS = 2
"""Of each command; ``python -m tests.crash.commands`` tries many."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return Stores(tmp_path_factory.mktemp("stores"), None, episodes=20)


def interrupted(arguments: list[str], place: Place, after: float) -> Ended:
    ended = run_and_end(arguments, place.folder, place.settings, after=after, send=press_ctrl_c)
    assert ended.left == []
    assert "Traceback" not in ended.output or not ended.had_begun, ended.output
    assert not [path for each in TEMPORARY for path in place.folder.glob(each)]
    return ended


@pytest.mark.slow
@pytest.mark.parametrize("name", VICTIMS)
def test_ctrl_c_at_any_moment_ends_a_command_with_one_line_and_nothing_half_done(name: str, stores: Stores) -> None:
    victim = VICTIMS[name]
    place = stores.copy(victim)
    whole = interrupted(stores.arguments(victim), place, LONG_AFTER)
    assert whole.code == 0, whole.output
    for after in moments(name, whole.seconds):
        place = stores.copy(victim)
        ended = interrupted(stores.arguments(victim), place, after)
        if ended.code and ended.had_begun:
            assert (ended.code, len(ended.lines)) == (INTERRUPTED, 1), ended.output
            assert ended.lines[0].startswith("interrupted "), ended.output
        victim.outcome(place, stores)


def moments(name: str, seconds: float) -> list[float]:
    """Times within so many seconds, one in each part. The first share goes into the start of the interpreter, which has its own way
    to end."""
    draw = random.Random(name)
    return [(0.1 + 0.8 * (moment + draw.random()) / MOMENTS) * seconds for moment in range(MOMENTS)]


@pytest.mark.slow
def test_ctrl_c_at_any_moment_of_a_start_leaves_the_store_of_an_older_version_as_it_was_or_upgraded(
    stores: Stores,
) -> None:
    upgrade = VICTIMS["upgrade"]
    for after in moments("serve", 3.0):
        place = stores.copy(upgrade)
        ended = interrupted(["serve", "--port", "0"], place, after)
        if ended.had_begun:
            assert ended.code in (0, INTERRUPTED), ended.output
            assert ended.lines[-1].startswith(("interrupted", "INFO ")), ended.output
        upgrade.outcome(place, stores)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "demo"])
def test_ctrl_c_at_any_moment_ends_what_plays_with_one_line_and_no_server(
    command: str, server: ServerProcess, tmp_path: Path
) -> None:
    arguments = {
        "run": ["run", "--agent", "heuristic", "--entries", "6", "--concurrency", "1", "--url", server.url],
        "demo": ["demo", "--entries", "2", "--exit"],
    }[command]
    for number, after in enumerate(moments(command, 4.0)):
        folder, scratch = tmp_path / str(number), tmp_path / f"scratch-{number}"
        folder.mkdir()
        scratch.mkdir()
        place = Place(folder, "", {"TMPDIR": str(scratch)})
        ended = interrupted(arguments, place, after)
        if ended.code and ended.had_begun:
            assert ended.code == INTERRUPTED, ended.output
            assert sum("interrupted" in each for each in ended.lines) == 1, ended.output
        assert list(scratch.iterdir()) == []
