"""Opens an untrusted bundle: known members only, with limits on size, compression ratio, line length and nesting.

What grows with the number of episodes is read line by line, and never as a whole.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, Iterator, Mapping, NoReturn

from pydantic import BaseModel, ConfigDict, Field

FORMATS = (1, 2)
MIB = 1 << 20
GIB = 1 << 30
_MAX_DOCUMENT_BYTES = {"manifest.json": 4 * MIB, "boards.json": 16 * MIB, "signature.json": MIB}
MAX_MEMBER_BYTES: Mapping[int, Mapping[str, int]] = {
    1: {
        **_MAX_DOCUMENT_BYTES,
        "checkpoint.json": 64 * MIB,
        "events.jsonl": 1024 * MIB,
        "scenarios.jsonl": 1024 * MIB,
        "receipts.jsonl": 256 * MIB,
        "checkpoints.jsonl": 256 * MIB,
    },
    2: {
        **_MAX_DOCUMENT_BYTES,
        "checkpoint.json": 4 * MIB,
        "heads.jsonl": 4 * GIB,
        "episodes.jsonl": 128 * GIB,
        "checkpoints.jsonl": 4 * GIB,
    },
}
"""Max unpacked bytes of each member of a format."""
MAX_BYTES: Mapping[int, int] = {1: 1536 * MIB, 2: 128 * GIB}
"""Of all members together. Of format 2 nothing is kept but a hash of each episode."""
MAX_RATIO = 200
"""Of unpacked to packed bytes, of a member that unpacks to more than ``FREE_BYTES``."""
FREE_BYTES = MIB
MAX_LINE_BYTES = 8 * MIB
MAX_VALUES = 4_000_000
"""In one JSON text; an empty list costs fifty times as much memory as its two bytes."""
MAX_DEPTH = 32
_SINCE_SIGNED = ("signature.json", "checkpoints.jsonl")
"""Not in the bundles of format 1 that the first version wrote."""


class BundleError(ValueError):
    """The file is no bundle."""


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
    secret: Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$")] | None


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


class OpenBundle:
    """A bundle whose members are known and bounded; its documents are read, the rest is read on demand."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._members = ExitStack()
        self._names = frozenset(_check_members(file))
        self.manifest: dict[str, Any] = self._document("manifest.json")
        self.format = _Manifest.model_validate(self.manifest).format
        if self.format not in FORMATS:
            known = " and ".join(map(str, FORMATS))
            raise BundleError(f"it has format {self.format}; this program reads {known}")
        _check_sizes(file, self.format)
        self.boards: list[dict[str, Any]] = self._document("boards.json")
        for board in self.boards:
            _Board.model_validate(board)
        self.checkpoint: Any = self._document("checkpoint.json")
        """None: there was none when the bundle was made."""
        self.signature: Any = self._document("signature.json") if "signature.json" in self._names else None
        """None: an earlier version wrote the bundle."""
        self.has_checkpoints = "checkpoints.jsonl" in self._names
        """Whether all statements up to the checkpoint are listed; False: an earlier version wrote the bundle."""

    @property
    def of_round(self) -> str | None:
        """The round that the bundle is of. None: it is of the whole store."""
        return self.manifest["of_round"]  # type: ignore[no-any-return]

    @property
    def closed_rounds(self) -> frozenset[str]:
        return frozenset(each["round_id"] for each in self.manifest["rounds"] if each["closed_at"] is not None)

    def values(self, name: str) -> Iterator[Any]:
        """The values of a member, one a line."""
        for line in self.lines(name):
            yield parse_bounded(line)

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a member as they are; none of a member that is not there."""
        if name not in self._names:
            return
        # Closed with the bundle: a reader may stop at a line that is malformed.
        packed = self._members.enter_context(self._file.open(name))
        unpacked = self._members.enter_context(io.BufferedReader(packed, MIB))  # type: ignore[type-var]
        while line := unpacked.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                raise BundleError(f"{name} has a line of more than {MAX_LINE_BYTES} bytes")
            yield line

    def close(self) -> None:
        """Close the members that are open."""
        self._members.close()

    def _document(self, name: str) -> Any:
        return parse_bounded(self._file.read(name))


@contextmanager
def open_bundle(path: Path) -> Iterator[OpenBundle]:
    """Open and check the file; raises ``BundleError``, also where its lines are read."""
    with refusing_malformed(path):
        file = zipfile.ZipFile(path)
    with file:
        with refusing_malformed(path):
            opened = OpenBundle(file)
        with closing(opened):
            yield opened


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Raise ``BundleError`` with the name of the file."""
    prefix = f"{path} is no bundle: "
    try:
        yield
    except BundleError as error:
        raise BundleError(str(error) if str(error).startswith(prefix) else prefix + str(error)) from error


@contextmanager
def refusing_malformed(path: Path) -> Iterator[None]:
    """Raise ``BundleError`` with the name of the file for all that reading a malformed file raises."""
    try:
        with naming_file(path):
            yield
    except BundleError:
        raise
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
        OverflowError,
    ) as error:
        raise BundleError(f"{path} is no bundle: {_first_line(error)}") from error


def _check_members(file: zipfile.ZipFile) -> list[str]:
    """Check all that holds for every format; returns the names."""
    members = file.infolist()
    names = [each.filename for each in members]
    known = {name for of_format in MAX_MEMBER_BYTES.values() for name in of_format}
    for name in names:
        if name not in known:
            raise BundleError(f"it holds {name[:80]!r}, which no bundle has")
    if len(names) != len(set(names)):
        raise BundleError("it holds two members of one name")
    for each in members:
        if each.file_size > max(FREE_BYTES, MAX_RATIO * each.compress_size):
            raise BundleError(f"{each.filename} is packed by a factor of more than {MAX_RATIO}")
        if each.file_size > _MAX_DOCUMENT_BYTES.get(each.filename, each.file_size):
            raise BundleError(_too_long(each.filename, _MAX_DOCUMENT_BYTES[each.filename]))
    for name in ("manifest.json", "boards.json", "checkpoint.json"):
        if name not in names:
            raise BundleError(f"it has no {name}")
    return names


def _check_sizes(file: zipfile.ZipFile, number: int) -> None:
    """Check the members of a format."""
    sizes = {each.filename: each.file_size for each in file.infolist()}
    limits = MAX_MEMBER_BYTES[number]
    for name in sizes.keys() - limits.keys():
        raise BundleError(f"it holds {name}, which no bundle of format {number} has")
    for name in limits.keys() - sizes.keys() - set(_SINCE_SIGNED if number == 1 else ()):
        raise BundleError(f"it has no {name}")
    for name, size in sizes.items():
        if size > limits[name]:
            raise BundleError(_too_long(name, limits[name]))
    if sum(sizes.values()) > MAX_BYTES[number]:
        raise BundleError(f"it unpacks to more than {MAX_BYTES[number]} bytes")


def _too_long(name: str, limit: int) -> str:
    return f"{name} unpacks to more than {limit} bytes"


def parse_bounded(text: bytes) -> Any:
    """JSON of bounded size in memory; raises ``BundleError`` or ``ValueError``."""
    if text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_VALUES:
        raise BundleError(f"it has a JSON text of more than {MAX_VALUES} values")
    value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated)
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


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. One of two values of a name would be verified, and another program might show the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise BundleError(f"an object has {next(name for name in names if names.count(name) > 1)[:80]!r} twice")
    return found


def _refuse_constant(constant: str) -> NoReturn:
    raise BundleError(f"{constant} is no JSON")


def _first_line(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:200] or type(error).__name__
