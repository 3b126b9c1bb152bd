"""A bundle that was edited without the host's key does not verify, and an honest one does."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from domain.scenario import Scenario
from domain.types import SplitName, TaskId
from server.app import utc_now
from server.audit.bundle.findings import UNSIGNED, ExternalEvidence
from server.audit.bundle.verifier import BundleError, verify_bundle
from server.audit.bundle.writer import export_bundle
from server.audit.checkpoint_audit import read_checkpoint
from server.audit.checkpoints import read_latest_checkpoint, with_heads
from server.audit.report import StoreReport
from server.clock import utc_timestamp
from server.ranking.closing import close_round
from server.scenarios.simulation import InProcessSimulation
from server.security.secret_files import SecretFiles, secrets_folder
from server.security.signing import Signer
from server.settings import Settings
from server.storage.connections import run_read, run_read_snapshot
from tests.served import serving
from tests.server.audit.bundle.editing import Change, edited, members, rewritten, withholding, without
from tests.server.audit.bundle.parts import Parts, as_format_1, read_parts, write_parts
from tests.server.ranking.test_rounds import key_of, opened

HERE = Path(__file__).parent
SUBMIT = {"action_type": "submit_diagnosis", "root_cause_file": "config.yaml", "confidence": 0.5}
REFUSED = "refused"
"""Instead of codes: the file is no bundle."""


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
    signer: Signer
    heads: list[list[Any]]
    """Of the latest checkpoint, all of the store."""


class _RememberingSimulation(InProcessSimulation):
    """Generates and trains once what the bundles of one host share: the same arguments give the same results."""

    results: dict[Any, Any] = {}

    async def generate(
        self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
    ) -> Scenario:
        key = (task_id, seed, fault, split)
        if key not in self.results:
            self.results[key] = await super().generate(task_id, seed, fault=fault, split=split)
        scenario: Scenario = self.results[key]
        return scenario


@pytest.fixture(autouse=True)
def _is_generated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.audit.bundle.episode_checks.InProcessSimulation", _RememberingSimulation)


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
            await served.step(name, {"action_type": "read_config"})
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
        latest = await run_read(
            settings.database_url, lambda reader: with_heads(reader, read_latest_checkpoint(reader))
        )
        return Host(
            here.signer.public_key,
            *paths,
            earlier,
            receipts[0],
            keys[0].split("_")[1],
            here.signer,
            latest["heads"],
        )


def verified(path: Path, public_key: str, evidence: ExternalEvidence = ExternalEvidence()) -> StoreReport:  # noqa: B008 - immutable
    return verify_bundle(path, public_key, evidence=evidence, create_pool=ThreadPoolExecutor)


def codes(report: StoreReport) -> set[str]:
    return {each.code for each in report.findings}


def honest(host: Host, path: Path, number: int) -> Parts:
    """A bundle of the host in a format."""
    parts = read_parts(path)
    return parts if number == 2 else as_format_1(parts, host.heads, host.signer)


@pytest.mark.parametrize("number", [1, 2])
def test_an_honest_bundle_verifies_beside_practice_with_a_name_like_an_attempt(
    host: Host, tmp_path: Path, number: int
) -> None:
    for path, episodes in ((host.of_round, 3), (host.of_store, 5)):
        report = verified(write_parts(honest(host, path, number), tmp_path / path.name), host.public_key)
        assert (report.findings, report.episodes) == ((), episodes)
        assert UNSIGNED not in report.notes


def test_the_file_that_was_written_verifies(host: Host) -> None:
    for path, episodes in ((host.of_round, 3), (host.of_store, 5)):
        report = verified(path, host.public_key)
        assert (report.findings, report.episodes) == ((), episodes)


def test_a_bundle_of_a_round_has_nothing_of_what_is_not_in_it(host: Host) -> None:
    parts = read_parts(host.of_round)
    assert {name.split(".")[1].split(":")[0] for name, *_ in parts.checkpoint["heads"]} == {"spring"}
    assert len(parts.checkpoint["heads"]) == 3
    assert len(read_parts(host.of_store).checkpoint["heads"]) == len(host.heads) == 5


class Drill(NamedTuple):
    """An edit without the host's key, and codes of which some are found."""

    edit: Callable[[Parts, Host], None]
    expected: set[str]
    formats: tuple[int, ...] = (1, 2)


