"""Grades a submission: here what is pure and what takes a training run come together."""

from __future__ import annotations

from contextlib import nullcontext

from domain.actions import SubmitDiagnosis
from domain.diagnosis import Diagnosis
from domain.episode import EpisodeState, SubmitGraded, check_submission
from domain.grade import PatchVerdict
from domain.rubric import Rubric
from server.asking import Priority, asking
from server.scenarios import HeldScenario
from server.world import World


async def grade_submission(
    world: World, state: EpisodeState, action: SubmitDiagnosis, held: HeldScenario
) -> SubmitGraded:
    """Judge diagnoses: read each fix, run the training with it where there is one to run, and grade by the episode's rubric.

    Raises:
        WrongSubmissionError: the task takes another shape.
    """
    check_submission(state, action)
    truth = held.scenario.truth
    rubric = state.rubric
    with asking(Priority.RANKED) if state.reset.round is not None else nullcontext():
        verdicts = [await _verdicts(world, said, held, rubric) for said in action.diagnoses]
    grade = world.grade(
        action.diagnoses, truth, state.investigation(), verdicts, task_id=state.reset.task_id, rubric=rubric
    )
    return SubmitGraded(action.diagnoses, grade, action.reported)


async def _verdicts(world: World, said: Diagnosis, held: HeldScenario, rubric: Rubric) -> list[PatchVerdict | None]:
    """On the fix of one diagnosis, as the repair of each planted fault; null: there is nothing to run."""
    found: list[PatchVerdict | None] = []
    for place, fault in enumerate(held.scenario.truth.planted):
        patch = world.patch_to_verify(said, fault)
        found.append(await held.verify(world, patch, place, rubric) if patch else None)
    return found
