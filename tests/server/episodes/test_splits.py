"""Which split an episode's scenario is of: over the wire, in the store, in an audit and in a bundle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from domain.chain import canonical
from domain.events import EncodedEvent, EpisodeReset, Event
from domain.generator import GENERATOR_VERSION, TWIN_OF, generate, planted_fault
from domain.ranking.rounds import AttemptId, attempt_fault, attempt_seed
from domain.tasks.splits import numbered_task
from domain.tasks.suites import RANKED_1
from domain.types import SplitName, TaskId
from server.audit.bundle.verifier import verify_bundle
from server.audit.bundle.writer import export_bundle
from server.audit.checkpoints import draft_checkpoint, store_checkpoint
from server.scenarios.simulation import InProcessSimulation
from server.settings import Settings
from server.storage.connections import run_read, run_read_snapshot, run_write
from tests.auditing import audit_by_settings
from tests.before_experiments import encoded_before_experiments, record_before_experiments
from tests.databases import execute
from tests.served import Served, counting_ids, serving
from tests.server.ranking.test_rounds import key_of, opened

CODE = {"action_type": "inspect_preprocessing"}
SUBMIT = {"action_type": "submit_diagnosis"}
SECRET = bytes(range(32))
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


@pytest.fixture
async def real(settings: Settings) -> AsyncIterator[Served]:
    """A server with the real generator."""
    async with serving(settings, simulation=InProcessSimulation()) as served:
        yield served


def code_of(task_id: TaskId, seed: int, split: SplitName, fault: str | None = None) -> str:
    return generate(task_id, seed, split=split, fault=fault).evidence.artifacts["preprocessing.py"]


async def code_shown(served: Served, **asked: Any) -> str:
    begun = await served.reset(**asked)
    step = await served.step(begun["info"]["episode_id"], CODE)
    return str(step["observation"]["last_action_result"]["content"])


async def test_a_practice_seed_is_of_train_whatever_its_size(real: Served) -> None:
    for seed in (3, 1_000_000, 2_000_004):
        assert await code_shown(real, task_id="medium", seed=seed) == code_of("medium", seed, "train")


@pytest.mark.parametrize("split", SPLITS)
async def test_a_numbered_task_is_written_in_the_styles_of_its_split(real: Served, split: SplitName) -> None:
    meant = numbered_task(split, 4)
    shown = await code_shown(real, split=split, index=4)
    assert shown == code_of(meant.task_id, meant.seed, split)
    others = {code_of(meant.task_id, meant.seed, other) for other in SPLITS if other != split}
    assert shown not in others


async def test_any_seed_can_be_asked_for_in_any_split(real: Served) -> None:
    shown = {split: await code_shown(real, task_id="hard", split=split, seed=3) for split in SPLITS}
    assert shown == {split: code_of("hard", 3, split) for split in SPLITS}


@pytest.mark.both_backends
async def test_a_stored_scenario_is_found_again_for_its_own_split_only(settings: Settings) -> None:
    for server in ("first", "second"):  # the second finds all three in the store
        async with serving(settings, simulation=InProcessSimulation(), new_id=counting_ids(server)) as served:
            for split in SPLITS:
                assert await code_shown(served, task_id="easy", split=split, seed=3) == code_of("easy", 3, split)
    stored = execute(settings.database_url, "SELECT split, seed FROM scenarios ORDER BY split")
    assert stored == [("test", "3"), ("train", "3"), ("validation", "3")]


@pytest.mark.parametrize(("asked", "split"), [({}, "test"), ({"split": "validation"}, "validation")])
async def test_a_ranked_episode_is_of_the_split_of_its_round(
    settings: Settings, asked: dict[str, Any], split: SplitName
) -> None:
    opened(settings, generator=GENERATOR_VERSION, **asked)
    key = key_of(settings, "ann")
    attempt = AttemptId("spring", "ann", 2, 1)
    seed, fault = attempt_seed(SECRET, attempt), attempt_fault(SECRET, attempt, RANKED_1)
    async with serving(settings, simulation=InProcessSimulation()) as served:
        served.client.headers["Authorization"] = f"Bearer {key}"
        shown = await code_shown(served, round="spring", entry=2)
        assert (await served.client.get("/rounds")).json()["rounds"][0]["split"] == split
    assert shown == code_of("medium", seed, split, fault)
    assert shown != code_of("medium", seed, "train", fault)


async def test_the_twin_that_is_compared_with_an_episode_is_of_its_split(settings: Settings) -> None:
    class Counting(InProcessSimulation):
        asked: list[tuple[str | None, SplitName]]

        async def generate(
            self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
        ) -> Any:
            self.asked.append((fault, split))
            return await super().generate(task_id, seed, fault=fault, split=split)

    simulation = Counting()
    simulation.asked = []
    async with serving(settings, simulation=simulation) as served:
        await served.reset(task_id="easy", split="validation", seed=3, episode_id="e")
        await served.step("e", SUBMIT)
        assert (await served.client.get("/episodes/e")).status_code == 200
    twin_of_what_was_planted = TWIN_OF + planted_fault("easy", 3, "validation")
    assert simulation.asked == [(None, "validation"), (twin_of_what_was_planted, "validation")]


async def test_an_audit_generates_each_split_again_and_finds_another_one(settings: Settings) -> None:
    async with serving(settings, simulation=InProcessSimulation()) as served:
        for split in SPLITS:
            await served.reset(task_id="easy", split=split, seed=3, episode_id=split)
            await served.step(split, SUBMIT)
    for split in SPLITS:
        report = await audit_by_settings(settings, InProcessSimulation(), split)
        assert (report.findings, report.notes) == ((), ())
    execute(
        settings.database_url,
        "DROP TRIGGER scenarios_refuse_update",
        "UPDATE scenarios SET split = 'train' WHERE split = 'test'",
    )
    assert [each.code for each in (await audit_by_settings(settings, InProcessSimulation(), "test")).findings] == [
        "scenario"
    ]


async def test_an_attempt_in_another_split_than_that_of_its_round_is_found(settings: Settings) -> None:
    opened(settings, generator=GENERATOR_VERSION)
    key = key_of(settings, "ann")
    async with serving(settings, simulation=InProcessSimulation()) as served:
        served.client.headers["Authorization"] = f"Bearer {key}"
        name = (await served.reset(round="spring", entry=1))["info"]["episode_id"]
    assert (await audit_by_settings(settings, InProcessSimulation(), name)).findings == ()
    execute(settings.database_url, "UPDATE rounds SET split = 'train'")
    (found,) = (await audit_by_settings(settings, InProcessSimulation(), name)).findings
    assert (found.code, found.message) == ("round", "the split is test, that of the round is train")


def encoded_before_splits(event: Event) -> EncodedEvent:
    """A reset as it was recorded in its schema version 2."""
    now = encoded_before_experiments(event)
    if not isinstance(event, EpisodeReset):
        return now
    payload = json.loads(now.payload)
    del payload["split"]
    return EncodedEvent(now.kind, 2, canonical(payload))


@pytest.fixture
async def old_store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A store with a practice episode and a ranked one from before resets recorded a split: all were of train."""
    key = key_of(settings, "ann")
    with monkeypatch.context() as patched:
        record_before_experiments(patched)
        opened(settings, generator=GENERATOR_VERSION, split="train")
        patched.setattr("server.episodes.service.encode", encoded_before_splits)
        async with serving(settings, simulation=InProcessSimulation()) as served:
            await served.reset(task_id="easy", seed=2_000_004, episode_id="old")
            await served.step("old", SUBMIT)
            served.client.headers["Authorization"] = f"Bearer {key}"
            name = (await served.reset(round="spring", entry=1))["info"]["episode_id"]
            await served.step(name, SUBMIT)
    return settings


