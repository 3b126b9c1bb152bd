"""The contents of a bundle as lists and objects, whatever its format, so that one edit is made to bundles of both formats."""

from __future__ import annotations

import copy
import json
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.chain import GENESIS_HASH, Link, NewEvent, digest_of, link_hash
from server.audit.bundle.statement import HeadsSummary, bundle_statement
from server.audit.checkpoints import StreamHead, heads_hash
from server.security.signing import Signer

_FIRST = ("stream_id", "version", "position", "kind", "schema_version", "recorded_at", "actor", "request_id")
_OF_FORMAT_2 = (*_FIRST[1:], "payload", "hash")


@dataclass
class Parts:
    """Edit in place."""

    manifest: dict[str, Any]
    boards: list[Any]
    checkpoint: Any
    """With its heads."""
    checkpoints: list[Any]
    signature: Any
    """None: left out."""
    events: list[dict[str, Any]]
    """As format 1 has them, with name, previous hash and digest of the payload."""
    receipts: list[Any]
    scenarios: list[dict[str, Any]]

    def copy(self) -> Parts:
        return copy.deepcopy(self)

    def events_of(self, part: str) -> list[dict[str, Any]]:
        """Of the episodes whose name contains a part."""
        return [each for each in self.events if part in each["stream_id"]]

    def drop_episodes(self, part: str) -> None:
        self.events = [each for each in self.events if part not in each["stream_id"]]

    def drop_receipts(self, part: str) -> None:
        self.receipts = [each for each in self.receipts if part not in each["statement"]["episode_id"]]

    def drop_scenarios(self, part: str) -> None:
        """Those of the episodes whose name contains a part."""
        gone = {json.loads(each["payload"])["scenario_digest"] for each in self.events_of(part) if each["version"] == 1}
        self.scenarios = [each for each in self.scenarios if each["digest"] not in gone]

    def drop_from_boards(self, agent: str) -> None:
        for board in self.boards:
            board["rows"] = [{**row, "rank": 1} for row in board["rows"] if row["agent"] != agent]

    def withhold(self, part: str) -> None:
        for each in self.events_of(part):
            if each["kind"] == "reset":
                each["payload"] = None

    def link_again(self, part: str) -> None:
        """Compute the hashes again, as an attacker without the host's key can."""
        by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for each in self.events_of(part):
            by_name[each["stream_id"]].append(each)
        for events in by_name.values():
            previous = GENESIS_HASH
            for version, each in enumerate(events, start=1):
                each["version"] = version
                each["prev_hash"] = previous.hex()
                each["payload_digest"] = digest_of(each["payload"].encode()).hex()
                previous = link_hash(_link(each))
                each["hash"] = previous.hex()


def _link(each: dict[str, Any]) -> Link:
    new = {name: each[name] for name in NewEvent._fields if name != "payload"}
    return Link(
        stream_id=each["stream_id"],
        version=each["version"],
        position=None,
        **new,
        payload=None,
        payload_digest=bytes.fromhex(each["payload_digest"]),
        prev_hash=bytes.fromhex(each["prev_hash"]),
        hash=b"",
    )


