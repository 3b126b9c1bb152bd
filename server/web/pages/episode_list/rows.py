"""The rows of lists of episodes: no more of each episode than every viewer may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from pydantic_core import from_json

from domain.diagnosis import Diagnosis
from domain.ranking.statistics import PASS_SCORE
from server.services import Services
from server.web.pages.episode.timeline import max_steps_of
from server.web.pages.episode_list.outcomes import FaultNames, Outcome, read_outcomes
from server.web.pages.episode_names import RunPlace, page_path, place_in_run, public_name, short_names
from server.web.pages.visibility import may_list_outcome

_NO_OUTCOME = Outcome(None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow:
    """One row of a list."""

    number: str
    episode_id: str | None
    """None: the episode runs, and its id is a secret."""
    short_name: str
    """What is shown of the id, or the number; different in each row of a list."""
    path: str
    task_id: str
    agent: str | None
    end_reason: str | None
    round: str | None
    run: RunPlace | None
    """None: the episode runs, or its id names no run."""
    score: float | None
    step_count: int
    max_steps: int
    total_reward: float
    started_at: str
    is_sealed: bool
    """Whether fault and answer are kept back, because the episode runs or its round is open."""
    faults: tuple[str, ...] | None
    """Empty: nothing was planted. None: sealed, or not readable."""
    answers: tuple[Diagnosis, ...] | None
    """Empty: that nothing is wrong. None: sealed, not readable, or nothing was submitted."""

    @property
    def passed(self) -> bool | None:
        """None: the episode runs."""
        return None if self.score is None else self.score >= PASS_SCORE

    @property
    def answer_texts(self) -> tuple[tuple[str, str], ...]:
        """For each diagnosis its most precise part, and all of its parts."""
        return tuple(map(_answer_text, self.answers or ()))

    def to_json(self) -> dict[str, Any]:
        """The row as ``/episodes.json`` has it."""
        return {
            "number": self.number,
            "episode_id": self.episode_id,
            "task_id": self.task_id,
            "agent": self.agent,
            "round": self.round,
            "run": None if self.run is None else self.run.run,
            "status": self.end_reason or "running",
            "score": self.score,
            "passed": self.passed,
            "step_count": self.step_count,
            "max_steps": self.max_steps,
            "total_reward": self.total_reward,
            "started_at": self.started_at,
            "faults": self.faults,
            "answers": None if self.answers is None else [_answer_json(each) for each in self.answers],
        }


async def build_rows(services: Services, names: FaultNames, found: Sequence[Any]) -> list[EpisodeRow]:
    """The rows of what `query.read_list` found."""
    open_rounds = {each["round"] for each in await services.rounds.published() if each["closed_at"] is None}
    begun = {row.episode_id: _begun(row.reset_payload) for row in found}
    shown = {
        row.episode_id: (row.ended_position, str(begun[row.episode_id].get("scenario_digest")))
        for row in found
        if may_list_outcome(row.end_reason, begun[row.episode_id].get("round"), open_rounds)
    }
    outcomes = await read_outcomes(services, names, shown)
    short = short_names(_shown_name(row) for row in found)
    return [_to_row(row, begun[row.episode_id], short, outcomes.get(row.episode_id)) for row in found]


def _shown_name(row: Any) -> str:
    return public_name(row.number) if row.end_reason is None else str(row.episode_id)


def _begun(payload: Any) -> Mapping[str, Any]:
    """The stored reset; empty if it cannot be read."""
    try:
        found = from_json(payload)
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _to_row(row: Any, begun: Mapping[str, Any], short: Mapping[str, str], outcome: Outcome | None) -> EpisodeRow:
    is_running = row.end_reason is None
    shown = outcome or _NO_OUTCOME
    return EpisodeRow(
        number=public_name(row.number),
        episode_id=None if is_running else row.episode_id,
        short_name=short[_shown_name(row)],
        path=page_path(episode_id=row.episode_id, number=row.number, is_running=is_running),
        task_id=row.task_id,
        agent=row.agent,
        end_reason=row.end_reason,
        round=begun.get("round"),
        run=None if is_running else place_in_run(row.episode_id),
        score=row.score,
        step_count=row.step_count,
        max_steps=max_steps_of(row.task_id, row.reset_payload),
        total_reward=row.total_reward,
        started_at=row.started_at,
        is_sealed=outcome is None,
        faults=shown.faults,
        answers=shown.answers,
    )


def _answer_text(diagnosis: Diagnosis) -> tuple[str, str]:
    parts = (diagnosis.root_cause_field, diagnosis.root_cause_file, diagnosis.failure_category)
    given = [part for part in parts if part]
    return (given[0], ", ".join(reversed(given))) if given else ("no field", "neither category nor file nor field")


def _answer_json(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "failure_category": diagnosis.failure_category,
        "root_cause_file": diagnosis.root_cause_file,
        "root_cause_field": diagnosis.root_cause_field,
    }
