"""Stores events and episodes in less room; ``recorded_events`` and ``recorded_episodes`` show them as they were.

Rule 1: what a hash covers is shown byte for byte; the last statement compares every event with what it was before. Rule 2: streams are
named by integers, times are milliseconds since 1970, and the previous hash is that of the event before. Rule 3: digests are stored as
bytes beside the payload, whose text has a control character for each and its key; canonical JSON contains none. Rule 4: an append goes
through ``recorded_events``, which refuses one that does not state the hash of the event before it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import Any, Iterator

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_Digest = tuple[int, str, int]
_DIGESTS: tuple[_Digest, ...] = (
    (31, '"observation_digest":"', 32),
    (30, '"scenario_digest":"', 64),
    (29, '"session":"hmac:', 64),
)
"""The control character that stands for a digest with its key and its quotes, what is before the digest, and the number of its hex
digits. Only a reset has more than the first. ``server/storage/payloads.py`` has the same."""


class _Sql:
    """What the two backends spell differently."""

    def __init__(self, is_sqlite: bool) -> None:
        self.is_sqlite = is_sqlite
        self.character = "char" if is_sqlite else "chr"
        self.no_hash = "zeroblob(32)" if is_sqlite else "decode(repeat('00', 32), 'hex')"

    def hex(self, column: str, start: int, length: int) -> str:
        part = f"substr({column}, {start}, {length})"
        return f"lower(hex({part}))" if self.is_sqlite else f"encode({part}, 'hex')"

    def shown_time(self, column: str) -> str:
        if self.is_sqlite:
            whole = f"strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000, 'unixepoch')"
            # A text was put there by another program, or was no time.
            return f"CASE WHEN typeof({column}) = 'integer' THEN {whole} || printf('.%03dZ', {column} % 1000) ELSE {column} END"
        return f"to_char(timestamp '1970-01-01' + {column} * interval '1 millisecond', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

    def stored_time(self, text: str) -> str:
        """Milliseconds; on SQLite, a text that is not of the one form stays as it is."""
        if not self.is_sqlite:
            return f"(extract(epoch FROM ({text})::timestamptz) * 1000)::bigint"
        number = f"(CAST(strftime('%s', {text}) AS INTEGER) * 1000 + CAST(substr({text}, 21, 3) AS INTEGER))"
        return (
            f"CASE WHEN typeof({text}) = 'text' AND {text} IS {self.shown_time(number)} THEN {number} ELSE {text} END"
        )

    def shown_payload(self, payload: str, digests: str) -> str:
        """The payload as it was recorded. Where there are fewer digests, the characters of the others are not in the text."""
        text, start = payload, 1
        for code, before, digits in _DIGESTS:
            recorded = f"'{before}' || {self.hex(digests, start, digits // 2)} || '\"'"
            text = f"replace({text}, {self.character}({code}), {recorded})"
            start += digits // 2
        has_digests = f"{digests} IS NOT NULL"
        if self.is_sqlite:  # PostgreSQL stores nothing else
            has_digests += f" AND typeof({payload}) = 'text' AND typeof({digests}) = 'blob'"
        return f"CASE WHEN {has_digests} THEN {text} ELSE {payload} END"


def _run(statement: str) -> None:
    # Not as a text of SQLAlchemy, to which `:null` would be a parameter.
    op.get_bind().exec_driver_sql(statement)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    sql = _Sql(is_sqlite)
    _put_aside(is_sqlite)
    _create_tables()
    _create_views(sql)
    _copy(sql)
    (_guard_sqlite if is_sqlite else _guard_postgres)(sql)
    _require_same(is_sqlite)
    if not is_sqlite:
        _grant_as_before()
    for table in ("events_before", "episodes_before"):
        _run(f"DROP TABLE {table}")
    _create_indexes()


def _put_aside(is_sqlite: bool) -> None:
    if is_sqlite:
        for name in ("refuse_update", "refuse_delete", "refuse_replace", "follow"):
            _run(f"DROP TRIGGER events_{name}")
    else:
        for name in ("refuse_update", "refuse_delete", "refuse_truncate", "follow", "announce"):
            _run(f"DROP TRIGGER events_{name} ON events")
        _run("DROP FUNCTION events_follow()")
        _run("ALTER TABLE events RENAME CONSTRAINT pk_events TO pk_events_before")
        _run("ALTER TABLE episodes RENAME CONSTRAINT pk_episodes TO pk_episodes_before")
        # Kept: its next value, and locks that refer to it.
        _run("ALTER SEQUENCE events_position_seq OWNED BY NONE")
    op.drop_index("uq_events_stream_id_request_id", "events")
    for name in _INDEXES:
        op.drop_index(name, "episodes")
    op.rename_table("events", "events_before")
    op.rename_table("episodes", "episodes_before")


def _create_tables() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "streams",
        sa.Column("stream", number, autoincrement=True, nullable=False),
        sa.Column("stream_id", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_streams"),
        sa.UniqueConstraint("stream_id", name="uq_streams_stream_id"),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "events",
        sa.Column(
            "position",
            number,
            autoincrement=is_sqlite,
            nullable=False,
            server_default=None if is_sqlite else sa.text("nextval('events_position_seq')"),
        ),
        sa.Column("stream", number, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("digests", sa.LargeBinary(80), nullable=True),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
        sa.UniqueConstraint("stream", "version", name="uq_events_stream_version"),
        sqlite_autoincrement=True,
    )
    if not is_sqlite:
        _run("ALTER SEQUENCE events_position_seq OWNED BY events.position")
    op.create_table(
        "episodes",
        sa.Column("stream", number, autoincrement=False, nullable=False),
        sa.Column("task_id", sa.String(16), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("reward_mode", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("step_count", sa.Integer(), nullable=False),
        sa.Column("total_reward", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("end_reason", sa.String(16), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_position", sa.BigInteger(), nullable=True),
        sa.Column("key_prefix", sa.String(16), nullable=True),
        sa.Column("round", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("stream", name="pk_episodes"),
    )


_OVER = "ended_position IS NOT NULL"
_INDEXES: dict[str, tuple[tuple[str, ...], str | None]] = {
    "ix_episodes_task_id_ended_position": (("task_id", "ended_position"), None),
    "ix_episodes_open": (("started_at",), "ended_position IS NULL"),
    "ix_episodes_key_prefix_task_id_ended_position": (
        ("key_prefix", "task_id", "ended_position"),
        "key_prefix IS NOT NULL",
    ),
    "ix_episodes_round": (("round",), "round IS NOT NULL"),
    "ix_episodes_started": (("started_at", "stream", "task_id"), None),
    "ix_episodes_agent_started": (("agent", "started_at", "stream"), None),
    "ix_episodes_over": (("started_at", "stream", "task_id", "end_reason", "score", "step_count"), _OVER),
    "ix_episodes_score": (("score", "stream", "task_id", "end_reason", "step_count"), _OVER),
    "ix_episodes_steps": (("step_count", "stream", "task_id", "end_reason", "score"), _OVER),
    "ix_episodes_agent_score": (("agent", "score", "stream"), _OVER),
    "ix_episodes_agent_steps": (("agent", "step_count", "stream"), _OVER),
}


def _create_indexes() -> None:
    named = sa.text("request_id IS NOT NULL")
    op.create_index(
        "uq_events_stream_request_id",
        "events",
        ["stream", "request_id"],
        unique=True,
        sqlite_where=named,
        postgresql_where=named,
    )
    for name, (columns, condition) in _INDEXES.items():
        where = sa.text(condition) if condition is not None else None
        op.create_index(name, "episodes", list(columns), sqlite_where=where, postgresql_where=where)


def _create_views(sql: _Sql) -> None:
    _run(
        "CREATE VIEW recorded_events AS SELECT e.position AS position, s.stream_id AS stream_id, e.version AS version, "
        f"e.kind AS kind, e.schema_version AS schema_version, {sql.shown_time('e.recorded_at')} AS recorded_at, "
        f"e.actor AS actor, e.request_id AS request_id, {sql.shown_payload('e.payload', 'e.digests')} AS payload, "
        "coalesce((SELECT b.hash FROM events AS b WHERE b.stream = e.stream AND b.version = e.version - 1), "
        f"{sql.no_hash}) AS prev_hash, e.hash AS hash, e.digests AS digests "
        "FROM events AS e JOIN streams AS s ON s.stream = e.stream"
    )
    columns = (
        "task_id, agent, reward_mode, version, head_hash, step_count, total_reward, score, end_reason, "
        "ended_position, key_prefix, round"
    )
    _run(
        f"CREATE VIEW recorded_episodes AS SELECT s.stream_id AS episode_id, "
        f"{', '.join(f'e.{each} AS {each}' for each in columns.split(', '))}, "
        f"{sql.shown_time('e.started_at')} AS started_at, {sql.shown_time('e.updated_at')} AS updated_at, "
        "e.stream AS stream, e.started_at AS started_ms, e.updated_at AS updated_ms "
        "FROM episodes AS e JOIN streams AS s ON s.stream = e.stream"
    )


def _copy(sql: _Sql) -> None:
    """Row by row within the database; the transaction leaves the old tables as they are until its end."""
    payload, digests = "o.payload", "NULL"
    if sql.is_sqlite:
        driver = _driver()
        driver.create_function("digests_of", 2, _digests_of, deterministic=True)
        driver.create_function("without_digests", 2, _without_digests, deterministic=True)
        payload, digests = "without_digests(o.kind, o.payload)", "digests_of(o.kind, o.payload)"
    else:
        payload, digests = _postgres_digests("o.kind", "o.payload")
    _run(
        "INSERT INTO streams (stream_id) SELECT stream_id FROM events_before GROUP BY stream_id ORDER BY min(position)"
    )
    # A row without events stays, for the audit to find.
    _run(
        "INSERT INTO streams (stream_id) SELECT episode_id FROM episodes_before AS o "
        "WHERE NOT EXISTS (SELECT 1 FROM streams AS s WHERE s.stream_id = o.episode_id)"
    )
    with _counting("events copied", sql.is_sqlite) as is_counted:
        _run(
            f"INSERT INTO events (position, {_EVENT_COLUMNS}) SELECT o.position, {_values(sql, 'o', 'o.stream')} FROM ("
            "SELECT o.position, s.stream, o.version, o.kind, o.schema_version, o.recorded_at, o.actor, o.request_id, "
            f"{payload} AS payload, {digests} AS digests, o.hash FROM events_before AS o "
            f"JOIN streams AS s ON s.stream_id = o.stream_id WHERE {is_counted} ORDER BY o.position) AS o"
        )
    names = (
        "task_id, agent, reward_mode, version, head_hash, step_count, total_reward, score, end_reason, ended_position, "
        "key_prefix, round"
    )
    _run(
        f"INSERT INTO episodes (stream, {names}, started_at, updated_at) SELECT s.stream, {names}, "
        f"{sql.stored_time('o.started_at')}, {sql.stored_time('o.updated_at')} "
        "FROM episodes_before AS o JOIN streams AS s ON s.stream_id = o.episode_id ORDER BY s.stream"
    )
    if sql.is_sqlite:
        # The positions of events that were given out and are gone are not given out again.
        _run(
            "UPDATE sqlite_sequence SET seq = (SELECT max(seq) FROM sqlite_sequence WHERE name IN ('events', 'events_before')) "
            "WHERE name = 'events'"
        )
        _run("DELETE FROM sqlite_sequence WHERE seq = 0")  # which a new database has not, either


@contextmanager
def _counting(what: str, is_sqlite: bool) -> Iterator[str]:
    """A condition on ``events_before AS o`` that is always true, and on SQLite counts the rows for a progress."""
    shown = op.get_context().config.attributes.get("progress")
    if not is_sqlite or shown is None:
        yield "1 = 1"
        return
    total = op.get_bind().exec_driver_sql("SELECT count(*) FROM events_before").scalar_one()
    with shown.rows(what, total) as count:

        def is_counted(_: object) -> int:
            count()
            return 1

        _driver().create_function("is_counted", 1, is_counted)
        yield "is_counted(o.position)"


def _driver() -> Any:
    """The connection of the driver."""
    return op.get_bind().connection.dbapi_connection


_CONTROL = re.compile(r"[\x00-\x1f]")


def _split_digests(kind: object, payload: object) -> tuple[object, bytes | None]:
    """The payload with control characters for its digests, and their bytes; None: it is stored as it is."""
    if not isinstance(payload, str) or _CONTROL.search(payload):
        return payload, None
    found = b""
    for code, before, digits in _DIGESTS if kind == "reset" else _DIGESTS[:1]:
        match = re.search(f'{before}([0-9a-f]{{{digits}}})"', payload)
        if match is None:
            break
        payload = f"{payload[: match.start()]}{chr(code)}{payload[match.end() :]}"
        found += bytes.fromhex(match[1])
    return payload, found or None


def _without_digests(kind: object, payload: object) -> object:
    return _split_digests(kind, payload)[0]


def _digests_of(kind: object, payload: object) -> bytes | None:
    return _split_digests(kind, payload)[1]


def _postgres_digests(kind: str, payload: str) -> tuple[str, str]:
    """The same as expressions of PostgreSQL. A digest is looked for only where the one before it was found."""
    text, found, has_before = payload, "''", "true"
    for code, before, digits in _DIGESTS:
        value = f"substring({payload} FROM '{before}([0-9a-f]{{{digits}}})\"')"
        has_it = f"({has_before} AND {value} IS NOT NULL)"
        put = f"regexp_replace({text}, '{before}[0-9a-f]{{{digits}}}\"', chr({code}))"
        text = f"CASE WHEN {has_it} THEN {put} ELSE {text} END"
        found = f"{found} || CASE WHEN {has_it} THEN {value} ELSE '' END"
        has_before = f"({has_it} AND {kind} = 'reset')"
    is_plain = f"{payload} !~ '[[:cntrl:]]'"
    return (
        f"CASE WHEN {is_plain} THEN {text} ELSE {payload} END",
        f"CASE WHEN {is_plain} THEN decode(nullif({found}, ''), 'hex') END",
    )


_COMPARED = ("stream_id", "version", "kind", "schema_version", "recorded_at", "actor", "request_id", "payload", "hash")
"""Not the previous hash: it is that of the event before, and where it was another, the event's own hash does not fit any more."""