def _set_manifest(**values: Any) -> Callable[[Parts, Host], None]:
    return lambda parts, _: parts.manifest.update(values)


def _set_round(**values: Any) -> Callable[[Parts, Host], None]:
    return lambda parts, _: parts.manifest["rounds"][0].update(values)


def _set_key(**values: Any) -> Callable[[Parts, Host], None]:
    return lambda parts, _: parts.manifest["keys"][0].update(values)


def _set_event(place: int, **values: Any) -> Callable[[Parts, Host], None]:
    return lambda parts, host: parts.events_of(host.ann)[place - 1].update(values)


def _better_board(parts: Parts, _: Host) -> None:
    parts.boards[0]["rows"][-1]["score"] = 0.98


def _without_signature(parts: Parts, _: Host) -> None:
    parts.signature = None


def _signed_by_another(parts: Parts, _: Host) -> None:
    parts.signature["public_key"] = "00" * 32


def _without_checkpoint(parts: Parts, _: Host) -> None:
    parts.checkpoint = None


def _older_checkpoint(parts: Parts, host: Host) -> None:
    parts.checkpoint = copy.deepcopy(host.earlier)


def _edited_checkpoint(parts: Parts, _: Host) -> None:
    parts.checkpoint["statement"]["streams"] -= 1


def _edited_head(parts: Parts, host: Host) -> None:
    next(each for each in parts.checkpoint["heads"] if host.ann in each[0])[2] = "00" * 32


def _without_head(parts: Parts, host: Host) -> None:
    parts.checkpoint["heads"] = [each for each in parts.checkpoint["heads"] if host.ann not in each[0]]
    parts.drop_episodes(host.ann)
    parts.drop_receipts(host.ann)


def _payload(version: int, old: str, new: str, *, is_linked_again: bool = False) -> Callable[[Parts, Host], None]:
    def edit(parts: Parts, host: Host) -> None:
        event = parts.events_of(host.ann)[version - 1]
        assert old in event["payload"]
        event["payload"] = event["payload"].replace(old, new, 1)
        if is_linked_again:
            parts.link_again(host.ann)

    return edit


def _without_event(version: int) -> Callable[[Parts, Host], None]:
    return lambda parts, host: parts.events.remove(parts.events_of(host.ann)[version - 1])


def _event_twice(parts: Parts, host: Host) -> None:
    parts.events.append(dict(parts.events_of(host.ann)[1]))


def _swapped_events(parts: Parts, host: Host) -> None:
    first, second = parts.events_of(host.ann)[1:3]
    first["version"], second["version"] = second["version"], first["version"]


def _renamed_episode(parts: Parts, host: Host) -> None:
    for each in parts.events_of(host.ann):
        each["stream_id"] = each["stream_id"].replace(":1:1", ":1:2")


def _swapped_episodes(parts: Parts, host: Host) -> None:
    ann, bob = (name for name in sorted({each["stream_id"] for each in parts.events}) if name.endswith(":1:1"))
    for each in parts.events:
        each["stream_id"] = {ann: bob, bob: ann}.get(each["stream_id"], each["stream_id"])


def _edited_receipt(parts: Parts, host: Host) -> None:
    parts.receipts[0]["statement"]["score"] = 0.99


def _swapped_receipts(parts: Parts, host: Host) -> None:
    first, second = parts.receipts[:2]
    names = first["statement"]["episode_id"], second["statement"]["episode_id"]
    second["statement"]["episode_id"], first["statement"]["episode_id"] = names


def _scenario(old: str, new: str) -> Callable[[Parts, Host], None]:
    def edit(parts: Parts, _: Host) -> None:
        assert old in parts.scenarios[0]["body"]
        parts.scenarios[0]["body"] = parts.scenarios[0]["body"].replace(old, new, 1)

    return edit


def _other_scenario(parts: Parts, host: Host) -> None:
    """In the place of one that was played, another of the same host."""
    mine = parts.scenarios[0]
    mine["body"] = next(each["body"] for each in read_parts(host.of_store).scenarios if each["body"] != mine["body"])


