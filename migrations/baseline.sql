CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE scenarios (
	digest VARCHAR(64) NOT NULL,
	generator_version VARCHAR(32) NOT NULL,
	task_id VARCHAR(16) NOT NULL,
	seed VARCHAR(40) NOT NULL,
	body BLOB NOT NULL, split VARCHAR(16) DEFAULT 'train' NOT NULL,
	CONSTRAINT pk_scenarios PRIMARY KEY (digest)
);

CREATE TRIGGER scenarios_refuse_update BEFORE UPDATE ON scenarios BEGIN SELECT RAISE(ABORT, 'scenarios is append-only'); END;

CREATE TRIGGER scenarios_refuse_delete BEFORE DELETE ON scenarios BEGIN SELECT RAISE(ABORT, 'scenarios is append-only'); END;

CREATE TRIGGER scenarios_refuse_replace BEFORE INSERT ON scenarios WHEN EXISTS (SELECT 1 FROM scenarios WHERE digest = NEW.digest AND (body <> NEW.body OR generator_version <> NEW.generator_version OR task_id <> NEW.task_id OR seed <> NEW.seed)) BEGIN SELECT RAISE(ABORT, 'scenarios is append-only'); END;

CREATE TABLE sessions (
	session_digest VARCHAR(64) NOT NULL,
	episode_id VARCHAR(128) NOT NULL,
	CONSTRAINT pk_sessions PRIMARY KEY (session_digest)
);

CREATE TABLE keys (
	prefix VARCHAR(16) NOT NULL,
	name VARCHAR(200) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	scopes VARCHAR(64) NOT NULL,
	secret_hash BLOB NOT NULL,
	created_at VARCHAR(32) NOT NULL,
	revoked_at VARCHAR(32),
	CONSTRAINT pk_keys PRIMARY KEY (prefix),
	CONSTRAINT uq_keys_name UNIQUE (name)
);

CREATE TABLE rounds (
	round_id VARCHAR(64) NOT NULL,
	suite_id VARCHAR(64) NOT NULL,
	suite_digest VARCHAR(64) NOT NULL,
	attempts INTEGER NOT NULL,
	rubric_version VARCHAR(32) NOT NULL,
	generator_version VARCHAR(32) NOT NULL,
	commitment VARCHAR(64) NOT NULL,
	opened_at VARCHAR(32) NOT NULL,
	closing_at VARCHAR(32),
	closed_at VARCHAR(32),
	secret VARCHAR(64), split VARCHAR(16) DEFAULT 'train' NOT NULL,
	CONSTRAINT pk_rounds PRIMARY KEY (round_id)
);

CREATE TABLE attempts (
	round_id VARCHAR(64) NOT NULL,
	agent VARCHAR(200) NOT NULL,
	entry INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	episode_id VARCHAR(128) NOT NULL,
	key_prefix VARCHAR(16) NOT NULL,
	task_id VARCHAR(16) NOT NULL,
	rubric_version VARCHAR(32) NOT NULL,
	started_at VARCHAR(32) NOT NULL,
	ended_at VARCHAR(32),
	end_reason VARCHAR(16),
	fault_id VARCHAR(64),
	score FLOAT,
	brier FLOAT,
	confidence FLOAT,
	is_right BOOLEAN,
	steps INTEGER,
	tokens BIGINT,
	cost_usd FLOAT,
	CONSTRAINT pk_attempts PRIMARY KEY (round_id, agent, entry, attempt),
	CONSTRAINT uq_attempts_episode_id UNIQUE (episode_id)
);

CREATE TABLE checkpoints (
	number INTEGER NOT NULL,
	statement TEXT NOT NULL,
	public_key VARCHAR(64) NOT NULL,
	signature VARCHAR(128) NOT NULL,
	CONSTRAINT pk_checkpoints PRIMARY KEY (number)
);

CREATE TABLE regrades (
	episode_id VARCHAR(128) NOT NULL,
	rubric_version VARCHAR(32) NOT NULL,
	round_id VARCHAR(64),
	score FLOAT NOT NULL,
	brier FLOAT,
	is_right BOOLEAN NOT NULL,
	grade TEXT,
	regraded_at VARCHAR(32) NOT NULL,
	CONSTRAINT pk_regrades PRIMARY KEY (episode_id, rubric_version)
);

CREATE INDEX ix_regrades_round_id_rubric_version ON regrades (round_id, rubric_version);

CREATE TABLE rubrics (
	rubric_version VARCHAR(32) NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_rubrics PRIMARY KEY (rubric_version)
);

CREATE TABLE audits (
	episode_id VARCHAR(128) NOT NULL,
	head_hash BLOB NOT NULL,
	findings INTEGER NOT NULL,
	audited_at VARCHAR(32) NOT NULL,
	CONSTRAINT pk_audits PRIMARY KEY (episode_id)
);

