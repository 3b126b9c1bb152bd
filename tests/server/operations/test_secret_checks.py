"""The checks of doctor for keys and the secrets folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.tasks.suites import SUITES
from server.operations.secret_checks import check_keys, check_secrets
from server.ranking.rounds import open_round, secret_file_name
from server.security.api_keys import create_key, revoke_key
from server.security.secret_files import SecretFiles, secrets_folder
from server.security.signing import KEY_FILE, load_signer
from server.settings import Settings
from tests.operating import changed

NOW = "2026-01-01T00:00:00.000000Z"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database_url=f"sqlite:///{tmp_path / 's.db'}", access="keys")


@pytest.fixture
def files(settings: Settings) -> SecretFiles:
    """A folder with a signing key and the secret of an open round."""
    files = SecretFiles(secrets_folder(settings))
    load_signer(files)
    suite = next(iter(SUITES.values()))
    changed(settings, lambda opened: open_round(opened, files, "spring", suite, attempts_allowed=1, now=NOW))
    return files


async def test_a_key_must_exist_where_one_is_needed(settings: Settings) -> None:
    assert (await check_keys(settings)).verdict == "bad"
    changed(settings, lambda opened: create_key(opened, "a", scopes=("agent",), kind="agent", now=NOW))
    assert (await check_keys(settings)).verdict == "good"
    changed(settings, lambda opened: revoke_key(opened, "a", now=NOW))
    found = await check_keys(settings)
    assert (found.verdict, "keys create" in found.message) == ("bad", True)


async def test_open_access_beyond_loopback_is_noted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    assert (await check_keys(Settings(database_url=url))).verdict == "good"
    assert (await check_keys(Settings(database_url=url, host="0.0.0.0", access="open"))).verdict == "note"


async def test_a_folder_that_is_its_owners_alone_is_good(settings: Settings, files: SecretFiles) -> None:
    found = await check_secrets(settings)
    assert (found.verdict, "1 open rounds" in found.message) == ("good", True)


async def test_before_the_first_start_there_is_no_folder(settings: Settings) -> None:
    assert (await check_secrets(settings)).verdict == "good"
    assert not secrets_folder(settings).exists()


@pytest.mark.parametrize("name", ["", KEY_FILE, "round-spring.secret"])
async def test_what_others_may_read_is_reported_with_the_command_that_ends_it(
    settings: Settings, files: SecretFiles, name: str
) -> None:
    path = files.folder / name
    path.chmod(0o755 if path.is_dir() else 0o644)
    found = await check_secrets(settings)
    assert (found.verdict, f"chmod {'700' if path.is_dir() else '600'} {path}" in found.message) == ("bad", True)


async def test_a_secret_that_is_gone_or_another_is_reported(settings: Settings, files: SecretFiles) -> None:
    secret = files.folder / secret_file_name("spring")
    secret.write_bytes(b"another secret of the same form!")
    assert "restore it" in (await check_secrets(settings)).message
    secret.unlink()
    found = await check_secrets(settings)
    assert (found.verdict, str(secret) in found.message) == ("bad", True)


async def test_a_damaged_signing_key_is_reported(settings: Settings, files: SecretFiles) -> None:
    (files.folder / KEY_FILE).write_text("no key")
    found = await check_secrets(settings)
    assert (found.verdict, KEY_FILE in found.message) == ("bad", True)


async def test_a_folder_that_is_gone_is_reported_where_it_is_needed(settings: Settings, files: SecretFiles) -> None:
    files.folder.rename(files.folder.with_name("elsewhere"))
    found = await check_secrets(settings)
    assert (found.verdict, "restore it" in found.message) == ("bad", True)
