"""What the agent may see after an event: bytes that depend on the seed and the actions alone.

No clock, no random id, and no way from here to the fault: the truth is shown after the end by the server.
"""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache

from domain.episode.evidence import EvidenceView
from domain.episode.state import EpisodeState
from domain.json import encode_json
from domain.rubric import rubric_of
from domain.tasks.table import TASKS
from domain.types import SANITY_CHECK_NAMES, TaskId

OBSERVATION_VERSION = "2"
"""Raise it with every change of words or shape: recorded digests compare only within one version."""
WITHOUT_EXPERIMENTS = "1"
"""The version before there were experiments. Episodes that were begun under it keep its shape."""
OBSERVATION_VERSIONS = frozenset({WITHOUT_EXPERIMENTS, OBSERVATION_VERSION})
"""Those that this program can show, and audit."""

DIGEST_HEX_DIGITS = 32
_RESULT = b'"last_action_result":'


def observe(view: EvidenceView, state: EpisodeState) -> bytes:
    """``"observation":…,"reward":…,"done":…`` after the latest step."""
    return _join(_opening(state.reset.task_id), view.result_of(state.last), state, _reward(state.last_reward))


def observe_reset(view: EvidenceView, state: EpisodeState, registry: bytes) -> bytes:
    """The same for a reset, or for a client that takes an episode up again: with everything an agent starts from.

    ``registry`` is the JSON of ``field_registry``, the same for every run of a family.
    """
    opening = b"".join(
        (
            _static(state.reset.task_id, state.reset.rubric_version),
            view.front_page(),
            b',"field_registry":',
            registry,
            b",",
        )
    )
    return _join(opening, view.result_of(state.last), state, _reward(state.last_reward))


def observe_final(view: EvidenceView, state: EpisodeState) -> bytes:
    """The same after the end: the final observation again, earning nothing."""
    return _join(_opening(state.reset.task_id), view.result_of(state.last), state, b"0.0")


def observation_digest(view: EvidenceView, state: EpisodeState) -> str:
    """What an event records of the observation it led to. Leaves out the registry, which belongs to no episode."""
    if state.step_count == 0:
        hashed = hashlib.sha256(observe_reset(view, state, b"null"))
    else:
        hashed = view.hash_result(_opening(state.reset.task_id) + _RESULT, state.last)
        hashed.update(_closing(state, _reward(state.last_reward)))
    return hashed.hexdigest()[:DIGEST_HEX_DIGITS]


@cache
def _opening(task_id: TaskId) -> bytes:
    return b'"observation":{' + encode_json({"task_id": task_id})[1:-1] + b","


@cache
def _static(task_id: TaskId, rubric_version: str) -> bytes:
    checks = encode_json({"sanity_checks": SANITY_CHECK_NAMES})[1:-1]
    description = encode_json({"task_description": TASKS[task_id].describe(rubric_of(rubric_version))})[1:-1]
    return b"".join((_opening(task_id), description, b",", checks, b","))


def _reward(reward: float | None) -> bytes:
    return b"null" if reward is None else repr(float(reward)).encode()


def _join(opening: bytes, result: bytes, state: EpisodeState, reward: bytes) -> bytes:
    return b"".join((opening, _RESULT, result, _closing(state, reward)))


def _closing(state: EpisodeState, reward: bytes) -> bytes:
    """What stands behind the result."""
    old = state.reset.observation_version == WITHOUT_EXPERIMENTS
    return b"".join(
        (
            b',"artifacts_read":',
            _names(state.artifacts_read),
            b',"checks_run":',
            _names(state.checks_run),
            b',"step_count":%d,"max_steps":%d' % (state.step_count, state.reset.max_steps),
            b"" if old else b',"experiments_left":%d' % state.experiments_left,
            b',"messages":[]},"reward":',
            reward,
            b',"done":true' if state.ended is not None else b',"done":false',
        )
    )


@lru_cache(maxsize=4096)
def _names(names: tuple[str, ...]) -> bytes:
    return encode_json(names)