CREATE INDEX ix_scenarios_seed_task_id ON scenarios (seed, task_id);

CREATE TABLE streams (
	stream INTEGER NOT NULL,
	stream_id VARCHAR(128) NOT NULL,
	CONSTRAINT pk_streams PRIMARY KEY (stream),
	CONSTRAINT uq_streams_stream_id UNIQUE (stream_id)
);

CREATE TABLE events (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	stream INTEGER NOT NULL,
	version INTEGER NOT NULL,
	kind VARCHAR(32) NOT NULL,
	schema_version INTEGER NOT NULL,
	recorded_at BIGINT NOT NULL,
	actor TEXT NOT NULL,
	request_id VARCHAR(128),
	payload TEXT NOT NULL,
	digests BLOB,
	hash BLOB NOT NULL,
	CONSTRAINT uq_events_stream_version UNIQUE (stream, version)
);

CREATE TABLE episodes (
	stream INTEGER NOT NULL,
	task_id VARCHAR(16) NOT NULL,
	agent TEXT,
	reward_mode VARCHAR(16) NOT NULL,
	version INTEGER NOT NULL,
	head_hash BLOB NOT NULL,
	step_count INTEGER NOT NULL,
	total_reward FLOAT NOT NULL,
	score FLOAT,
	end_reason VARCHAR(16),
	started_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	ended_position BIGINT,
	key_prefix VARCHAR(16),
	round VARCHAR(64),
	CONSTRAINT pk_episodes PRIMARY KEY (stream)
);

CREATE VIEW recorded_events AS SELECT e.position AS position, s.stream_id AS stream_id, e.version AS version, e.kind AS kind, e.schema_version AS schema_version, CASE WHEN typeof(e.recorded_at) = 'integer' THEN strftime('%Y-%m-%dT%H:%M:%S', e.recorded_at / 1000, 'unixepoch') || printf('.%03dZ', e.recorded_at % 1000) ELSE e.recorded_at END AS recorded_at, e.actor AS actor, e.request_id AS request_id, CASE WHEN e.digests IS NOT NULL AND typeof(e.payload) = 'text' AND typeof(e.digests) = 'blob' THEN replace(replace(replace(e.payload, char(31), '"observation_digest":"' || lower(hex(substr(e.digests, 1, 16))) || '"'), char(30), '"scenario_digest":"' || lower(hex(substr(e.digests, 17, 32))) || '"'), char(29), '"session":"hmac:' || lower(hex(substr(e.digests, 49, 32))) || '"') ELSE e.payload END AS payload, coalesce((SELECT b.hash FROM events AS b WHERE b.stream = e.stream AND b.version = e.version - 1), zeroblob(32)) AS prev_hash, e.hash AS hash, e.digests AS digests FROM events AS e JOIN streams AS s ON s.stream = e.stream;

CREATE VIEW recorded_episodes AS SELECT s.stream_id AS episode_id, e.task_id AS task_id, e.agent AS agent, e.reward_mode AS reward_mode, e.version AS version, e.head_hash AS head_hash, e.step_count AS step_count, e.total_reward AS total_reward, e.score AS score, e.end_reason AS end_reason, e.ended_position AS ended_position, e.key_prefix AS key_prefix, e.round AS round, CASE WHEN typeof(e.started_at) = 'integer' THEN strftime('%Y-%m-%dT%H:%M:%S', e.started_at / 1000, 'unixepoch') || printf('.%03dZ', e.started_at % 1000) ELSE e.started_at END AS started_at, CASE WHEN typeof(e.updated_at) = 'integer' THEN strftime('%Y-%m-%dT%H:%M:%S', e.updated_at / 1000, 'unixepoch') || printf('.%03dZ', e.updated_at % 1000) ELSE e.updated_at END AS updated_at, e.stream AS stream, e.started_at AS started_ms, e.updated_at AS updated_ms FROM episodes AS e JOIN streams AS s ON s.stream = e.stream;

CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;

CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;

CREATE TRIGGER streams_refuse_update BEFORE UPDATE ON streams BEGIN SELECT RAISE(ABORT, 'streams is append-only'); END;

CREATE TRIGGER streams_refuse_delete BEFORE DELETE ON streams BEGIN SELECT RAISE(ABORT, 'streams is append-only'); END;

CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version) OR EXISTS (SELECT 1 FROM events WHERE position = NEW.position) OR EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND request_id = NEW.request_id) BEGIN SELECT CASE WHEN EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version) THEN RAISE(ABORT, 'events is append-only: uq_events_stream_version') WHEN EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND request_id = NEW.request_id) THEN RAISE(ABORT, 'events is append-only: uq_events_stream_request_id') ELSE RAISE(ABORT, 'events is append-only') END; END;

