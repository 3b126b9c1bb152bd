"""The help of ``mlops-debug`` and the completion of the shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
import typer
from typer.testing import CliRunner

from server.cli import OPERATE, PLAY, PROOF, ROUNDS, cli
from server.settings import PREFIX, SETTINGS

PROGRAM = Path(sys.executable).with_name("mlops-debug")
ROOT_COMMAND: Any = typer.main.get_command(cli)


def every_command(group: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """The path of each command and group below a group."""
    for name, command in group.commands.items():
        yield (*path, name)
        yield from every_command(command, *path, name) if hasattr(command, "commands") else ()


def completed(words: str) -> list[str]:
    """What the shell is given to complete the last of some words."""
    asked = {
        "_MLOPS_DEBUG_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = CliRunner().invoke(cli, [], env=asked, prog_name="mlops-debug")
    return done.stdout.split()


def test_the_help_has_each_command_in_one_of_four_panels() -> None:
    assert {each.rich_help_panel for each in ROOT_COMMAND.commands.values()} == {PLAY, ROUNDS, OPERATE, PROOF}
    shown = CliRunner().invoke(cli, ["--help"]).stdout
    places = [shown.index(f"─ {panel} ─") for panel in (PLAY, ROUNDS, OPERATE, PROOF)]
    assert places == sorted(places)


@pytest.mark.parametrize("path", [(), *every_command(ROOT_COMMAND)], ids=" ".join)
def test_every_command_has_help_with_a_short_option(path: tuple[str, ...]) -> None:
    short, long = (CliRunner().invoke(cli, [*path, option]) for option in ("-h", "--help"))
    assert (short.exit_code, short.stdout) == (0, long.stdout)
    assert re.search(f"Usage: .*{' '.join(path)} ", short.stdout)


def test_help_is_shown_without_what_serving_and_playing_import() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from server.cli import cli\n"
        "for words in sys.argv[1:]: assert CliRunner().invoke(cli, [*words.split(), '-h']).exit_code == 0\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    asked = ["", *(" ".join(path) for path in every_command(ROOT_COMMAND))]
    done = subprocess.run(
        [sys.executable, "-c", program, *asked], capture_output=True, text=True, check=True, timeout=120
    )
    # Not pydantic: typer imports it to describe parameters.
    heavy = {"sqlalchemy", "alembic", "numpy", "cryptography", "httpx", "openai", "starlette", "uvicorn"}
    assert heavy & {*done.stdout.split()} == set()


def test_commands_options_and_choices_are_completed() -> None:
    assert completed("mlops-debug com") == ["compare", "compete"]
    assert completed("mlops-debug rounds o") == ["open"]
    assert completed("mlops-debug run --tas") == ["--task"]
    assert completed("mlops-debug run --task e") == ["easy", "expert"]


@pytest.mark.skipif(shutil.which("bash") is None or not PROGRAM.exists(), reason="needs bash and the installed program")
def test_bash_completes_by_the_script_that_is_shown() -> None:
    by_the_script = """
    source <(mlops-debug --show-completion)
    COMP_WORDS=(mlops-debug com); COMP_CWORD=1; _mlops_debug_completion mlops-debug; echo "${COMPREPLY[@]}"
    """
    path = os.pathsep.join([str(PROGRAM.parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", by_the_script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "compare compete\n", done.stderr


def test_the_help_of_serve_names_the_variable_and_the_default_of_each_option() -> None:
    shown = " ".join(CliRunner().invoke(cli, ["serve", "-h"]).stdout.replace("│", " ").split())
    for name in ("host", "port", "database_url", "log_level", "access", "workers", "reserve", "root_path"):
        (setting,) = (each for each in SETTINGS if each.name == name.upper())
        default = "none" if setting.default == "" else setting.default
        assert f"Default: {PREFIX}{setting.name}, or else {default}." in shown
