"""Looks at who may play, and at the folder of what must stay secret: there, whole, and readable by its owner only."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Iterator, NamedTuple

from sqlalchemy import Connection, func, inspect, select

from server.operations.check_result import CheckResult, bad, good, note
from server.ranking.rounds import read_secret
from server.security.api_keys import count_keys
from server.security.secret_files import SecretFiles, SecretLostError, secrets_folder
from server.security.signing import KEY_FILE, load_signer
from server.settings import Settings
from server.storage.connections import NotOurDatabaseError, open_read_connection
from server.storage.engines import database_path, is_sqlite, parse_url
from server.storage.schema import checkpoints, keys, rounds
from server.web.middleware.authentication import is_loopback, is_open


class _Promised(NamedTuple):
    """What the database says should be in the folder."""

    open_rounds: tuple[tuple[str, str], ...] = ()
    """Name and commitment."""
    checkpoints: int = 0
    keys: int = 0


async def check_keys(settings: Settings) -> CheckResult:
    if is_open(settings):
        if is_loopback(settings.host):
            return good("keys", "none is needed: only this machine reaches the server")
        return note(
            "keys",
            "access is open: everybody who reaches the server may play; unset MLOPS_DEBUG_ACCESS to ask for keys",
        )
    count = (await _promised(settings)).keys
    if count == 0:
        return bad("keys", "nobody may play: make a key with mlops-debug keys create NAME, or give --access open")
    return good("keys", f"{count} may be used; mlops-debug keys list shows them")


async def check_secrets(settings: Settings) -> CheckResult:
    files = SecretFiles(secrets_folder(settings))
    promised = await _promised(settings)
    if not files.folder.is_dir():
        return _without_folder(files.folder, promised)
    trouble = next(_faults(files, promised), None)
    if trouble is not None:
        return bad("secrets", trouble)
    count = len(promised.open_rounds)
    held = "the signing key" if (files.folder / KEY_FILE).is_file() else "no signing key yet"
    return good("secrets", f"{files.folder} is its owner's alone, with {held} and the secrets of {count} open rounds")


def _without_folder(folder: Path, promised: _Promised) -> CheckResult:
    if promised.open_rounds or promised.checkpoints:
        return bad(
            "secrets",
            f"there is no folder {folder}, but {len(promised.open_rounds)} open rounds and {promised.checkpoints} checkpoints "
            "need its keys; put it back from where it was kept, or name it in MLOPS_DEBUG_SECRETS_FOLDER",
        )
    nearest = next(each for each in folder.absolute().parents if each.is_dir())
    if not os.access(nearest, os.W_OK):
        return bad("secrets", f"{folder} cannot be made in {nearest}; name another in MLOPS_DEBUG_SECRETS_FOLDER")
    return good("secrets", f"{folder} will be made at the first start")


def _faults(files: SecretFiles, promised: _Promised) -> Iterator[str]:
    if not os.access(files.folder, os.R_OK | os.W_OK | os.X_OK):
        yield f"{files.folder} cannot be used; give it to the user of the server, with chmod 700"
        return
    for path in (files.folder, *sorted(files.folder.iterdir())):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield f"others may use {path}: chmod {'700' if path.is_dir() else '600'} {path}"
    if promised.checkpoints and not (files.folder / KEY_FILE).is_file():
        yield f"{files.folder / KEY_FILE} is missing, but {promised.checkpoints} checkpoints are signed with it; put it back"
    try:
        if (files.folder / KEY_FILE).exists():
            load_signer(files)
        for name, commitment in promised.open_rounds:
            read_secret(files, name, commitment)
    except SecretLostError as error:
        yield f"{error.path} is missing, damaged or another round's; put it back from where it was kept"


async def _promised(settings: Settings) -> _Promised:
    """Nothing, where there is no database of ours yet: another checkup says so."""
    url = parse_url(settings.database_url)
    if is_sqlite(url) and not database_path(url).is_file():
        return _Promised()
    try:
        async with open_read_connection(settings.database_url) as connection:
            return await connection.run_sync(_read_promised)
    except NotOurDatabaseError:
        return _Promised()


def _read_promised(connection: Connection) -> _Promised:
    present = set(inspect(connection).get_table_names())
    if not {keys.name, rounds.name, checkpoints.name} <= present:
        return _Promised()  # of an older version, which a start upgrades
    open_ones = select(rounds.c.round_id, rounds.c.commitment).where(rounds.c.closed_at.is_(None))
    return _Promised(
        tuple((row.round_id, row.commitment) for row in connection.execute(open_ones)),
        connection.scalar(select(func.count()).select_from(checkpoints)) or 0,
        count_keys(connection),
    )
