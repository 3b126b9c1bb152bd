"""What a decision makes of an episode: what is appended to the log, and the fold that the append makes true."""

from __future__ import annotations

from typing import NamedTuple

from domain.chain import EMPTY, Head
from domain.episode import Decision
from domain.events import EpisodeExpired
from domain.scenario import Composition, Truth
from server.attempts import ended_row, step_row
from server.beginning import begin_rows
from server.folding import FoldedEpisode, link_events
from server.read_models import go_on_row
from server.scenarios import HeldScenario
from server.writer import Append


class Change(NamedTuple):
    """Decided, and not recorded yet."""

    append: Append
    after: FoldedEpisode


def change_of(
    episode_id: str,
    current: FoldedEpisode | None,
    decided: Decision,
    *,
    now: str,
    actor: str,
    request_id: str | None,
    held: HeldScenario | None,
    truth: Truth | Composition | None,
) -> Change:
    """``held``: of an episode that begins. ``truth``: of a ranked episode that goes on."""
    head = current.head if current is not None else EMPTY
    linked = link_events(episode_id, head, decided.events, recorded_at=now, actor=actor, request_id=request_id)
    state = decided.after
    rows = (go_on_row(linked[-1], state),) if held is None else begin_rows(linked[-1], state, held)
    by_agent = not all(isinstance(each, EpisodeExpired) for each in decided.events)
    if truth is not None and state.ended is not None:
        rows = (*rows, ended_row(linked[-1], state, truth, by_agent=by_agent))
    elif truth is not None:
        rows = (*rows, step_row(episode_id))
    used = current.request_ids if current is not None else frozenset()
    after = FoldedEpisode(
        state, Head(linked[-1].version, linked[-1].hash), used if request_id is None else used | {request_id}
    )
    return Change(Append(episode_id, head.version, linked, rows), after)
