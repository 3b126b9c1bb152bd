"""Reads the board of a round from its attempts, or from their regrades under another rubric."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Iterable

from sqlalchemy import Connection, Row, Select, and_, bindparam, select

from domain.ranking.statistics import Outcome
from domain.rubric import Rubric, UnknownRubricError, rubric_of
from domain.tasks.suites import find_suite
from server.ranking.board import Entrant, board_header, build_board, has_ranks
from server.ranking.errors import UnknownRoundError
from server.ranking.regrade import find_rubric
from server.ranking.rounds import round_json
from server.storage.schema import attempts, audits, episode_rows, keys, regrades, rounds, streams

_NEWEST = (
    select(rounds).order_by(rounds.c.closed_at.is_not(None), rounds.c.opened_at.desc(), rounds.c.round_id).limit(1)
)
_OF_SUITE = (
    select(rounds)
    .where(rounds.c.suite_id == bindparam("wanted_suite"))
    .order_by(rounds.c.closed_at.is_not(None), rounds.c.opened_at.desc(), rounds.c.round_id)
    .limit(1)
)
_BY_ID = select(rounds).where(rounds.c.round_id == bindparam("wanted"))
_KINDS = select(keys.c.name, keys.c.kind)


def _attempts(*columns: Any) -> Select[Any]:
    """Query for the attempts of a round with the result of their latest audit."""
    return (
        select(attempts, audits.c.findings, *columns)
        .join(streams, streams.c.stream_id == attempts.c.episode_id, isouter=True)
        .join(episode_rows, episode_rows.c.stream == streams.c.stream, isouter=True)
        .join(
            audits,
            and_(audits.c.episode_id == attempts.c.episode_id, audits.c.head_hash == episode_rows.c.head_hash),
            isouter=True,
        )
        .where(attempts.c.round_id == bindparam("of_round"))
        .order_by(attempts.c.agent, attempts.c.entry, attempts.c.attempt)
    )


_RECORDED = _attempts()
_REGRADED = _attempts(regrades.c.score.label("regraded_score"), regrades.c.is_right.label("regraded_is_right")).join(
    regrades,
    and_(
        regrades.c.episode_id == attempts.c.episode_id,
        regrades.c.rubric_version == bindparam("under_rubric"),
        regrades.c.round_id == bindparam("of_round"),
    ),
    isouter=True,
)


def read_board(
    connection: Connection,
    *,
    round_id: str | None = None,
    suite_id: str | None = None,
    rubric_version: str | None = None,
) -> dict[str, Any]:
    """The board; without a round, of the newest open one (of that suite), else of the newest. Raises
    ``UnknownRoundError``. Under another rubric, an attempt that was not graded again by it counts as not ended."""
    row = _find_round(connection, round_id, suite_id)
    is_ranked = has_ranks(row.suite_id, row.attempts)
    return _board(connection, row, rubric_version or row.rubric_version, is_ranked=is_ranked)


def read_board_with_ranks(connection: Connection, round_id: str) -> dict[str, Any]:
    """The board in the form of bundles that were made before boards could be without ranks."""
    row = _find_round(connection, round_id, None)
    board = _board(connection, row, row.rubric_version, is_ranked=True)
    del board["has_ranks"]
    return board


def _board(connection: Connection, row: Row[Any], under: str, *, is_ranked: bool) -> dict[str, Any]:
    published = round_json(row)
    if under == row.rubric_version:
        found = connection.execute(_RECORDED, {"of_round": row.round_id})
    else:
        found = connection.execute(_REGRADED, {"of_round": row.round_id, "under_rubric": under})
    kinds = {each.name: each.kind for each in connection.execute(_KINDS)}
    entrants = _entrants(found, kinds, is_regraded=under != row.rubric_version)
    suite = find_suite(row.suite_id)
    rubric = _rubric_of_scores(connection, row, under)
    rows = build_board(entrants, suite, row.attempts, rubric, is_ranked=is_ranked)
    return {**board_header(published, under, is_ranked=is_ranked), "rows": rows}


def _rubric_of_scores(connection: Connection, row: Row[Any], under: str) -> Rubric:
    """The rubric of a version. For an unknown version, under which nothing was graded, that of the round."""
    if under == row.rubric_version:
        return rubric_of(under)
    try:
        return find_rubric(connection, under)
    except UnknownRubricError:
        return rubric_of(row.rubric_version)


def _find_round(connection: Connection, round_id: str | None, suite_id: str | None) -> Row[Any]:
    if round_id is not None:
        row = connection.execute(_BY_ID, {"wanted": round_id}).one_or_none()
    elif suite_id is not None:
        row = connection.execute(_OF_SUITE, {"wanted_suite": suite_id}).one_or_none()
    else:
        row = connection.execute(_NEWEST).one_or_none()
    if row is None or suite_id not in (None, row.suite_id):
        raise UnknownRoundError(round_id or suite_id or "")
    return row


def _entrants(found: Iterable[Row[Any]], kinds: dict[str, str], *, is_regraded: bool) -> list[Entrant]:
    of_agent: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in found:
        of_agent[row.agent].append(row)
    return [_entrant(agent, rows, kinds.get(agent, "agent"), is_regraded) for agent, rows in of_agent.items()]


def _entrant(agent: str, rows: list[Row[Any]], kind: str, is_regraded: bool) -> Entrant:
    ended = [row for row in rows if row.end_reason is not None and not (is_regraded and row.regraded_score is None)]
    tokens = [row.tokens for row in ended if row.tokens is not None]
    costs = [row.cost_usd for row in ended if row.cost_usd is not None]
    return Entrant(
        agent=agent,
        kind=kind,
        outcomes=tuple(_outcome(row, is_regraded) for row in ended),
        running=len(rows) - len(ended),
        tokens=sum(tokens) if tokens else None,
        cost_usd=round(sum(costs), 6) if costs else None,
        reported=len(costs) or len(tokens),
        is_verified=bool(ended) and all(row.findings == 0 for row in ended),
    )


def _outcome(row: Row[Any], is_regraded: bool) -> Outcome:
    return Outcome(
        entry=row.entry,
        attempt=row.attempt,
        task_id=row.task_id,
        fault_id=row.fault_id,
        score=row.regraded_score if is_regraded else row.score,
        steps=row.steps,
        confidence=row.confidence,
        is_right=bool(row.regraded_is_right if is_regraded else row.is_right),
    )
