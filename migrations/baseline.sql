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

CREATE VIEW recorded_events AS SELECT r.position AS position, r.stream_id AS stream_id, r.version AS version, r.kind AS kind, r.schema_version AS schema_version, CASE WHEN typeof(r.recorded_at) = 'integer' THEN strftime('%Y-%m-%dT%H:%M:%S', r.recorded_at / 1000, 'unixepoch') || printf('.%03dZ', r.recorded_at % 1000) ELSE r.recorded_at END AS recorded_at, r.actor AS actor, r.request_id AS request_id, r.shown AS payload, coalesce((SELECT b.hash FROM events AS b WHERE b.stream = r.stream AND b.version = r.version - 1), zeroblob(32)) AS prev_hash, r.hash AS hash, r.digests AS digests FROM (SELECT n.*, CASE WHEN n.digests IS NOT NULL AND typeof(n.payload) = 'text' AND typeof(n.digests) = 'blob' THEN replace(replace(replace(n.text, char(31), lower(hex(substr(n.digests, 1, 16)))), char(30), lower(hex(substr(n.digests, 17, 32)))), char(29), lower(hex(substr(n.digests, 49, 32)))) ELSE n.payload END AS shown FROM (SELECT n.position AS position, n.stream AS stream, n.stream_id AS stream_id, n.version AS version, n.kind AS kind, n.schema_version AS schema_version, n.recorded_at AS recorded_at, n.actor AS actor, n.request_id AS request_id, n.payload AS payload, n.digests AS digests, n.hash AS hash, CASE n.kind WHEN 'reset' THEN replace(n.text, char(25), '","task_id":"') ELSE n.text END AS text FROM (SELECT n.position AS position, n.stream AS stream, n.stream_id AS stream_id, n.version AS version, n.kind AS kind, n.schema_version AS schema_version, n.recorded_at AS recorded_at, n.actor AS actor, n.request_id AS request_id, n.payload AS payload, n.digests AS digests, n.hash AS hash, CASE n.kind WHEN 'refuse' THEN replace(n.text, char(13), '","text":"') WHEN 'experiment' THEN replace(replace(n.text, char(13), '"number":'), char(14), '"status":"finished"}}') WHEN 'submit' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.text, char(13), '"verdict":"'), char(14), '"read_as":[{"field":"'), char(15), '"edits":[{'), char(16), '"fault":"'), char(17), '"missed":['), char(18), '"penalties":[["'), char(19), '"reported":{'), char(20), '"observation_digest":"'), char(21), '"rubric":"'), char(22), '","score":0.'), char(23), '","'), char(24), ',"') WHEN 'reset' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.text, char(13), '","reward_mode":"shaped","round":null,"rubric_version":"'), char(14), '","reward_mode":"'), char(15), '","round":null,"rubric_version":"'), char(16), '","round":'), char(17), ',"rubric_version":"'), char(18), '","scenario_digest":"'), char(19), '","seed":'), char(20), ',"seed_given":true,"session":null,"split":"train","task_id":"'), char(21), ',"seed_given":'), char(22), ',"session":null,"split":"'), char(23), ',"session":"hmac:'), char(24), '","split":"') ELSE n.text END AS text FROM (SELECT n.position AS position, n.stream AS stream, n.stream_id AS stream_id, n.version AS version, n.kind AS kind, n.schema_version AS schema_version, n.recorded_at AS recorded_at, n.actor AS actor, n.request_id AS request_id, n.payload AS payload, n.digests AS digests, n.hash AS hash, CASE n.kind WHEN 'read' THEN replace(replace(replace(replace(n.payload, char(1), '{"artifact":"'), char(2), '","log_filter":null,"observation_digest":"'), char(3), '","log_filter":"'), char(4), '","observation_digest":"') WHEN 'query' THEN replace(replace(replace(n.payload, char(1), '{"artifact":"'), char(2), '","field":"'), char(3), '","observation_digest":"') WHEN 'check' THEN replace(replace(n.payload, char(1), '{"check":"'), char(2), '","observation_digest":"') WHEN 'refuse' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.payload, char(1), '{"artifact":"'), char(2), '{"artifact":null,"field":null,"observation_digest":"'), char(3), '","field":"'), char(4), '","field":null,"observation_digest":"'), char(5), '","observation_digest":"'), char(6), '","patch":null,"reason":"'), char(7), '","patch":[{"field":"'), char(8), '","file":"'), char(9), '","value":'), char(10), '","reason":"'), char(11), ',"reason":"'), char(12), '","text":null}') WHEN 'experiment' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.payload, char(1), '{"number":'), char(2), ',"observation_digest":"'), char(3), '","patch":[{"field":"'), char(4), '","file":"'), char(5), '","value":'), char(6), '"result":{"log_tail":["'), char(7), '],"metrics":{"by_source":{'), char(8), '"train":{"accuracy":'), char(9), '"validation":{"accuracy":'), char(10), ',"loss":'), char(11), '"train_accuracy":'), char(12), ',"validation_accuracy":') WHEN 'submit' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.payload, char(1), '{"entries":[{"credit":'), char(2), '{"entries":[{"diagnosis":{"'), char(3), '"diagnosis":{"confidence":'), char(4), '"diagnosis":"'), char(5), '"failure_category":"'), char(6), '"patch":[{"field":"'), char(7), '"root_cause_field":"'), char(8), '"root_cause_file":"'), char(9), '"file":"'), char(10), '"value":'), char(11), '"points":['), char(12), '"verdict":"twin"}],"observation_digest":"') WHEN 'reset' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.payload, char(1), '{"agent":null,"attempt":null,"entry":null,"generator_version":"'), char(2), '{"agent":"'), char(3), '","attempt":null,"entry":null,"generator_version":"'), char(4), ',"attempt":'), char(5), ',"entry":'), char(6), ',"generator_version":"'), char(7), '","key":null,"max_experiments":'), char(8), '","key":"'), char(9), '"max_experiments":'), char(10), ',"max_steps":'), char(11), ',"observation_digest":"'), char(12), '","observation_version":"') ELSE n.payload END AS text FROM (SELECT e.position, e.stream, s.stream_id, e.version, e.kind, e.schema_version, e.recorded_at, e.actor, e.request_id, e.payload, e.digests, e.hash FROM events AS e JOIN streams AS s ON s.stream = e.stream) AS n) AS n) AS n) AS n) AS r;