def _added_episode(parts: Parts, host: Host) -> None:
    """Another attempt, linked as one that was played."""
    for each in copy.deepcopy(parts.events_of(host.ann)):
        parts.events.append({**each, "stream_id": each["stream_id"].replace(":1:1", ":1:2")})
    parts.link_again(":1:2")


def _of_other_bundle(what: str) -> Callable[[Parts, Host], None]:
    def edit(parts: Parts, host: Host) -> None:
        other = honest(host, host.of_store, parts.manifest["format"])
        setattr(parts, what, getattr(other, what))

    return edit


def _board_of_other_round(parts: Parts, _: Host) -> None:
    parts.boards[0]["round"] = "autumn"


def _another_split(parts: Parts, _: Host) -> None:
    parts.scenarios[0]["split"] = "train" if parts.scenarios[0]["split"] != "train" else "test"


def _running_again(parts: Parts, host: Host) -> None:
    parts.events.remove(parts.events_of(host.ann)[-1])


def _gone(*also: str) -> Callable[[Parts, Host], None]:
    """Without the attempts of an agent, and without what else would tell of them."""

    def edit(parts: Parts, host: Host) -> None:
        parts.drop_scenarios(host.ann)
        parts.drop_episodes(host.ann)
        parts.drop_from_boards("ann")
        _without_traces(parts, host, also)

    return edit


def _withheld(*also: str) -> Callable[[Parts, Host], None]:
    def edit(parts: Parts, host: Host) -> None:
        parts.drop_scenarios(host.ann)
        parts.withhold(host.ann)
        parts.drop_from_boards("ann")
        _without_traces(parts, host, also)

    return edit


def _without_traces(parts: Parts, host: Host, which: tuple[str, ...]) -> None:
    if "receipts" in which:
        parts.drop_receipts(host.ann)
    if "checkpoint" in which:
        parts.checkpoint = None


