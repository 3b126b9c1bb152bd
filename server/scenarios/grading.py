"""Grades a submission, with a new training run for each proposed patch, and runs experiments."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial

from domain.actions import RunExperiment, SubmitDiagnosis
from domain.diagnosis import Diagnosis
from domain.episode.decide import EpisodeState, ExperimentDone, SubmitGraded, check_submission, next_experiment
from domain.grade import PatchVerdict
from domain.rubric import Rubric
from server.scenarios.repository import CachedScenario
from server.scenarios.requester import Priority, as_requester
from server.scenarios.simulation import Simulation
from server.threads import GRADING, run_in_thread


async def grade_with_reruns(
    simulation: Simulation, state: EpisodeState, action: SubmitDiagnosis, cached: CachedScenario
) -> SubmitGraded:
    """Judge diagnoses: read each fix, run the training with it where there is one to run, and grade by the episode's rubric.

    Raises:
        WrongSubmissionError: the task takes another shape.
    """
    check_submission(state, action)
    truth = cached.scenario.truth
    rubric = state.rubric
    takes_long = any(_takes_long(said) for said in action.diagnoses)
    with _ranked_first(state):
        verdicts = [await _verdicts(simulation, said, cached, rubric) for said in action.diagnoses]
    judge = partial(
        simulation.grade,
        action.diagnoses,
        truth,
        state.investigation(),
        verdicts,
        task_id=state.reset.task_id,
        rubric=rubric,
    )
    graded = await run_in_thread(GRADING, judge) if takes_long else judge()
    return SubmitGraded(action.diagnoses, graded, action.reported)


def _takes_long(said: Diagnosis) -> bool:
    """Whether it takes milliseconds to read: words, also beside a patch, edits, and a field, whose name is searched for in the
    files of the run; those are rendered with other values when the first name is searched for."""
    return bool(said.proposed_fix or said.diagnosis or said.edits or said.root_cause_field)


async def run_experiment(
    simulation: Simulation, state: EpisodeState, action: RunExperiment, cached: CachedScenario
) -> ExperimentDone:
    """Train again with the patch, as the next experiment of the episode; nothing is run where none is left."""
    number = next_experiment(state)
    if number is None:
        return ExperimentDone(action.patch, None)
    with _ranked_first(state):
        return ExperimentDone(action.patch, await cached.experiment(simulation, action.patch, number))


def _ranked_first(state: EpisodeState) -> AbstractContextManager[None]:
    """Trainings for a ranked episode are not kept waiting by practice."""
    return as_requester(Priority.RANKED) if state.reset.round is not None else nullcontext()


async def _verdicts(
    simulation: Simulation, said: Diagnosis, cached: CachedScenario, rubric: Rubric
) -> list[PatchVerdict | None]:
    """On the fix of one diagnosis, as the repair of each planted fault; None: there is nothing to run."""
    found: list[PatchVerdict | None] = []
    for place, fault in enumerate(cached.scenario.truth.planted):
        read = partial(simulation.patch_to_verify, said, fault, rubric=rubric)
        patch = await run_in_thread(GRADING, read) if _takes_long(said) else read()
        found.append(await cached.verify(simulation, patch, place, rubric) if patch else None)
    return found
