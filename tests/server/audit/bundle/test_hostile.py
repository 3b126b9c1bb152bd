"""An untrusted file is read within limits, and refused in one line."""

from __future__ import annotations

import json
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from server.audit.bundle.reader import FREE_BYTES, MAX_DEPTH, MAX_LINE_BYTES, MAX_VALUES, BundleError, read_bundle
from server.audit.bundle.verifier import verify_bundle
from tests.e2e.running import run_command_in_process
from tests.profiles import smoke
from tests.server.audit.bundle.editing import edited, left_out, rewritten

BUNDLE = Path(__file__).parent / "format-1-round.zip"
MIB = 1 << 20


def refusal(path: Path) -> str:
    with pytest.raises(BundleError) as refused:
        read_bundle(path)
    message = str(refused.value)
    assert message.startswith(f"{path} is no bundle: ")
    assert "\n" not in message
    return message


FILES = ["events.jsonl", "scenarios.jsonl", "receipts.jsonl", "boards.json", "manifest.json"]


@pytest.mark.parametrize("name", smoke(FILES, lambda name: name in ("events.jsonl", "boards.json")))
def test_a_small_file_that_unpacks_to_much_is_refused_before_it_is_unpacked(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(BUNDLE) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.namelist():
            with new.open(each, "w", force_zip64=True) as out:
                out.write(old.read(each))
                for _ in range(600 if each == name else 0):
                    out.write(b"[],\n" * (MIB // 4))
    assert path.stat().st_size < 2 * MIB
    tracemalloc.start()
    refusal(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * MIB


def test_a_text_of_very_many_values_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    many = b"[" + b"0," * MAX_VALUES + b"0]"
    with zipfile.ZipFile(BUNDLE) as old, zipfile.ZipFile(path, "w") as new:  # not packed: no ratio gives it away
        for each in old.namelist():
            new.writestr(each, many if each == "boards.json" else old.read(each))
    assert "values" in refusal(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"events.jsonl": lambda text: text + " " * (MAX_LINE_BYTES + 1)}, "line"),
        ({"boards.json": lambda _: "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)}, "nested"),
        ({"boards.json": lambda _: "[" * 100_000 + "]" * 100_000}, "nested"),
        ({"boards.json": lambda _: "[NaN]"}, "NaN"),
        ({"boards.json": lambda _: "[{}]"}, "round"),
        ({"boards.json": lambda _: "["}, ""),
        ({"boards.json": left_out}, "boards.json"),
        ({"manifest.json": lambda _: "[]"}, ""),
        ({"manifest.json": edited(lambda manifest: {**manifest, "format": 7})}, "format 7"),
        ({"manifest.json": edited(lambda manifest: {**manifest, "rounds": [1]})}, "rounds"),
        ({"events.jsonl": lambda text: text.replace('"hash": "', '"hash": "x')}, "hash"),
        ({"events.jsonl": lambda text: text.replace('"version": 1,', '"version": "1",')}, "version"),
        ({"scenarios.jsonl": lambda _: "[]\n"}, ""),
    ],
)
def test_what_is_malformed_is_refused(
    tmp_path: Path, changes: dict[str, Callable[[str], str | None]], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.audit.bundle.reader.FREE_BYTES", 64 * FREE_BYTES)  # the line, not its packing
    assert message in refusal(rewritten(BUNDLE, tmp_path, changes))


def _with_another_member(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("../evil", "x")


def _with_a_member_twice(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.writestr("boards.json", "[]")


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)


def _encrypted(path: Path) -> None:
    """The flag of every member in the directory says so."""
    content = path.read_bytes().replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    path.write_bytes(content)


def _packed_otherwise(path: Path) -> None:
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02")
    path.write_bytes(content[: at + 10] + b"\x63\x00" + content[at + 12 :])


@pytest.mark.parametrize(
    "damage",
    [_with_another_member, _with_a_member_twice, _truncated, _damaged, _encrypted, _packed_otherwise],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(BUNDLE.read_bytes())
    damage(path)
    assert path.read_bytes() != BUNDLE.read_bytes()
    refusal(path)


def test_a_scenario_that_cannot_be_read_is_a_finding_and_no_error(tmp_path: Path) -> None:
    changes = {"scenarios.jsonl": lambda text: text.replace("truth", "t")}
    report = verify_bundle(rewritten(BUNDLE, tmp_path, changes), "00" * 32)
    assert "fold" in {each.code for each in report.findings}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "none.zip", "--public-key", "abc"), "64 hex digits"),
        (("verify", "none.zip", "--public-key", "00" * 32), "none.zip is no bundle"),
        (("verify", str(BUNDLE), "--public-key", "00" * 32, "--commitment", "spring"), "ROUND=HEX"),
        (("verify", str(BUNDLE), "--public-key", "00" * 32, "--checkpoint", str(BUNDLE)), "cannot be read"),
        (("audit", "--all", "--public-key", "abc", "--database", "none.db"), "64 hex digits"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(arguments: tuple[str, ...], message: str) -> None:
    done = run_command_in_process(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_bounds_leave_room_for_an_honest_bundle() -> None:
    bundle = read_bundle(BUNDLE)
    assert (len(bundle.streams), len(bundle.receipts), len(bundle.boards)) == (4, 4, 1)
    assert json.dumps(bundle.manifest)