DRILLS: dict[str, Drill] = {
    "another kind of key": Drill(_set_key(kind="baseline"), {"signature"}),
    "another name of a key": Drill(_set_key(name="eve"), {"signature", "round"}),
    "another number of attempts": Drill(_set_round(attempts=3), {"signature", "checkpoint"}),
    "another time of the bundle": Drill(_set_manifest(made_at="2031-01-01T00:00:00.000Z"), {"signature"}),
    "another opening of the round": Drill(_set_round(opened_at="2031-01-01T00:00:00.000Z"), {"signature"}),
    "another end of the round": Drill(_set_round(closed_at="2021-01-01T00:00:00.000Z"), {"signature", "checkpoint"}),
    "another secret": Drill(_set_round(secret="00" * 32), {"signature", "round"}),
    "no secret": Drill(_set_round(secret=None), {"signature"}),
    "another commitment": Drill(_set_round(commitment="00" * 32), {"signature", "round", "checkpoint"}),
    "another suite": Drill(_set_round(suite_id="ranked-2"), {"signature", "round", "checkpoint"}),
    "another rubric": Drill(_set_round(rubric_version="1"), {"signature", "round", "checkpoint"}),
    "no round": Drill(_set_manifest(rounds=[]), {"signature", "round", "checkpoint", "board"}),
    "said to be of the store": Drill(_set_manifest(of_round=None), {"signature", "checkpoint"}),
    "no boards": Drill(lambda parts, _: parts.boards.clear(), {"signature", "board"}),
    "two boards": Drill(lambda parts, _: parts.boards.append(parts.boards[0]), {"signature", "board"}),
    "a board of another round": Drill(_board_of_other_round, {"signature", "board"}),
    "the manifest of another bundle": Drill(_of_other_bundle("manifest"), {"signature"}),
    "the signature of another bundle": Drill(_of_other_bundle("signature"), {"signature"}),
    "the boards and the signature of another bundle": Drill(
        lambda parts, host: (_of_other_bundle("boards")(parts, host), _of_other_bundle("signature")(parts, host)),  # type: ignore[func-returns-value]
        {"signature"},
    ),
    "an episode added": Drill(_added_episode, {"signature", "receipt"}),
    "a scenario in the place of another": Drill(_other_scenario, {"scenario"}),
    "a better board": Drill(_better_board, {"signature", "board"}),
    "no signature": Drill(_without_signature, {"signature"}, (1,)),
    "no signature, refused": Drill(_without_signature, {REFUSED}, (2,)),
    "a signature of another host": Drill(_signed_by_another, {"signature"}),
    "no checkpoint": Drill(_without_checkpoint, {"signature", "checkpoint"}),
    "an older checkpoint": Drill(_older_checkpoint, {"signature", "checkpoint"}),
    "an edited checkpoint": Drill(_edited_checkpoint, {"signature", "checkpoint"}),
    "an edited head": Drill(_edited_head, {"checkpoint"}),
    "an episode and its head gone": Drill(_without_head, {"signature", "checkpoint", "board"}),
    "no list of checkpoints": Drill(lambda parts, _: parts.checkpoints.clear(), {"checkpoint"}),
    "a checkpoint of the list gone": Drill(lambda parts, _: parts.checkpoints.pop(0), {"checkpoint"}),
    "an edited answer": Drill(_payload(3, "0.5", "0.6"), {"chain"}),
    "an edited answer, linked again": Drill(
        _payload(3, "config.yaml", "train.log", is_linked_again=True), {"signature", "checkpoint", "receipt", "grade"}
    ),
    "an edited action, linked again": Drill(
        _payload(2, "config.yaml", "train.log", is_linked_again=True), {"signature", "checkpoint", "execute"}
    ),
    "another seed, linked again": Drill(
        _payload(1, '"seed":', '"seed":1', is_linked_again=True), {"signature", "checkpoint", "round", "scenario"}
    ),
    "another time of an event": Drill(_set_event(2, recorded_at="2031-01-01T00:00:00.000Z"), {"chain"}),
    "another actor of an event": Drill(_set_event(2, actor="eve"), {"chain"}),
    "another kind of an event": Drill(_set_event(2, kind="check"), {"chain", "fold"}),
    "another hash of an event": Drill(_set_event(2, hash="00" * 32), {"chain"}),
    "another previous hash": Drill(_set_event(2, prev_hash="00" * 32), {"chain"}, (1,)),
    "another version of an event": Drill(_set_event(3, version=9), {"chain", "signature"}),
    "an unknown schema version": Drill(_set_event(1, schema_version=99), {"chain", "fold"}),
    "an event in the middle gone": Drill(_without_event(2), {"chain"}),
    "the last event gone": Drill(_running_again, {"signature", "checkpoint", "withheld", "receipt"}),
    "an event twice": Drill(_event_twice, {"chain"}),
    "two events swapped": Drill(_swapped_events, {"chain"}),
    "an episode of another name": Drill(_renamed_episode, {"chain", "receipt", "checkpoint", "signature"}),
    "two episodes swapped": Drill(_swapped_episodes, {"chain", "receipt", "checkpoint", "signature"}),
    "an edited receipt": Drill(_edited_receipt, {"receipt"}),
    "a receipt gone": Drill(lambda parts, host: parts.drop_receipts(host.ann), {"receipt"}),
    "two receipts swapped": Drill(_swapped_receipts, {"receipt"}),
    "an edited scenario": Drill(_scenario("train_loss", "train_lost"), {"scenario"}),
    "a scenario that cannot be read": Drill(_scenario('"truth"', '"t"'), {"scenario"}),
    "a scenario gone": Drill(lambda parts, host: parts.drop_scenarios(host.ann), {"scenario", "board"}),
    "another split of a scenario": Drill(_another_split, {"scenario"}),
    "a withheld reset of an ended episode": Drill(lambda parts, host: parts.withhold(host.ann), {"withheld"}),
    "an agent gone": Drill(_gone(), {"checkpoint", "receipt", "signature"}),
    "an agent gone, with receipts": Drill(_gone("receipts"), {"checkpoint", "signature"}),
    "an agent gone, with receipts and checkpoint": Drill(_gone("receipts", "checkpoint"), {"checkpoint", "signature"}),
    "an agent withheld": Drill(_withheld(), {"withheld", "signature"}),
    "an agent withheld, with receipts": Drill(_withheld("receipts"), {"withheld", "receipt", "signature"}),
    "an agent withheld, with receipts and checkpoint": Drill(
        _withheld("receipts", "checkpoint"), {"withheld", "receipt", "checkpoint", "signature"}
    ),
}


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, drill in DRILLS.items() for number in drill.formats]
)
def test_an_edit_without_the_key_of_the_host_is_found(host: Host, tmp_path: Path, name: str, number: int) -> None:
    parts, drill = honest(host, host.of_round, number), DRILLS[name]
    drill.edit(parts, host)
    path = write_parts(parts, tmp_path / "edited.zip")
    try:
        found = codes(verified(path, host.public_key))
    except BundleError as error:
        print(error)
        found = {REFUSED}
    assert found >= drill.expected


