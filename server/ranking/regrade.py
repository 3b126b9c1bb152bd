"""Regrades recorded diagnoses under another rubric, and stores the results in a table of their own.

Recorded grades never change, because agents received them. The board states which rubric it shows.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any, Mapping, NamedTuple

from sqlalchemy import Connection, select

from domain.diagnosis import Diagnosis
from domain.episode.state import EpisodeState
from domain.events import DiagnosisSubmitted
from domain.generator import GENERATOR_VERSION
from domain.grade import Breakdown, PatchVerdict, without_notes
from domain.grader import grade_diagnoses, read_fix, verify_patch
from domain.rubric import RUBRIC, RUBRICS, Rubric, rubric_of
from domain.scenario import Truth
from server.progress import NO_PROGRESS, Progress
from server.scenarios.repository import read_scenario
from server.storage.schema import episodes, regrades, rubrics
from server.storage.stream_codec import fold_history, read_stream

_FIXED = ("max_steps", "max_experiments", "low_score_tasks")
"""Fields of a rubric that do not affect the grading of a diagnosis and cannot be changed afterwards."""

_FIRST_READER = {"reader": 1, "contradicting_words_share": 1.0}
"""What rubrics meant that were stored before there was another reader of words."""


class RubricError(ValueError):
    """The rubric cannot be used."""


class TrainingNeededError(Exception):
    """A patch has to be run again, and the episode was recorded by another version of the generator."""


class RegradedEpisode(NamedTuple):
    """A grade under another rubric."""

    values: dict[str, Any]
    """The columns of its row in regrades, without the time."""
    recorded: float | None
    """The recorded score."""


class RegradeSummary(NamedTuple):
    """The result of a regrade run."""

    graded: int
    skipped: int
    """Episodes that had been graded under this rubric before."""
    changed: int
    """Scores that differ from the recorded ones."""


def parse_rubric(given: Mapping[str, Any]) -> Rubric:
    """A rubric from its numbers, with a version of its own; missing ones are those of the present rubric. Raises
    ``RubricError``."""
    if given.get("version") in RUBRICS:
        raise RubricError(f"give the rubric a version of its own, other than {', '.join(sorted(RUBRICS))}")
    return _from_numbers(given)


def _from_numbers(given: Mapping[str, Any]) -> Rubric:
    known = {each.name for each in fields(Rubric)} - set(_FIXED)
    unknown = set(given) - known
    if unknown:
        raise RubricError(f"a rubric has no {sorted(unknown)[0]}; it has {', '.join(sorted(known))}")
    version = given.get("version")
    if not isinstance(version, str) or not 1 <= len(version) <= 32:
        raise RubricError(f"give the rubric a version of its own, other than {', '.join(sorted(RUBRICS))}")
    wrong = [name for name, value in given.items() if name != "version" and not _is_number(value)]
    if wrong:
        raise RubricError(f"{wrong[0]} has to be a number")
    return replace(RUBRIC, **dict(given))


def regrade(
    connection: Connection, rubric: Rubric, *, round_id: str | None, now: str, progress: Progress = NO_PROGRESS
) -> RegradeSummary:
    """Regrade every ended episode, or those of a round. Regrades under this rubric that exist are skipped."""
    rubric = _store_rubric(connection, rubric)
    ended = select(episodes.c.episode_id).where(episodes.c.ended_position.is_not(None))
    if round_id is not None:
        ended = ended.where(episodes.c.round == round_id)
    done = select(regrades.c.episode_id).where(regrades.c.rubric_version == rubric.version)
    before = set(connection.execute(done).scalars())
    graded = skipped = changed = 0
    names = sorted(connection.execute(ended).scalars())
    progress.begin("episodes graded", len(names))
    for episode_id in names:
        progress.advance()
        if episode_id in before:
            skipped += 1
            continue
        values, recorded = regrade_episode(connection, episode_id, rubric, by_any_version=True)
        connection.execute(regrades.insert().values(**values, regraded_at=now))
        graded += 1
        changed += values["score"] != recorded
    return RegradeSummary(graded, skipped, changed)


def regrade_episode(
    connection: Connection, episode_id: str, rubric: Rubric, *, by_any_version: bool = False
) -> RegradedEpisode:
    """Grade the recorded diagnosis of an episode.

    Args:
        connection: to the store.
        episode_id: an episode that has ended.
        rubric: the numbers to grade by.
        by_any_version: whether patches of an episode of another generator are run again, too.

    Raises:
        RubricError: the episode has no end.
        TrainingNeededError: such a patch would have to be run.
    """
    before: EpisodeState | None = None
    state: EpisodeState | None = None
    for _, _, after in fold_history(read_stream(connection, episode_id)):
        before, state = state, after
    if state is None or before is None:
        raise RubricError(f"{episode_id} has no end to grade; audit it")
    row = {"episode_id": episode_id, "rubric_version": rubric.version, "round_id": state.reset.round}
    submitted = state.last
    if not isinstance(submitted, DiagnosisSubmitted):
        least = {**row, "score": rubric.lowest_score, "brier": None, "is_right": False, "grade": None}
        return RegradedEpisode(least, state.score)
    may_train = by_any_version or state.reset.generator_version == GENERATOR_VERSION
    truth = read_scenario(connection, state.reset.scenario_digest).truth
    verdicts = [
        [_verdict(diagnosis, fault, submitted, rubric, may_train) for fault in truth.planted]
        for diagnosis in submitted.diagnoses
    ]
    again = grade_diagnoses(
        submitted.diagnoses, truth, before.investigation(), verdicts, task_id=state.reset.task_id, rubric=rubric
    )
    grades = {
        "score": again.score,
        "brier": again.brier,
        "is_right": again.breakdown.is_borne_out,
        "grade": again.model_dump_json(),
    }
    return RegradedEpisode(row | grades, state.score)


def _verdict(
    diagnosis: Diagnosis, fault: Truth, submitted: DiagnosisSubmitted, rubric: Rubric, may_train: bool
) -> PatchVerdict | None:
    """The recorded verdict, or a new training run if there may be several faults or the rubric judges patches differently."""
    patch = read_fix(diagnosis, fault, rubric).patch
    if not patch:
        return None
    graded, credit = submitted.grade.breakdown, submitted.grade.credits[0]
    recorded = rubric_of(submitted.grade.rubric_version)
    is_judged_alike = rubric.unneeded_entry_share == recorded.unneeded_entry_share
    if (
        isinstance(graded, Breakdown)
        and credit is not None
        and is_judged_alike
        and patch == graded.proposed_fix.read_as
    ):
        return PatchVerdict(credit=credit, explanation=without_notes(graded.proposed_fix.verdict))
    if not may_train:
        raise TrainingNeededError("it was recorded by another version of the generator")
    return verify_patch(fault, patch, rubric=rubric)


def _store_rubric(connection: Connection, rubric: Rubric) -> Rubric:
    """Store a rubric, and give it with the reader that regrades under it began with."""
    numbers = _numbers_of(rubric)
    body = json.dumps(numbers, sort_keys=True)
    skipped = connection.execute(select(rubrics.c.body).where(rubrics.c.rubric_version == rubric.version)).scalar()
    if skipped is None:
        connection.execute(rubrics.insert().values(rubric_version=rubric.version, body=body))
        return rubric
    # A stored rubric may lack a number that a later version added.
    stored = _numbers_of(RUBRIC) | _FIRST_READER | json.loads(skipped)
    if stored | {"reader": rubric.reader} != numbers:
        raise RubricError(f"there is another rubric {rubric.version}; give this one a version of its own")
    return replace(rubric, reader=stored["reader"])


def find_rubric(connection: Connection, version: str) -> Rubric:
    """The rubric that scores were regraded under, or one of this program; raises ``UnknownRubricError``."""
    try:
        return read_stored_rubric(connection, version)
    except RubricError:
        return rubric_of(version)


def read_stored_rubric(connection: Connection, version: str) -> Rubric:
    """A stored rubric; raises ``RubricError`` if there is none."""
    skipped = connection.execute(select(rubrics.c.body).where(rubrics.c.rubric_version == version)).scalar()
    if skipped is None:
        raise RubricError(f"there is no rubric {version}")
    numbers = json.loads(skipped)
    if not isinstance(numbers, dict) or numbers.get("version") != version:
        raise RubricError(f"the rubric {version} is not what was kept")
    return _from_numbers(_FIRST_READER | numbers)  # a later program may have taken its version for a rubric of its own


def _numbers_of(rubric: Rubric) -> dict[str, Any]:
    return {each.name: getattr(rubric, each.name) for each in fields(Rubric) if each.name not in _FIXED}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
