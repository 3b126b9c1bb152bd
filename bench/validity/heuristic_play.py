"""The shipped heuristic, played through whole episodes in process: observations as the wire has them, every limit in force.

Nothing is short-cut: each action is decided on, recorded and observed as the server does it, experiments train, patches are
verified. What the agent sees is what a client parses.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from statistics import fmean, stdev
from typing import NamedTuple

from domain.actions import Action, RunExperiment, SubmitDiagnosis, decode_action
from domain.diagnosis import Diagnosis
from domain.episode.decide import (
    Decision,
    EpisodeState,
    ExperimentDone,
    ResetEpisode,
    SubmitGraded,
    check_submission,
    decide,
    next_experiment,
)
from domain.episode.observation import EvidenceView, observe, observe_reset
from domain.families import experiment_outcome, family_of, registry_of
from domain.generator import generate
from domain.grade import ComposedBreakdown
from domain.grader import grade_diagnoses, read_fix, verify_patch
from domain.json import encode_json
from domain.scenario import Scenario
from domain.training.style import SeedSplit
from domain.types import TaskId
from mlops_debug_env.agents.heuristic import HeuristicAgent
from mlops_debug_env.protocol.observations import StepResult, parse_result

FIRST_SEED = 64_000_000
_CHUNK = 5
CONFIDENCE = 1.96
"""Standard errors to both sides of a mean that make an interval of 95 %."""
HEALTHY = "none"


class Played(NamedTuple):
    """One episode."""

    faults: tuple[str, ...]
    found: tuple[str, ...]
    """Those of them whose category, file and field were named."""
    score: float
    steps: int
    experiments: int
    claims: int
    """Entries that were submitted."""
    confidence: float | None = None
    """Of the first entry; None: there is none."""
    entries: tuple[Diagnosis, ...] = ()
    """What was submitted."""


def play(scenario: Scenario) -> Played:
    """Play one scenario to its end."""
    return asyncio.run(_play(scenario))


async def _play(scenario: Scenario) -> Played:
    agent, view = HeuristicAgent(), EvidenceView(scenario.evidence)
    command = ResetEpisode(
        task_id=scenario.task_id,
        seed=scenario.seed,
        seed_given=True,
        scenario_digest=scenario.digest,
        generator_version=scenario.generator_version,
    )
    state = decide(None, command, view).after
    shown = observe_reset(view, state, encode_json(registry_of(family_of(scenario.truth))))
    entries: tuple[Diagnosis, ...] = ()
    while state.ended is None:
        action = await agent.act(_parsed(shown, state).observation)
        meaning = decode_action(json.dumps(action.to_wire())).meaning()
        if isinstance(meaning, SubmitDiagnosis):
            entries = meaning.diagnoses
        state = _decide(state, meaning, scenario, view).after
        shown = observe(view, state)
    return Played(
        faults=tuple(fault.fault_id for fault in scenario.truth.planted),
        found=_found(state, scenario),
        score=state.score or 0.0,
        steps=state.step_count,
        experiments=state.experiments,
        claims=len(entries),
        confidence=entries[0].confidence if entries else None,
        entries=entries,
    )


def _parsed(shown: bytes, state: EpisodeState) -> StepResult:
    answer = json.loads(b"{" + shown + b"}")
    answer["metadata"] = {
        "episode_id": "in-process",
        "version": state.version,
        "task_id": state.reset.task_id,
        "step_count": state.step_count,
        "max_steps": state.reset.max_steps,
        "truncated": False,
    }
    return parse_result(answer)


def _decide(state: EpisodeState, action: Action, scenario: Scenario, view: EvidenceView) -> Decision:
    match action:
        case RunExperiment(patch=patch):
            number = next_experiment(state)
            outcome = None if number is None else experiment_outcome(scenario.truth, patch, number)
            return decide(state, ExperimentDone(patch, outcome), view)
        case SubmitDiagnosis(diagnoses=diagnoses):
            check_submission(state, action)
            verdicts = [
                [
                    verify_patch(fault, patch) if (patch := read_fix(one, fault).patch) else None
                    for fault in scenario.truth.planted
                ]
                for one in diagnoses
            ]
            grade = grade_diagnoses(
                diagnoses,
                scenario.truth,
                state.investigation(),
                verdicts,
                task_id=scenario.task_id,
                rubric=state.rubric,
            )
            return decide(state, SubmitGraded(diagnoses, grade), view)
        case _:
            return decide(state, action, view)


def _found(state: EpisodeState, scenario: Scenario) -> tuple[str, ...]:
    breakdown = state.breakdown
    if isinstance(breakdown, ComposedBreakdown):
        return tuple(each.fault_id for each in breakdown.entries if each.fault_id is not None and each.names_the_cause)
    if breakdown is None or not breakdown.names_the_cause:
        return ()
    return tuple(fault.fault_id for fault in scenario.truth.planted)


# Many episodes.


def play_many(task_id: TaskId, *, episodes: int, first_seed: int, split: SeedSplit) -> list[Played]:
    """Episodes of consecutive seeds with the faults that these draw."""
    starts = range(first_seed, first_seed + episodes, _CHUNK)
    with ProcessPoolExecutor() as pool:
        played = pool.map(partial(_chunk, task_id=task_id, end=first_seed + episodes, split=split), starts)
        return [one for chunk in played for one in chunk]


def _chunk(start: int, *, task_id: TaskId, end: int, split: SeedSplit) -> list[Played]:
    return [play(generate(task_id, seed, split=split)) for seed in range(start, min(start + _CHUNK, end))]


class Row(NamedTuple):
    """What became of one fault."""

    fault: str
    runs: int
    detected: float
    """Share of its runs in which category, file and field were named; of healthy runs: in which nothing was claimed."""
    score: float
    """Mean of the runs that it was planted in."""


def rows_of(played: list[Played]) -> list[Row]:
    """By fault, the hardest first."""
    runs: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for one in played:
        for fault in one.faults:
            runs[fault].append((fault in one.found, one.score))
        if not one.faults:
            runs[HEALTHY].append((one.claims == 0, one.score))
    rows = [
        Row(fault, len(own), fmean(found for found, _ in own), fmean(score for _, score in own))
        for fault, own in runs.items()
    ]
    return sorted(rows, key=lambda row: (row.detected, row.score))


def interval(scores: list[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95 % interval."""
    half = CONFIDENCE * stdev(scores) / math.sqrt(len(scores)) if len(scores) > 1 else math.nan
    return fmean(scores), half


def lines_of(task_id: TaskId, played: list[Played]) -> list[str]:
    """The figures of one task, as text."""
    mean, half = interval([one.score for one in played])
    return [
        f"{task_id}: {mean:.3f} ± {half:.3f} over {len(played)} episodes,"
        f" {fmean(one.steps for one in played):.1f} steps and {fmean(one.experiments for one in played):.1f} experiments each",
        f"  {'fault':34}{'runs':>5}{'found':>8}{'score':>8}",
        *(f"  {row.fault:34}{row.runs:5}{row.detected:8.2f}{row.score:8.3f}" for row in rows_of(played)),
    ]