CREATE VIEW recorded_episodes AS SELECT s.stream_id AS episode_id, e.task_id AS task_id, e.agent AS agent, e.reward_mode AS reward_mode, e.version AS version, e.head_hash AS head_hash, e.step_count AS step_count, e.total_reward AS total_reward, e.score AS score, e.end_reason AS end_reason, e.ended_position AS ended_position, e.key_prefix AS key_prefix, e.round AS round, CASE WHEN typeof(e.started_at) = 'integer' THEN strftime('%Y-%m-%dT%H:%M:%S', e.started_at / 1000, 'unixepoch') || printf('.%03dZ', e.started_at % 1000) ELSE e.started_at END AS started_at, CASE WHEN typeof(e.updated_at) = 'integer' THEN strftime('%Y-%m-%dT%H:%M:%S', e.updated_at / 1000, 'unixepoch') || printf('.%03dZ', e.updated_at % 1000) ELSE e.updated_at END AS updated_at, e.stream AS stream, e.started_at AS started_ms, e.updated_at AS updated_ms FROM episodes AS e JOIN streams AS s ON s.stream = e.stream;

CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;

CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;

CREATE TRIGGER streams_refuse_update BEFORE UPDATE ON streams BEGIN SELECT RAISE(ABORT, 'streams is append-only'); END;

CREATE TRIGGER streams_refuse_delete BEFORE DELETE ON streams BEGIN SELECT RAISE(ABORT, 'streams is append-only'); END;

CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version) OR EXISTS (SELECT 1 FROM events WHERE position = NEW.position) OR EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND request_id = NEW.request_id) BEGIN SELECT CASE WHEN EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version) THEN RAISE(ABORT, 'events is append-only: uq_events_stream_version') WHEN EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND request_id = NEW.request_id) THEN RAISE(ABORT, 'events is append-only: uq_events_stream_request_id') ELSE RAISE(ABORT, 'events is append-only') END; END;

