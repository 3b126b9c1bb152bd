"""Files of commands are written atomically, and a failure is reported in one line."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from server import atomic_files as whole_files
from server.atomic_files import UnwritableFileError, atomic_write, write_text_atomically
from server.security.secret_files import SecretFiles, UnwritableSecretsError
from tests.e2e.running import run_command, run_command_in_process


def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "checkpoint.json"
    target.write_text("older")
    with atomic_write(target) as unfinished:
        unfinished.write_text("newer")
        assert target.read_text() == "older"
    assert target.read_text() == "newer"
    assert os.listdir(tmp_path) == ["checkpoint.json"]


def test_a_file_that_cannot_be_finished_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "checkpoint.json"
    target.write_text("older")

    def write_a_part() -> None:
        with atomic_write(target) as unfinished:
            unfinished.write_text("new")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(UnwritableFileError, match="No space left"):
        write_a_part()
    assert target.read_text() == "older"
    assert os.listdir(tmp_path) == ["checkpoint.json"]


def test_file_and_folder_are_flushed_before_and_after_the_renaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[bool, bool]] = []
    target, sync = tmp_path / "bundle.zip", whole_files.sync_file

    def noticed(path: Path) -> None:
        flushed.append((path == tmp_path, target.exists()))
        sync(path)

    monkeypatch.setattr(whole_files, "sync_file", noticed)
    write_text_atomically(target, "x")
    assert flushed == [(False, False), (True, True)]


@pytest.mark.parametrize("name", ["missing/bundle.zip", "."])
def test_a_folder_that_is_missing_or_in_the_way_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnwritableFileError, match=r"no folder|it is a folder"):
        write_text_atomically(tmp_path / name, "x")


def test_a_secret_on_a_full_disk_is_reported_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableSecretsError, match="No space left"):
        SecretFiles(tmp_path / "secrets").write_once("key", b"secret")
    assert os.listdir(tmp_path / "secrets") == []


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "store.db"
    assert run_command_in_process("rounds", "open", "--name", "spring", "--database", str(path)).returncode == 0
    return path


@pytest.mark.parametrize("arguments", [("export", "--bundle"), ("checkpoint", "--out")])
def test_a_command_that_cannot_write_says_so_in_one_line(
    database: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    out = tmp_path / "missing" / "file"
    done = run_command_in_process(*arguments, str(out), "--database", str(database))
    error_lines = [line for line in done.stderr.splitlines() if not line.startswith("database: ")]
    assert done.returncode == 2
    assert error_lines == [f"error: cannot write {out}: there is no folder {out.parent}"]


def test_a_round_whose_secret_cannot_be_written_is_not_opened(database: Path, tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")
    done = run_command(
        *("rounds", "open", "--name", "autumn", "--database", str(database)),
        settings={"MLOPS_DEBUG_SECRETS_FOLDER": str(tmp_path / "in-the-way")},
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert str(tmp_path / "in-the-way") in done.stderr


@pytest.mark.parametrize("arguments", [("export", "--bundle"), ("checkpoint", "--out")])
def test_a_file_that_grows_too_large_is_reported_in_one_line_and_what_was_there_stays(
    database: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A limit on the size of files is a full disk that needs no root."""
    out = tmp_path / "file"
    out.write_text("older")
    first = run_command_in_process(
        "checkpoint", "--json", "--database", str(database)
    )  # nothing is left to write in the database
    assert json.loads(first.stdout)["statement"]["number"] >= 1
    done = subprocess.run(
        [sys.executable, "-m", "server", *arguments, str(out), "--database", str(database)],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256)),
    )
    error_lines = [line for line in done.stderr.splitlines() if not line.startswith("database: ")]
    print(done.stderr)
    assert done.returncode == 2
    assert len(error_lines) == 1
    assert out.read_text() == "older"
    assert os.listdir(tmp_path) == ["file"]
