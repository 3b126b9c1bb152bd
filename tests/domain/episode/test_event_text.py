"""The words of events: what a title may reveal, and that replay and pages agree."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from domain.episode.event_text import END_REASON_TEXT, end_reason_text, event_text
from domain.events import ActionRefused, ArtifactRead, CheckRun, EpisodeExpired, Event, FieldQueried
from domain.types import EndReason
from tests.domain.given import LACKING, TOO_HIGH, events_of, experiment, reset

WRITTEN = "what-the-agent-wrote"
DIGEST = {"observation_digest": ""}
NO_PATCH: dict[str, Any] = {"patch": None, "text": None, "sent_digest": None, **DIGEST}


@pytest.mark.parametrize(
    ("event", "title", "line"),
    [
        (
            ArtifactRead(artifact="train.log", log_filter=WRITTEN, **DIGEST),
            "Read train.log",
            f"read train.log where '{WRITTEN}'",
        ),
        (
            FieldQueried(artifact="config.yaml", field=WRITTEN, **DIGEST),
            "Queried config.yaml",
            f"query config.yaml {WRITTEN}",
        ),
        (
            ActionRefused(artifact="config.yaml", field=WRITTEN, reason="unknown_field", **NO_PATCH),
            "Queried config.yaml, refused",
            f"refused: config.yaml {WRITTEN} (unknown_field)",
        ),
        (
            ActionRefused(
                artifact=None,
                field=None,
                reason="invalid_action",
                **{**NO_PATCH, "text": WRITTEN, "sent_digest": "5e1f"},
            ),
            "Sent an invalid action, refused",
            f"refused: invalid action: {WRITTEN}",
        ),
    ],
)
def test_a_title_leaves_out_what_the_agent_wrote_and_a_line_has_it(event: Event, title: str, line: str) -> None:
    words = event_text(event)
    assert (words.title, words.line, words.agent_input) == (title, line, WRITTEN)


def test_a_whole_read_and_a_check_have_no_input_of_the_agent() -> None:
    assert event_text(ArtifactRead(artifact="config.yaml", log_filter=None, **DIGEST)).agent_input is None
    assert event_text(CheckRun(check="data_leakage", **DIGEST)) == ("Checked data_leakage", "check data_leakage", None)


def test_an_experiment_is_told_with_its_patch_only_where_what_the_agent_wrote_may_be_shown() -> None:
    (_, run, refused, beyond) = (event_text(event) for event in events_of([reset(), experiment(), TOO_HIGH, LACKING]))
    patch = "config.yaml optimizer.learning_rate = 0.1"
    assert run == ("Ran experiment 1", f"experiment 1: {patch}", patch)
    written = "config.yaml model.dropout = 3"
    assert refused == ("Asked for an experiment, refused", f"refused: experiment: {written} (invalid_value)", written)
    assert beyond == ("Read changes.diff, refused", "refused: changes.diff (unknown_artifact)", None)
    (*_, empty) = events_of([reset(), experiment(patch=())])
    assert event_text(empty).line == "experiment 1: nothing changed"


@pytest.mark.parametrize("reason", get_args(EndReason))
def test_every_end_has_words(reason: EndReason) -> None:
    assert end_reason_text(reason) == END_REASON_TEXT[reason]


def test_an_expired_episode_is_titled_by_how_it_ended_and_a_running_one_has_not_ended() -> None:
    assert event_text(EpisodeExpired(reason="idle")).title == "Closed: left idle"
    assert end_reason_text(None) == "running"