CREATE TRIGGER streams_refuse_replace BEFORE INSERT ON streams WHEN EXISTS (SELECT 1 FROM streams WHERE stream = NEW.stream OR stream_id = NEW.stream_id) BEGIN SELECT RAISE(ABORT, 'streams is append-only'); END;

CREATE TRIGGER events_follow BEFORE INSERT ON events WHEN NEW.version <> 1 AND NOT EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version - 1) BEGIN SELECT RAISE(ABORT, 'events_follow'); END;

CREATE TRIGGER recorded_events_append INSTEAD OF INSERT ON recorded_events BEGIN INSERT INTO streams (stream_id) SELECT NEW.stream_id WHERE NEW.version = 1 AND NOT EXISTS (SELECT 1 FROM streams WHERE stream_id = NEW.stream_id); SELECT RAISE(ABORT, 'events_follow') WHERE NOT EXISTS (SELECT 1 FROM streams AS s LEFT JOIN events AS b ON b.stream = s.stream AND b.version = NEW.version - 1 WHERE s.stream_id = NEW.stream_id AND coalesce(b.hash, zeroblob(32)) = NEW.prev_hash); INSERT INTO events (stream, version, kind, schema_version, recorded_at, actor, request_id, payload, digests, hash) SELECT s.stream, NEW.version, NEW.kind, NEW.schema_version, CASE WHEN typeof(NEW.recorded_at) = 'text' AND NEW.recorded_at IS CASE WHEN typeof((CAST(strftime('%s', NEW.recorded_at) AS INTEGER) * 1000 + CAST(substr(NEW.recorded_at, 21, 3) AS INTEGER))) = 'integer' THEN strftime('%Y-%m-%dT%H:%M:%S', (CAST(strftime('%s', NEW.recorded_at) AS INTEGER) * 1000 + CAST(substr(NEW.recorded_at, 21, 3) AS INTEGER)) / 1000, 'unixepoch') || printf('.%03dZ', (CAST(strftime('%s', NEW.recorded_at) AS INTEGER) * 1000 + CAST(substr(NEW.recorded_at, 21, 3) AS INTEGER)) % 1000) ELSE (CAST(strftime('%s', NEW.recorded_at) AS INTEGER) * 1000 + CAST(substr(NEW.recorded_at, 21, 3) AS INTEGER)) END THEN (CAST(strftime('%s', NEW.recorded_at) AS INTEGER) * 1000 + CAST(substr(NEW.recorded_at, 21, 3) AS INTEGER)) ELSE NEW.recorded_at END, NEW.actor, NEW.request_id, NEW.payload, NEW.digests, NEW.hash FROM streams AS s WHERE s.stream_id = NEW.stream_id; END;

CREATE UNIQUE INDEX uq_events_stream_request_id ON events (stream, request_id) WHERE request_id IS NOT NULL;

CREATE INDEX ix_episodes_task_id_ended_position ON episodes (task_id, ended_position);

CREATE INDEX ix_episodes_open ON episodes (started_at) WHERE ended_position IS NULL;

CREATE INDEX ix_episodes_key_prefix_task_id_ended_position ON episodes (key_prefix, task_id, ended_position) WHERE key_prefix IS NOT NULL;

CREATE INDEX ix_episodes_round ON episodes (round) WHERE round IS NOT NULL;

CREATE INDEX ix_episodes_started ON episodes (started_at, stream, task_id);

CREATE INDEX ix_episodes_agent_started ON episodes (agent, started_at, stream);

CREATE INDEX ix_episodes_over ON episodes (started_at, stream, task_id, end_reason, score, step_count) WHERE ended_position IS NOT NULL;

CREATE INDEX ix_episodes_score ON episodes (score, stream, task_id, end_reason, step_count) WHERE ended_position IS NOT NULL;

CREATE INDEX ix_episodes_steps ON episodes (step_count, stream, task_id, end_reason, score) WHERE ended_position IS NOT NULL;

CREATE INDEX ix_episodes_agent_score ON episodes (agent, score, stream) WHERE ended_position IS NOT NULL;

CREATE INDEX ix_episodes_agent_steps ON episodes (agent, step_count, stream) WHERE ended_position IS NOT NULL;

CREATE TABLE transcripts (
	episode_id VARCHAR(128) NOT NULL,
	shared_at VARCHAR(32) NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_transcripts PRIMARY KEY (episode_id)
);

CREATE TABLE audit_records (
	number INTEGER NOT NULL,
	statement TEXT NOT NULL,
	public_key VARCHAR(64) NOT NULL,
	signature VARCHAR(128) NOT NULL,
	body BLOB NOT NULL,
	CONSTRAINT pk_audit_records PRIMARY KEY (number)
);

INSERT INTO alembic_version (version_num) VALUES ('0013')