def read_parts(path: Path) -> Parts:
    """Of a bundle of format 2."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name).decode() for name in file.namelist()}
    events, receipts, scenarios = [], [], []
    for line in map(json.loads, members["episodes.jsonl"].splitlines()):
        if "scenario" in line:
            scenarios.append(line["scenario"])
            continue
        previous = GENESIS_HASH.hex()
        for each in line["events"]:
            payload_digest = each.get("payload_digest") or digest_of(each["payload"].encode()).hex()
            whole = {"stream_id": line["episode"], "payload_digest": payload_digest, "prev_hash": previous, **each}
            events.append(whole)
            previous = each["hash"]
        receipts += [line["receipt"]] if line["receipt"] is not None else []
    checkpoint = json.loads(members["checkpoint.json"])
    heads = [json.loads(line) for line in members["heads.jsonl"].splitlines()]
    return Parts(
        manifest=json.loads(members["manifest.json"]),
        boards=json.loads(members["boards.json"]),
        checkpoint={**checkpoint, "heads": heads} if checkpoint is not None else None,
        checkpoints=[json.loads(line) for line in members["checkpoints.jsonl"].splitlines()],
        signature=json.loads(members["signature.json"]),
        events=events,
        receipts=receipts,
        scenarios=scenarios,
    )


def as_format_1(parts: Parts, heads: list[list[Any]], signer: Signer) -> Parts:
    """What the last version that wrote format 1 would have written: signed, with the heads of the whole store."""
    found = parts.copy()
    found.manifest["format"] = 1
    found.checkpoint["heads"] = copy.deepcopy(heads)
    last = {each["stream_id"]: StreamHead(each["stream_id"], each["version"], each["hash"]) for each in found.events}
    summary = HeadsSummary(len(last), sum(each.version for each in last.values()), heads_hash(last.values()))
    statement = bundle_statement(found.manifest, found.boards, summary, found.checkpoint["statement"])
    found.signature = signer.sign(statement)
    return found


def write_parts(parts: Parts, path: Path) -> Path:
    """A bundle of the format that the manifest names."""
    members = _format_1(parts) if parts.manifest["format"] == 1 else _format_2(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return path


def _lines(values: list[Any]) -> str:
    return "".join(json.dumps(each) + "\n" for each in values)


def _shared(parts: Parts) -> dict[str, str]:
    signature = {"signature.json": json.dumps(parts.signature)} if parts.signature is not None else {}
    return {
        "manifest.json": json.dumps(parts.manifest),
        "boards.json": json.dumps(parts.boards),
        "checkpoints.jsonl": _lines(parts.checkpoints),
        **signature,
    }


def _format_1(parts: Parts) -> dict[str, str]:
    return {
        **_shared(parts),
        "checkpoint.json": json.dumps(parts.checkpoint),
        "events.jsonl": _lines(parts.events),
        "scenarios.jsonl": _lines(parts.scenarios),
        "receipts.jsonl": _lines(parts.receipts),
    }


def _format_2(parts: Parts) -> dict[str, str]:
    by_name: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in parts.events:
        by_name[each["stream_id"]].append(each)
    receipts = {each["statement"]["episode_id"]: each for each in parts.receipts}
    of_scenario: dict[str, list[Any]] = defaultdict(list)
    for name in sorted({*by_name, *receipts}):
        digest = _digest_of(by_name[name])
        events = [_event_of_format_2(each) for each in by_name[name]]
        of_scenario[digest].append({"episode": name, "events": events, "receipt": receipts.get(name)})
    bodies = {each["digest"]: each for each in parts.scenarios}
    lines: list[Any] = []
    for digest in sorted(of_scenario):
        lines += [{"scenario": bodies[digest]}] if digest in bodies else []
        lines += of_scenario[digest]
    signed = {**parts.checkpoint} if parts.checkpoint is not None else None
    heads = signed.pop("heads") if signed is not None else []
    return {
        **_shared(parts),
        "checkpoint.json": json.dumps(signed),
        "heads.jsonl": _lines(heads),
        "episodes.jsonl": _lines(lines),
    }


def _digest_of(events: list[dict[str, Any]]) -> str:
    """Of the scenario; empty: it is not said."""
    try:
        return str(json.loads(events[0]["payload"])["scenario_digest"])
    except (LookupError, TypeError, ValueError):
        return ""


def _event_of_format_2(each: dict[str, Any]) -> dict[str, Any]:
    digest = {"payload_digest": each["payload_digest"]} if each["payload"] is None else {}
    return {**{name: each[name] for name in _OF_FORMAT_2}, **digest}


def read_parts_1(path: Path) -> Parts:
    """Of a bundle of format 1, signed or not."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name).decode() for name in file.namelist()}

    def lines(name: str) -> list[Any]:
        return [json.loads(line) for line in members.get(name, "").splitlines()]

    return Parts(
        manifest=json.loads(members["manifest.json"]),
        boards=json.loads(members["boards.json"]),
        checkpoint=json.loads(members["checkpoint.json"]),
        checkpoints=lines("checkpoints.jsonl"),
        signature=json.loads(members.get("signature.json", "{}")),
        events=lines("events.jsonl"),
        receipts=lines("receipts.jsonl"),
        scenarios=lines("scenarios.jsonl"),
    )
