"""Links to events and states, and links as JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.chain import Link
from domain.events import ENDING_KINDS, EVENT_TYPES, EpisodeExpired
from server.audit.bundle.writer import event_json
from server.settings import Settings
from server.storage.stream_codec import fold_history, fold_links, link_json
from tests.served import Served, serving


@pytest.fixture
async def played(settings: Settings) -> AsyncIterator[Served]:
    async with serving(settings) as served:
        await served.reset(episode_id="e", task_id="medium")
        await served.step("e", {"action_type": "read_logs"})
        await served.step("e", {"action_type": "submit_diagnosis", "root_cause_file": "config.yaml"})
        yield served


async def links_of(played: Served) -> tuple[Link, ...]:
    return await played.services.episodes.events("e")


async def test_a_history_has_the_state_after_each_event(played: Served) -> None:
    links = await links_of(played)
    history = list(fold_history(links))
    assert [link for link, _, _ in history] == list(links)
    assert [event.kind for _, event, _ in history] == ["reset", "read", "submit"]
    assert [(state.version, state.ended) for _, _, state in history] == [(1, None), (2, None), (3, "submitted")]
    assert history[-1][2] == fold_links(links).state


async def test_a_history_is_given_up_to_the_event_that_cannot_follow(played: Served) -> None:
    links = await links_of(played)
    history = fold_history((*links, links[1]))
    assert [next(history)[0] for _ in links] == list(links)
    with pytest.raises(ValueError, match="after the end"):
        next(history)


DERIVED = {"stream_id", "payload_digest", "prev_hash"}
"""What a bundle leaves out: it follows from the episode, the payload and the event before."""


async def test_a_link_has_the_same_json_in_the_api_and_in_a_bundle(played: Served) -> None:
    answered: list[dict[str, Any]] = (await played.client.get("/episodes/e/events")).json()
    links = await links_of(played)
    for each, link in zip(answered, links, strict=True):
        bundled = event_json(link, is_withheld=False)
        kept = {name: value for name, value in each.items() if name not in DERIVED}
        assert {**bundled, "payload": json.loads(bundled["payload"])} == kept
        assert link_json(link) == {name: value for name, value in each.items() if name != "payload"}


async def test_the_ending_kinds_are_those_after_which_an_episode_is_over(played: Served) -> None:
    links = await links_of(played)
    *_, running, ended = (state for _, _, state in fold_history(links))
    assert (running.ended, ended.ended) == (None, "submitted")
    assert {links[-1].kind, EpisodeExpired.kind} == ENDING_KINDS < {each.kind for each in EVENT_TYPES}
