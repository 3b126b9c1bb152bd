"""Programs that do not reason: they learn what is told, their answers are graded, and their bounds are kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra bench: scikit-learn is missing")

from bench.validity import command
from bench.validity.agents import AGENTS, play
from bench.validity.answers import Answers, Belief
from bench.validity.classifiers import Forest, Words
from bench.validity.command import FIGURES, PAGE, write_page
from bench.validity.episodes import LEARN_SEED, Episode, draw_truths
from bench.validity.items import fault_rows
from bench.validity.judge import score_of
from bench.validity.report import Result, figures, render
from bench.validity.solvers import BOUNDS, Scores, bound_of
from domain.diagnosis import Diagnosis
from domain.training.style import SeedSplit
from domain.types import TaskId


@pytest.fixture(scope="module", params=["hard", "expert"])
def episodes(request: pytest.FixtureRequest) -> list[Episode]:
    task_id: TaskId = request.param
    return draw_truths(task_id, 300, first_seed=99_100_000, split="train")


def _told(episode: Episode) -> Episode:
    return episode._replace(static_words=frozenset(f"tell {fault}" for fault in episode.faults))


def test_a_word_that_tells_is_learned_and_nothing_else(episodes: list[Episode]) -> None:
    faults = Answers(episodes, is_blind=True).faults
    told = [_told(one) for one in episodes]
    beliefs = Words(lambda one: one.static_words).fit(told[:200], faults).believe(told[200:])
    sure = [belief.faults.argmax() for belief, one in zip(beliefs, told[200:], strict=True) if one.faults]
    right = [
        faults[place] in one.faults for place, one in zip(sure, [one for one in told[200:] if one.faults], strict=True)
    ]
    assert np.mean(right) > 0.9
    untold = Words(lambda one: one.static_words).fit(episodes[:200], faults).believe(episodes[200:])
    assert np.ptp([belief.faults[0] for belief in untold]) == 0.0


def test_a_number_that_tells_is_learned(episodes: list[Episode]) -> None:
    faults = Answers(episodes, is_blind=True).faults
    forest = Forest(lambda one: {fault: float(fault in one.faults) for fault in faults}, trees=50)
    beliefs = forest.fit(episodes[:200], faults).believe(episodes[200:])
    pairs = [(belief, one) for belief, one in zip(beliefs, episodes[200:], strict=True) if len(one.faults) == 1]
    assert np.mean([faults[int(belief.faults.argmax())] in one.faults for belief, one in pairs]) > 0.8


def test_who_knows_the_fault_is_answered_with_it_and_who_knows_nothing_with_the_best_constant(
    episodes: list[Episode],
) -> None:
    answers = Answers(episodes, is_blind=True)
    constant = [answers.best(answers.prior, one) for one in episodes]
    assert all(one == constant[0] for one in constant), "blind: the same answer everywhere"
    for place, fault in enumerate(answers.faults):
        faults = np.zeros(len(answers.faults))
        faults[place] = 1.0
        (answer,) = answers.best(Belief(faults, np.array([0.0, 1.0, 0.0])), episodes[0])
        truth = answers.examples[fault][0][1]
        assert answer.failure_category in truth.accepted.categories
        assert answer.root_cause_file in truth.accepted.files


def test_two_faults_that_are_known_are_both_answered() -> None:
    episodes = draw_truths("expert", 300, first_seed=99_200_000, split="train")
    answers = Answers(episodes, is_blind=True)
    faults = np.zeros(len(answers.faults))
    nameless = [place for place, fault in enumerate(answers.faults) if answers.rates(fault)[1] > 0.9][:2]
    faults[nameless] = 1.0
    answer = answers.best(Belief(faults, np.array([0.0, 0.0, 1.0])), episodes[0])
    assert len(answer) == 2
    assert answers.best(Belief(faults, np.array([1.0, 0.0, 0.0])), episodes[0]) == []


def test_the_revealed_truth_scores_full_points_and_a_wrong_answer_next_to_none() -> None:
    episodes = draw_truths("hard", 5, first_seed=99_300_000, split="test")
    assert min(play("oracle", episodes).scores) >= 0.95
    assert max(score_of([Diagnosis()], one.truth, "hard") for one in episodes) <= 0.05


def test_bounds_lie_above_the_floor_on_hard_and_expert_only() -> None:
    one = Scores("a", "checks only", "hard", np.array([0.5, 0.5]))
    assert bound_of(one, 0.1) == pytest.approx(0.25)
    assert bound_of(one._replace(task_id="easy"), 0.1) is None
    assert bound_of(one._replace(group="agents"), 0.1) is None
    floor = Scores("best constant", "floor", "hard", np.array([0.1, 0.1]))
    result = Result("hard", 100, draw_truths("hard", 2, first_seed=1, split="test"), [floor, one])
    assert result.exceeding() == [one]
    page = render({"hard": result}, split="test", command="x")
    assert "0.500 (0.500 to 0.500), above 0.250" in page
    assert "nearest to a bound" in page and "reported" not in page


def test_a_task_without_bounds_is_reported_beside_those_that_have_some() -> None:
    episodes = draw_truths("hard", 2, first_seed=1, split="test")
    results = [
        Result(
            task, 100, episodes, [Scores(name, name, task, np.array([0.1, 0.3])) for name in ("floor", "checks only")]
        )
        for task in ("easy", "hard")
    ]
    page = render({one.task_id: one for one in results}, split="test", command="x")
    assert "Easy: reported, no bound." in page
    assert page.count("nearest to a bound") == 1 and "## easy" in page


def test_a_task_that_is_not_measured_keeps_what_the_page_has_of_it(tmp_path: Path) -> None:
    episodes = draw_truths("hard", 2, first_seed=1, split="test")

    def result(task: TaskId, score: float) -> Result:
        groups = ("floor", "checks only", *(["agents"] if task == "hard" else []))
        return Result(task, 100, episodes, [Scores(group, group, task, np.array([0.1, score])) for group in groups])

    first = {task: result(task, 0.3) for task in ("easy", "hard")}
    write_page(first, tmp_path, split="test", command="x")
    page = (tmp_path / PAGE).read_text()
    assert page == render(first, split="test", command="x")
    write_page({"hard": result("hard", 0.5)}, tmp_path, split="test", command="y")
    both = {"easy": first["easy"], "hard": result("hard", 0.5)}
    assert (tmp_path / PAGE).read_text() == render(both, split="test", command="y") != page
    assert json.loads((tmp_path / FIGURES).read_text()) == figures(both, split="test", command="y")


def test_the_episodes_to_judge_on_begin_at_the_seed_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str, int]] = []

    def draw(task_id: TaskId, count: int, *, first_seed: int, split: SeedSplit, workers: int) -> list[Episode]:
        drawn.append((split, first_seed))
        return draw_truths(task_id, count, first_seed=first_seed, split=split)

    scores = [Scores(name, name, "hard", np.array([0.1, 0.3])) for name in ("floor", "checks only")]
    monkeypatch.setattr(command, "draw_episodes", draw)
    monkeypatch.setattr(command, "solve", lambda learned, judged, progress: scores)
    monkeypatch.setattr(command, "AGENTS", ())
    page, _ = command.run_solvers(
        ("hard",), learn=2, episodes=2, split="test", folder=None, workers=1, progress=print, first_seed=123
    )
    assert drawn == [("train", LEARN_SEED), ("test", 123)]
    assert "--split test --first-seed 123`" in page


def test_the_figures_for_boards_are_those_of_the_page() -> None:
    floor = Scores("best constant", "floor", "hard", np.array([0.25, 0.01]))
    checks = Scores("checks only", "checks only", "hard", np.array([0.5, 0.5]))
    result = Result("hard", 100, draw_truths("hard", 2, first_seed=1, split="test"), [floor, checks])
    found = figures({"hard": result}, split="test", command="x")
    assert (found["command"], found["split"]) == ("x", "test")
    of_hard = found["tasks"]["hard"]
    assert (of_hard["episodes"], of_hard["programs"]["best constant"]["mean"]) == (2, 0.13)
    low, high = (of_hard["programs"]["best constant"][bound] for bound in ("low", "high"))
    assert f"| 0.130 ({low:.3f} to {high:.3f}) |" in render({"hard": result}, split="test", command="x")


def test_difficulty_and_discrimination_of_faults() -> None:
    episodes = draw_truths("hard", 40, first_seed=99_400_000, split="test")
    good, poor = np.full(40, 0.9), np.full(40, 0.1)
    rows = fault_rows(episodes, [Scores("good", "everything", "hard", good), Scores("poor", "floor", "hard", poor)])
    assert sum(row.episodes for row in rows) == 40
    assert all(row.difficulty == pytest.approx(0.5) for row in rows)
    assert all(row.discrimination == pytest.approx(1.0) for row in rows)


@pytest.mark.slow
def test_programs_learn_and_are_judged_end_to_end() -> None:
    from bench.validity.command import measure

    result = measure("hard", learn=100, episodes=20, split="test", workers=1, progress=print)
    assert {one.group for one in result.scores} >= {"floor", *BOUNDS, "agents"}
    assert all(len(one.scores) == 20 for one in result.scores)
    assert set(AGENTS) <= {one.solver for one in result.scores}
    print(render({"hard": result}, split="test", command="x"))
