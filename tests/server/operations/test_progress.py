"""What takes long says how far it is, and Ctrl-C ends it with one line and without half a file."""

from __future__ import annotations

import asyncio
import io
import signal
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import typer
from rich.console import Console

from server.audit.bundle.verifier import verify_bundle
from server.audit.bundle.writer import export_bundle
from server.episodes.rebuild import rebuild
from server.operations.backup import back_up
from server.operations.progress import ShownProgress, showing_progress
from server.ranking.regrade import parse_rubric, regrade
from server.scenarios.simulation import InProcessSimulation
from server.security.secret_files import SecretFiles, secrets_folder
from server.security.signing import load_signer
from server.settings import Settings
from server.storage.connections import run_read_snapshot, run_write_sqlite
from server.storage.engines import create_write_engine, parse_url
from server.storage.migrations import upgrade
from tests.stores import record

NOW = "2030-01-01T00:00:00.000Z"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(*, is_terminal: bool) -> tuple[ShownProgress, Clock, io.StringIO]:
    text, clock = io.StringIO(), Clock()
    console = Console(file=text, force_terminal=is_terminal, width=120)
    return ShownProgress(console, monotonic=clock), clock, text


def test_a_line_each_half_minute_has_rate_and_remaining_time() -> None:
    progress, clock, text = shown(is_terminal=False)
    progress.begin("episodes", 1_000)
    for clock.now in range(1, 62):
        progress.advance(10)
    assert text.getvalue().splitlines() == [
        "300 of 1,000 episodes, 10/s, about 70 s to go",
        "600 of 1,000 episodes, 10/s, about 40 s to go",
    ]


def test_of_what_has_no_known_end_the_rate_is_shown() -> None:
    progress, clock, text = shown(is_terminal=False)
    progress.begin("statements")
    clock.now = 30.0
    progress.advance(60)
    assert text.getvalue().splitlines() == ["60 statements, 2/s"]


def test_what_is_done_within_two_seconds_shows_nothing_on_a_terminal() -> None:
    progress, clock, text = shown(is_terminal=True)
    progress.begin("episodes", 10)
    clock.now = 1.9
    progress.advance(5)
    assert text.getvalue() == ""
    clock.now = 2.5
    progress.advance(3)
    progress.stop()
    assert "8/10" in text.getvalue()
    assert "3/s" in text.getvalue()


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), ValueError("cannot build: KeyboardInterrupt: ")], ids=["itself", "made into another"]
)
def test_ctrl_c_ends_a_command_with_one_line_that_says_what_was_done(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        with showing_progress(left="no file was written") as progress:
            progress.begin("episodes", 1_000)
            progress.advance(17)
            raise error

    with pytest.raises(typer.Exit) as ended:
        command()
    assert ended.value.exit_code == 130
    assert capsys.readouterr().err.splitlines() == ["interrupted after 17 of 1,000 episodes; no file was written"]


def test_ctrl_c_in_the_last_step_has_no_effect(capsys: pytest.CaptureFixture[str]) -> None:
    with showing_progress() as progress:
        progress.begin("episodes", 1)
        progress.finish()
        signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err == ""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_the_last_step_of_what_only_prepares_ends_the_command_before_the_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command() -> None:
        with showing_progress() as progress:
            progress.begin("statements of the upgrade", 1)
            progress.finish()
            signal.raise_signal(signal.SIGINT)
            progress.begin("rows folded", 10)

    with pytest.raises(typer.Exit) as ended:
        command()
    assert ended.value.exit_code == 130
    assert capsys.readouterr().err.splitlines() == ["interrupted after 0 of 10 rows folded; nothing was changed"]


class Interrupted:
    """Ctrl-C after some progress in one of the phases."""

    def __init__(self, phase: str) -> None:
        self._phase = phase
        self._what = ""
        self.is_reached = self.is_finished = False

    def begin(self, what: str, total: int | None = None) -> None:
        self._what = what

    def advance(self, count: int = 1) -> None:
        if self._phase in self._what:
            self.is_reached = True
            raise KeyboardInterrupt

    def finish(self) -> None:
        self.is_finished = True


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("store")
    settings = Settings(database_url=f"sqlite:///{folder / 'store.db'}", secrets_folder=str(folder / "secrets"))
    asyncio.run(record(settings, episodes=4, scenarios=1, simulation=InProcessSimulation()))
    return settings


def files_of(settings: Settings) -> SecretFiles:
    return SecretFiles(secrets_folder(settings))


def export(settings: Settings, path: Path, progress: Interrupted) -> None:
    signer = load_signer(files_of(settings))
    asyncio.run(
        run_read_snapshot(
            settings.database_url,
            lambda opened: export_bundle(opened, signer, path, round_id=None, now=NOW, progress=progress),
        )
    )


def back_up_to(settings: Settings, path: Path, progress: Interrupted) -> None:
    back_up(settings.database_url, files_of(settings), path, audits=4, progress=progress)


@pytest.mark.parametrize("command", [export, back_up_to])
def test_ctrl_c_waits_while_a_file_gets_its_name(
    store: Settings, tmp_path: Path, command: Callable[[Settings, Path, Interrupted], None]
) -> None:
    progress = Interrupted("nothing")
    command(store, tmp_path / "file", progress)
    assert progress.is_finished


@pytest.mark.parametrize(
    ("command", "phase"), [(export, "episodes"), (back_up_to, "pages"), (back_up_to, "chains"), (back_up_to, "audited")]
)
def test_an_interrupted_command_leaves_no_file(
    store: Settings, tmp_path: Path, command: Callable[[Settings, Path, Interrupted], None], phase: str
) -> None:
    progress = Interrupted(phase)
    with pytest.raises(KeyboardInterrupt):
        command(store, tmp_path / "file", progress)
    assert progress.is_reached
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_verification_ends_its_processes(store: Settings, tmp_path: Path) -> None:
    export(store, tmp_path / "b.zip", Interrupted("nothing"))
    with pytest.raises(KeyboardInterrupt):
        verify_bundle(tmp_path / "b.zip", "00" * 32, create_pool=ThreadPoolExecutor, progress=Interrupted("episodes"))


def dump_of(settings: Settings) -> list[str]:
    with closing(sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize("phase", ["folded", "compared", "graded"])
def test_an_interrupted_change_changes_nothing(store: Settings, phase: str) -> None:
    before = dump_of(store)
    progress = Interrupted(phase)
    rubric = parse_rubric({"version": "mine"})
    with pytest.raises(KeyboardInterrupt):
        run_write_sqlite(
            parse_url(store.database_url),
            lambda opened: (
                regrade(opened, rubric, round_id=None, now=NOW, progress=progress)
                if phase == "graded"
                else rebuild(opened, verify=False, progress=progress)
            ),
        )
    assert dump_of(store) == before


@pytest.mark.parametrize("at", [1, 3])
def test_an_interrupted_upgrade_leaves_the_tables_as_they_were(tmp_path: Path, at: int) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);"
            "INSERT INTO alembic_version VALUES ('0011');"
            "CREATE TABLE events (position INTEGER);"
        )
    seen: list[int] = []

    class AfterStatements(Interrupted):
        def advance(self, count: int = 1) -> None:
            seen.append(count)
            if sum(seen) == at:
                raise KeyboardInterrupt

    engine = create_write_engine(parse_url(f"sqlite:///{path}"))
    with pytest.raises(KeyboardInterrupt):
        upgrade(engine, AfterStatements("upgrade"))
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0011",)]
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'audit_records'").fetchall() == []
