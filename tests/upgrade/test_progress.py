"""An upgrade shows how far it is, whichever command makes it, and Ctrl-C ends it at any moment."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from server.operations import progress, serve
from server.operations.commands.setup import run_write
from server.storage import migrations
from server.storage.engines import parse_url
from server.storage.migrations import UpgradeProgress, upgrade_database
from tests.databases import execute
from tests.upgrade.stores import Store
from tests.upgrade.test_failing_upgrades import contents

on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


class Phases:
    """What was reported of each phase: total, and how much was done at most."""

    def __init__(self) -> None:
        self.done: dict[str, tuple[int | None, int]] = {}
        self.reports = 0
        self._what = ""

    def finish(self) -> None:
        """The last step is no phase."""

    def begin(self, what: str, total: int | None = None) -> None:
        self._what = what
        self.done[what] = (total, 0)

    def advance(self, count: int = 1) -> None:
        self.reports += 1
        total, done = self.done[self._what]
        self.done[self._what] = (total, done + count)


@pytest.fixture
def events(store: Store) -> int:
    ((count,),) = execute(store.database_url, "SELECT count(*) FROM events")
    return int(count)


@on_sqlite
def test_the_rows_that_an_upgrade_copies_and_compares_are_counted(
    store: Store, events: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_INSTRUCTIONS", 1_000)
    phases = Phases()
    asyncio.run(upgrade_database(parse_url(store.database_url), phases))
    (statements,) = [done for what, (_, done) in phases.done.items() if what.startswith("statements")]
    assert phases.done["events copied"] == phases.done["events compared"] == (events, events)
    assert statements > 50
    assert phases.reports > statements


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_an_upgrade_of_postgresql_reports_while_a_statement_is_executed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_TICK_SECONDS", 0.0)
    phases = Phases()
    asyncio.run(upgrade_database(parse_url(store.database_url), phases))
    ((what, (_, statements)),) = phases.done.items()
    assert what.startswith("statements of the upgrade from version")
    assert phases.reports > statements > 50


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are shown as soon as anything is reported."""
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
def test_a_server_that_upgrades_an_old_store_shows_how_far_it_is(
    store: Store, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    serve._prepare(replace(store.settings, port=0))
    shown = capsys.readouterr().err
    assert "statements of the upgrade from version" in shown
    assert ("events copied" in shown) == (backend == "sqlite")


@pytest.mark.usefixtures("at_once")
def test_a_command_that_upgrades_by_the_way_shows_how_far_it_is(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run_write(store.settings, lambda _: None)
    assert "statements of the upgrade from version" in capsys.readouterr().err


@on_sqlite
def test_ctrl_c_within_a_function_that_sqlite_calls_ends_an_upgrade_and_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, handler = contents(store), signal.getsignal(signal.SIGINT)

    def interrupted(_: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(UpgradeProgress, "_count_row", interrupted)
    with pytest.raises(KeyboardInterrupt):
        migrations.upgrade_sqlite(parse_url(store.database_url))
    assert signal.getsignal(signal.SIGINT) is handler
    assert contents(store) == before


def test_what_was_counted_when_an_upgrade_ends_is_its_summary() -> None:
    shown = progress.ShownProgress()
    counted = UpgradeProgress(migrations.SchemaVersion("0008", "0013"), shown)
    with suppress(KeyboardInterrupt), counted.rows("events copied", 1_000) as count:
        for _ in range(300):
            count()
        counted.report()
        raise KeyboardInterrupt
    assert shown.summary == "after 300 of 1,000 events copied"
