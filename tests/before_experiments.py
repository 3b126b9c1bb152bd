"""Records a store as a program did that had no experiments: rubric 1, observations 1, and the schema versions of their time."""

from __future__ import annotations

import json
from functools import partial

import pytest

from domain.chain import canonical
from domain.episode.decide import ResetEpisode
from domain.events import ActionRefused, EncodedEvent, EpisodeReset, Event, encode
from domain.rubric import rubric_of


def encoded_before_experiments(event: Event) -> EncodedEvent:
    """An event in the schema version that it had."""
    now = encode(event)
    if isinstance(event, EpisodeReset):
        return _without(now, 3, "max_experiments", "control", "invalid_actions")
    return _without(now, 1, "patch", "text", "sent_digest") if isinstance(event, ActionRefused) else now


def record_before_experiments(patched: pytest.MonkeyPatch) -> None:
    """What is recorded while this is patched has neither experiments nor the steps of rubric 2."""
    for module in ("server.episodes.start", "server.ranking.rounds"):
        patched.setattr(f"{module}.RUBRIC", rubric_of("1"))
    patched.setattr("server.episodes.start.ResetEpisode", partial(ResetEpisode, observation_version="1"))
    patched.setattr("server.episodes.service.encode", encoded_before_experiments)


def _without(now: EncodedEvent, version: int, *names: str) -> EncodedEvent:
    payload = json.loads(now.payload)
    for name in names:
        del payload[name]
    return EncodedEvent(now.kind, version, canonical(payload))
