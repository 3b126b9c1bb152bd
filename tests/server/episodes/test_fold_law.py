"""Every observation and reward equals what folding the stored events gives, before and after a restart; and many
agents at once never see each other's episodes."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from domain.episode.decide import EpisodeState, evolve
from domain.episode.observation import EvidenceView, observe, observe_final
from domain.types import ARTIFACT_NAMES, SANITY_CHECK_NAMES, SINGLE_FAULT_TASKS
from server.settings import Settings
from server.storage.stream_codec import decode_link
from tests.auditing import audit_by_settings
from tests.hand_made import REPAIR, HandMadeSimulation, hand_made_scenario
from tests.profiles import count as how_many
from tests.served import Served, counting_ids, serving

pytestmark = pytest.mark.both_backends
EPISODES = {"sqlite": how_many(200, quick=25), "postgres": 60}


def random_action(draw: random.Random) -> dict[str, Any]:
    """Legal, refused and illegal actions mixed; rarely one that ends the episode."""
    match draw.randrange(12):
        case 0 | 1 | 2:
            return {"action_type": "read_artifact", "artifact_name": draw.choice(ARTIFACT_NAMES)}
        case 3 | 4:
            return {"action_type": "read_logs", "log_filter": draw.choice(["epoch:1", "EPOCH:1 ", "warn", "", None])}
        case 5 | 6:
            path = draw.choice(["optimizer.momentum", "optimizer", "optimizer.nope", "run_id"])
            return {"action_type": "query_artifact", "artifact_name": draw.choice(ARTIFACT_NAMES), "field_path": path}
        case 7 | 8:
            return {"action_type": "run_sanity_check", "sanity_check_type": draw.choice(SANITY_CHECK_NAMES)}
        case 9:
            return {"action_type": "run_sanity_check", "sanity_check_type": "vibes"}
        case 10:
            return {"action_type": draw.choice(["read_config", "fly"]), "log_filter": "x"}
        case _:
            patch = draw.choice([None, [REPAIR.model_dump()]])
            return {"action_type": "submit_diagnosis", "root_cause_file": "config.yaml", "patch": patch}


async def play(served: Served, episode_id: str, steps: int, draw: random.Random) -> list[dict[str, Any]]:
    """The accepted answers, in order."""
    answers: list[dict[str, Any]] = []
    for _ in range(steps):
        response = await served.client.post(f"/episodes/{episode_id}/step", json={"action": random_action(draw)})
        assert response.status_code in (200, 422)
        if response.status_code == 200:
            answers.append(response.json())
    return answers


async def folded_answers(served: Served, episode_id: str, view: EvidenceView) -> list[tuple[Any, Any, bool]]:
    """Observation, reward and end of each step, from the stored events alone."""
    state: EpisodeState | None = None
    shown: list[bytes] = []
    for link in await served.services.episodes.events(episode_id):
        event = decode_link(link)
        state = evolve(state, event)
        if link.kind == "expire":
            shown[-1] = observe(view, state)
        elif link.kind != "reset":
            shown.append(observe(view, state))
    assert state is not None
    final = observe_final(view, state)
    return [_parts(each) for each in (*shown, final)]


def _parts(shown: bytes) -> tuple[Any, Any, bool]:
    parsed = json.loads(b"{" + shown + b"}")
    return parsed["observation"], parsed["reward"], parsed["done"]


async def test_every_answer_is_what_folding_the_stored_events_gives(settings: Settings, backend: str) -> None:
    count = EPISODES[backend]
    draw = random.Random(20300101)  # fixed, so that a failure can be looked at
    view_of = {seed: EvidenceView(hand_made_scenario(seed=seed).evidence) for seed in range(5)}
    begun = {f"e-{n}": n % 5 for n in range(count)}
    answers: dict[str, list[dict[str, Any]]] = {}
    async with serving(settings) as served:
        for n, (episode_id, seed) in enumerate(begun.items()):
            mode = "sparse" if n % 3 == 0 else "shaped"
            await served.reset(episode_id=episode_id, seed=seed, task_id=SINGLE_FAULT_TASKS[n % 3], reward_mode=mode)
            answers[episode_id] = await play(served, episode_id, draw.randrange(0, 26), draw)
    async with serving(settings, new_id=counting_ids("later")) as served:
        compared = 0
        for episode_id, seed in begun.items():
            answers[episode_id] += await play(served, episode_id, draw.randrange(0, 8), draw)
            *steps, final = await folded_answers(served, episode_id, view_of[seed])
            for n, answer in enumerate(answers[episode_id]):
                expected = steps[n] if n < len(steps) else final
                assert (answer["observation"], answer["reward"], answer["done"]) == expected
                compared += 1
            state = (await served.client.get(f"/state?episode_id={episode_id}")).json()
            assert state["step_count"] == len(steps)
    findings = [
        found
        for episode_id in begun
        for found in (await audit_by_settings(settings, HandMadeSimulation(), episode_id)).findings
    ]
    print(f"{compared} answers of {count} random episodes equal the fold; {len(findings)} audit findings")
    assert findings == []
    assert compared > 5 * count


async def test_fifty_agents_at_once_mix_no_episodes(settings: Settings) -> None:
    async with serving(settings) as served:

        async def agent(number: int) -> None:
            run_id = hand_made_scenario(seed=number).evidence.run_id
            async with served.socket() as socket:
                begun = await socket.say({"type": "reset", "data": {"seed": number}})
                assert begun["data"]["observation"]["run_id"] == run_id
                episode_id = begun["data"]["metadata"]["episode_id"]
                for n in range(8):
                    action = {"action_type": "read_config"} if n % 2 else {"action_type": "read_logs"}
                    answer = await socket.say({"type": "step", "data": action})
                    assert answer["data"]["metadata"]["episode_id"] == episode_id
                    assert answer["data"]["metadata"]["version"] == n + 2
                    assert run_id in answer["data"]["observation"]["last_action_result"]["content"]

        await asyncio.gather(*(agent(number) for number in range(50)))
        scores = (await served.client.get("/openenv/state")).json()
    assert scores["open_episodes"] == 50


async def test_unversioned_steps_on_one_episode_run_one_after_another(settings: Settings) -> None:
    async with serving(settings) as served:
        await served.reset(episode_id="e", task_id="hard")
        action = {"action_type": "read_config"}
        answers = await asyncio.gather(*(served.step("e", action) for _ in range(15)))
        assert sorted(each["info"]["version"] for each in answers) == list(range(2, 17))
        assert len(served.services.episodes._locks) == 0


async def test_of_versioned_steps_at_once_one_wins(settings: Settings) -> None:
    async with serving(settings) as served:
        await served.reset(episode_id="e")
        body = {"episode_id": "e", "action": {"action_type": "read_config"}, "expected_version": 1}
        answers = await asyncio.gather(*(served.client.post("/step", json=body) for _ in range(20)))
        assert sorted(each.status_code for each in answers) == [200] + [409] * 19


async def test_caches_are_bounded_and_losing_them_changes_nothing(settings: Settings) -> None:
    from dataclasses import replace

    async with serving(replace(settings, scenario_cache=1, episode_cache=1)) as served:
        for n in range(4):
            await served.reset(episode_id=f"e{n}", seed=n)
        for n in range(4):
            answer = await served.step(f"e{n}", {"action_type": "read_config"})
            assert hand_made_scenario(seed=n).evidence.run_id in answer["observation"]["last_action_result"]["content"]
        assert len(served.services.episodes.cache) == 1
