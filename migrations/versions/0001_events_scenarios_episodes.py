"""The event log, the scenarios it refers to, and the read model of episodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# A gap or a link to another past cannot be written by any client. The hash cannot be computed here; that it follows
# from what it covers is what the audit checks.
_FOLLOWS = (
    "NEW.version <> 1 AND NOT EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id "
    "AND version = NEW.version - 1 AND hash = NEW.prev_hash)"
)
_IS_ANOTHER = (
    "EXISTS (SELECT 1 FROM scenarios WHERE digest = NEW.digest AND (body <> NEW.body "
    "OR generator_version <> NEW.generator_version OR task_id <> NEW.task_id OR seed <> NEW.seed))"
)
_ANNOUNCEMENT = 0x6D6C
"""As in ``server/storage/schema.py``."""


def upgrade() -> None:
    _create_events()
    _create_scenarios()
    _create_episodes()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgres()


def _guard_sqlite() -> None:
    for table in ("events", "scenarios"):
        for operation in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{operation.lower()} BEFORE {operation} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    # INSERT OR REPLACE would remove a row without firing its DELETE trigger.
    version = "EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND version = NEW.version)"
    request = "EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND request_id = NEW.request_id)"
    op.execute(
        "CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events "
        f"WHEN {version} OR EXISTS (SELECT 1 FROM events WHERE position = NEW.position) OR {request} "
        "BEGIN SELECT CASE "
        f"WHEN {version} THEN RAISE(ABORT, 'events is append-only: uq_events_stream_id_version') "
        f"WHEN {request} THEN RAISE(ABORT, 'events is append-only: uq_events_stream_id_request_id') "
        "ELSE RAISE(ABORT, 'events is append-only') END; END"
    )
    op.execute(
        f"CREATE TRIGGER scenarios_refuse_replace BEFORE INSERT ON scenarios WHEN {_IS_ANOTHER} "
        "BEGIN SELECT RAISE(ABORT, 'scenarios is append-only'); END"
    )
    op.execute(
        f"CREATE TRIGGER events_follow BEFORE INSERT ON events WHEN {_FOLLOWS} "
        "BEGIN SELECT RAISE(ABORT, 'events_follow'); END"
    )


def _guard_postgres() -> None:
    _create_function("refuse_change", _raise("% is append-only", "TG_TABLE_NAME"))
    for table in ("events", "scenarios"):
        for operation in ("UPDATE", "DELETE", "TRUNCATE"):
            # For each statement: it fires also for ON CONFLICT DO UPDATE, PostgreSQL's way to replace.
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{operation.lower()} BEFORE {operation} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
    _create_function("events_follow", f"IF {_FOLLOWS} THEN {_raise('events_follow')} END IF; RETURN NEW;")
    _on_insert("events_follow", "events", "ROW")
    _create_function(
        "scenarios_refuse_replace", f"IF {_IS_ANOTHER} THEN {_raise('scenarios is append-only')} END IF; RETURN NEW;"
    )
    _on_insert("scenarios_refuse_replace", "scenarios", "ROW")
    # Runs before the statement takes positions: server/storage/positions.py explains why. Once in a transaction.
    _create_function(
        "events_announce",
        "IF coalesce(current_setting('mlops_debug.announced', true), '') = '' THEN "
        "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END INTO lowest FROM events_position_seq; "
        f"PERFORM pg_advisory_xact_lock_shared(({_ANNOUNCEMENT}::bigint << 48) | lowest); "
        "PERFORM set_config('mlops_debug.announced', lowest::text, true); "
        "END IF; RETURN NULL;",
        declared="DECLARE lowest bigint; ",
    )
    _on_insert("events_announce", "events", "STATEMENT")


def _raise(message: str, *values: str) -> str:
    arguments = ", ".join((f"'{message}'", *values))
    # The class of error that SQLite's RAISE(ABORT) has, too.
    return f"RAISE EXCEPTION {arguments} USING ERRCODE = 'integrity_constraint_violation';"


def _create_function(name: str, body: str, *, declared: str = "") -> None:
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {declared}BEGIN {body} END $$")


def _on_insert(name: str, table: str, each: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()")


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("stream_id", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
        sa.UniqueConstraint("stream_id", "version", name="uq_events_stream_id_version"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_events_stream_id_request_id",
        "events",
        ["stream_id", "request_id"],
        unique=True,
        sqlite_where=sa.text("request_id IS NOT NULL"),
        postgresql_where=sa.text("request_id IS NOT NULL"),
    )


def _create_scenarios() -> None:
    op.create_table(
        "scenarios",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("generator_version", sa.String(32), nullable=False),
        sa.Column("task_id", sa.String(16), nullable=False),
        sa.Column("seed", sa.String(40), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_scenarios"),
    )


def _create_episodes() -> None:
    op.create_table(
        "episodes",
        sa.Column("episode_id", sa.String(128), nullable=False),
        sa.Column("task_id", sa.String(16), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("reward_mode", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("step_count", sa.Integer(), nullable=False),
        sa.Column("total_reward", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("end_reason", sa.String(16), nullable=True),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
        sa.Column("ended_position", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("episode_id", name="pk_episodes"),
    )
    op.create_index("ix_episodes_task_id_ended_position", "episodes", ["task_id", "ended_position"])
