"""The read model of episodes: its rows, written in the transaction of the append they describe, and its queries."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.chain import Link
from domain.episode import EpisodeState
from domain.types import TASK_IDS
from server.statements import Statement, StatementRow
from server.tables import episodes, events

_COLUMNS = (
    "episode_id",
    "task_id",
    "agent",
    "reward_mode",
    "version",
    "head_hash",
    "step_count",
    "total_reward",
    "score",
    "end_reason",
    "started_at",
    "updated_at",
)
_MOVING = ("version", "head_hash", "step_count", "total_reward", "score", "end_reason", "updated_at")

_BEGIN = Statement(episodes.insert().values({name: bindparam(name) for name in _COLUMNS}), _COLUMNS)
_ON_EPISODE = episodes.c.episode_id == bindparam("of_episode")
_GO_ON = Statement(
    episodes.update().where(_ON_EPISODE).values({name: bindparam(name) for name in _MOVING}),
    (*_MOVING, "of_episode"),
)
_LAST_POSITION = (
    select(func.max(events.c.position)).where(events.c.stream_id == bindparam("of_stream")).scalar_subquery()
)
_END = Statement(
    episodes.update()
    .where(_ON_EPISODE)
    .values({**{name: bindparam(name) for name in _MOVING}, "ended_position": _LAST_POSITION}),
    (*_MOVING, "of_episode", "of_stream"),
)


def episode_values(first: Link, last: Link, state: EpisodeState) -> dict[str, Any]:
    """What the row of an episode holds, but for the position of its end."""
    return {
        "episode_id": last.stream_id,
        "task_id": state.reset.task_id,
        "agent": state.reset.agent,
        "reward_mode": state.reset.reward_mode,
        "started_at": first.recorded_at,
        **_moving(last, state),
    }


def begin_row(link: Link, state: EpisodeState) -> StatementRow:
    """The row of an episode that began."""
    values = episode_values(link, link, state)
    return StatementRow(_BEGIN, tuple(values[name] for name in _COLUMNS))


def go_on_row(last: Link, state: EpisodeState) -> StatementRow:
    """The change of the row that a step or an end makes."""
    values = _moving(last, state)
    ordered = tuple(values[name] for name in _MOVING)
    if state.ended is None:
        return StatementRow(_GO_ON, (*ordered, last.stream_id))
    return StatementRow(_END, (*ordered, last.stream_id, last.stream_id))


def _moving(last: Link, state: EpisodeState) -> dict[str, Any]:
    return {
        "version": last.version,
        "head_hash": last.hash,
        "step_count": state.step_count,
        "total_reward": state.total_reward,
        "score": state.score,
        "end_reason": state.ended,
        "updated_at": last.recorded_at,
    }


async def read_last_scores(reader: AsyncEngine) -> dict[str, Any]:
    """The score of the episode of each task that ended last, and how many episodes run."""
    ended = select(func.max(episodes.c.ended_position)).group_by(episodes.c.task_id)
    last = select(episodes.c.task_id, episodes.c.score).where(episodes.c.ended_position.in_(ended))
    running = select(func.count()).select_from(episodes).where(episodes.c.ended_position.is_(None))
    async with reader.connect() as connection:
        scores = {row.task_id: row.score for row in await connection.execute(last)}
        open_episodes = (await connection.execute(running)).scalar_one()
    return {"scores": {task_id: scores.get(task_id) for task_id in TASK_IDS}, "open_episodes": open_episodes}
