CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE events (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	stream_id VARCHAR(128) NOT NULL,
	version INTEGER NOT NULL,
	kind VARCHAR(32) NOT NULL,
	schema_version INTEGER NOT NULL,
	recorded_at VARCHAR(32) NOT NULL,
	actor TEXT NOT NULL,
	request_id VARCHAR(128),
	payload TEXT NOT NULL,
	prev_hash BLOB NOT NULL,
	hash BLOB NOT NULL,
	CONSTRAINT uq_events_stream_id_version UNIQUE (stream_id, version)
);

CREATE UNIQUE INDEX uq_events_stream_id_request_id ON events (stream_id, request_id) WHERE request_id IS NOT NULL;

CREATE TABLE scenarios (
	digest VARCHAR(64) NOT NULL,
	generator_version VARCHAR(32) NOT NULL,
	task_id VARCHAR(16) NOT NULL,
	seed VARCHAR(40) NOT NULL,
	body BLOB NOT NULL, split VARCHAR(16) DEFAULT 'train' NOT NULL,
	CONSTRAINT pk_scenarios PRIMARY KEY (digest)
);

CREATE TABLE episodes (
	episode_id VARCHAR(128) NOT NULL,
	task_id VARCHAR(16) NOT NULL,
	agent TEXT,
	reward_mode VARCHAR(16) NOT NULL,
	version INTEGER NOT NULL,
	head_hash BLOB NOT NULL,
	step_count INTEGER NOT NULL,
	total_reward FLOAT NOT NULL,
	score FLOAT,
	end_reason VARCHAR(16),
	started_at VARCHAR(32) NOT NULL,
	updated_at VARCHAR(32) NOT NULL,
	ended_position BIGINT, key_prefix VARCHAR(16), round VARCHAR(64),
	CONSTRAINT pk_episodes PRIMARY KEY (episode_id)
);

CREATE INDEX ix_episodes_task_id_ended_position ON episodes (task_id, ended_position);

CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;

CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;

CREATE TRIGGER scenarios_refuse_update BEFORE UPDATE ON scenarios BEGIN SELECT RAISE(ABORT, 'scenarios is append-only'); END;

CREATE TRIGGER scenarios_refuse_delete BEFORE DELETE ON scenarios BEGIN SELECT RAISE(ABORT, 'scenarios is append-only'); END;

CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND version = NEW.version) OR EXISTS (SELECT 1 FROM events WHERE position = NEW.position) OR EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND request_id = NEW.request_id) BEGIN SELECT CASE WHEN EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND version = NEW.version) THEN RAISE(ABORT, 'events is append-only: uq_events_stream_id_version') WHEN EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND request_id = NEW.request_id) THEN RAISE(ABORT, 'events is append-only: uq_events_stream_id_request_id') ELSE RAISE(ABORT, 'events is append-only') END; END;

CREATE TRIGGER scenarios_refuse_replace BEFORE INSERT ON scenarios WHEN EXISTS (SELECT 1 FROM scenarios WHERE digest = NEW.digest AND (body <> NEW.body OR generator_version <> NEW.generator_version OR task_id <> NEW.task_id OR seed <> NEW.seed)) BEGIN SELECT RAISE(ABORT, 'scenarios is append-only'); END;

CREATE TRIGGER events_follow BEFORE INSERT ON events WHEN NEW.version <> 1 AND NOT EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND version = NEW.version - 1 AND hash = NEW.prev_hash) BEGIN SELECT RAISE(ABORT, 'events_follow'); END;

CREATE TABLE sessions (
	session_digest VARCHAR(64) NOT NULL,
	episode_id VARCHAR(128) NOT NULL,
	CONSTRAINT pk_sessions PRIMARY KEY (session_digest)
);

CREATE INDEX ix_episodes_open ON episodes (started_at) WHERE ended_position IS NULL;

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

CREATE INDEX ix_episodes_key_prefix_task_id_ended_position ON episodes (key_prefix, task_id, ended_position) WHERE key_prefix IS NOT NULL;

CREATE INDEX ix_episodes_round ON episodes (round) WHERE round IS NOT NULL;

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

CREATE INDEX ix_episodes_started ON episodes (started_at, episode_id, task_id);

CREATE INDEX ix_episodes_agent_started ON episodes (agent, started_at, episode_id);

CREATE INDEX ix_episodes_over ON episodes (started_at, episode_id, task_id, end_reason, score, step_count) WHERE ended_position IS NOT NULL;

CREATE INDEX ix_episodes_score ON episodes (score, episode_id, task_id, end_reason, step_count) WHERE ended_position IS NOT NULL;

CREATE INDEX ix_episodes_steps ON episodes (step_count, episode_id, task_id, end_reason, score) WHERE ended_position IS NOT NULL;

CREATE INDEX ix_episodes_agent_score ON episodes (agent, score, episode_id) WHERE ended_position IS NOT NULL;

CREATE INDEX ix_episodes_agent_steps ON episodes (agent, step_count, episode_id) WHERE ended_position IS NOT NULL;

CREATE INDEX ix_scenarios_seed_task_id ON scenarios (seed, task_id);

CREATE TABLE transcripts (
	episode_id VARCHAR(128) NOT NULL,
	shared_at VARCHAR(32) NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_transcripts PRIMARY KEY (episode_id)
);

INSERT INTO alembic_version (version_num) VALUES ('0010')