"""The tables and views, as the migrations leave them. Tests compare the two.

Rule 1: ``events`` and ``episodes`` are views and what is read from; their rows are stored in ``event_rows`` and ``episode_rows`` in less
room (``migrations/versions/0010_compact_rows.py``). Rule 2: an append inserts into ``events``, which refuses one that does not follow.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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
"""Marks the PostgreSQL locks by which inserts into events announce themselves; see ``server/storage/positions.py``."""

metadata = MetaData(naming_convention=NAMING)
views = MetaData()
"""What the migrations create as views; nothing creates tables from it."""

# SQLite gives AUTOINCREMENT to a column of type INTEGER only.
_Number = BigInteger().with_variant(Integer(), "sqlite")

streams = Table(
    "streams",
    metadata,
    Column("stream", _Number, primary_key=True, autoincrement=True),
    Column("stream_id", String(128), nullable=False),
    UniqueConstraint("stream_id", name="uq_streams_stream_id"),
)

event_rows = Table(
    "events",
    metadata,
    Column("position", _Number, primary_key=True, autoincrement=True),
    Column("stream", _Number, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("request_id", String(128), nullable=True),
    Column("payload", Text, nullable=False),
    Column("digests", LargeBinary(80), nullable=True),
    Column("hash", LargeBinary(32), nullable=False),
    UniqueConstraint("stream", "version", name="uq_events_stream_version"),
    sqlite_autoincrement=True,
)
# Partial, because most steps name no request and an index entry for each would cost as much again as that of the version.
Index(
    "uq_events_stream_request_id",
    event_rows.c.stream,
    event_rows.c.request_id,
    unique=True,
    sqlite_where=event_rows.c.request_id.is_not(None),
    postgresql_where=event_rows.c.request_id.is_not(None),
)

events = Table(
    "recorded_events",
    views,
    Column("position", BigInteger),
    Column("stream_id", String(128)),
    Column("version", Integer),
    Column("kind", String(32)),
    Column("schema_version", Integer),
    Column("recorded_at", String(32)),
    Column("actor", Text),
    Column("request_id", String(128)),
    Column("payload", Text),
    Column("prev_hash", LargeBinary(32)),
    Column("hash", LargeBinary(32)),
    Column("digests", LargeBinary(80)),
)
"""Events as they were recorded. ``digests`` is only given by an append: with it, ``payload`` is what ``server.storage.payloads`` made of it."""

scenarios = Table(
    "scenarios",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("generator_version", String(32), nullable=False),
    Column("task_id", String(16), nullable=False),
    Column("seed", String(40), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("split", String(16), nullable=False, server_default="train"),
)

Index("ix_scenarios_seed_task_id", scenarios.c.seed, scenarios.c.task_id)

_TIMES = ("started_at", "updated_at")

episode_rows = Table(
    "episodes",
    metadata,
    Column("stream", _Number, primary_key=True, autoincrement=False),
    Column("task_id", String(16), nullable=False),
    Column("agent", Text, nullable=True),
    Column("reward_mode", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("head_hash", LargeBinary(32), nullable=False),
    Column("step_count", Integer, nullable=False),
    Column("total_reward", Float, nullable=False),
    Column("score", Float, nullable=True),
    Column("end_reason", String(16), nullable=True),
    Column("started_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("ended_position", BigInteger, nullable=True),
    Column("key_prefix", String(16), nullable=True),
    Column("round", String(64), nullable=True),
)
Index("ix_episodes_task_id_ended_position", episode_rows.c.task_id, episode_rows.c.ended_position)
# Changes only at the start and the end of an episode, so that a step costs nothing more.
Index(
    "ix_episodes_open",
    episode_rows.c.started_at,
    sqlite_where=episode_rows.c.ended_position.is_(None),
    postgresql_where=episode_rows.c.ended_position.is_(None),
)
# For the list: what it is sorted by, then a tie-breaker, then what it is filtered by, so that rows
# that are filtered out are never fetched. What a step changes is indexed of episodes that are over: a step moves nothing.
Index("ix_episodes_started", episode_rows.c.started_at, episode_rows.c.stream, episode_rows.c.task_id)
Index("ix_episodes_agent_started", episode_rows.c.agent, episode_rows.c.started_at, episode_rows.c.stream)
for _name, _columns in (
    ("ix_episodes_over", ("started_at", "stream", "task_id", "end_reason", "score", "step_count")),
    ("ix_episodes_score", ("score", "stream", "task_id", "end_reason", "step_count")),
    ("ix_episodes_steps", ("step_count", "stream", "task_id", "end_reason", "score")),
    ("ix_episodes_agent_score", ("agent", "score", "stream")),
    ("ix_episodes_agent_steps", ("agent", "step_count", "stream")),
):
    Index(
        _name,
        *(episode_rows.c[_column] for _column in _columns),
        sqlite_where=episode_rows.c.ended_position.is_not(None),
        postgresql_where=episode_rows.c.ended_position.is_not(None),
    )

# Partial: a server with open access pays nothing for them.
Index(
    "ix_episodes_key_prefix_task_id_ended_position",
    episode_rows.c.key_prefix,
    episode_rows.c.task_id,
    episode_rows.c.ended_position,
    sqlite_where=episode_rows.c.key_prefix.is_not(None),
    postgresql_where=episode_rows.c.key_prefix.is_not(None),
)
Index(
    "ix_episodes_round",
    episode_rows.c.round,
    sqlite_where=episode_rows.c.round.is_not(None),
    postgresql_where=episode_rows.c.round.is_not(None),
)

episodes = Table(
    "recorded_episodes",
    views,
    Column("episode_id", String(128)),
    *(Column(column.name, column.type) for column in episode_rows.columns if column.name not in _TIMES),
    Column("started_at", String(32)),
    Column("updated_at", String(32)),
    Column("started_ms", BigInteger),
    Column("updated_ms", BigInteger),
)
"""Rows of episodes with names and times as texts. Sort and filter by ``stream``, ``started_ms`` and ``updated_ms``, which are indexed."""

keys = Table(
    "keys",
    metadata,
    Column("prefix", String(16), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("revoked_at", String(32), nullable=True),
    UniqueConstraint("name", name="uq_keys_name"),
)

rounds = Table(
    "rounds",
    metadata,
    Column("round_id", String(64), primary_key=True),
    Column("suite_id", String(64), nullable=False),
    Column("suite_digest", String(64), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("rubric_version", String(32), nullable=False),
    Column("generator_version", String(32), nullable=False),
    Column("commitment", String(64), nullable=False),
    Column("opened_at", String(32), nullable=False),
    Column("closing_at", String(32), nullable=True),
    Column("closed_at", String(32), nullable=True),
    Column("secret", String(64), nullable=True),
    Column("split", String(16), nullable=False, server_default="train"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("round_id", String(64), primary_key=True),
    Column("agent", String(200), primary_key=True),
    Column("entry", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("episode_id", String(128), nullable=False),
    Column("key_prefix", String(16), nullable=False),
    Column("task_id", String(16), nullable=False),
    Column("rubric_version", String(32), nullable=False),
    Column("started_at", String(32), nullable=False),
    Column("ended_at", String(32), nullable=True),
    Column("end_reason", String(16), nullable=True),
    Column("fault_id", String(64), nullable=True),
    Column("score", Float, nullable=True),
    Column("brier", Float, nullable=True),
    Column("confidence", Float, nullable=True),
    Column("is_right", Boolean, nullable=True),
    Column("steps", Integer, nullable=True),
    Column("tokens", BigInteger, nullable=True),
    Column("cost_usd", Float, nullable=True),
    UniqueConstraint("episode_id", name="uq_attempts_episode_id"),
)

regrades = Table(
    "regrades",
    metadata,
    Column("episode_id", String(128), primary_key=True),
    Column("rubric_version", String(32), primary_key=True),
    Column("round_id", String(64), nullable=True),
    Column("score", Float, nullable=False),
    Column("brier", Float, nullable=True),
    Column("is_right", Boolean, nullable=False),
    Column("grade", Text, nullable=True),
    Column("regraded_at", String(32), nullable=False),
)
Index("ix_regrades_round_id_rubric_version", regrades.c.round_id, regrades.c.rubric_version)

rubrics = Table(
    "rubrics",
    metadata,
    Column("rubric_version", String(32), primary_key=True),
    Column("body", Text, nullable=False),
)

audits = Table(
    "audits",
    metadata,
    Column("episode_id", String(128), primary_key=True),
    Column("head_hash", LargeBinary(32), nullable=False),
    Column("findings", Integer, nullable=False),
    Column("audited_at", String(32), nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("statement", Text, nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
)

audit_records = Table(
    "audit_records",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("statement", Text, nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_digest", String(64), primary_key=True),
    Column("episode_id", String(128), nullable=False),
)

transcripts = Table(
    "transcripts",
    metadata,
    Column("episode_id", String(128), primary_key=True),
    Column("shared_at", String(32), nullable=False),
    Column("body", Text, nullable=False),
)