CREATE TRIGGER streams_refuse_replace BEFORE INSERT ON streams WHEN EXISTS (SELECT 1 FROM streams WHERE stream = NEW.stream OR stream_id = NEW.stream_id) BEGIN SELECT RAISE(ABORT, 'streams is append-only'); END;

CREATE TRIGGER events_follow BEFORE INSERT ON events WHEN NEW.version <> 1 AND NOT EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version - 1) BEGIN SELECT RAISE(ABORT, 'events_follow'); END;

CREATE TRIGGER recorded_events_append INSTEAD OF INSERT ON recorded_events BEGIN INSERT INTO streams (stream_id) SELECT NEW.stream_id WHERE NEW.version = 1 AND (SELECT stream FROM streams WHERE stream_id = NEW.stream_id) IS NULL; SELECT RAISE(ABORT, 'events_follow') WHERE (SELECT stream FROM streams WHERE stream_id = NEW.stream_id) IS NULL OR NEW.prev_hash IS NOT coalesce((SELECT hash FROM events WHERE stream = (SELECT stream FROM streams WHERE stream_id = NEW.stream_id) AND version = NEW.version - 1), zeroblob(32)); INSERT INTO events (stream, version, kind, schema_version, recorded_at, actor, request_id, payload, digests, hash) SELECT n.stream, n.version, n.kind, n.schema_version, CASE WHEN n.recorded_at IS CASE WHEN typeof((CAST(strftime('%s', n.recorded_at) AS INTEGER) * 1000 + CAST(substr(n.recorded_at, 21, 3) AS INTEGER))) = 'integer' THEN strftime('%Y-%m-%dT%H:%M:%S', (CAST(strftime('%s', n.recorded_at) AS INTEGER) * 1000 + CAST(substr(n.recorded_at, 21, 3) AS INTEGER)) / 1000, 'unixepoch') || printf('.%03dZ', (CAST(strftime('%s', n.recorded_at) AS INTEGER) * 1000 + CAST(substr(n.recorded_at, 21, 3) AS INTEGER)) % 1000) ELSE (CAST(strftime('%s', n.recorded_at) AS INTEGER) * 1000 + CAST(substr(n.recorded_at, 21, 3) AS INTEGER)) END THEN (CAST(strftime('%s', n.recorded_at) AS INTEGER) * 1000 + CAST(substr(n.recorded_at, 21, 3) AS INTEGER)) ELSE n.recorded_at END, n.actor, n.request_id, n.packed, n.digests, n.hash FROM (SELECT n.*, CASE WHEN n.digests IS NULL THEN n.payload ELSE n.text END AS packed FROM (SELECT n.position AS position, n.stream AS stream, n.stream_id AS stream_id, n.version AS version, n.kind AS kind, n.schema_version AS schema_version, n.recorded_at AS recorded_at, n.actor AS actor, n.request_id AS request_id, n.payload AS payload, n.digests AS digests, n.hash AS hash, CASE n.kind WHEN 'reset' THEN replace(n.text, '","task_id":"', char(25)) ELSE n.text END AS text FROM (SELECT n.position AS position, n.stream AS stream, n.stream_id AS stream_id, n.version AS version, n.kind AS kind, n.schema_version AS schema_version, n.recorded_at AS recorded_at, n.actor AS actor, n.request_id AS request_id, n.payload AS payload, n.digests AS digests, n.hash AS hash, CASE n.kind WHEN 'refuse' THEN replace(n.text, '","text":"', char(13)) WHEN 'experiment' THEN replace(replace(n.text, '"number":', char(13)), '"status":"finished"}}', char(14)) WHEN 'submit' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.text, '"verdict":"', char(13)), '"read_as":[{"field":"', char(14)), '"edits":[{', char(15)), '"fault":"', char(16)), '"missed":[', char(17)), '"penalties":[["', char(18)), '"reported":{', char(19)), '"observation_digest":"', char(20)), '"rubric":"', char(21)), '","score":0.', char(22)), '","', char(23)), ',"', char(24)) WHEN 'reset' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.text, '","reward_mode":"shaped","round":null,"rubric_version":"', char(13)), '","reward_mode":"', char(14)), '","round":null,"rubric_version":"', char(15)), '","round":', char(16)), ',"rubric_version":"', char(17)), '","scenario_digest":"', char(18)), '","seed":', char(19)), ',"seed_given":true,"session":null,"split":"train","task_id":"', char(20)), ',"seed_given":', char(21)), ',"session":null,"split":"', char(22)), ',"session":"hmac:', char(23)), '","split":"', char(24)) ELSE n.text END AS text FROM (SELECT n.position AS position, n.stream AS stream, n.stream_id AS stream_id, n.version AS version, n.kind AS kind, n.schema_version AS schema_version, n.recorded_at AS recorded_at, n.actor AS actor, n.request_id AS request_id, n.payload AS payload, n.digests AS digests, n.hash AS hash, CASE n.kind WHEN 'read' THEN replace(replace(replace(replace(n.payload, '{"artifact":"', char(1)), '","log_filter":null,"observation_digest":"', char(2)), '","log_filter":"', char(3)), '","observation_digest":"', char(4)) WHEN 'query' THEN replace(replace(replace(n.payload, '{"artifact":"', char(1)), '","field":"', char(2)), '","observation_digest":"', char(3)) WHEN 'check' THEN replace(replace(n.payload, '{"check":"', char(1)), '","observation_digest":"', char(2)) WHEN 'refuse' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.payload, '{"artifact":"', char(1)), '{"artifact":null,"field":null,"observation_digest":"', char(2)), '","field":"', char(3)), '","field":null,"observation_digest":"', char(4)), '","observation_digest":"', char(5)), '","patch":null,"reason":"', char(6)), '","patch":[{"field":"', char(7)), '","file":"', char(8)), '","value":', char(9)), '","reason":"', char(10)), ',"reason":"', char(11)), '","text":null}', char(12)) WHEN 'experiment' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.payload, '{"number":', char(1)), ',"observation_digest":"', char(2)), '","patch":[{"field":"', char(3)), '","file":"', char(4)), '","value":', char(5)), '"result":{"log_tail":["', char(6)), '],"metrics":{"by_source":{', char(7)), '"train":{"accuracy":', char(8)), '"validation":{"accuracy":', char(9)), ',"loss":', char(10)), '"train_accuracy":', char(11)), ',"validation_accuracy":', char(12)) WHEN 'submit' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.payload, '{"entries":[{"credit":', char(1)), '{"entries":[{"diagnosis":{"', char(2)), '"diagnosis":{"confidence":', char(3)), '"diagnosis":"', char(4)), '"failure_category":"', char(5)), '"patch":[{"field":"', char(6)), '"root_cause_field":"', char(7)), '"root_cause_file":"', char(8)), '"file":"', char(9)), '"value":', char(10)), '"points":[', char(11)), '"verdict":"twin"}],"observation_digest":"', char(12)) WHEN 'reset' THEN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(n.payload, '{"agent":null,"attempt":null,"entry":null,"generator_version":"', char(1)), '{"agent":"', char(2)), '","attempt":null,"entry":null,"generator_version":"', char(3)), ',"attempt":', char(4)), ',"entry":', char(5)), ',"generator_version":"', char(6)), '","key":null,"max_experiments":', char(7)), '","key":"', char(8)), '"max_experiments":', char(9)), ',"max_steps":', char(10)), ',"observation_digest":"', char(11)), '","observation_version":"', char(12)) ELSE n.payload END AS text FROM (SELECT NULL AS position, (SELECT stream FROM streams WHERE stream_id = NEW.stream_id) AS stream, NEW.stream_id AS stream_id, NEW.version AS version, NEW.kind AS kind, NEW.schema_version AS schema_version, NEW.recorded_at AS recorded_at, NEW.actor AS actor, NEW.request_id AS request_id, NEW.payload AS payload, NEW.digests AS digests, NEW.hash AS hash) AS n) AS n) AS n) AS n) AS n; END;

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

INSERT INTO alembic_version (version_num) VALUES ('0010')