"""A server that asks for keys, with an open round."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.playing import open_client
from tests.e2e.running import ServerProcess, environment, run_command_in_process


class RankedServer:
    """The server; ``round`` is open on it."""

    round = "spring"
    entries = 18
    """Of the suite, at one attempt each."""

    def __init__(self, process: ServerProcess) -> None:
        self._process = process
        self._keys: dict[str, str] = {}
        self.url = process.url

    def key(self, name: str) -> str:
        """The key of an agent, made when it is first named."""
        if name not in self._keys:
            self._keys[name] = self._create_key(name)
        return self._keys[name]

    def _create_key(self, name: str, *more: str) -> str:
        made = run_command_in_process("keys", "create", name, *more, "--database", str(self._process.database))
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def page(self, path: str, key: str) -> str:
        """A page as a browser with this key gets it."""
        with open_client(self.url) as http:
            http.headers["Authorization"] = f"Bearer {key}"
            return http.get(path).raise_for_status().text

    def viewer_key(self) -> str:
        """A key that may view, and belongs to no agent."""
        return self._create_key("viewer", "--scope", "viewer")

    def close_round(self) -> None:
        closed = run_command_in_process("rounds", "close", self.round, "--database", str(self._process.database))
        assert closed.returncode == 0, closed.stderr

    def board(self) -> list[dict[str, Any]]:
        with open_client(self.url) as http:
            rows: list[dict[str, Any]] = http.get("/leaderboard.json").json()["rows"]
        return rows


@contextmanager
def serving_round(folder: Path) -> Iterator[RankedServer]:
    """The server, until the block ends."""
    process = ServerProcess(folder, child_environment=environment(MLOPS_DEBUG_ACCESS="keys"))
    opened = run_command_in_process(
        "rounds", "open", "--name", RankedServer.round, "--attempts", "1", "--database", str(process.database)
    )
    assert opened.returncode == 0, opened.stderr
    served = RankedServer(process)
    served.key("first")  # a server that asks for keys does not start without one
    process.start()
    try:
        yield served
    finally:
        process.stop()
