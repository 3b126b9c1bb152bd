"""Replays an episode: folds its events and lists each action with its reward."""

from __future__ import annotations

from typing import Any, Iterable

from pydantic import BaseModel, ConfigDict

from domain.chain import Link
from domain.episode.decide import EpisodeState
from domain.episode.event_text import event_text
from domain.episode.state import SHOWN_DECIMALS
from domain.events import Event
from server.episodes.errors import UnfoldableEpisodeError, UnknownEpisodeError
from server.storage.connections import open_read_connection
from server.storage.errors import StoreError
from server.storage.stream_codec import fold_history, read_stream


class ReplayedEvent(BaseModel):
    """One event of a replay."""

    model_config = ConfigDict(frozen=True)

    version: int
    kind: str
    recorded_at: str
    actor: str
    what: str
    """The event in words."""
    reward: float | None
    """The reward of the event. None: the reset, which has none."""
    total_reward: float
    payload: dict[str, Any]


class Replay(BaseModel):
    """An episode, step by step."""

    model_config = ConfigDict(frozen=True)

    episode_id: str
    task_id: str
    agent: str | None
    end_reason: str | None
    """None: it runs."""
    score: float | None
    events: tuple[ReplayedEvent, ...]


async def replay_episode(database_url: str, episode_id: str) -> Replay:
    """Fold an episode again; raises ``UnknownEpisodeError`` or ``UnfoldableEpisodeError``."""
    try:
        async with open_read_connection(database_url) as connection:
            links = await connection.run_sync(read_stream, episode_id)
        replayed, state = _replay_links(links)
    except (ValueError, StoreError) as error:  # raised by validation, by an unknown kind and by an invalid history
        raise UnfoldableEpisodeError(episode_id) from error
    if state is None:
        raise UnknownEpisodeError(episode_id)
    return Replay(
        episode_id=episode_id,
        task_id=state.reset.task_id,
        agent=state.reset.agent,
        end_reason=state.ended,
        score=state.score,
        events=replayed,
    )


def _replay_links(links: Iterable[Link]) -> tuple[tuple[ReplayedEvent, ...], EpisodeState | None]:
    replayed: list[ReplayedEvent] = []
    state: EpisodeState | None = None
    for each, recorded, after in fold_history(links):
        replayed.append(_to_replayed_event(each, recorded, state, after))
        state = after
    return tuple(replayed), state


def render_replay(replayed: Replay) -> str:
    """The replay as text."""
    lines = [f"episode {replayed.episode_id}, task {replayed.task_id}, agent {replayed.agent or '-'}"]
    for each in replayed.events:
        reward = "" if each.reward is None else f"{each.reward:+.4f}"
        lines.append(f"{each.version:>4}  {each.recorded_at}  {reward:>8}  {each.total_reward:>8.4f}  {each.what}")
    ended = "still running" if replayed.end_reason is None else f"ended: {replayed.end_reason}, score {replayed.score}"
    return "\n".join([*lines, ended])


def _to_replayed_event(each: Link, recorded: Event, before: EpisodeState | None, state: EpisodeState) -> ReplayedEvent:
    return ReplayedEvent(
        version=each.version,
        kind=each.kind,
        recorded_at=each.recorded_at,
        actor=each.actor,
        what=event_text(recorded).line,
        reward=None if before is None else round(state.total_reward - before.total_reward, SHOWN_DECIMALS),
        total_reward=state.total_reward,
        payload=recorded.model_dump(mode="json"),
    )
