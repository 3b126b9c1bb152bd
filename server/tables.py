"""The tables, as the migrations leave them. A test holds the two equal."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

ANNOUNCEMENT = 0x6D6C
"""Marks the PostgreSQL locks by which inserts into events announce themselves; see ``server/positions.py``."""

metadata = MetaData(naming_convention=NAMING)

# SQLite gives AUTOINCREMENT to a column of type INTEGER only.
_Position = BigInteger().with_variant(Integer(), "sqlite")

events = Table(
    "events",
    metadata,
    Column("position", _Position, primary_key=True, autoincrement=True),
    Column("stream_id", String(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("recorded_at", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    Column("request_id", String(128), nullable=True),
    Column("payload", Text, nullable=False),
    Column("prev_hash", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    UniqueConstraint("stream_id", "version", name="uq_events_stream_id_version"),
    sqlite_autoincrement=True,
)
# Partial, because most steps name no request and an index entry for each would double the cost of a row.
Index(
    "uq_events_stream_id_request_id",
    events.c.stream_id,
    events.c.request_id,
    unique=True,
    sqlite_where=events.c.request_id.is_not(None),
    postgresql_where=events.c.request_id.is_not(None),
)

scenarios = Table(
    "scenarios",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("generator_version", String(32), nullable=False),
    Column("task_id", String(16), nullable=False),
    Column("seed", String(40), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

episodes = Table(
    "episodes",
    metadata,
    Column("episode_id", String(128), primary_key=True),
    Column("task_id", String(16), nullable=False),
    Column("agent", Text, nullable=True),
    Column("reward_mode", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("head_hash", LargeBinary(32), nullable=False),
    Column("step_count", Integer, nullable=False),
    Column("total_reward", Float, nullable=False),
    Column("score", Float, nullable=True),
    Column("end_reason", String(16), nullable=True),
    Column("started_at", String(32), nullable=False),
    Column("updated_at", String(32), nullable=False),
    Column("ended_position", BigInteger, nullable=True),
)
Index("ix_episodes_task_id_ended_position", episodes.c.task_id, episodes.c.ended_position)
# Changes only when an episode begins or ends, so that a step pays nothing for it.
Index(
    "ix_episodes_open",
    episodes.c.started_at,
    sqlite_where=episodes.c.ended_position.is_(None),
    postgresql_where=episodes.c.ended_position.is_(None),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_key", String(128), primary_key=True),
    Column("episode_id", String(128), nullable=False),
)