def _in_another_order(text: str) -> str:
    """The scenarios, each with its episodes, from the last to the first."""
    groups: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith('{"scenario"'):
            groups.append([])
        groups[-1].append(line)
    return "".join(f"{line}\n" for group in reversed(groups) for line in (group[0], *reversed(group[1:])))


def _scenarios_last(text: str) -> str:
    return "".join(f"{line}\n" for line in sorted(text.splitlines(), key=lambda line: line.startswith('{"scenario"')))


def test_the_order_of_the_episodes_of_format_2_says_nothing(host: Host, tmp_path: Path) -> None:
    path = rewritten(host.of_round, tmp_path, {"episodes.jsonl": _in_another_order})
    assert members(path)["episodes.jsonl"] != members(host.of_round)["episodes.jsonl"]
    report = verified(path, host.public_key)
    assert (report.findings, report.episodes) == ((), 3)


def test_episodes_of_format_2_that_stand_before_their_scenario_are_found(host: Host, tmp_path: Path) -> None:
    path = rewritten(host.of_round, tmp_path, {"episodes.jsonl": _scenarios_last})
    assert "scenario" in codes(verified(path, host.public_key))


def test_an_episode_of_format_2_that_is_there_twice_is_refused(host: Host, tmp_path: Path) -> None:
    def doubled(text: str) -> str:
        line = next(each for each in text.splitlines() if host.ann in each)
        return text + line + "\n"

    with pytest.raises(BundleError, match="two episodes of the name"):
        verified(rewritten(host.of_round, tmp_path, {"episodes.jsonl": doubled}), host.public_key)


def _drops(prefix: str, digest: str) -> dict[str, dict[str, Change]]:
    """Ways to take the attempts of one agent out of a round of format 1."""
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
def test_an_unsigned_bundle_without_the_attempts_of_one_agent_is_found(tmp_path: Path, name: str) -> None:
    bundle, public_key = HERE / "format-1-round.zip", _public_key_of_format_1()
    prefix = _ann_of(bundle)
    changes = _drops(prefix, _digest_of(bundle, prefix))[name]
    report = verified(rewritten(bundle, tmp_path, changes), public_key)
    print([each.message for each in report.findings])
    assert codes(report) & {"checkpoint", "withheld", "receipt"}


def test_an_older_checkpoint_in_the_bundle_is_named(host: Host, tmp_path: Path) -> None:
    parts = read_parts(host.of_round)
    _older_checkpoint(parts, host)
    report = verified(write_parts(parts, tmp_path / "older.zip"), host.public_key)
    assert "the checkpoint is older than the end of round spring" in [each.message for each in report.findings]


@pytest.mark.parametrize("number", [1, 2])
def test_an_episode_that_is_gone_is_named_by_the_checkpoint(host: Host, tmp_path: Path, number: int) -> None:
    for path in (host.of_round, host.of_store):
        parts = honest(host, path, number)
        _gone("receipts")(parts, host)
        report = verified(write_parts(parts, tmp_path / "gone.zip"), host.public_key)
        named = [each.message for each in report.findings if each.episode_id == f"{host.ann}.spring:1:1"]
        assert named == ["it is gone; at the checkpoint it had 3 events"]


