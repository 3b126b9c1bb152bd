"""WIRE.md, "Step": reading artifacts whole, by keyword and by epoch, and querying their fields."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.playing import ARTIFACTS, SHORT_READS, TASKS, Episode

JSON_ARTIFACTS = tuple(name for name in ARTIFACTS if name.endswith(".json"))


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every leaf of a JSON value with its dotted path, list items by index; keys that hold a dot are left out."""
    if isinstance(value, dict):
        children = [(key, child) for key, child in value.items() if "." not in str(key)]
    elif isinstance(value, list):
        children = [(str(index), child) for index, child in enumerate(value)]
    else:
        return [(path, value)]
    return [leaf for key, child in children for leaf in leaves(child, f"{path}.{key}" if path else str(key))]


class CoreSchema(yaml.SafeLoader):
    """YAML 1.2, which queries follow: yes, no, on and off are texts."""


CoreSchema.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not (tag.endswith(":bool") and first in "yYnNoO")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def as_number(leaf: Any) -> Any:
    """PyYAML follows YAML 1.1, for which 1e-05 is a text; other parsers read a number."""
    try:
        return float(leaf) if isinstance(leaf, str) else leaf
    except ValueError:
        return leaf


@pytest.mark.parametrize(("action_type", "artifact"), SHORT_READS.items())
def test_each_short_read_gives_its_artifact(http: httpx.Client, action_type: str, artifact: str) -> None:
    result = Episode(http, seed=5).result(action_type)
    assert set(result) == {"status", "artifact", "filter", "content"}
    assert (result["status"], result["artifact"], result["filter"]) == ("ok", artifact, None)
    assert result["content"].strip()


@pytest.mark.parametrize("artifact_name", ARTIFACTS)
def test_read_artifact_reads_each_of_the_six(http: httpx.Client, artifact_name: str) -> None:
    result = Episode(http, seed=5).result("read_artifact", artifact_name=artifact_name)
    assert set(result) == {"status", "artifact", "filter", "content"}
    assert (result["status"], result["artifact"], result["filter"]) == ("ok", artifact_name, None)
    assert result["content"].strip()


@pytest.mark.parametrize(("action_type", "artifact"), SHORT_READS.items())
def test_both_ways_to_read_give_the_same_text(http: httpx.Client, action_type: str, artifact: str) -> None:
    episode = Episode(http, seed=5)
    assert episode.result(action_type) == episode.result("read_artifact", artifact_name=artifact)


@pytest.mark.parametrize("artifact_name", JSON_ARTIFACTS)
def test_json_artifacts_parse(http: httpx.Client, artifact_name: str) -> None:
    assert isinstance(json.loads(Episode(http, seed=5).text_of(artifact_name)), dict)


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_a_keyword_keeps_the_lines_that_hold_it_in_any_case(http: httpx.Client, spelling: Any) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    lines = episode.text_of("train.log").splitlines()
    content = episode.result("read_logs", log_filter=spelling("loss"))["content"]
    kept = [line for line in lines if "loss" in line.lower()]
    assert kept
    assert content.splitlines() == kept


def test_the_result_names_the_filter(http: httpx.Client) -> None:
    assert Episode(http, seed=5).result("read_logs", log_filter="epoch:2-5")["filter"] == "epoch:2-5"


def test_one_epoch_gives_some_lines_of_the_log(http: httpx.Client) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    lines = episode.text_of("train.log").splitlines()
    kept = episode.result("read_logs", log_filter="epoch:3")["content"].splitlines()
    assert kept
    assert len(kept) < len(lines)
    assert set(kept) <= set(lines)


def test_a_range_of_epochs_is_the_sum_of_its_epochs(http: httpx.Client) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    lines = episode.text_of("train.log").splitlines()
    one_by_one = [
        line
        for epoch in range(2, 6)
        for line in episode.result("read_logs", log_filter=f"epoch:{epoch}")["content"].splitlines()
    ]
    assert episode.result("read_logs", log_filter="epoch:2-5")["content"].splitlines() == [
        line for line in lines if line in one_by_one
    ]


@pytest.mark.parametrize("log_filter", ["no line holds this", "epoch:9999", "epoch:5-2", "epoch:abc"])
def test_a_filter_that_matches_nothing_gives_empty_content(http: httpx.Client, log_filter: str) -> None:
    result = Episode(http, seed=5).result("read_logs", log_filter=log_filter)
    assert (result["status"], result["content"]) == ("ok", "")


@pytest.mark.parametrize("log_filter", [None, ""])
def test_null_and_the_empty_text_are_no_filter(http: httpx.Client, log_filter: str | None) -> None:
    episode = Episode(http, seed=5)
    assert episode.result("read_logs", log_filter=log_filter) == episode.result("read_logs")


