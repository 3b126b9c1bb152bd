"""Derives a bundle again: chains, seeds, artifacts, observations, rewards, grades, receipts and ranks.

The events are put into a store of its own in a temporary folder, and the read models are built from them, so that what
audits a server's database audits a bundle with the same code.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import zipfile
import zlib
from concurrent.futures import Executor
from itertools import groupby
from pathlib import Path
from typing import Any, Callable, NamedTuple

from sqlalchemy import Connection, create_engine

from domain.chain import Link, digest_of, verify_chain
from domain.scenario import Scenario
from server.audit_store import audit_store
from server.checkpoint_audit import compare_listed
from server.findings import StoreFinding, StoreReport
from server.folding import fold_links
from server.leaderboard import read_board, read_earlier_board
from server.operating import look
from server.rebuilding import rebuild
from server.receipts import receipt_statement
from server.settings import Settings
from server.signing import is_signed_by
from server.tables import events, keys, metadata, rounds, scenarios
from server.world import create_process_pool

_NO_HASH = bytes(32)
_ABSENT = {"split": "train"}
"""What a round's column is where the bundle was made before it was there."""


class BundleError(ValueError):
    """The file is no bundle."""


class _Bundle(NamedTuple):
    manifest: dict[str, Any]
    streams: dict[str, tuple[Link, ...]]
    scenarios: dict[str, str]
    """Digest, as the bundle says, to body."""
    splits: dict[str, str]
    """Digest to the split of the scenario, where the bundle names it."""
    receipts: list[Any]
    boards: list[Any]
    checkpoint: Any
    """Null: none had been made."""

    @property
    def ended(self) -> dict[str, tuple[Link, ...]]:
        return {name: links for name, links in self.streams.items() if all(each.payload is not None for each in links)}


def verify_bundle(
    path: Path,
    public_key: str,
    *,
    workers: int | None = None,
    create_pool: Callable[[int], Executor] = create_process_pool,
) -> StoreReport:
    """Needs nothing but the bundle and the public key; raises ``BundleError``."""
    bundle = _read(path)
    found = [*_chains_of_running(bundle), *_receipts(bundle, public_key), *_checkpoint(bundle, public_key)]
    with tempfile.TemporaryDirectory(prefix="mlops-debug-verify-") as folder:
        settings = Settings(
            database_url=f"sqlite:///{Path(folder) / 'bundle.db'}", secrets_folder=str(Path(folder) / "none")
        )
        found += _load(settings, bundle)
        report = audit_store(settings, workers=workers, create_pool=create_pool)
        found += asyncio.run(look(settings, lambda opened: _boards(opened, bundle)))
    notes = dict(report.notes)
    running = len(bundle.streams) - len(bundle.ended)
    if running:
        notes["still running when the bundle was made: only its chain was verified"] = running
    return report.model_copy(
        update={
            "episodes": report.episodes + running,
            "findings": (*found, *report.findings),
            "notes": notes,
        }
    )


def _read(path: Path) -> _Bundle:
    try:
        with zipfile.ZipFile(path) as file:
            manifest = json.loads(file.read("manifest.json"))
            if manifest["format"] != 1:
                raise BundleError(f"{path} has format {manifest['format']}; this program reads 1")
            found = _lines(file, "scenarios.jsonl")
            links = [_link(each) for each in _lines(file, "events.jsonl")]
            links.sort(key=lambda each: (each.stream_id, each.version))
            return _Bundle(
                manifest,
                {name: tuple(found) for name, found in groupby(links, key=lambda each: each.stream_id)},
                {each["digest"]: each["body"] for each in found},
                {each["digest"]: each["split"] for each in found if "split" in each},
                _lines(file, "receipts.jsonl"),
                json.loads(file.read("boards.json")),
                json.loads(file.read("checkpoint.json")),
            )
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{path} is no bundle: {error}") from error


def _lines(file: zipfile.ZipFile, name: str) -> list[Any]:
    return [json.loads(line) for line in file.read(name).splitlines()]


def _link(each: dict[str, Any]) -> Link:
    payload = None if each["payload"] is None else each["payload"].encode()
    return Link(
        stream_id=each["stream_id"],
        version=each["version"],
        position=each["position"],
        kind=each["kind"],
        schema_version=each["schema_version"],
        recorded_at=each["recorded_at"],
        actor=each["actor"],
        request_id=each["request_id"],
        payload=payload,
        payload_digest=bytes.fromhex(each["payload_digest"]) if payload is None else digest_of(payload),
        prev_hash=bytes.fromhex(each["prev_hash"]),
        hash=bytes.fromhex(each["hash"]),
    )