def versions_of_resets(settings: Settings) -> list[int]:
    rows = execute(settings.database_url, "SELECT schema_version FROM events WHERE kind = 'reset' ORDER BY position")
    return [version for (version,) in rows]


async def test_what_was_recorded_before_splits_audits_as_before(old_store: Settings) -> None:
    names = execute(old_store.database_url, "SELECT episode_id FROM recorded_episodes")
    assert (len(names), versions_of_resets(old_store)) == (2, [2, 2])
    for (name,) in names:
        report = await audit_by_settings(old_store, InProcessSimulation(), name)
        assert report.findings == ()
        assert not [note for note in report.notes if "again" in note]


async def test_a_scenario_from_before_splits_is_not_served_for_a_held_out_task(old_store: Settings) -> None:
    meant = numbered_task("test", 12)
    assert (meant.task_id, meant.seed) == ("easy", 2_000_004)
    async with serving(old_store, simulation=InProcessSimulation(), new_id=counting_ids("new")) as served:
        assert await code_shown(served, split="test", index=12) == code_of("easy", 2_000_004, "test")
        assert await code_shown(served, task_id="easy", seed=2_000_004) == code_of("easy", 2_000_004, "train")
    assert versions_of_resets(old_store) == [2, 2, 5, 5]


async def exported(settings: Settings, path: Path) -> str:
    async with serving(settings, simulation=InProcessSimulation()) as served:
        signer = served.services.signer
        now = "2030-01-01T00:00:00.000Z"
        url = settings.database_url
        signed = await run_read(url, lambda opened: draft_checkpoint(opened, signer, now=now))
        assert signed is not None
        await run_write(url, lambda opened: store_checkpoint(opened, signed))
        await run_read_snapshot(url, lambda opened: export_bundle(opened, signer, path, round_id=None, now=now))
        return signer.public_key


def one_thread(_: int) -> Executor:
    return ThreadPoolExecutor(1)


async def test_a_bundle_of_all_splits_verifies(settings: Settings, tmp_path: Path) -> None:
    async with serving(settings, simulation=InProcessSimulation()) as served:
        for split in SPLITS:
            await served.reset(task_id="easy", split=split, seed=3, episode_id=split)
            await served.step(split, SUBMIT)
    path = tmp_path / "b.zip"
    public_key = await exported(settings, path)
    report = await asyncio.to_thread(verify_bundle, path, public_key, workers=1, create_pool=one_thread)
    assert (report.episodes, report.findings) == (3, ())