def test_read_artifact_filters_the_log_as_read_logs_does(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    filtered = episode.result("read_artifact", artifact_name="train.log", log_filter="epoch:1-3")
    assert filtered == episode.result("read_logs", log_filter="epoch:1-3")
    assert filtered["content"]


def test_a_query_answers_in_the_documented_shape(http: httpx.Client) -> None:
    result = Episode(http, seed=5).result(
        "query_artifact", artifact_name="config.yaml", field_path="optimizer.momentum"
    )
    assert set(result) == {"status", "artifact", "field", "value"}
    assert (result["status"], result["artifact"], result["field"]) == ("ok", "config.yaml", "optimizer.momentum")
    assert isinstance(result["value"], float)


def test_a_query_of_the_config_gives_what_its_text_says(http: httpx.Client) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    values = {path: as_number(leaf) for path, leaf in leaves(yaml.load(episode.text_of("config.yaml"), CoreSchema))}
    asked = list(values)[:10]
    found = {
        path: episode.result("query_artifact", artifact_name="config.yaml", field_path=path).get("value")
        for path in asked
    }
    assert found == {path: values[path] for path in asked}


@pytest.mark.parametrize("artifact_name", JSON_ARTIFACTS)
def test_a_query_of_a_json_artifact_gives_what_its_text_says(http: httpx.Client, artifact_name: str) -> None:
    episode = Episode(http, task_id="hard", seed=5)
    values = dict(leaves(json.loads(episode.text_of(artifact_name))))
    asked = list(values)[:10]
    found = {
        path: episode.result("query_artifact", artifact_name=artifact_name, field_path=path).get("value")
        for path in asked
    }
    assert found == {path: values[path] for path in asked}


def test_a_query_reaches_into_lists_by_index(http: httpx.Client) -> None:
    asked = 0
    for artifact_name in JSON_ARTIFACTS:
        episode = Episode(http, task_id="hard", seed=5)
        values = dict(leaves(json.loads(episode.text_of(artifact_name))))
        indexed = [path for path in values if any(part.isdigit() for part in path.split("."))][:5]
        for path in indexed:
            result = episode.result("query_artifact", artifact_name=artifact_name, field_path=path)
            assert result.get("value") == values[path], path
        asked += len(indexed)
    assert asked


@pytest.mark.parametrize("artifact_name", JSON_ARTIFACTS)
def test_a_path_that_ends_at_an_object_or_list_gives_it_whole(http: httpx.Client, artifact_name: str) -> None:
    episode = Episode(http, task_id="hard", seed=5)
    tree = json.loads(episode.text_of(artifact_name))
    for key in [key for key, value in tree.items() if isinstance(value, dict | list)][:5]:
        result = episode.result("query_artifact", artifact_name=artifact_name, field_path=key)
        assert result["value"] == tree[key]


def test_a_path_that_ends_at_an_object_of_the_config_gives_it_whole(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    tree = yaml.safe_load(episode.text_of("config.yaml"))
    result = episode.result("query_artifact", artifact_name="config.yaml", field_path="optimizer")
    assert result["value"] == tree["optimizer"]


@pytest.mark.parametrize(("artifact_name", "word"), [("preprocessing.py", "StandardScaler"), ("train.log", "loss")])
def test_a_query_of_code_or_log_gives_the_matching_lines(http: httpx.Client, artifact_name: str, word: str) -> None:
    episode = Episode(http, seed=5)
    lines = episode.text_of(artifact_name).splitlines()
    value = episode.result("query_artifact", artifact_name=artifact_name, field_path=word)["value"]
    assert value
    assert [line.strip() for line in value] == [line.strip() for line in lines if word.lower() in line.lower()]


@pytest.mark.parametrize("artifact_name", ARTIFACTS)
def test_a_query_that_finds_nothing_is_refused_as_unknown_field(http: httpx.Client, artifact_name: str) -> None:
    result = Episode(http, seed=5).result("query_artifact", artifact_name=artifact_name, field_path="no.such.field")
    assert set(result) == {"status", "reason", "message"}
    assert (result["status"], result["reason"]) == ("refused", "unknown_field")
    assert result["message"]


def test_the_first_key_of_the_model_card_can_be_queried(http: httpx.Client) -> None:
    for task_id in TASKS:
        episode = Episode(http, task_id=task_id, seed=5)
        first = next(iter(json.loads(episode.text_of("model_card.json"))))
        assert "." not in first
        value = episode.result("query_artifact", artifact_name="model_card.json", field_path=first)["value"]
        assert value is not None