def _chains_of_running(bundle: _Bundle) -> list[StoreFinding]:
    return [
        StoreFinding(code="chain", version=broken.version, message=f"{broken.fault} does not fit", episode_id=name)
        for name, links in bundle.streams.items()
        if name not in bundle.ended
        for broken in verify_chain(name, links)
    ]


def _receipts(bundle: _Bundle, public_key: str) -> list[StoreFinding]:
    """Every episode that ended has a receipt of this key that says what its events say."""
    found = []
    given = {
        each["statement"]["episode_id"]: each["statement"]
        for each in bundle.receipts
        if is_signed_by(public_key, each) and each["statement"].get("kind") == "receipt"
    }
    for name, links in bundle.ended.items():
        try:
            folded = fold_links(links)
        except ValueError:
            continue  # the audit says so
        if folded.state.ended is None:
            continue
        if name not in given:
            found.append(_finding("receipt", "there is no receipt that is signed by this key", name))
        elif given[name] != receipt_statement(name, folded.state, folded.head):
            found.append(_finding("receipt", "the receipt says something else than the events", name))
    return found


def _checkpoint(bundle: _Bundle, public_key: str) -> list[StoreFinding]:
    """The episodes are those of the newest checkpoint, none is missing, and rounds are committed to the same secrets."""
    signed = bundle.checkpoint
    if signed is None:
        return []
    hashes = {name: {each.version: each.hash.hex() for each in links} for name, links in bundle.streams.items()}
    return compare_listed(signed, public_key, hashes, bundle.manifest["of_round"], bundle.manifest["rounds"])


def _load(settings: Settings, bundle: _Bundle) -> list[StoreFinding]:
    engine = create_engine(settings.database_url)
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
            _insert(connection, bundle)
        with engine.begin() as connection:
            rebuild(connection, verify=False)
    except Exception as error:  # noqa: BLE001 - whatever a foreign file holds is a finding
        return [_finding("fold", f"the events cannot be read back: {error}", None)]
    finally:
        engine.dispose()
    return []


def _insert(connection: Connection, bundle: _Bundle) -> None:
    rows = [_event_row(each) for links in bundle.ended.values() for each in links]
    if rows:
        connection.execute(events.insert(), rows)
    if bundle.manifest["rounds"]:
        columns = [column.name for column in rounds.columns]
        connection.execute(
            rounds.insert(),
            [{name: each.get(name, _ABSENT.get(name)) for name in columns} for each in bundle.manifest["rounds"]],
        )
    if bundle.manifest["keys"]:
        filled = {"scopes": "agent", "secret_hash": _NO_HASH, "created_at": "", "revoked_at": None}
        connection.execute(keys.insert(), [{**each, **filled} for each in bundle.manifest["keys"]])
    bodies = [_scenario_row(digest, body, bundle.splits) for digest, body in bundle.scenarios.items()]
    if bodies:
        connection.execute(scenarios.insert(), bodies)


def _event_row(each: Link) -> dict[str, Any]:
    named = {column.name: getattr(each, column.name) for column in events.columns if column.name != "payload"}
    return {**named, "payload": (each.payload or b"").decode()}


def _scenario_row(digest: str, body: str, splits: dict[str, str]) -> dict[str, Any]:
    scenario = Scenario.model_validate_json(body)
    return {
        "digest": digest,
        "generator_version": scenario.generator_version,
        "task_id": scenario.task_id,
        "seed": str(scenario.seed),
        "split": splits.get(digest, "train"),
        "body": zlib.compress(body.encode(), 1),
    }


def _boards(connection: Connection, bundle: _Bundle) -> list[StoreFinding]:
    """Every rank and score of every board, from the events."""
    found = []
    for board in bundle.boards:
        read = read_board if "has_ranks" in board else read_earlier_board
        again = read(connection, round_id=board["round"])
        if _comparable(again) != _comparable(board):
            wrong = [
                row["agent"]
                for row, mine in zip(_comparable(board)["rows"], _comparable(again)["rows"], strict=False)
                if row != mine
            ]
            message = f"the board of round {board['round']} does not follow from the events"
            found.append(_finding("board", message + (f": {', '.join(wrong)}" if wrong else ""), None))
    return found


def _comparable(board: dict[str, Any]) -> dict[str, Any]:
    """Without what only the server can say: running attempts, whose payloads are withheld, and its own audits."""
    rows = []
    for row in board["rows"]:
        kept = {key: value for key, value in row.items() if key not in ("verified", "attempts")}
        rows.append({**kept, "ended": row["attempts"]["used"] - row["attempts"]["running"]})
    return {**board, "rows": [row for row in rows if row["ended"]]}


def _finding(code: str, message: str, episode_id: str | None) -> StoreFinding:
    return StoreFinding(code=code, version=None, message=message, episode_id=episode_id)
