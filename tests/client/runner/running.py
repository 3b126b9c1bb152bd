"""Runs the client's commands as a user does, against a server process, and reads what they leave."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlops_debug_env.cli import cli
from tests.e2e.running import environment, invoke_in_process

COMMAND = (sys.executable, "-m", "mlops_debug_env")
MAX_SECONDS = 300
LOOKING_SECONDS = 0.002
MAX_TURNS = 24
"""Few beside what a run of the tests plays, so that it is still running on a fast machine."""
FOREIGN = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "API_BASE_URL", "MODEL_NAME")
"""Variables that would lead a test to a real model."""


def command(*arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=_environment(settings),
        capture_output=True,
        text=True,
        timeout=MAX_SECONDS,
        check=False,
    )


def command_in_process(*arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in this process: starting Python anew each time takes seconds."""
    return invoke_in_process(cli, arguments, settings or {}, removed=FOREIGN)


def run_in_process(*arguments: str, settings: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Exit code, output and errors of a command in this process."""
    ended = command_in_process(*arguments, settings=settings)
    return ended.returncode, ended.stdout, ended.stderr


def ended_while_playing(
    folder: Path,
    draw: random.Random,
    *arguments: str,
    how: int = signal.SIGKILL,
    settings: Mapping[str, str] | None = None,
) -> tuple[bool, str]:
    """Start a command and signal it when it has written a random number of turns.

    Whether it was still running then, and what it said.
    """
    turns = folder / "turns.jsonl"
    enough = _turns_in(turns) + draw.randint(1, MAX_TURNS)
    log = folder.with_name(f"{folder.name}.log")
    with log.open("wb") as said:
        process = subprocess.Popen([*COMMAND, *arguments], env=_environment(settings), stdout=said, stderr=said)
    while process.poll() is None and _turns_in(turns) < enough:
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOKING_SECONDS)
    was_running = process.poll() is None
    if was_running:
        process.send_signal(how)
    process.wait(MAX_SECONDS)
    return was_running, log.read_text()


def _turns_in(turns: Path) -> int:
    return turns.read_bytes().count(b"\n") if turns.is_file() else 0


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def without_names(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results that can be compared between runs: without what names the run, in a fixed order."""
    kept = [{name: value for name, value in each.items() if name not in ("run_id", "episode_id")} for each in rows]
    return sorted(kept, key=lambda each: (each["entry"], each["trial"]))


def _environment(settings: Mapping[str, str] | None) -> dict[str, str]:
    kept = {name: value for name, value in environment().items() if name not in FOREIGN}
    return {**kept, **(settings or {})}
