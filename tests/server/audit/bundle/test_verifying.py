"""A bundle that was edited without the host's key does not verify, and an honest one does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from server.app import utc_now
from server.audit.bundle.findings import UNSIGNED, ExternalEvidence
from server.audit.bundle.verifier import verify_bundle
from server.audit.bundle.writer import export_bundle
from server.audit.checkpoint_audit import read_checkpoint
from server.audit.checkpoints import with_heads
from server.audit.report import StoreReport
from server.clock import utc_timestamp
from server.ranking.closing import close_round
from server.scenarios.simulation import InProcessSimulation
from server.security.secret_files import SecretFiles, secrets_folder
from server.settings import Settings
from server.storage.connections import run_read, run_read_snapshot
from tests.served import serving
from tests.server.audit.bundle.editing import Change, edited, left_out, members, rewritten, withholding, without
from tests.server.ranking.test_rounds import key_of, opened

HERE = Path(__file__).parent
SUBMIT = {"action_type": "submit_diagnosis", "root_cause_file": "config.yaml", "confidence": 0.5}


class Host(NamedTuple):
    """What a host gave away."""

    public_key: str
    of_round: Path
    of_store: Path
    earlier: dict[str, Any]
    """The checkpoint before the round was closed, with its heads."""
    receipt: dict[str, Any]
    """Of ann's attempt."""
    ann: str
    """Prefix of a key."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder = tmp_path_factory.mktemp("host")
    settings = Settings(database_url=f"sqlite:///{folder / 'store.db'}", secrets_folder=str(folder / "secrets"))
    opened(settings, generator=InProcessSimulation.generator_version)
    return asyncio.run(_played(settings, folder, [key_of(settings, name) for name in ("ann", "bob")]))


async def _played(settings: Settings, folder: Path, keys: list[str]) -> Host:
    """Ann and Bob end an attempt each, Bob leaves another, and practice has names like those of attempts."""
    async with serving(settings, simulation=InProcessSimulation(), clock=utc_now) as served:
        here, receipts = served.services, []
        for key in keys:
            served.client.headers["Authorization"] = f"Bearer {key}"
            name = (await served.reset(round="spring", entry=1))["info"]["episode_id"]
            receipts.append((await served.step(name, SUBMIT))["info"]["receipt"])
        await served.reset(round="spring", entry=2)
        await served.reset(episode_id="x.spring:1", seed=3)
        await served.step("x.spring:1", SUBMIT)
        await served.reset(episode_id="x.spring:1:1", seed=3)
        made = await here.checkpointer.make()
        assert made is not None
        earlier = await run_read(settings.database_url, lambda reader: with_heads(reader, made))
        files = SecretFiles(secrets_folder(settings))
        await close_round(settings.database_url, here.reader, here.episodes, files, "spring", clock=utc_now)
        await here.checkpointer.make()
        paths = folder / "round.zip", folder / "store.zip"
        for path, round_id in zip(paths, ("spring", None), strict=True):
            await run_read_snapshot(
                settings.database_url,
                lambda reader, path=path, round_id=round_id: export_bundle(
                    reader, here.signer, path, round_id=round_id, now=utc_timestamp()
                ),
            )
        return Host(here.signer.public_key, *paths, earlier, receipts[0], keys[0].split("_")[1])


def verified(path: Path, public_key: str, evidence: ExternalEvidence = ExternalEvidence()) -> StoreReport:  # noqa: B008 - immutable
    return verify_bundle(path, public_key, evidence=evidence, create_pool=ThreadPoolExecutor)


def codes(report: StoreReport) -> set[str]:
    return {each.code for each in report.findings}


def test_an_honest_bundle_verifies_beside_practice_with_a_name_like_an_attempt(host: Host) -> None:
    for path, episodes in ((host.of_round, 3), (host.of_store, 5)):
        report = verified(path, host.public_key)
        assert (report.findings, report.episodes) == ((), episodes)
        assert UNSIGNED not in report.notes


def _another_kind(manifest: Any) -> None:
    manifest["keys"][0]["kind"] = "baseline"


def _another_number(manifest: Any) -> None:
    manifest["rounds"][0]["attempts"] = 3


def _another_time(manifest: Any) -> None:
    manifest["made_at"] = "2031-01-01T00:00:00.000Z"


def _another_opening(manifest: Any) -> None:
    manifest["rounds"][0]["opened_at"] = "2031-01-01T00:00:00.000Z"


EDITS: dict[str, tuple[dict[str, Change], set[str]]] = {
    "a manifest with another kind of key": ({"manifest.json": edited(_another_kind)}, {"signature"}),
    "a manifest with another number of attempts": ({"manifest.json": edited(_another_number)}, {"signature"}),
    "a manifest with another time": ({"manifest.json": edited(_another_time)}, {"signature"}),
    "a manifest with another opening of the round": ({"manifest.json": edited(_another_opening)}, {"signature"}),
    "no boards": ({"boards.json": lambda _: "[]"}, {"signature", "board"}),
    "no signature": ({"signature.json": left_out, "checkpoints.jsonl": left_out}, {"signature"}),
    "no checkpoint": ({"checkpoint.json": lambda _: "null"}, {"signature", "checkpoint"}),
    "another list of checkpoints": ({"checkpoints.jsonl": lambda _: ""}, {"checkpoint"}),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_what_is_signed_is_found(host: Host, tmp_path: Path, name: str) -> None:
    changes, expected = EDITS[name]
    assert codes(verified(rewritten(host.of_round, tmp_path, changes), host.public_key)) >= expected


def _drops(prefix: str, digest: str) -> dict[str, dict[str, Change]]:
    """Ways to take the attempts of one agent out of a round."""
    gone = {"events.jsonl": without(prefix), "scenarios.jsonl": without(digest), "boards.json": _board_without("ann")}
    no_receipts = {"receipts.jsonl": without(prefix)}
    null = {"checkpoint.json": lambda _: "null"}
    hidden = {
        "events.jsonl": withholding(f"{prefix}."),
        "scenarios.jsonl": without(digest),
        "boards.json": _board_without("ann"),
    }
    return {
        "gone, no checkpoint": gone | no_receipts | null,
        "gone, no checkpoint, receipts left": gone | null,
        "gone, checkpoint left": gone | no_receipts,
        "withheld, checkpoint left": hidden | no_receipts,
        "withheld, receipts left": hidden,
        "withheld, no checkpoint": hidden | no_receipts | null,
    }


def _board_without(agent: str) -> Change:
    def change(boards: Any) -> None:
        for board in boards:
            board["rows"] = [{**row, "rank": 1} for row in board["rows"] if row["agent"] != agent]

    return edited(change)


def _digest_of(bundle: Path, prefix: str) -> str:
    """Of the scenario of the first attempt of a key."""
    lines = map(json.loads, members(bundle)["events.jsonl"].splitlines())
    digest = next(json.loads(each["payload"])["scenario_digest"] for each in lines if prefix in each["stream_id"])
    return str(digest)


@pytest.mark.parametrize("name", _drops("", ""))
@pytest.mark.parametrize("is_signed", [True, False])
def test_a_closed_round_without_the_attempts_of_one_agent_is_found(
    host: Host, tmp_path: Path, name: str, is_signed: bool
) -> None:
    bundle, public_key, prefix = host.of_round, host.public_key, host.ann
    if not is_signed:
        bundle, public_key = HERE / "format-1-round.zip", _public_key_of_format_1()
        prefix = _ann_of(bundle)
    changes = _drops(prefix, _digest_of(bundle, prefix))[name]
    report = verified(rewritten(bundle, tmp_path, changes), public_key)
    print([each.message for each in report.findings])
    assert codes(report) & ({"signature"} if is_signed else {"checkpoint", "withheld", "receipt"})
    assert codes(report) & {"checkpoint", "withheld", "receipt"}


def test_a_scenario_that_was_changed_is_found(host: Host, tmp_path: Path) -> None:
    changes: Mapping[str, Change] = {"scenarios.jsonl": lambda text: text.replace("train_loss", "train_lost", 1)}
    report = verified(rewritten(host.of_round, tmp_path, changes), host.public_key)
    assert "scenario" in codes(report)


def test_an_older_checkpoint_in_the_bundle_is_found(host: Host, tmp_path: Path) -> None:
    changes: Mapping[str, Change] = {"checkpoint.json": lambda _: json.dumps(host.earlier)}
    messages = [
        each.message for each in verified(rewritten(host.of_round, tmp_path, changes), host.public_key).findings
    ]
    assert "the checkpoint is older than the end of round spring" in messages


def test_a_receipt_of_a_running_episode_is_found(host: Host, tmp_path: Path) -> None:
    prefix = host.ann
    changes = {"events.jsonl": without(f'"{prefix}.spring:1:1", "version": 2')}
    report = verified(rewritten(host.of_round, tmp_path, changes), host.public_key)
    assert f"{prefix}.spring:1:1" in {each.episode_id for each in report.findings if each.code == "receipt"}


def _public_key_of_format_1() -> str:
    return str(json.loads((HERE / "format-1.json").read_text())["public_key"])


def _ann_of(bundle: Path) -> str:
    keys = json.loads(members(bundle)["manifest.json"])["keys"]
    return next(str(each["prefix"]) for each in keys if each["name"] == "ann")


@pytest.mark.parametrize("name", ["format-1-round.zip", "format-1-store.zip"])
def test_a_bundle_of_an_earlier_version_verifies_and_the_report_says_what_it_does_not_prove(name: str) -> None:
    report = verified(HERE / name, _public_key_of_format_1())
    assert report.findings == ()
    assert report.notes[UNSIGNED] == report.episodes


@pytest.mark.parametrize("has_heads", [True, False])
def test_a_bundle_goes_on_from_the_checkpoint_that_was_stored_elsewhere(host: Host, has_heads: bool) -> None:
    earlier = host.earlier if has_heads else {"checkpoint": {k: v for k, v in host.earlier.items() if k != "heads"}}
    evidence = ExternalEvidence([read_checkpoint(earlier)], [host.receipt], {"spring": _commitment(host)})
    for path in (host.of_round, host.of_store):
        assert verified(path, host.public_key, evidence).findings == ()


def _commitment(host: Host) -> str:
    return str(json.loads(members(host.of_round)["manifest.json"])["rounds"][0]["commitment"])


def test_a_bundle_that_is_older_than_the_kept_checkpoint_is_found(host: Host, tmp_path: Path) -> None:
    newest = json.loads(members(host.of_store)["checkpoint.json"])
    changes: Mapping[str, Change] = {"checkpoint.json": lambda _: json.dumps(host.earlier)}
    older = rewritten(host.of_store, tmp_path, changes)
    report = verified(older, host.public_key, ExternalEvidence([read_checkpoint(newest)]))
    messages = [each.message for each in report.findings if "kept" in each.message]
    assert messages == ["the bundle is older than the kept checkpoint 2: its own checkpoint is 1"]


def test_what_contradicts_a_kept_word_is_found(host: Host) -> None:
    other = {"spring": "00" * 32, "autumn": "00" * 32}
    receipt = {**host.receipt, "statement": {**host.receipt["statement"], "episode_id": "k00000000.spring:1:1"}}
    report = verified(host.of_round, host.public_key, ExternalEvidence([], [receipt], other))
    assert [each.message for each in report.findings] == [
        "a kept receipt is not signed by this key",
        "round spring is committed to another secret than the one that was kept",
        "there is no round autumn, whose commitment was kept",
    ]


def test_a_kept_receipt_of_an_attempt_that_was_dropped_is_found(host: Host, tmp_path: Path) -> None:
    changes = _drops(host.ann, _digest_of(host.of_round, host.ann))["gone, no checkpoint"]
    report = verified(
        rewritten(host.of_round, tmp_path, changes), host.public_key, ExternalEvidence([], [host.receipt])
    )
    assert "its receipt was kept, but it is not in the bundle" in {each.message for each in report.findings}
