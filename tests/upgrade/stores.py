"""The stores of released versions, unpacked for a test."""

from __future__ import annotations

import asyncio
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, inspect

from server.settings import Settings
from server.storage.connections import run_read
from tests.databases import connect
from tests.postgres import PrivatePostgres

Json = dict[str, Any]
Contents = dict[str, list[Any]]
STORES = Path(__file__).parent / "stores"
RELEASES = sorted({path.name.split("-")[0] for path in STORES.glob("*.tar.xz")})


@dataclass(frozen=True)
class Store:
    """The files of a store, and its database as the release left it."""

    folder: Path
    database_url: str

    @cached_property
    def played(self) -> Json:
        """What was sent to the server of the release, and what it answered."""
        played: Json = json.loads((self.folder / "played.json").read_text())
        return played

    @property
    def public_key(self) -> str:
        return str(self.answer("/public-key")["public_key"])

    @property
    def settings(self) -> Settings:
        return Settings(database_url=self.database_url, secrets_folder=str(self.folder / "secrets"), access="open")

    @property
    def environment(self) -> dict[str, str]:
        """Settings of a server and of commands, under which the running episodes of long ago are not expired."""
        return {
            "MLOPS_DEBUG_DATABASE_URL": self.database_url,
            "MLOPS_DEBUG_SECRETS_FOLDER": str(self.folder / "secrets"),
            "MLOPS_DEBUG_ACCESS": "open",
            "MLOPS_DEBUG_IDLE_SECONDS": "1e9",
        }

    def answer(self, path: str) -> Json:
        """What the release answered to a GET."""
        (found,) = [each["answer"] for each in self.played["read"] if each["path"] == path]
        answer: Json = found
        return answer

    def answers_to(self, episode: str, key: str | None = None) -> list[Json]:
        """The release's exchanges of the steps of an episode, as its player names it."""
        sent = self.played["exchanges"]
        return [each for each in sent if each["path"] == f"/episodes/{episode}/step" and each["key"] == key]


def unpack(release: str, folder: Path, postgres: PrivatePostgres | None) -> Store:
    """Unpack a release's store into a folder; with a PostgreSQL, load its dump into a new database there."""
    backend = "sqlite" if postgres is None else "postgres"
    with tarfile.open(STORES / f"{release}-{backend}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    if postgres is None:
        return Store(folder, f"sqlite:///{folder / 'mlops-debug.db'}")
    url = postgres.create_database()
    with ThreadPoolExecutor(1) as thread:  # a test may have a loop that runs already
        thread.submit(asyncio.run, _load(url, (folder / "store.sql").read_text())).result()
    return Store(folder, url)


async def _load(url: str, dump: str) -> None:
    connection = await connect(url)
    try:
        await connection.execute(dump)
    finally:
        await connection.close()


class HasDatabase(Protocol):
    """A store, or what runs on one."""

    @property
    def database_url(self) -> str: ...


def contents(store: HasDatabase) -> Contents:
    """The rows of all tables and views, and the names of all else that a database has."""
    return asyncio.run(run_read(store.database_url, _contents))


def _contents(connection: Connection) -> Contents:
    inspector = inspect(connection)
    names = [*inspector.get_table_names(), *inspector.get_view_names()]
    rows = {name: sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {name}").all())) for name in names}
    is_sqlite = connection.dialect.name == "sqlite"
    described = (
        "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
        if is_sqlite
        else "SELECT 'relation', relname, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION "
        "SELECT 'function', proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace UNION "
        "SELECT 'trigger', tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2, 3"
    )
    return {**rows, "described": [tuple(row) for row in connection.exec_driver_sql(described)]}
