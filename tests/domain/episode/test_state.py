"""Laws of the fold, over random episodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.episode.decide import Command, EndEpisode, EpisodeState
from domain.episode.state import InvalidHistoryError, evolve, fold
from domain.events import ArtifactRead, EpisodeExpired, EpisodeReset
from tests.domain.given import CHECK, CODE, CONFIG, LOG, QUERY, UNKNOWN, events_of, reset, submit

steps = st.lists(st.sampled_from([CONFIG, LOG, CODE, QUERY, CHECK, UNKNOWN]), max_size=19)
ends = st.sampled_from([(), (submit(),), (EndEpisode("idle"),)])
resets = st.builds(reset, st.just("easy"), st.sampled_from(["shaped", "sparse"]))


@st.composite
def histories(draw: st.DrawFn) -> list[Command]:
    return [draw(resets), *draw(steps), *draw(ends)]


@given(histories(), st.data())
def test_folding_in_two_parts_is_folding_at_once(commands: list[Command], data: st.DataObject) -> None:
    events = events_of(commands)
    at = data.draw(st.integers(0, len(events)))
    state = fold(events[:at])
    for event in events[at:]:
        state = evolve(state, event)
    assert state == fold(events)


@given(histories())
def test_the_total_is_the_sum_of_what_the_steps_earned(commands: list[Command]) -> None:
    state: EpisodeState | None = None
    total = 0.0
    for event in events_of(commands):
        before, state = state, evolve(state, event)
        if before is not None and not isinstance(event, EpisodeExpired):
            total += state.last_reward or 0.0
    assert state is not None
    assert state.total_reward == pytest.approx(total, abs=1e-9)
    assert state.version == len(events_of(commands))
    assert (state.score is None) == (state.ended is None)


@given(steps)
def test_in_sparse_mode_the_sum_is_the_last_reward_is_the_score(actions: list[Command]) -> None:
    state = fold(events_of([reset("easy", "sparse"), *actions, submit()]))
    assert state is not None
    assert state.total_reward == state.last_reward == state.score


def test_a_history_that_nobody_can_have_made_is_refused() -> None:
    begun, read = events_of([reset(), CONFIG])
    assert isinstance(begun, EpisodeReset)
    assert isinstance(read, ArtifactRead)
    for impossible in ([read], [begun, begun], [begun, EpisodeExpired(reason="idle"), read]):
        with pytest.raises(InvalidHistoryError):
            fold(impossible)


def test_an_empty_stream_has_no_state() -> None:
    assert fold(()) is None
