"""View models of artifacts."""

from __future__ import annotations

from domain.generator import TWIN_OF, generate
from server.web.pages.episode.artifacts import build_artifact_views, faulty_lines, split_lines
from server.web.pages.episode.changes import Cause
from server.web.pages.episode.exposure import line_exposure

CAUSE = Cause("config.yaml", "optimizer.learning_rate", "optimizer.learning_rate = 0.037")


def test_a_changed_line_is_shown_with_the_twins() -> None:
    assert faulty_lines(["a", "b", "c"], ["a", "x", "c"]) == {1: "x"}


def test_lines_that_only_the_twin_has_are_shown_where_they_would_follow() -> None:
    assert faulty_lines(["a", "c"], ["a", "b", "c"]) == {0: "b"}


def test_a_line_that_the_twin_lacks_has_nothing_in_its_place() -> None:
    assert faulty_lines(["a", "b", "c"], ["a", "c"]) == {1: None}


def test_the_faulty_line_of_a_generated_scenario_is_the_one_of_its_field() -> None:
    scenario = generate("easy", 7, fault="exploding_lr")
    twin = generate("easy", 7, fault=TWIN_OF + "exploding_lr")
    exposure = line_exposure(scenario.evidence.artifacts, [])
    views = build_artifact_views(
        scenario.evidence.artifacts,
        exposure,
        is_over=True,
        twin=twin.evidence,
        causes=(CAUSE,),
    )
    faulty = [line for each in views for line in each.lines if line.is_faulty]
    assert [(line.text, line.twin) for line in faulty] == [("  learning_rate: 1.1", "  learning_rate: 0.037")]


def test_while_the_episode_runs_no_line_is_shown_that_the_agent_has_not_seen() -> None:
    scenario = generate("easy", 7)
    exposure = line_exposure(scenario.evidence.artifacts, [])
    views = build_artifact_views(scenario.evidence.artifacts, exposure, is_over=False, twin=None, causes=())
    assert {line.text for each in views for line in each.lines} == {None}
    lengths = {each.name: len(each.lines) for each in views}
    assert lengths == {name: len(split_lines(text)) for name, text in scenario.evidence.artifacts.items()}
