"""WIRE.md, "What costs and earns": every row of the table, shaped and sparse, the limit, and after the end."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.playing import MAX_STEPS, REFUSED_QUERY, WRONG_DIAGNOSIS, Episode, Json
from tests.profiles import smoke

READ_CONFIG: Json = {"action_type": "read_config"}
READ_LOGS: Json = {"action_type": "read_logs"}
QUERY: Json = {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "optimizer.momentum"}
OTHER_QUERY: Json = {**QUERY, "field_path": "optimizer.learning_rate"}
CHECK: Json = {"action_type": "run_sanity_check", "sanity_check_type": "class_balance"}
OTHER_CHECK: Json = {**CHECK, "sanity_check_type": "data_leakage"}


def filtered(log_filter: str | None) -> Json:
    return {"action_type": "read_logs", "log_filter": log_filter}


def read(artifact_name: str) -> Json:
    return {"action_type": "read_artifact", "artifact_name": artifact_name}


ROWS: list[tuple[str, list[Json], float]] = [
    ("first read", [READ_CONFIG], 0.02),
    ("first read of another artifact", [READ_CONFIG, READ_LOGS], 0.02),
    ("first read with a filter", [filtered("loss")], 0.02),
    ("first read with a filter that matches nothing", [filtered("no line holds this")], 0.02),
    ("first query", [QUERY], 0.02),
    ("first query of code", [{**QUERY, "artifact_name": "preprocessing.py", "field_path": "StandardScaler"}], 0.02),
    ("the same read again", [READ_CONFIG, READ_CONFIG], -0.02),
    ("the same read a third time", [READ_CONFIG, READ_CONFIG, READ_CONFIG], -0.02),
    ("the same read by its other name", [READ_CONFIG, read("config.yaml")], -0.02),
    ("the same filter again", [filtered("loss"), filtered("loss")], -0.02),
    ("the same filter in another case and trim", [filtered("loss"), filtered("  LOSS ")], -0.02),
    ("the same epochs in another case", [filtered("epoch:3"), filtered("Epoch:3")], -0.02),
    ("null and empty are the same filter", [filtered(None), filtered("")], -0.02),
    ("no filter and null are the same filter", [READ_LOGS, filtered(None)], -0.02),
    ("again after another filter between", [filtered("loss"), filtered("acc"), filtered("loss")], -0.02),
    ("the same artifact with a filter", [READ_LOGS, filtered("loss")], 0.0),
    ("the same artifact with another filter", [filtered("loss"), filtered("epoch:1-2")], 0.0),
    ("the same artifact without its filter", [filtered("loss"), READ_LOGS], 0.0),
    ("read after only a query", [QUERY, READ_CONFIG], 0.0),
    ("read again after a query and a read", [QUERY, READ_CONFIG, READ_CONFIG], -0.02),
    ("query after a read", [READ_CONFIG, QUERY], 0.0),
    ("the same query again", [QUERY, QUERY], 0.0),
    ("a later query", [QUERY, OTHER_QUERY], 0.0),
    ("first check", [CHECK], 0.01),
    ("another check", [CHECK, OTHER_CHECK], 0.01),
    ("the same check again", [CHECK, CHECK], 0.0),
    ("refused", [REFUSED_QUERY], 0.0),
    ("refused again", [REFUSED_QUERY, REFUSED_QUERY], 0.0),
    ("first read after a refused query", [REFUSED_QUERY, READ_CONFIG], 0.02),
    ("first query after a refused query", [REFUSED_QUERY, QUERY], 0.02),
]
SMOKE = ("first read", "the same read again", "the same artifact with a filter", "first check", "refused")
"""In a bare run; that the rule itself is right, tests/domain holds."""
TABLE = smoke(ROWS, lambda row: row[0] in SMOKE)
NAMES = [name for name, _, _ in ROWS]


@pytest.mark.parametrize("row", TABLE, ids=NAMES)
def test_shaped_rewards(http: httpx.Client, row: tuple[str, list[Json], float]) -> None:
    _, actions, reward = row
    episode = Episode(http, seed=5, reward_mode="shaped")
    assert [episode.play(action)["reward"] for action in actions][-1] == pytest.approx(reward)


@pytest.mark.parametrize("row", TABLE, ids=NAMES)
def test_sparse_rewards_are_zero_before_the_end(http: httpx.Client, row: tuple[str, list[Json], float]) -> None:
    _, actions, _ = row
    episode = Episode(http, seed=5, reward_mode="sparse")
    assert [episode.play(action)["reward"] for action in actions] == [0.0] * len(actions)


def test_shaped_is_the_default(http: httpx.Client) -> None:
    assert Episode(http, seed=5).play(READ_CONFIG)["reward"] == 0.02


@pytest.mark.parametrize("reward_mode", ["shaped", "sparse"])
def test_a_submission_earns_its_score(http: httpx.Client, reward_mode: str) -> None:
    episode = Episode(http, task_id="medium", seed=5, reward_mode=reward_mode)
    body = episode.step("submit_diagnosis", failure_category="data_leakage", root_cause_file="preprocessing.py")
    assert body["reward"] == body["info"]["score"] == 0.35


def test_the_total_reward_is_the_sum_of_the_rewards(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    played = [READ_CONFIG, READ_LOGS, READ_LOGS, CHECK, CHECK, QUERY, REFUSED_QUERY, WRONG_DIAGNOSIS]
    rewards = [episode.play(action)["reward"] for action in played]
    assert episode.state()["total_reward"] == pytest.approx(sum(rewards))


def test_the_rewards_of_a_sparse_episode_sum_to_its_score(http: httpx.Client) -> None:
    episode = Episode(http, task_id="medium", seed=5, reward_mode="sparse")
    for action in (READ_CONFIG, CHECK):
        episode.play(action)
    body = episode.step("submit_diagnosis", failure_category="data_leakage")
    assert episode.state()["total_reward"] == body["reward"] == body["info"]["score"]


@pytest.mark.parametrize(("task_id", "max_steps"), MAX_STEPS.items())
def test_the_step_that_reaches_the_limit_ends_the_episode(http: httpx.Client, task_id: str, max_steps: int) -> None:
    episode = Episode(http, task_id=task_id, seed=5)
    answers = [episode.play(REFUSED_QUERY) for _ in range(max_steps)]
    assert [answer["done"] for answer in answers] == [False] * (max_steps - 1) + [True]
    assert answers[-1]["info"]["truncated"] is True
    assert answers[-1]["info"]["step_count"] == max_steps


@pytest.mark.parametrize(
    ("reward_mode", "last", "reward"),
    [
        ("shaped", READ_CONFIG, 0.03),
        ("shaped", CHECK, 0.02),
        ("shaped", REFUSED_QUERY, 0.01),
        ("shaped", READ_LOGS, -0.01),
        ("sparse", READ_CONFIG, 0.01),
        ("sparse", READ_LOGS, 0.01),
        ("sparse", REFUSED_QUERY, 0.01),
    ],
)
def test_the_step_that_reaches_the_limit_earns_001_more(
    http: httpx.Client, reward_mode: str, last: Json, reward: float
) -> None:
    episode = Episode(http, seed=5, reward_mode=reward_mode)
    episode.play(READ_LOGS)
    for _ in range(18):
        episode.play(REFUSED_QUERY)
    assert episode.play(last)["reward"] == pytest.approx(reward)


def test_the_rewards_of_a_sparse_episode_at_the_limit_sum_to_its_score(http: httpx.Client) -> None:
    episode = Episode(http, seed=5, reward_mode="sparse")
    last = episode.play_to_the_limit()
    assert last["reward"] == last["info"]["score"] == episode.state()["total_reward"] == 0.01


def test_a_submission_as_the_last_step_is_no_truncation(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    for _ in range(19):
        episode.play(REFUSED_QUERY)
    body = episode.step("submit_diagnosis", failure_category="architecture_bug")
    assert (body["done"], body["info"]["truncated"]) == (True, False)
    assert body["reward"] == body["info"]["score"] == pytest.approx(0.10)
    assert [event["kind"] for event in episode.events()][-1] == "submit"


def test_an_episode_that_ended_by_the_limit_shows_the_keys_of_a_submission(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    episode.play(READ_CONFIG)
    info = episode.play_to_the_limit()["info"]
    assert (info["score"], info["brier"], info["breakdown"]) == (0.01, None, None)
    assert info["seed"] == 5
    assert info["ground_truth"]["fault_id"] == "dropout_too_high"
    assert info["investigation"] == {
        "artifacts_read": ["config.yaml"],
        "checks_run": [],
        "duplicate_reads": 0,
        "refused": 19,
        "steps": 20,
    }


def test_the_limit_is_recorded_as_expire(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    last = episode.play_to_the_limit()
    events = episode.events()
    assert [event["kind"] for event in events] == ["reset", *["refuse"] * 20, "expire"]
    assert events[-1]["payload"]["reason"] == "steps"
    assert last["info"]["version"] == len(events)


@pytest.mark.parametrize("action", [READ_CONFIG, CHECK, REFUSED_QUERY, WRONG_DIAGNOSIS], ids=str)
def test_anything_after_a_submission_gives_the_final_observation_again(http: httpx.Client, action: Json) -> None:
    episode = Episode(http, seed=5)
    final = episode.play({**WRONG_DIAGNOSIS, "failure_category": "data_leakage"})
    after = episode.play(action)
    assert (after["observation"], after["info"]) == (final["observation"], final["info"])
    assert (after["reward"], after["done"]) == (0.0, True)


@pytest.mark.parametrize("action", [READ_CONFIG, REFUSED_QUERY, WRONG_DIAGNOSIS], ids=str)
def test_anything_after_the_limit_gives_the_final_observation_again(http: httpx.Client, action: Json) -> None:
    episode = Episode(http, seed=5)
    final = episode.play_to_the_limit()
    after = episode.play(action)
    assert (after["observation"], after["info"]) == (final["observation"], final["info"])
    assert (after["reward"], after["done"]) == (0.0, True)


def test_anything_after_the_end_records_nothing(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    episode.play(WRONG_DIAGNOSIS)
    before = (episode.events(), episode.state())
    for action in (READ_CONFIG, CHECK, WRONG_DIAGNOSIS):
        episode.play(action)
    assert (episode.events(), episode.state()) == before
