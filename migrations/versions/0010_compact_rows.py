"""Stores events and episodes in less room; ``recorded_events`` and ``recorded_episodes`` show them as they were.

Rule 1: what a hash covers is shown byte for byte; the last statement compares every event with what it was before. Rule 2: streams are
named by integers, times are milliseconds since 1970, and the previous hash is that of the event before. Rule 3: of a payload, digests are
stored as bytes and frequent parts as control characters, which no canonical JSON contains. Rule 4: an append goes through
``recorded_events``, which refuses one that does not state the hash of the event before it.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Iterator

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_FRAGMENTS: dict[str, tuple[str, ...]] = {
    "read": (
        '{"artifact":"',
        '","log_filter":null,"observation_digest":"',
        '","log_filter":"',
        '","observation_digest":"',
    ),
    "query": ('{"artifact":"', '","field":"', '","observation_digest":"'),
    "check": ('{"check":"', '","observation_digest":"'),
    "refuse": (
        '{"artifact":"',
        '{"artifact":null,"field":null,"observation_digest":"',
        '","field":"',
        '","field":null,"observation_digest":"',
        '","observation_digest":"',
        '","patch":null,"reason":"',
        '","patch":[{"field":"',
        '","file":"',
        '","value":',
        '","reason":"',
        ',"reason":"',
        '","text":null}',
        '","text":"',
    ),
    "experiment": (
        '{"number":',
        ',"observation_digest":"',
        '","patch":[{"field":"',
        '","file":"',
        '","value":',
        '"result":{"log_tail":["',
        '],"metrics":{"by_source":{',
        '"train":{"accuracy":',
        '"validation":{"accuracy":',
        ',"loss":',
        '"train_accuracy":',
        ',"validation_accuracy":',
        '"number":',
        '"status":"finished"}}',
    ),
    "submit": (
        '{"entries":[{"credit":',
        '{"entries":[{"diagnosis":{"',
        '"diagnosis":{"confidence":',
        '"diagnosis":"',
        '"failure_category":"',
        '"patch":[{"field":"',
        '"root_cause_field":"',
        '"root_cause_file":"',
        '"file":"',
        '"value":',
        '"points":[',
        '"verdict":"twin"}],"observation_digest":"',
        '"verdict":"',
        '"read_as":[{"field":"',
        '"edits":[{',
        '"fault":"',
        '"missed":[',
        '"penalties":[["',
        '"reported":{',
        '"observation_digest":"',
        '"rubric":"',
        '","score":0.',
        '","',
        ',"',
    ),
    "reset": (
        '{"agent":null,"attempt":null,"entry":null,"generator_version":"',
        '{"agent":"',
        '","attempt":null,"entry":null,"generator_version":"',
        ',"attempt":',
        ',"entry":',
        ',"generator_version":"',
        '","key":null,"max_experiments":',
        '","key":"',
        '"max_experiments":',
        ',"max_steps":',
        ',"observation_digest":"',
        '","observation_version":"',
        '","reward_mode":"shaped","round":null,"rubric_version":"',
        '","reward_mode":"',
        '","round":null,"rubric_version":"',
        '","round":',
        ',"rubric_version":"',
        '","scenario_digest":"',
        '","seed":',
        ',"seed_given":true,"session":null,"split":"train","task_id":"',
        ',"seed_given":',
        ',"session":null,"split":"',
        ',"session":"hmac:',
        '","split":"',
        '","task_id":"',
    ),
}
"""By the kind of an event: the parts of its payload that are stored as the control characters 1, 2, … Later migrations may add to the
ends; what is stored is read by these."""

_DIGESTS = (
    (31, '"observation_digest":"', 32),
    (30, '"scenario_digest":"', 64),
    (29, '"session":"hmac:', 64),
)
"""The control character that stands for a digest, what is before it, and its hex digits. ``server/storage/payloads.py`` has the same."""


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
        return f"CASE WHEN {text} IS {self.shown_time(number)} THEN {number} ELSE {text} END"

    def expanded(self, rows: str) -> str:
        """Rows with the payload as ``shown``, from such with ``kind``, ``payload`` and ``digests``."""
        for parts in _stages():
            rows = self._replaced(rows, parts, lambda text, code, part: f"replace({text}, {code}, '{part}')")
        shown, start = "text", 1
        for code, _, digits in _DIGESTS:
            value = self.hex("n.digests", start, digits // 2)
            shown = f"replace({'n.' * (shown == 'text')}{shown}, {self.character}({code}), {value})"
            start += digits // 2
        is_packed = "n.digests IS NOT NULL"
        if self.is_sqlite:  # PostgreSQL stores nothing else
            is_packed += " AND typeof(n.payload) = 'text' AND typeof(n.digests) = 'blob'"
        return f"SELECT n.*, CASE WHEN {is_packed} THEN {shown} ELSE n.payload END AS shown FROM ({rows}) AS n"

    def packed(self, rows: str) -> str:
        """Rows with the payload as ``packed``, from such with ``kind``, ``payload`` and ``digests``."""
        for parts in _stages():
            rows = self._replaced(rows, parts, lambda text, code, part: f"replace({text}, '{part}', {code})")
        return f"SELECT n.*, CASE WHEN n.digests IS NULL THEN n.payload ELSE n.text END AS packed FROM ({rows}) AS n"

    def _replaced(self, rows: str, parts: _Stage, one: Callable[[str, str, str], str]) -> str:
        before = "n.text" if " AS text" in rows else "n.payload"
        cases = []
        for kind, numbered in parts.items():
            text = before
            for number, part in numbered:
                text = one(text, f"{self.character}({number})", part)
            cases.append(f"WHEN '{kind}' THEN {text}")
        columns = ", ".join(f"n.{name} AS {name}" for name in _COLUMNS)
        return f"SELECT {columns}, CASE n.kind {' '.join(cases)} ELSE {before} END AS text FROM ({rows}) AS n"


_COLUMNS = (
    *("position", "stream", "stream_id", "version", "kind", "schema_version", "recorded_at", "actor", "request_id"),
    *("payload", "digests", "hash"),
)
_Stage = dict[str, list[tuple[int, str]]]
_NESTED = 12
"""Calls within calls in one statement: SQLite's parser takes some twenty."""


