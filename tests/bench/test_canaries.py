"""The readers of words learn what is there, and nothing where nothing is."""

from __future__ import annotations

import pytest

from bench.validity.agents import play_heuristic, play_oracle
from bench.validity.bag_of_words import BagOfWords, chance
from bench.validity.command import MAX_NAMED_FROM_CODE, BlindScores, ComposedScores, render_floor
from bench.validity.composed_floor import ComposedFloor
from bench.validity.difficulty import measure_difficulty, render_page
from bench.validity.episodes import Episode, draw_episodes
from bench.validity.floor import Floor
from bench.validity.odd_tokens import OddTokens
from bench.validity.text_classifiers import AgainstChance, Naming, Readings
from domain.diagnosis import Diagnosis
from domain.faults import POOLS
from domain.types import ARTIFACT_NAMES, SINGLE_FAULT_TASKS


def _told(number: int) -> Episode:
    """An episode whose configuration tells its fault."""
    fault = POOLS["easy"][number % 3]
    texts = dict.fromkeys(ARTIFACT_NAMES, f"run {number}") | {"config.yaml": f"rate: {fault}", "checks": ""}
    return Episode("easy", number, fault, texts)


EPISODES = [_told(number) for number in range(60)]


def test_a_bag_of_words_names_what_a_text_tells() -> None:
    assert BagOfWords(["config.yaml"]).fit(EPISODES[:45]).accuracy(EPISODES[45:]) == 1.0


def test_a_bag_of_words_knows_nothing_where_nothing_is_told() -> None:
    reader = BagOfWords(["train.log"]).fit(EPISODES[:45])
    share, deviation = chance(EPISODES[45:], reader.faults)
    assert share == pytest.approx(1 / 3)
    assert abs(reader.accuracy(EPISODES[45:]) - share) <= 3 * deviation


def test_an_odd_token_gives_a_fault_away() -> None:
    hunter = OddTokens().fit(EPISODES[:45])
    assert hunter.name(EPISODES[45:]) == [episode.fault_id for episode in EPISODES[45:]]


def test_episodes_take_the_tasks_in_turn_and_twins_keep_the_label() -> None:
    ours = draw_episodes(3, first_seed=7_000_000, split="test")
    twins = draw_episodes(3, first_seed=7_000_000, split="test", healthy=True)
    assert {episode.task_id for episode in ours} == set(SINGLE_FAULT_TASKS)
    assert [episode.fault_id for episode in ours] == [episode.fault_id for episode in twins]
    assert all(one.texts != other.texts for one, other in zip(ours, twins, strict=True))


def test_agents_that_reason_are_played_on_the_same_episodes() -> None:
    unseen = draw_episodes(6, first_seed=7_100_000, split="test")
    heuristic, oracle = play_heuristic(unseen, "test"), play_oracle(unseen, "test")
    print(f"\nheuristic {heuristic}, oracle {oracle}")
    assert set(heuristic.scores) == set(oracle.scores) == set(SINGLE_FAULT_TASKS)
    assert oracle.named == 1.0 and min(oracle.scores.values()) >= 0.95
    assert heuristic.named >= 5 / 6


def test_the_pages_show_every_figure() -> None:
    floors = {task: BlindScores(Floor(task, 0.2, Diagnosis()), {"nop": 0.01}) for task in SINGLE_FAULT_TASKS}
    readings = Readings(
        500,
        [Naming("preprocessing.py", 0.5, 0.25)],
        [AgainstChance("twin", 0.1, 0.09, 0.02, 300)],
        0.25,
        300,
        {"bag of words": dict.fromkeys(SINGLE_FAULT_TASKS, 0.5)},
        {"bottleneck": 0.75},
        {"bottleneck": 0.125, "sentinel_impute": 0.875},
    )
    blind = {task: BlindScores(one.floor, dict.fromkeys(_blind_names(), 0.123)) for task, one in floors.items()}
    expert = ComposedScores(ComposedFloor(0.206, (), (0.206, 0.165, 0.151)), {"nop": 0.207}, 8)
    page = render_floor(blind, expert, readings, seeds=2)
    assert all(figure in page for figure in ("**0.200**", "0.123", "0.250", "yes", "**0.206**", "0.165", "0.207"))
    assert expert.is_fine and not expert._replace(scores={"stuffed": 0.23}).is_fine
    assert "it names 0.88 of the faults that change preprocessing.py and 0.12 of those that do not" in page
    assert "Most often: `sentinel_impute` 0.88, `bottleneck` 0.12." in page
    row = measure_difficulty("bottleneck")
    assert row.noticed >= 0.85 and row.test_fall > 0.1
    assert "| 0.75 |" in render_page([row], readings, is_drawn=False)
    assert MAX_NAMED_FROM_CODE == 0.30


def _blind_names() -> list[str]:
    from bench.validity.blind_answers import BLIND

    return list(BLIND)
