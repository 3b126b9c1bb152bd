"""WIRE.md, "Reset": the start of an episode."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.e2e.playing import (
    ARTIFACTS,
    CHECKS,
    MAX_EXPERIMENTS,
    MAX_STEPS,
    OF_ONE_TABLE,
    OF_SEVERAL_SOURCES,
    TASKS,
    Episode,
    accepted,
    assert_problem,
    strict_json,
)

LARGEST_SEED = 2**53 - 1
ID_GRAMMAR = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def test_reset_answers_the_documented_example(http: httpx.Client) -> None:
    body = accepted(
        http.post(
            "/reset",
            json={
                "task_id": "medium",
                "seed": 5,
                "episode_id": "demo-1",
                "agent": "my-agent",
                "reward_mode": "shaped",
                "request_id": "r-1",
            },
        )
    )
    assert set(body) == {"observation", "reward", "done", "info", "metadata"}
    assert (body["reward"], body["done"]) == (None, False)
    assert body["info"] == {
        "episode_id": "demo-1",
        "version": 1,
        "task_id": "medium",
        "step_count": 0,
        "max_steps": 30,
        "truncated": False,
    }


def test_metadata_is_the_same_object_as_info(http: httpx.Client) -> None:
    first = Episode(http, task_id="medium", seed=5).first
    assert first["metadata"] == first["info"]


def test_reset_observation_has_exactly_the_documented_keys(http: httpx.Client) -> None:
    assert set(Episode(http, seed=5).first["observation"]) == {
        "task_id",
        "task_description",
        "run_id",
        "run_summary",
        "available_artifacts",
        "sanity_checks",
        "field_registry",
        "last_action_result",
        "artifacts_read",
        "checks_run",
        "step_count",
        "max_steps",
        "experiments_left",
        "messages",
    }


def test_reset_observation_starts_empty(http: httpx.Client) -> None:
    observation = Episode(http, task_id="medium", seed=5).first["observation"]
    assert observation["last_action_result"] == {"status": "reset"}
    assert (observation["artifacts_read"], observation["checks_run"], observation["messages"]) == ([], [], [])
    assert (observation["task_id"], observation["step_count"], observation["max_steps"]) == ("medium", 0, 30)


def test_run_summary_names_model_dataset_and_status(http: httpx.Client) -> None:
    summary = Episode(http, seed=5).first["observation"]["run_summary"]
    assert set(summary) == {"model", "dataset", "status"}
    assert all(isinstance(value, str) and value for value in summary.values())


def test_run_id_has_the_documented_form(http: httpx.Client) -> None:
    assert re.fullmatch(r"run-[0-9a-f]{8}", Episode(http, seed=5).first["observation"]["run_id"])


def test_the_six_artifacts_are_offered(http: httpx.Client) -> None:
    offered = Episode(http, seed=5).first["observation"]["available_artifacts"]
    assert {entry["name"] for entry in offered} == set(ARTIFACTS)
    assert len(offered) == len(ARTIFACTS)


def test_an_offered_artifact_has_description_and_size_hint(http: httpx.Client) -> None:
    for entry in Episode(http, seed=5).first["observation"]["available_artifacts"]:
        assert set(entry) == {"name", "description", "size_hint"}
        assert entry["description"]
        assert entry["size_hint"]


def test_the_eight_sanity_checks_are_offered(http: httpx.Client) -> None:
    offered = Episode(http, seed=5).first["observation"]["sanity_checks"]
    assert sorted(offered) == sorted(CHECKS)


@pytest.mark.parametrize("task_id", TASKS)
def test_a_task_is_described_without_naming_its_fault(http: httpx.Client, task_id: str) -> None:
    observation = Episode(http, task_id=task_id, seed=5).first["observation"]
    assert observation["task_description"].strip()
    assert TASKS[task_id] not in observation["task_description"]


def test_every_registry_entry_has_a_type_and_its_range_or_choices(http: httpx.Client) -> None:
    for entry in Episode(http, seed=5).first["observation"]["field_registry"]:
        assert {"file", "field", "type"} <= set(entry), entry
        assert entry["file"] in ARTIFACTS
        assert isinstance(entry["field"], str)
        if entry["type"] in {"number", "integer"}:
            low, high = entry["range"]
            assert low < high, entry
        if entry["type"] == "choice":
            assert len(entry["choices"]) >= 2, entry


@pytest.mark.parametrize(
    "entry",
    [
        {"file": "config.yaml", "field": "optimizer.learning_rate", "type": "number", "range": [1e-6, 1000]},
        {
            "file": "preprocessing.py",
            "field": "StandardScaler.fit_transform",
            "type": "choice",
            "choices": ["train", "all"],
        },
        {
            "file": "eval_results.json",
            "field": "metrics.val_accuracy",
            "type": "choice",
            "choices": ["validation", "test"],
        },
    ],
    ids=lambda entry: str(entry["field"]),
)
def test_the_registry_holds_the_documented_entries(http: httpx.Client, entry: dict[str, Any]) -> None:
    assert entry in Episode(http, seed=5).first["observation"]["field_registry"]


def test_the_registry_covers_every_artifact(http: httpx.Client) -> None:
    registry = Episode(http, seed=5).first["observation"]["field_registry"]
    assert {entry["file"] for entry in registry} == set(ARTIFACTS)


@pytest.mark.parametrize("task_ids", [OF_ONE_TABLE, OF_SEVERAL_SOURCES])
def test_the_registry_is_the_same_for_every_episode_of_a_family_of_runs(
    http: httpx.Client, task_ids: tuple[str, ...]
) -> None:
    registries = [
        Episode(http, task_id=task_id, seed=seed).first["observation"]["field_registry"]
        for task_id in task_ids
        for seed in (5, 8)
    ]
    assert all(registry == registries[0] for registry in registries)


def test_every_key_of_a_reset_is_optional(http: httpx.Client) -> None:
    info = accepted(http.post("/reset", json={}))["info"]
    assert (info["task_id"], info["max_steps"], info["version"]) == ("easy", 20, 1)


def test_unknown_keys_of_a_reset_are_ignored(http: httpx.Client) -> None:
    body = accepted(http.post("/reset", json={"task_id": "hard", "seed": 5, "colour": "blue", "options": {"a": 1}}))
    assert body["info"]["task_id"] == "hard"


def test_task_is_an_alias_of_task_id(http: httpx.Client) -> None:
    assert accepted(http.post("/reset", json={"task": "medium"}))["info"]["task_id"] == "medium"


@pytest.mark.parametrize("task_id", MAX_EXPERIMENTS)
def test_each_task_has_its_number_of_experiments(http: httpx.Client, task_id: str) -> None:
    first = Episode(http, task_id=task_id, seed=5).first
    assert first["observation"]["experiments_left"] == MAX_EXPERIMENTS[task_id]


@pytest.mark.parametrize(("task_id", "max_steps"), MAX_STEPS.items())
def test_each_task_has_its_step_limit(http: httpx.Client, task_id: str, max_steps: int) -> None:
    first = Episode(http, task_id=task_id, seed=5).first
    assert (first["info"]["max_steps"], first["observation"]["max_steps"]) == (max_steps, max_steps)


@pytest.mark.parametrize("seed", [0, 1, LARGEST_SEED])
def test_seeds_from_0_to_2_to_the_53_less_1_are_accepted(http: httpx.Client, seed: int) -> None:
    ended = Episode(http, seed=seed).step("submit_diagnosis")
    assert ended["info"]["seed"] == seed


@pytest.mark.parametrize(
    "body",
    [
        {"task_id": "impossible"},
        {"task": "impossible"},
        {"task_id": 1},
        {"seed": -1},
        {"seed": LARGEST_SEED + 1},
        {"seed": 1.5},
        {"seed": "7"},
        {"reward_mode": "generous"},
        {"episode_id": ""},
        {"episode_id": "x" * 129},
        {"episode_id": "a b"},
        {"episode_id": "a/b"},
        {"episode_id": "é"},
        {"episode_id": 5},
        {"request_id": "a b"},
        {"request_id": "x" * 129},
    ],
    ids=str,
)
def test_a_reset_the_schema_rejects_is_invalid(http: httpx.Client, body: dict[str, Any]) -> None:
    assert_problem(http.post("/reset", json=body), 422, "invalid")


def test_ids_may_use_the_whole_grammar(http: httpx.Client) -> None:
    episode = Episode(http, seed=5, episode_id="Az09._:-")
    assert episode.step("read_config")["info"]["episode_id"] == "Az09._:-"


def test_ids_may_have_128_characters(http: httpx.Client) -> None:
    assert Episode(http, seed=5, episode_id="x" * 128).id == "x" * 128


def test_generated_ids_follow_the_grammar_and_differ(http: httpx.Client) -> None:
    ids = {Episode(http, seed=5).id for _ in range(5)}
    assert len(ids) == 5
    assert all(ID_GRAMMAR.fullmatch(episode_id) for episode_id in ids)


def test_generated_ids_have_room_for_128_random_bits(http: httpx.Client) -> None:
    assert len(Episode(http, seed=5).id) >= 22  # 128 bits in base 64


def test_a_drawn_seed_is_shown_only_after_the_end(http: httpx.Client) -> None:
    episode = Episode(http)
    assert "seed" not in episode.first["info"]
    assert "seed" not in episode.step("read_config")["info"]
    assert 0 <= episode.step("submit_diagnosis")["info"]["seed"] <= LARGEST_SEED


def test_drawn_seeds_differ(http: httpx.Client) -> None:
    seeds = {Episode(http).step("submit_diagnosis")["info"]["seed"] for _ in range(4)}
    assert len(seeds) == 4


def test_a_drawn_seed_gives_the_same_run_when_it_is_named(http: httpx.Client) -> None:
    drawn = Episode(http, task_id="medium")
    seed = drawn.step("submit_diagnosis")["info"]["seed"]
    named = Episode(http, task_id="medium", seed=seed)
    assert named.first["observation"] == drawn.first["observation"]


def test_the_same_seed_gives_the_same_observation(http: httpx.Client) -> None:
    first, second = (Episode(http, task_id="hard", seed=5) for _ in range(2))
    assert first.id != second.id
    assert first.first["observation"] == second.first["observation"]


def test_another_seed_gives_another_run(http: httpx.Client) -> None:
    runs = {Episode(http, seed=seed).first["observation"]["run_id"] for seed in (5, 8, 9)}
    assert len(runs) == 3


@pytest.mark.parametrize("task_id", TASKS)
def test_no_observation_shows_the_seed(http: httpx.Client, task_id: str) -> None:
    seed = 918273645
    episode = Episode(http, task_id=task_id, seed=seed)
    shown = [str(episode.first), *(episode.text_of(name) for name in ARTIFACTS)]
    shown += [str(episode.step("run_sanity_check", sanity_check_type=check)) for check in CHECKS]
    assert not [text for text in shown if str(seed) in text]


def test_the_cookie_is_http_only_lax_and_for_the_whole_site(http: httpx.Client) -> None:
    response = http.post("/reset", json={"seed": 5})
    name_and_value, *attributes = [part.strip() for part in response.headers["set-cookie"].split(";")]
    assert name_and_value.startswith("mlops_debug_episode=")
    assert {"httponly", "samesite=lax", "path=/"} <= {attribute.lower() for attribute in attributes}


def test_a_request_id_on_reset_is_only_recorded(http: httpx.Client) -> None:
    first, second = (Episode(http, seed=5, request_id="the-same") for _ in range(2))
    assert first.id != second.id
    assert first.events()[0]["request_id"] == second.events()[0]["request_id"] == "the-same"


def test_a_rest_reset_leaves_the_earlier_episode_of_its_cookie_open(http: httpx.Client) -> None:
    earlier = Episode(http, seed=5)
    Episode(http, seed=8)
    assert earlier.state()["done"] is False


def test_a_reset_answer_is_json(http: httpx.Client) -> None:
    response = http.post("/reset", json={"seed": 5})
    assert response.headers["content-type"].split(";")[0] == "application/json"
    assert isinstance(strict_json(response.content), dict)
