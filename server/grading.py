"""Grades a diagnosis: here what is pure and what takes a training run come together."""

from __future__ import annotations

from domain.actions import SubmitDiagnosis
from domain.episode import EpisodeState, SubmitGraded
from server.scenarios import HeldScenario
from server.world import World


async def grade_submission(
    world: World, state: EpisodeState, action: SubmitDiagnosis, held: HeldScenario
) -> SubmitGraded:
    """Judge a diagnosis: read its fix, run the training with it where there is one to run, and grade."""
    truth = held.scenario.truth
    patch = world.patch_to_verify(action.diagnosis, truth)
    verdict = await held.verify(world, patch) if patch else None
    grade = world.grade(action.diagnosis, truth, state.investigation(), verdict, task_id=state.reset.task_id)
    return SubmitGraded(action.diagnosis, verdict, grade, action.reported)
