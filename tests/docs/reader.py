"""A reader who follows a page to the letter: its blocks in their order, in one folder, beside one real server.

Commands that must not be run in a test are replaced: installing, testing the whole project, and serving for ever.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, ignore_patterns

from sqlalchemy import make_url

from tests.docs.blocks import ROOT, Block, blocks_of, is_code
from tests.e2e.running import ServerProcess, environment

BLOCK_SECONDS = 600
ADDRESSES = ("127.0.0.1:7860", "localhost:7860")
DATABASE = "postgresql+asyncpg://mlops@db.example/mlops"
SMALLER = (
    (r"mlops-debug run --agent (\S+)", r"mlops-debug run --agent \1 --entries 2"),
    (r"--trials 4\b", "--trials 1"),
    (r"python -m bench( --quick)?$", "python -m bench --plan smallest"),
    (r"mlops-debug demo\b", "mlops-debug demo --exit --entries 2"),
)
"""Heavy commands at their smallest: the same command, on less."""
NEEDED = {"openenv": "openenv", "mlops_debug_env.client": "openenv", "python -m bench": "matplotlib"}
"""What a block uses to the package of an extra, without which it cannot be run."""
_AS_IN_ONE_TERMINAL = """\
set -a
if [ -f "{path}" ]; then . "{path}"; fi
{text}
export -p > "{path}"
"""
"""What a block exports, or only sets, the next one has."""
NOT_COPIED = (".git", ".*_cache", ".hypothesis", ".venv", "runs", "build", "dist", "*.db", "*-wal", "*-shm", "*.lock")


class PageError(Exception):
    """A block does not do what its page says."""


@dataclass
class Reader:
    """Who reads, where, and with what."""

    folder: Path
    model_url: str
    database_url: str | None = None
    """PostgreSQL; null: an SQLite file beside the folder."""
    skipped: list[str] = field(default_factory=list)
    """What was not run, and why."""

    @property
    def command(self) -> list[str]:
        """``mlops-debug``."""
        return [sys.executable, "-m", "server"]

    def prepare(self) -> None:
        """Lay out the folder, like a checkout whose every change is thrown away, and the commands."""
        # No links: OpenEnv's validator takes none, and what a block writes must not end in the checkout.
        copytree(ROOT, self.folder, ignore=ignore_patterns(*NOT_COPIED))
        commands = self._commands
        commands.mkdir()
        here = f"PYTHONPATH={ROOT} {sys.executable}"
        serve = f'shift; exec env {here} -m tests.docs.serving "$@"'
        _write(commands / "mlops-debug", f'if [ "$1" = serve ]; then {serve}; fi; exec {" ".join(self.command)} "$@"')
        _write(commands / "python", f'exec {sys.executable} "$@"')
        _write(commands / "pytest", f'exec {sys.executable} -m pytest -q tests/test_architecture.py "$@"')
        _write(commands / "pip", f'exec env {here} -m tests.docs.installing "$@"')

    def follow(self, page: Path) -> None:
        """Run every block; raises ``PageError``."""
        blocks = [each for each in blocks_of(page) if is_code(each) and each.reason is None]
        served = self.folder.with_name(f"{self.folder.name}-{page.stem}-served")
        served.mkdir()
        self._terminal.unlink(missing_ok=True)
        server = ServerProcess(
            served,
            command=self.command,
            child_environment=self.settings(self.database_url),
            database_argument=self.database_url is None,
        )
        settings = self.settings(self.database_url or f"sqlite:///{server.database}")
        settings["MLOPS_DEBUG_URL"] = server.url
        settings["DOCS_COMMAND"] = "\n".join(self.command)
        settings["DOCS_PATH"] = settings.get("PYTHONPATH", "")
        server.start()
        try:
            for block in blocks:
                self.run(block, server, settings)
        finally:
            server.stop()

    def settings(self, database_url: str | None) -> dict[str, str]:
        path = f"{self._commands}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
        named = {"MLOPS_DEBUG_GENERATOR_PROCESSES": "1", "OPENAI_BASE_URL": self.model_url, "PATH": path}
        if database_url is not None:
            named["MLOPS_DEBUG_DATABASE_URL"] = database_url
        return environment(**named)

    def run(self, block: Block, server: ServerProcess, settings: dict[str, str]) -> None:
        missing = self._missing(block)
        if missing is not None:
            self.skipped.append(f"{block.name}: {missing} is not installed")
            print(f"not run here: {self.skipped[-1]}")
            return
        text = block.text.replace(DATABASE, settings["MLOPS_DEBUG_DATABASE_URL"])
        for each in ADDRESSES:
            text = text.replace(each, server.url.removeprefix("http://"))
        if block.language == "sql":
            asyncio.run(_execute(settings["MLOPS_DEBUG_DATABASE_URL"], text))
            return
        ran = subprocess.run(
            self._words(block, text),
            cwd=self.folder,
            env=settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BLOCK_SECONDS,
            check=False,
        )
        if ran.returncode != 0:
            raise PageError(f"{block.name}:\n{text}\nexit {ran.returncode}\n{ran.stdout}\n{ran.stderr}")

    @property
    def _commands(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-commands")

    @property
    def _terminal(self) -> Path:
        return self._commands / "terminal.sh"

    def _words(self, block: Block, text: str) -> list[str]:
        if block.language == "bash":
            for pattern, smaller in SMALLER:
                text = re.sub(pattern, smaller, text, flags=re.MULTILINE)
            return ["bash", "-euo", "pipefail", "-c", _AS_IN_ONE_TERMINAL.format(path=self._terminal, text=text)]
        script = self.folder / f"block-{block.line}.py"
        script.write_text(text)
        return [sys.executable, str(script)]

    def _missing(self, block: Block) -> str | None:
        """The package without which the block cannot be run here; null: all is here."""
        used = (word for word in NEEDED if re.search(rf"^(from |import |pip .*&& )?{word}\b", block.text, re.MULTILINE))
        return next((NEEDED[word] for word in used if find_spec(NEEDED[word]) is None), None)


def _write(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


async def _execute(url: str, statements: str) -> None:
    """As an owner of the database would, with the role that the page speaks of."""
    import asyncpg

    connection = await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(False))
    try:
        await connection.execute("CREATE ROLE server")
        await connection.execute(statements)
        await connection.execute("DROP OWNED BY server; DROP ROLE server")
    finally:
        await connection.close()
