"""Reads an untrusted bundle: known members only, with limits on size, compression ratio, line length and nesting."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Callable, NamedTuple, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from domain.chain import Link, digest_of
from domain.events import ENDING_KINDS
from server.audit.bundle.writer import FORMAT

MIB = 1 << 20
MAX_MEMBER_BYTES = {
    "manifest.json": 4 * MIB,
    "boards.json": 16 * MIB,
    "checkpoint.json": 64 * MIB,
    "signature.json": MIB,
    "events.jsonl": 1024 * MIB,
    "scenarios.jsonl": 1024 * MIB,
    "receipts.jsonl": 256 * MIB,
    "checkpoints.jsonl": 256 * MIB,
}
"""Max unpacked bytes of each member."""
MAX_BYTES = 1536 * MIB
"""Of all members together."""
MAX_RATIO = 200
"""Of unpacked to packed bytes, of a member that unpacks to more than ``FREE_BYTES``."""
FREE_BYTES = MIB
MAX_LINE_BYTES = 8 * MIB
MAX_VALUES = 4_000_000
"""In one JSON text; an empty list costs fifty times as much memory as its two bytes."""
MAX_DEPTH = 32
_Parsed = TypeVar("_Parsed")
_SINCE_SIGNED = ("signature.json", "checkpoints.jsonl")
"""Not in the bundles of earlier versions."""


class BundleError(ValueError):
    """The file is no bundle."""


class Bundle(NamedTuple):
    """The content of a bundle."""

    manifest: dict[str, Any]
    streams: dict[str, tuple[Link, ...]]
    scenarios: dict[str, str]
    """Digest, not verified here, to body."""
    splits: dict[str, str]
    """Digest to the split of the scenario, where the bundle names it."""
    receipts: list[Any]
    boards: list[dict[str, Any]]
    checkpoint: Any
    """None: there was none when the bundle was made."""
    checkpoints: list[Any] | None
    """All statements up to the checkpoint; None: an earlier version wrote the bundle."""
    signature: Any
    """None: the same."""

    @property
    def whole(self) -> dict[str, tuple[Link, ...]]:
        """Episodes without withheld payloads."""
        return {name: links for name, links in self.streams.items() if all(each.payload is not None for each in links)}

    @property
    def running(self) -> list[str]:
        return [name for name, links in self.streams.items() if links[-1].kind not in ENDING_KINDS]


class _Partial(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Round(_Partial):
    round_id: str
    suite_id: str
    suite_digest: str
    attempts: int
    rubric_version: str
    generator_version: str
    commitment: str
    opened_at: str
    closed_at: str | None
    secret: Annotated[str, Field(pattern=r"^[0-9a-f]*$")] | None


class _Key(_Partial):
    prefix: str
    name: str
    kind: str


class _Manifest(_Partial):
    format: int
    of_round: str | None
    rounds: list[_Round]
    keys: list[_Key]


class _Attempts(_Partial):
    used: int
    running: int


class _BoardRow(_Partial):
    agent: str
    attempts: _Attempts


class _Board(_Partial):
    round: str
    rows: list[_BoardRow]


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    stream_id: str
    version: int
    position: int | None
    kind: str
    schema_version: int
    recorded_at: str
    actor: str
    request_id: str | None
    payload: str | None
    payload_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    prev_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def read_bundle(path: Path) -> Bundle:
    """Read and check the file; raises ``BundleError``."""
    try:
        with zipfile.ZipFile(path) as file:
            _check_members(file)
            return _read(file)
    except BundleError as error:
        raise BundleError(f"{path} is no bundle: {error}") from error
    except RecursionError as error:
        raise BundleError(f"{path} is no bundle: it is nested too deeply") from error
    # RuntimeError: a member is encrypted, or packed in an unknown way.
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        RuntimeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise BundleError(f"{path} is no bundle: {_first_line(error)}") from error


def _check_members(file: zipfile.ZipFile) -> None:
    members = file.infolist()
    names = [each.filename for each in members]
    for name in names:
        if name not in MAX_MEMBER_BYTES:
            raise BundleError(f"it holds {name[:80]!r}, which no bundle has")
    if len(names) != len(set(names)):
        raise BundleError("it holds two members of one name")
    missing = [name for name in MAX_MEMBER_BYTES if name not in names and name not in _SINCE_SIGNED]
    if missing:
        raise BundleError(f"it has no {missing[0]}")
    for each in members:
        if each.file_size > MAX_MEMBER_BYTES[each.filename]:
            raise BundleError(f"{each.filename} unpacks to more than {MAX_MEMBER_BYTES[each.filename]} bytes")
        if each.file_size > max(FREE_BYTES, MAX_RATIO * each.compress_size):
            raise BundleError(f"{each.filename} is packed by a factor of more than {MAX_RATIO}")
    if sum(each.file_size for each in members) > MAX_BYTES:
        raise BundleError(f"it unpacks to more than {MAX_BYTES} bytes")


def _read(file: zipfile.ZipFile) -> Bundle:
    manifest = _document(file, "manifest.json")
    if _Manifest.model_validate(manifest).format != FORMAT:
        raise BundleError(f"it has format {manifest['format']}; this program reads {FORMAT}")
    boards = _document(file, "boards.json")
    for board in boards:
        _Board.model_validate(board)
    links = _lines(file, "events.jsonl", lambda each: _to_link(_Event.model_validate(each)))
    links.sort(key=lambda each: (each.stream_id, each.version))
    names = file.namelist()
    found = _lines(file, "scenarios.jsonl", lambda each: (str(each["digest"]), str(each["body"]), each.get("split")))
    return Bundle(
        manifest,
        {name: tuple(found) for name, found in groupby(links, key=lambda each: each.stream_id)},
        {digest: body for digest, body, _ in found},
        {digest: str(split) for digest, _, split in found if split is not None},
        _lines(file, "receipts.jsonl", _identity),
        boards,
        _document(file, "checkpoint.json"),
        _lines(file, "checkpoints.jsonl", _identity) if "checkpoints.jsonl" in names else None,
        _document(file, "signature.json") if "signature.json" in names else None,
    )


def _document(file: zipfile.ZipFile, name: str) -> Any:
    return parse_bounded(file.read(name))


def _lines(file: zipfile.ZipFile, name: str, parse: Callable[[Any], _Parsed]) -> list[_Parsed]:
    parsed = []
    with file.open(name) as packed, io.BufferedReader(packed, MIB) as unpacked:  # type: ignore[type-var]
        while line := unpacked.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                raise BundleError(f"{name} has a line of more than {MAX_LINE_BYTES} bytes")
            parsed.append(parse(parse_bounded(line)))
    return parsed


def _identity(value: Any) -> Any:
    return value


def parse_bounded(text: bytes) -> Any:
    """JSON of bounded size in memory; raises ``BundleError`` or ``ValueError``."""
    if text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_VALUES:
        raise BundleError(f"it has a JSON text of more than {MAX_VALUES} values")
    value = json.loads(text, parse_constant=_refuse_constant)
    if _is_nested(value):
        raise BundleError("it is nested too deeply")
    return value


def _is_nested(value: Any) -> bool:
    """Whether it is nested more deeply than a bundle is."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _containers_in(outer)]
        if not level:
            return False
    return True


def _containers_in(value: Any) -> list[Any]:
    """The lists and objects directly in a value."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for each in values if isinstance(each, (dict, list))]


def _refuse_constant(constant: str) -> NoReturn:
    raise BundleError(f"{constant} is no JSON")


def _to_link(each: _Event) -> Link:
    payload = None if each.payload is None else each.payload.encode()
    return Link(
        stream_id=each.stream_id,
        version=each.version,
        position=each.position,
        kind=each.kind,
        schema_version=each.schema_version,
        recorded_at=each.recorded_at,
        actor=each.actor,
        request_id=each.request_id,
        payload=payload,
        payload_digest=bytes.fromhex(each.payload_digest) if payload is None else digest_of(payload),
        prev_hash=bytes.fromhex(each.prev_hash),
        hash=bytes.fromhex(each.hash),
    )


def _first_line(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:200] or type(error).__name__