def _require_same(is_sqlite: bool) -> None:
    """Compare every event that can be read now with what it was."""
    differs = "IS NOT" if is_sqlite else "IS DISTINCT FROM"
    changed = " OR ".join(f"r.{name} {differs} o.{name}" for name in _COMPARED)
    connection = op.get_bind()
    with _counting("events compared", is_sqlite) as is_counted:
        position = connection.exec_driver_sql(
            "SELECT o.position FROM events_before AS o JOIN recorded_events AS r ON r.position = o.position "
            f"WHERE {is_counted} AND ({changed}) LIMIT 1"
        ).scalar()
    if position is not None:
        raise RuntimeError(f"the event at position {position} cannot be kept as it is; nothing was changed")
    before, after = (
        connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
        for table in ("events_before", "events")
    )
    if before != after:
        raise RuntimeError(f"of {before} events {after} would be kept; nothing was changed")


_GAP = "NEW.version <> 1 AND NOT EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version - 1)"
_EVENT_COLUMNS = "stream, version, kind, schema_version, recorded_at, actor, request_id, payload, digests, hash"


def _values(sql: _Sql, row: str, stream: str) -> str:
    """Values of `_EVENT_COLUMNS`, from a row whose digests have been replaced."""
    return (
        f"{stream}, {row}.version, {row}.kind, {row}.schema_version, {sql.stored_time(f'{row}.recorded_at')}, {row}.actor, "
        f"{row}.request_id, {row}.payload, {row}.digests, {row}.hash"
    )


