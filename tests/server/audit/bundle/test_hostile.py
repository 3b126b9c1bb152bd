"""An untrusted file is read within limits, and refused in one line."""

from __future__ import annotations

import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.audit.bundle.reader import FREE_BYTES, MAX_DEPTH, MAX_LINE_BYTES, MAX_VALUES, BundleError
from server.audit.bundle.verifier import verify_bundle
from tests.e2e.running import run_command_in_process
from tests.profiles import smoke
from tests.server.audit.bundle.editing import edited, left_out, rewritten
from tests.server.audit.bundle.parts import read_parts_1, write_parts

FORMAT_1 = Path(__file__).parent / "format-1-round.zip"
KEY = "00" * 32
MIB = 1 << 20


@pytest.fixture(scope="module")
def format_2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same bundle in format 2, whose signatures nobody reads here."""
    parts = read_parts_1(FORMAT_1)
    parts.manifest["format"] = 2
    return write_parts(parts, tmp_path_factory.mktemp("format-2") / "round.zip")


@pytest.fixture(params=[1, 2])
def bundle(request: pytest.FixtureRequest, format_2: Path) -> Path:
    return FORMAT_1 if request.param == 1 else format_2


def refusal(path: Path) -> str:
    with pytest.raises(BundleError) as refused:
        verify_bundle(path, KEY, create_pool=ThreadPoolExecutor)
    message = str(refused.value)
    assert message.startswith(f"{path} is no bundle: ")
    assert "\n" not in message
    return message


FILES = {
    1: ("events.jsonl", "scenarios.jsonl", "receipts.jsonl", "boards.json", "manifest.json"),
    2: ("episodes.jsonl", "heads.jsonl", "checkpoints.jsonl", "checkpoint.json"),
}
MEMBERS = [(number, name) for number, names in FILES.items() for name in names]


@pytest.mark.parametrize(
    "member", smoke(MEMBERS, lambda row: row[1] in ("events.jsonl", "boards.json", "episodes.jsonl"))
)
def test_a_small_file_that_unpacks_to_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, format_2: Path, member: tuple[int, str]
) -> None:
    number, name = member
    bundle = FORMAT_1 if number == 1 else format_2
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
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


def test_a_text_of_very_many_values_is_refused(tmp_path: Path, bundle: Path) -> None:
    path = tmp_path / "many.zip"
    many = b"[" + b"0," * MAX_VALUES + b"0]"
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(path, "w") as new:  # not packed: no ratio gives it away
        for each in old.namelist():
            new.writestr(each, many if each == "boards.json" else old.read(each))
    assert "values" in refusal(path)


OF_BOTH: list[tuple[dict[str, Callable[[str], str | None]], str]] = [
    ({"boards.json": lambda _: "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)}, "nested"),
    ({"boards.json": lambda _: "[" * 100_000 + "]" * 100_000}, "nested"),
    ({"boards.json": lambda _: "[NaN]"}, "NaN"),
    ({"boards.json": lambda _: "[{}]"}, "round"),
    ({"boards.json": lambda _: "["}, ""),
    ({"boards.json": left_out}, "boards.json"),
    ({"manifest.json": lambda _: "[]"}, ""),
    ({"manifest.json": lambda text: text.replace('"rounds":', '"rounds": [], "rounds":')}, "twice"),
    ({"boards.json": lambda text: text.replace('"round":', '"round": "x", "round":')}, "twice"),
    ({"manifest.json": edited(lambda manifest: {**manifest, "format": 7})}, "format 7"),
    ({"manifest.json": edited(lambda manifest: {**manifest, "format": 3 - manifest["format"]})}, "jsonl"),
    ({"manifest.json": edited(lambda manifest: {**manifest, "rounds": [1]})}, "rounds"),
    ({"checkpoints.jsonl": lambda _: "[" * 100_000 + "]" * 100_000}, "nested"),
]
OF_FORMAT_1: list[tuple[dict[str, Callable[[str], str | None]], str]] = [
    ({"events.jsonl": lambda text: text + " " * (MAX_LINE_BYTES + 1)}, "line"),
    ({"events.jsonl": lambda text: text.replace('"hash": "', '"hash": "x')}, "hash"),
    ({"events.jsonl": lambda text: text.replace('"version": 1,', '"version": "1",')}, "version"),
    ({"events.jsonl": lambda text: text.replace('"version": 1,', f'"version": {2**70},')}, "version"),
    ({"scenarios.jsonl": lambda _: "[]\n"}, ""),
    ({"receipts.jsonl": lambda _: "[" * 100_000 + "]" * 100_000}, "nested"),
]
OF_FORMAT_2: list[tuple[dict[str, Callable[[str], str | None]], str]] = [
    ({"episodes.jsonl": lambda text: text + " " * (MAX_LINE_BYTES + 1)}, "line"),
    ({"episodes.jsonl": lambda text: text.replace('"hash": "', '"hash": "x')}, "hash"),
    ({"episodes.jsonl": lambda text: text.replace('"version": 1,', '"version": "1",')}, "version"),
    ({"episodes.jsonl": lambda text: text.replace('"version": 1,', f'"version": {2**70},')}, "version"),
    ({"episodes.jsonl": lambda text: text.replace('"payload": ', '"payload": null, "x": ')}, ""),
    ({"episodes.jsonl": lambda text: text.replace('"kind": "read"', '"kind": [[]]')}, "kind"),
    ({"episodes.jsonl": lambda text: text.replace('"receipt": {', '"receipt": [], "r": {')}, ""),
    ({"episodes.jsonl": lambda _: "[]\n"}, "neither"),
    ({"episodes.jsonl": lambda text: text + '{"episode": "x"}\n'}, "events"),
    ({"episodes.jsonl": lambda text: text + '{"episode": "x", "events": ' + "[" * 100_000 + "\n"}, "nested"),
    ({"episodes.jsonl": lambda text: '{"scenario": {"digest": "x"}}\n' + text[text.index('{"episode"') :]}, "body"),
    ({"heads.jsonl": lambda _: "[1, 2, 3]\n"}, "head"),
    ({"heads.jsonl": left_out}, "heads.jsonl"),
    ({"signature.json": left_out}, "signature.json"),
    ({"episodes.jsonl": lambda text: text.replace('"version": 1,', '"version": NaN,')}, "NaN"),
    ({"episodes.jsonl": lambda text: text.replace('"version": 1,', '"version": 1, "version": 1,')}, "twice"),
]


@pytest.mark.parametrize(
    ("number", "changes", "message"),
    [(number, *each) for number in (1, 2) for each in (*OF_BOTH, *(OF_FORMAT_1 if number == 1 else OF_FORMAT_2))],
)
def test_what_is_malformed_is_refused(
    tmp_path: Path,
    format_2: Path,
    number: int,
    changes: dict[str, Callable[[str], str | None]],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.audit.bundle.reader.FREE_BYTES", 64 * FREE_BYTES)  # the line, not its packing
    bundle = FORMAT_1 if number == 1 else format_2
    if number == 1 and not set(changes) <= set(zipfile.ZipFile(bundle).namelist()):
        pytest.skip("the first version did not write it")
    assert message in refusal(rewritten(bundle, tmp_path, changes))


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


def _not_in_utf_8(path: Path) -> None:
    """A text of the bundle is in another encoding; an episode of format 2, a board of format 1."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = "episodes.jsonl" if "episodes.jsonl" in members else "boards.json"
    members[name] = members[name].replace(b'"version"', b'"versi\xffn"', 1).replace(b'"round"', b'"rou\xffd"', 1)
    with zipfile.ZipFile(path, "w") as file:
        for each, content in members.items():
            file.writestr(each, content)


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
    [_with_another_member, _with_a_member_twice, _truncated, _damaged, _not_in_utf_8, _encrypted, _packed_otherwise],
)
def test_a_damaged_file_is_refused(tmp_path: Path, bundle: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(bundle.read_bytes())
    damage(path)
    assert path.read_bytes() != bundle.read_bytes()
    refusal(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "none.zip", "--public-key", "abc"), "64 hex digits"),
        (("verify", "none.zip", "--public-key", "00" * 32), "none.zip is no bundle"),
        (("verify", str(FORMAT_1), "--public-key", "00" * 32, "--commitment", "spring"), "ROUND=HEX"),
        (("verify", str(FORMAT_1), "--public-key", "00" * 32, "--checkpoint", str(FORMAT_1)), "cannot be read"),
        (("audit", "--all", "--public-key", "abc", "--database", "none.db"), "64 hex digits"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(arguments: tuple[str, ...], message: str) -> None:
    done = run_command_in_process(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_bounds_leave_room_for_an_honest_bundle(bundle: Path) -> None:
    report = verify_bundle(bundle, KEY, create_pool=ThreadPoolExecutor)
    assert report.episodes == 4
