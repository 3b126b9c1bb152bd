"""What programs read of a scenario."""

from __future__ import annotations

import numpy as np

from bench.validity.episodes import episode_of
from bench.validity.features import Declarations, Names, declared_values, pattern_of, words
from domain.families.multi_source import draw_truth
from domain.generator import generate, scenario_seed

NAMES = Names(("mill", "harbour"), ("weight",), ("lost", "late"), ("2025-01", "2025-02"))


def test_names_of_a_run_become_roles() -> None:
    one = words(["mill: weight lost 2025-02 1.2"], NAMES)
    other = words(["harbour: weight late 2025-02 1.2"], NAMES)
    assert one == other
    assert "SOURCE" in one and not {"mill", "weight", "lost"} & one


def test_a_path_becomes_a_pattern() -> None:
    assert pattern_of("sources.mill.columns.weight.unit") == "sources.{source}.columns.{column}.unit"
    assert pattern_of("features.weight.as_of") == "features.{column}.as_of"
    assert pattern_of("features.text_weight") == "features.text_weight"
    assert pattern_of("join.keys") == "join.keys"


def test_declarations_count_values_and_changes() -> None:
    now = {"sources.mill.label_map": "m1", "sources.harbour.label_map": "m1", "join.how": "inner"}
    found = declared_values(Declarations(now, {"join.how": "left"}), NAMES)
    assert found["sources.{source}.label_map = m1"] == 2
    assert found["changed join.how from left"] == found["changed join.how to inner"] == 1


def test_an_episode_knows_what_is_declared_and_changed_and_each_source_s_numbers() -> None:
    episode = episode_of("hard", 99_000_001, "test")
    diff = generate("hard", 99_000_001, split="test").evidence.artifacts["changes.diff"]
    assert episode.declarations.changed
    assert all(path.rpartition(".")[2].split("_")[0] in diff for path in episode.declarations.changed)
    vectors = episode.reports.by_source
    assert any("labels" in key for key in vectors) and any("movement" in key for key in episode.reports.scalars)
    assert vectors and all(len(vector) == len(episode.names.sources) for vector in vectors.values())
    pairs = episode.reports.by_pair
    assert all(len(one) == len(episode.names.sources) * len(episode.names.columns) for one in pairs.values())
    assert all(np.isfinite(value) for value in episode.checks.values().values())


def test_the_truth_alone_is_that_of_the_scenario() -> None:
    for task in ("hard", "expert"):
        seed = scenario_seed(task, 99_000_002, "test")
        assert draw_truth(task, seed, fault=None, split="test") == generate(task, 99_000_002, split="test").truth
