"""The commands that are killed and interrupted, over one small store, and what each may leave.

A file is absent, the older one, or whole; a database is as it was or as it should be; an audit goes on without a finding.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from domain.generator import GENERATOR_VERSION
from server.audit.bundle.verifier import verify_bundle
from server.audit.store_audit import Derive, audit_store
from server.scenarios.simulation import InProcessSimulation, create_process_pool
from server.security.secret_files import SecretFiles
from server.security.signing import own_public_key
from server.settings import Settings
from server.storage.engines import parse_url
from server.storage.migrations import upgrade_database
from tests.databases import execute
from tests.e2e.running import run_command_in_process
from tests.postgres import PrivatePostgres
from tests.stores import record
from tests.upgrade.stores import RELEASES, Contents, contents, unpack

OLDER = b"older"
TEMPORARY = (".unfinished-*", "*.part*")
"""Names of files that are not whole yet; what is killed leaves them."""
SCENARIOS = 2
SUITE = {
    "name": "mine",
    "generator_version": GENERATOR_VERSION,
    "entries": [{"task_id": "easy", "seed": seed} for seed in (901, 902, 903)],
}


class Place(NamedTuple):
    """Where a command runs."""

    folder: Path
    database_url: str
    settings: dict[str, str]

    def run(self, *arguments: str) -> str:
        """The output of a command that must end without a finding. Its paths are absolute."""
        done = run_command_in_process(*arguments, settings=self.settings)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def count(self, table: str) -> int:
        ((count,),) = execute(self.database_url, f"SELECT count(*) FROM {table}")
        return int(count)

    def assert_intact(self) -> None:
        if self.database_url.startswith("sqlite"):
            assert execute(self.database_url, "PRAGMA integrity_check") == [("ok",)]


class Victim(NamedTuple):
    """A command, and what is checked afterwards."""

    arguments: tuple[str, ...]
    outcome: Callable[[Place, Stores], str]
    """What was left, in a word; raises ``AssertionError``."""
    older: str | None = None
    """A file of this name is there before."""
    is_for_old_store: bool = False
    runs_on_postgres: bool = True


class Stores:
    """A store of this version and one of a released version, made once; each command gets a copy."""

    def __init__(self, folder: Path, postgres: PrivatePostgres | None, *, episodes: int) -> None:
        self._folder = folder
        self._postgres = postgres
        for name in ("new", "old"):
            (folder / name).mkdir()
        self._new = _place(folder / "new", None if postgres is None else postgres.create_database())
        made = Settings(database_url=self._new.database_url, secrets_folder=str(folder / "new" / "secrets"))
        with create_process_pool(1) as pool:  # a fork of this process cannot use the threads that play
            pool.submit(_record, made, episodes).result()
        (folder / "new" / "rubric.json").write_text('{"version": "mine"}')
        (folder / "new" / "suite.json").write_text(json.dumps(SUITE))
        exported = self._new.run("export", "--bundle", str(folder / "new" / "whole.zip"))
        self.public_key = exported.split("public key: ")[1].split()[0]
        self.before = contents(self._new)
        self._old = _place(folder / "old", unpack(RELEASES[0], folder / "old", postgres).database_url)
        self.old = contents(self._old)
        self.upgraded = self._upgraded()

    def copy(self, victim: Victim) -> Place:
        """A place where the command was not run yet; the place of the command before it is removed."""
        original = self._old if victim.is_for_old_store else self._new
        shutil.rmtree(self._folder / "copy", ignore_errors=True)
        shutil.copytree(original.folder, self._folder / "copy")
        if victim.older is not None:
            (self._folder / "copy" / victim.older).write_bytes(OLDER)
        copied = None if self._postgres is None else self._postgres.copy_database(original.database_url)
        return _place(self._folder / "copy", copied)

    def arguments(self, victim: Victim) -> list[str]:
        return [each.format(public_key=self.public_key) for each in victim.arguments]

    def _upgraded(self) -> Contents:
        other = self.copy(VICTIMS["upgrade"])
        asyncio.run(upgrade_database(parse_url(other.database_url)))
        return contents(other)


def _record(settings: Settings, episodes: int) -> None:
    asyncio.run(record(settings, episodes=episodes, scenarios=SCENARIOS, simulation=InProcessSimulation()))


def _place(folder: Path, url: str | None) -> Place:
    (file,) = [*folder.glob("*.db"), folder / "store.db"][:1]
    chosen = url or f"sqlite:///{file}"
    settings = {
        "DATABASE_URL": chosen,
        "SECRETS_FOLDER": str(folder / "secrets"),
        "ACCESS": "open",
        "IDLE_SECONDS": "1e9",
    }
    return Place(folder, chosen, {f"MLOPS_DEBUG_{name}": value for name, value in settings.items()})


def _bundle(place: Place, stores: Stores) -> str:
    written = place.folder / "bundle.zip"
    if written.read_bytes() == OLDER:
        return "older"
    with zipfile.ZipFile(written) as bundle:
        assert bundle.testzip() is None
        assert "signature.json" in bundle.namelist()
    assert verify_bundle(written, stores.public_key, create_pool=ThreadPoolExecutor).findings == ()
    return "whole"


def _checkpoint(place: Place, _: Stores) -> str:
    written = place.folder / "checkpoint.json"
    if written.read_bytes() == OLDER:
        return "older"
    place.run("audit", "--checkpoint", str(written))
    return "whole"


def _backup(place: Place, stores: Stores) -> str:
    written = place.folder / "backup.db"
    if not written.exists():
        return "absent"
    copy = Place(written.parent, f"sqlite:///{written}", {})
    copy.assert_intact()
    assert contents(copy) == stores.before
    return "whole"


def _audit(place: Place, stores: Stores) -> str:
    """The next audit has no finding, and derives what this one did not record."""
    place.assert_intact()
    _assert_kept(place, stores, but=("audit_records",))
    files = SecretFiles(place.folder / "secrets")
    derive = Derive("new", public_key=own_public_key(files))
    report = audit_store(place.database_url, files, create_pool=ThreadPoolExecutor, derive=derive)
    assert report.findings == ()
    return "all recorded" if not report.derived else "none recorded" if report.since is None else "some recorded"


def _verified(place: Place, stores: Stores) -> str:
    _assert_kept(place, stores)
    return "unchanged"


def _rebuilt(place: Place, stores: Stores) -> str:
    place.assert_intact()
    _assert_kept(place, stores)
    return "as it was"


def _regraded(place: Place, stores: Stores) -> str:
    place.assert_intact()
    _assert_kept(place, stores, but=("regrades", "rubrics"))
    graded = place.count("regrades")
    assert graded in (0, place.count("recorded_episodes"))
    return "all" if graded else "none"


def _warmed(place: Place, stores: Stores) -> str:
    place.assert_intact()
    _assert_kept(place, stores, but=("scenarios",))
    return f"{place.count('scenarios') - SCENARIOS} scenarios"


def _upgraded(place: Place, stores: Stores) -> str:
    place.assert_intact()
    left = contents(place)
    assert left in (stores.old, stores.upgraded)
    return "older" if left == stores.old else "newest"


def _assert_kept(place: Place, stores: Stores, *, but: tuple[str, ...] = ()) -> None:
    """Nothing differs but what was added to some tables."""
    left = contents(place)
    assert {name for name, rows in left.items() if rows != stores.before[name]} <= set(but)


VICTIMS = {
    "export": Victim(("export", "--bundle", "bundle.zip"), _bundle, older="bundle.zip"),
    "checkpoint": Victim(("checkpoint", "--out", "checkpoint.json"), _checkpoint, older="checkpoint.json"),
    "backup": Victim(("backup", "backup.db", "--workers", "1"), _backup, runs_on_postgres=False),
    "audit": Victim(("audit", "--all", "--workers", "1"), _audit),
    "audit --since-last": Victim(("audit", "--since-last", "--workers", "1"), _audit),
    "rebuild": Victim(("rebuild",), _rebuilt),
    "regrade": Victim(("regrade", "--rubric", "rubric.json"), _regraded),
    "verify": Victim(("verify", "whole.zip", "--public-key", "{public_key}", "--workers", "1"), _verified),
    "warm": Victim(("warm", "--suite", "suite.json"), _warmed),
    "upgrade": Victim(("db", "upgrade"), _upgraded, is_for_old_store=True),
}