def _stages() -> Iterator[_Stage]:
    for start in range(0, max(map(len, _FRAGMENTS.values())), _NESTED):
        numbered = {
            kind: list(enumerate(parts, start=1))[start : start + _NESTED] for kind, parts in _FRAGMENTS.items()
        }
        yield {kind: parts for kind, parts in numbered.items() if parts}


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
    rows = sql.expanded(
        "SELECT e.position, e.stream, s.stream_id, e.version, e.kind, e.schema_version, e.recorded_at, e.actor, "
        "e.request_id, e.payload, e.digests, e.hash FROM events AS e JOIN streams AS s ON s.stream = e.stream"
    )
    _run(
        "CREATE VIEW recorded_events AS SELECT r.position AS position, r.stream_id AS stream_id, r.version AS version, "
        f"r.kind AS kind, r.schema_version AS schema_version, {sql.shown_time('r.recorded_at')} AS recorded_at, "
        "r.actor AS actor, r.request_id AS request_id, r.shown AS payload, "
        "coalesce((SELECT b.hash FROM events AS b WHERE b.stream = r.stream AND b.version = r.version - 1), "
        f"{sql.no_hash}) AS prev_hash, r.hash AS hash, r.digests AS digests FROM ({rows}) AS r"
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
        driver: Any = op.get_bind().connection.dbapi_connection
        driver.create_function("digests_of", 1, _digests_of, deterministic=True)
        driver.create_function("without_digests", 1, _without_digests, deterministic=True)
        payload, digests = "without_digests(o.payload)", "digests_of(o.payload)"
    else:
        payload, digests = _postgres_digests("o.payload")
    _run(
        "INSERT INTO streams (stream_id) SELECT stream_id FROM events_before GROUP BY stream_id ORDER BY min(position)"
    )
    # A row without events stays, for the audit to find.
    _run(
        "INSERT INTO streams (stream_id) SELECT episode_id FROM episodes_before AS o "
        "WHERE NOT EXISTS (SELECT 1 FROM streams AS s WHERE s.stream_id = o.episode_id)"
    )
    rows = sql.packed(
        "SELECT o.position, s.stream, o.stream_id, o.version, o.kind, o.schema_version, o.recorded_at, o.actor, o.request_id, "
        f"{payload} AS payload, {digests} AS digests, o.hash FROM events_before AS o "
        "JOIN streams AS s ON s.stream_id = o.stream_id ORDER BY o.position"
    )
    _run(f"INSERT INTO events (position, {_EVENT_COLUMNS}) SELECT n.position, {_packed_values(sql)} FROM ({rows}) AS n")
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


_CONTROL = re.compile(r"[\x00-\x1f]")


def _split_digests(payload: object) -> tuple[object, bytes | None]:
    """The payload with control characters for its digests, and their bytes; None: it is stored as it is."""
    if not isinstance(payload, str) or _CONTROL.search(payload):
        return payload, None
    found = b""
    for code, before, digits in _DIGESTS:
        match = re.search(f'({before})([0-9a-f]{{{digits}}})"', payload)
        if match is None:
            break
        payload = f"{payload[: match.end(1)]}{chr(code)}{payload[match.end(2) :]}"
        found += bytes.fromhex(match[2])
    return payload, found or None


def _without_digests(payload: object) -> object:
    return _split_digests(payload)[0]


def _digests_of(payload: object) -> bytes | None:
    return _split_digests(payload)[1]


def _postgres_digests(payload: str) -> tuple[str, str]:
    """The same as expressions of PostgreSQL. A digest is looked for only where the one before it was found."""
    text, found, has_before = payload, "''", "true"
    for code, before, digits in _DIGESTS:
        value = f"substring({payload} FROM '{before}([0-9a-f]{{{digits}}})\"')"
        has_it = f"({has_before} AND {value} IS NOT NULL)"
        put = f"regexp_replace({text}, '({before})[0-9a-f]{{{digits}}}\"', '\\1' || chr({code}) || '\"')"
        text = f"CASE WHEN {has_it} THEN {put} ELSE {text} END"
        found = f"{found} || CASE WHEN {has_it} THEN {value} ELSE '' END"
        has_before = has_it
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
    position = connection.exec_driver_sql(
        "SELECT o.position FROM events_before AS o JOIN recorded_events AS r ON r.position = o.position "
        f"WHERE {changed} LIMIT 1"
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


def _packed_values(sql: _Sql) -> str:
    """Values of `_EVENT_COLUMNS` from rows that `_Sql.packed` gives."""
    return (
        f"n.stream, n.version, n.kind, n.schema_version, {sql.stored_time('n.recorded_at')}, n.actor, n.request_id, n.packed, "
        "n.digests, n.hash"
    )


def _append(sql: _Sql, stream: str) -> str:
    """Inserts the event of a trigger."""
    new = ", ".join(f"NEW.{name} AS {name}" for name in _COLUMNS if name not in ("stream", "position"))
    rows = sql.packed(f"SELECT NULL AS position, {stream} AS stream, {new}")
    return f"INSERT INTO events ({_EVENT_COLUMNS}) SELECT {_packed_values(sql)} FROM ({rows}) AS n;"


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
    stream = "(SELECT stream FROM streams WHERE stream_id = NEW.stream_id)"
    _run(
        "CREATE TRIGGER recorded_events_append INSTEAD OF INSERT ON recorded_events BEGIN "
        f"INSERT INTO streams (stream_id) SELECT NEW.stream_id WHERE NEW.version = 1 AND {stream} IS NULL; "
        f"SELECT RAISE(ABORT, 'events_follow') WHERE {stream} IS NULL OR NEW.prev_hash IS NOT coalesce("
        f"(SELECT hash FROM events WHERE stream = {stream} AND version = NEW.version - 1), {sql.no_hash}); "
        f"{_append(sql, stream)} END"
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
        f"{_append(sql, 'found')} RETURN NEW;",
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