@pytest.mark.parametrize("number", [1, 2])
def test_a_receipt_of_a_running_or_missing_episode_names_it(host: Host, tmp_path: Path, number: int) -> None:
    for edit, message in (
        (_running_again, "it runs, though there is the receipt of its end"),
        (_gone(), "there is a receipt, but no events: it is gone"),
    ):
        parts = honest(host, host.of_round, number)
        edit(parts, host)
        report = verified(write_parts(parts, tmp_path / "receipt.zip"), host.public_key)
        found = [each.message for each in report.findings if each.code == "receipt"]
        assert found == [message]


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


def _newest(host: Host) -> dict[str, Any]:
    """The checkpoint in the bundles, with the heads of the store."""
    return {**json.loads(members(host.of_store)["checkpoint.json"]), "heads": copy.deepcopy(host.heads)}


@pytest.mark.parametrize("number", [1, 2])
def test_a_bundle_that_is_older_than_the_kept_checkpoint_is_found(host: Host, tmp_path: Path, number: int) -> None:
    parts = honest(host, host.of_store, number)
    parts.checkpoint = copy.deepcopy(host.earlier)
    older = write_parts(parts, tmp_path / "older.zip")
    report = verified(older, host.public_key, ExternalEvidence([read_checkpoint(_newest(host))]))
    messages = [each.message for each in report.findings if "kept" in each.message]
    assert messages == ["the bundle is older than the kept checkpoint 2: its own checkpoint is 1"]


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("has_heads", [True, False])
def test_a_bundle_that_was_rolled_back_contradicts_the_kept_checkpoint(
    host: Host, tmp_path: Path, number: int, has_heads: bool
) -> None:
    kept = _newest(host) if has_heads else {name: each for name, each in _newest(host).items() if name != "heads"}
    expected = "version 3 is not the one of the kept checkpoint 2" if has_heads else "the episodes are not those of"
    for path in (host.of_round, host.of_store):
        parts = honest(host, path, number)
        _running_again(parts, host)
        rolled_back = write_parts(parts, tmp_path / "rolled-back.zip")
        report = verified(rolled_back, host.public_key, ExternalEvidence([read_checkpoint(kept)]))
        assert [each.message for each in report.findings if expected in each.message and "kept" in each.message]


@pytest.mark.parametrize("number", [1, 2])
def test_another_checkpoint_of_the_same_number_than_the_kept_one_is_found(
    host: Host, tmp_path: Path, number: int
) -> None:
    other = host.signer.sign({**_newest(host)["statement"], "made_at": "2031-01-01T00:00:00.000Z"})
    path = write_parts(honest(host, host.of_store, number), tmp_path / "b.zip")
    report = verified(path, host.public_key, ExternalEvidence([read_checkpoint(other)]))
    assert "another checkpoint 2 than" in report.findings[0].message


def test_what_contradicts_a_kept_word_is_found(host: Host) -> None:
    other = {"spring": "00" * 32, "autumn": "00" * 32}
    receipt = {**host.receipt, "statement": {**host.receipt["statement"], "episode_id": "k00000000.spring:1:1"}}
    report = verified(host.of_round, host.public_key, ExternalEvidence([], [receipt], other))
    assert [each.message for each in report.findings] == [
        "a kept receipt is not signed by this key",
        "round spring is committed to another secret than the one that was kept",
        "there is no round autumn, whose commitment was kept",
    ]


@pytest.mark.parametrize("number", [1, 2])
def test_a_kept_receipt_is_compared_with_its_episode(host: Host, tmp_path: Path, number: int) -> None:
    changed: list[tuple[Callable[[Parts, Host], None], str]] = [
        (_gone("receipts", "checkpoint"), "its receipt was kept, but it is not in the bundle"),
        (_running_again, "the receipt of its end was kept, but it runs"),
        (
            _payload(3, "config.yaml", "train.log", is_linked_again=True),
            "the receipt that was kept says something else than the events",
        ),
    ]
    for edit, message in changed:
        parts = honest(host, host.of_round, number)
        edit(parts, host)
        path = write_parts(parts, tmp_path / "b.zip")
        report = verified(path, host.public_key, ExternalEvidence([], [host.receipt]))
        assert message in {each.message for each in report.findings}