def _guard_sqlite(sql: _Sql) -> None:
    for table in ("events", "streams"):
        for operation in ("UPDATE", "DELETE"):
            _run(
                f"CREATE TRIGGER {table}_refuse_{operation.lower()} BEFORE {operation} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    # INSERT OR REPLACE would remove a row without firing its DELETE trigger.
    version = "EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version)"
    request = "EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND request_id = NEW.request_id)"
    _run(
        "CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events "
        f"WHEN {version} OR EXISTS (SELECT 1 FROM events WHERE position = NEW.position) OR {request} "
        "BEGIN SELECT CASE "
        f"WHEN {version} THEN RAISE(ABORT, 'events is append-only: uq_events_stream_version') "
        f"WHEN {request} THEN RAISE(ABORT, 'events is append-only: uq_events_stream_request_id') "
        "ELSE RAISE(ABORT, 'events is append-only') END; END"
    )
    _run(
        "CREATE TRIGGER streams_refuse_replace BEFORE INSERT ON streams "
        "WHEN EXISTS (SELECT 1 FROM streams WHERE stream = NEW.stream OR stream_id = NEW.stream_id) "
        "BEGIN SELECT RAISE(ABORT, 'streams is append-only'); END"
    )
    _run(
        f"CREATE TRIGGER events_follow BEFORE INSERT ON events WHEN {_GAP} BEGIN SELECT RAISE(ABORT, 'events_follow'); END"
    )
    _run(
        "CREATE TRIGGER recorded_events_append INSTEAD OF INSERT ON recorded_events BEGIN "
        "INSERT INTO streams (stream_id) SELECT NEW.stream_id WHERE NEW.version = 1 "
        "AND NOT EXISTS (SELECT 1 FROM streams WHERE stream_id = NEW.stream_id); "
        "SELECT RAISE(ABORT, 'events_follow') WHERE NOT EXISTS (SELECT 1 FROM streams AS s "
        "LEFT JOIN events AS b ON b.stream = s.stream AND b.version = NEW.version - 1 "
        f"WHERE s.stream_id = NEW.stream_id AND coalesce(b.hash, {sql.no_hash}) = NEW.prev_hash); "
        f"INSERT INTO events ({_EVENT_COLUMNS}) SELECT {_values(sql, 'NEW', 's.stream')} "
        "FROM streams AS s WHERE s.stream_id = NEW.stream_id; END"
    )


def _guard_postgres(sql: _Sql) -> None:
    for table in ("events", "streams"):
        for operation in ("UPDATE", "DELETE", "TRUNCATE"):
            # For each statement: it fires also for ON CONFLICT DO UPDATE, PostgreSQL's way to replace.
            _run(
                f"CREATE TRIGGER {table}_refuse_{operation.lower()} BEFORE {operation} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
    refused = "RAISE EXCEPTION 'events_follow' USING ERRCODE = 'integrity_constraint_violation';"
    _create_function("events_follow", f"IF {_GAP} THEN {refused} END IF; RETURN NEW;")
    _run("CREATE TRIGGER events_follow BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION events_follow()")
    _run("CREATE TRIGGER events_announce BEFORE INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION events_announce()")
    find = "SELECT stream INTO found FROM streams WHERE stream_id = NEW.stream_id;"
    _create_function(
        "recorded_events_append",
        f"{find} IF found IS NULL AND NEW.version = 1 THEN "
        f"INSERT INTO streams (stream_id) VALUES (NEW.stream_id) ON CONFLICT DO NOTHING; {find} END IF; "
        "IF found IS NULL OR NEW.prev_hash IS DISTINCT FROM coalesce("
        f"(SELECT hash FROM events WHERE stream = found AND version = NEW.version - 1), {sql.no_hash}) "
        f"THEN {refused} END IF; "
        f"INSERT INTO events ({_EVENT_COLUMNS}) VALUES ({_values(sql, 'NEW', 'found')}); RETURN NEW;",
        declared="DECLARE found bigint; ",
    )
    _run(
        "CREATE TRIGGER recorded_events_append INSTEAD OF INSERT ON recorded_events "
        "FOR EACH ROW EXECUTE FUNCTION recorded_events_append()"
    )


def _create_function(name: str, body: str, *, declared: str = "") -> None:
    _run(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {declared}BEGIN {body} END $$")


_SUCCESSORS = {
    "events_before": ("events", "streams", "recorded_events"),
    "episodes_before": ("episodes", "recorded_episodes"),
}


def _grant_as_before() -> None:
    """Give the roles that might use the old tables the same rights to the new ones."""
    for before, tables in _SUCCESSORS.items():
        rights = op.get_bind().exec_driver_sql(
            "SELECT grantee, privilege_type FROM information_schema.role_table_grants "
            f"WHERE table_name = '{before}' AND table_schema = current_schema() AND grantee <> current_user"
        )
        for role, right in rights.all():
            quoted = "PUBLIC" if role == "PUBLIC" else '"' + role.replace('"', '""') + '"'
            for table in tables:
                _run(f"GRANT {right} ON {table} TO {quoted}")
            if right == "INSERT" and "streams" in tables:
                _run(f"GRANT USAGE ON SEQUENCE streams_stream_seq TO {quoted}")
