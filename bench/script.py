"""The script of every client: episodes of eight steps, with the expected content of each answer.

An episode: reset, five reads, two checks, submit. All on a few seeds, so that their scenarios are warm.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from bench.frames import encode_frame
from domain.actions import decode_action
from domain.diagnosis import Diagnosis
from domain.generator import generate
from domain.grade import Investigation
from domain.types import TaskId
from server.scenarios.simulation import InProcessSimulation

TASK: TaskId = "medium"
SEEDS = (101, 102, 103, 104)
READS = ("read_config", "read_logs", "check_dataset_stats", "inspect_preprocessing", "read_eval_results")
CHECKS = ("data_leakage", "loss_trajectory")
SUBMIT: dict[str, Any] = {
    "action_type": "submit_diagnosis",
    "failure_category": "data_leakage",
    "root_cause_file": "preprocessing.py",
    "root_cause_field": "StandardScaler.fit_transform",
    "diagnosis": "The scaler was fitted on validation and test rows too, so their statistics leaked into training.",
    "patch": [{"file": "preprocessing.py", "field": "StandardScaler.fit_transform", "value": "train"}],
    "confidence": 0.9,
}
STEPS = len(READS) + len(CHECKS) + 1
NAMED = ', "episode_id": '
"""Begins what a client adds to the text of a reset to name its episode."""
_ARTIFACTS = ("config.yaml", "train.log", "dataset_stats.json", "preprocessing.py", "eval_results.json")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, in bytes, and the expected content of its answer."""

    body: bytes
    """JSON of the action, or of the parameters of a reset."""
    text: bytes
    """The same as the text of a WebSocket message."""
    frame: bytes
    """That text as a frame."""
    expected: bytes
    is_reset: bool

    def named(self, episode_id: str) -> bytes:
        """The frame of a reset that names its episode."""
        return encode_frame(self.text[:-2] + f'{NAMED}"{episode_id}"}}}}'.encode())


Episode = tuple[Exchange, ...]


def reset_of(seed: int) -> Exchange:
    return _exchange({"task_id": TASK, "seed": seed}, b'"reward":null,"done":false', is_reset=True)


def whole_episode(seed: int, score: float | None) -> Episode:
    """The episode of a seed, whose submit scores this; None: not known, but it ends the episode."""
    reads = [_exchange({"action_type": kind}, b'"reward":0.02,"done":false') for kind in READS]
    checks = [
        _exchange({"action_type": "run_sanity_check", "sanity_check_type": name}, b'"reward":0.01,"done":false')
        for name in CHECKS
    ]
    submit = _exchange(SUBMIT, b'"done":true' if score is None else f'"reward":{score!r},"done":true'.encode())
    return (reset_of(seed), *reads, *checks, submit)


def warm_episodes() -> tuple[Episode, ...]:
    """One episode for each seed, with the scores that the grader gives for it here, in this process."""
    return tuple(whole_episode(seed, _score(seed)) for seed in SEEDS)


def _exchange(data: dict[str, Any], expected: bytes, *, is_reset: bool = False) -> Exchange:
    body = json.dumps(data).encode()
    kind = b"reset" if is_reset else b"step"
    text = b'{"type":"%b","data":%b}' % (kind, body)
    return Exchange(body, text, encode_frame(text), expected, is_reset)


def _score(seed: int) -> float:
    simulation = InProcessSimulation()
    truth = generate(TASK, seed).only_fault
    action = decode_action(json.dumps(SUBMIT))
    diagnosis = Diagnosis(**{name: getattr(action, name) for name in Diagnosis.model_fields})
    patch = simulation.patch_to_verify(diagnosis, truth)
    verdict = asyncio.run(simulation.verify(truth, patch)) if patch else None
    looked_at = Investigation.model_validate(
        {"artifacts_read": _ARTIFACTS, "checks_run": CHECKS, "duplicate_reads": 0, "refused": 0, "steps": STEPS - 1}
    )
    return simulation.grade([diagnosis], truth, looked_at, [[verdict]], task_id=TASK).score
