"""Checks of ``mlops-debug doctor`` for API keys and the secrets folder: present, complete, and private to its owner."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Iterator, NamedTuple

from sqlalchemy import Connection, func, inspect, select

from server.operations.check_result import CheckResult
from server.ranking.rounds import read_secret
from server.security.api_keys import count_keys
from server.security.secret_files import SecretFiles, SecretLostError, secrets_folder
from server.security.signing import KEY_FILE, load_signer
from server.settings import Settings
from server.storage.connections import NotOurDatabaseError, open_read_connection
from server.storage.engines import database_path, is_sqlite, parse_url
from server.storage.schema import checkpoints, keys, rounds
from server.web.middleware.authentication import is_loopback, is_open


class _Expected(NamedTuple):
    """What has to be in the secrets folder according to the database."""

    open_rounds: tuple[tuple[str, str], ...] = ()
    """Name and commitment."""
    checkpoints: int = 0
    keys: int = 0


async def check_keys(settings: Settings) -> CheckResult:
    if is_open(settings):
        if is_loopback(settings.host):
            return CheckResult.ok("keys", "none is needed: the server can be reached from this machine only")
        return CheckResult.warn(
            "keys",
            "access is open: every client that reaches the server may play; unset MLOPS_DEBUG_ACCESS to require keys",
        )
    count = (await _read_expected(settings)).keys
    if count == 0:
        return CheckResult.fail(
            "keys",
            "there is no API key, so that no client may play: create one with mlops-debug keys create NAME, or give --access open",
        )
    return CheckResult.ok("keys", f"{count} are valid; mlops-debug keys list shows them")


async def check_secrets(settings: Settings) -> CheckResult:
    files = SecretFiles(secrets_folder(settings))
    expected = await _read_expected(settings)
    if not files.folder.is_dir():
        return _without_folder(files.folder, expected)
    problem = next(_problems(files, expected), None)
    if problem is not None:
        return CheckResult.fail("secrets", problem)
    count = len(expected.open_rounds)
    key_text = "the signing key" if (files.folder / KEY_FILE).is_file() else "no signing key yet"
    return CheckResult.ok(
        "secrets", f"{files.folder} is private to its owner, with {key_text} and the secrets of {count} open rounds"
    )


def _without_folder(folder: Path, expected: _Expected) -> CheckResult:
    if expected.open_rounds or expected.checkpoints:
        return CheckResult.fail(
            "secrets",
            f"there is no folder {folder}, but {len(expected.open_rounds)} open rounds and {expected.checkpoints} checkpoints "
            "need its keys; restore it from its backup, or name it in MLOPS_DEBUG_SECRETS_FOLDER",
        )
    nearest = next(each for each in folder.absolute().parents if each.is_dir())
    if not os.access(nearest, os.W_OK):
        return CheckResult.fail(
            "secrets", f"{folder} cannot be created in {nearest}; name another in MLOPS_DEBUG_SECRETS_FOLDER"
        )
    return CheckResult.ok("secrets", f"{folder} will be created at the first start")


def _problems(files: SecretFiles, expected: _Expected) -> Iterator[str]:
    if not os.access(files.folder, os.R_OK | os.W_OK | os.X_OK):
        yield f"{files.folder} cannot be used; give it to the user of the server, with chmod 700"
        return
    for path in (files.folder, *sorted(files.folder.iterdir())):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield f"other users can access {path}: chmod {'700' if path.is_dir() else '600'} {path}"
    if expected.checkpoints and not (files.folder / KEY_FILE).is_file():
        yield f"{files.folder / KEY_FILE} is missing, but {expected.checkpoints} checkpoints are signed with it; restore it from its backup"
    try:
        if (files.folder / KEY_FILE).exists():
            load_signer(files)
        for name, commitment in expected.open_rounds:
            read_secret(files, name, commitment)
    except SecretLostError as error:
        yield f"{error.path} is missing, damaged or another round's; restore it from its backup"


async def _read_expected(settings: Settings) -> _Expected:
    """Read what the database requires. Empty if there is no database of ours yet, which another check reports."""
    url = parse_url(settings.database_url)
    if is_sqlite(url) and not database_path(url).is_file():
        return _Expected()
    try:
        async with open_read_connection(settings.database_url) as connection:
            return await connection.run_sync(_query_expected)
    except NotOurDatabaseError:
        return _Expected()


def _query_expected(connection: Connection) -> _Expected:
    present = set(inspect(connection).get_table_names())
    if not {keys.name, rounds.name, checkpoints.name} <= present:
        return _Expected()  # of an older version, which a start upgrades
    open_ones = select(rounds.c.round_id, rounds.c.commitment).where(rounds.c.closed_at.is_(None))
    return _Expected(
        tuple((row.round_id, row.commitment) for row in connection.execute(open_ones)),
        connection.scalar(select(func.count()).select_from(checkpoints)) or 0,
        count_keys(connection),
    )
