"""What ``mlops-debug`` does where the packages of the extra ``server`` are not installed."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from mlops_debug_env.commands.server_packages import SERVER_PACKAGES

ROOT = Path(__file__).parents[2]
RUN = ROOT / "tests" / "client" / "runner" / "run-of-0.1.0"
COMMANDS = {
    "serve": True,
    "replay e": True,
    "audit --all": True,
    "checkpoint": True,
    f"verify bundle.zip --public-key {'0' * 64}": True,
    "regrade --rubric r.json": True,
    "rebuild": True,
    "warm": True,
    "backup b.db": True,
    "doctor": True,
    "keys list": True,
    "keys create a": True,
    "rounds list": True,
    "rounds open": True,
    "rounds close r": True,
    "db check": True,
    "db upgrade": True,
    "export --bundle b.zip": True,
    "demo": True,
    "--help": False,
    "serve --help": False,
    f"compare {RUN} {RUN}": False,
    f"export {RUN}": False,
    "view none": False,
    "run --url http://127.0.0.1:1": False,
    "demo --url http://127.0.0.1:1": False,
}
"""Whether a command needs the server."""
SCRIPT = """
import json, sys
names, commands = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(names))  # importing them fails as if they were not installed
from typer.testing import CliRunner
from server.cli import cli
ended = [CliRunner().invoke(cli, each.split()) for each in commands]
print(json.dumps([[each.exit_code, each.stdout, each.stderr, repr(each.exception)] for each in ended]))
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How each command ends, all in one interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([SERVER_PACKAGES, list(COMMANDS)])],
        cwd=tmp_path_factory.mktemp("empty"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return dict(zip(COMMANDS, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("command", [each for each, needs in COMMANDS.items() if needs])
def test_a_command_of_the_server_ends_with_one_line_that_says_how_to_install_it(
    command: str, ended: dict[str, Any]
) -> None:
    code, output, errors, _ = ended[command]
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert f"mlops-debug {command.split()[0]}" in errors
    assert "pip install 'openenv-mlops-debug-env[server]'" in errors


@pytest.mark.parametrize("command", [each for each, needs in COMMANDS.items() if not needs])
def test_a_command_of_the_client_needs_no_server(command: str, ended: dict[str, Any]) -> None:
    code, _, errors, error = ended[command]
    assert "[server]" not in errors
    assert code in (0, 2, 3), error
    assert "Traceback" not in errors


def test_the_packages_are_those_of_the_extra() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["server"]
    assert {Requirement(each).name.replace("-", "_") for each in extra} == set(SERVER_PACKAGES)
