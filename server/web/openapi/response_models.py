"""Models of the answers that only the OpenAPI document needs: tasks, events, rounds, health, problems."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.types import FailureCategory, SplitName, TaskId
from server.web.schemas import RegistryField


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class InvalidPart(_Body):
    """One place at which a request does not fit the schema."""

    loc: tuple[str | int, ...]
    msg: str
    type: str


class Problem(BaseModel):
    """Every error, as RFC 9457 has it."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    type: Literal["about:blank"]
    title: str
    status: int
    code: str
    """What it is, for programs."""
    detail: str
    """One sentence that says what to do."""
    errors: tuple[InvalidPart, ...] = ()
    """Of ``invalid`` only."""
    actual_version: int = 0
    """Of ``wrong_expected_version`` only: the version the episode is at."""


class RecordedEvent(_Body):
    """One event of an episode's stream, as it was recorded."""

    stream_id: str
    version: int
    """1-based, within the stream."""
    position: int | None
    """Order in the whole store; may show gaps."""
    kind: Literal["reset", "read", "query", "check", "experiment", "refuse", "submit", "expire"]
    schema_version: int
    recorded_at: str
    """UTC, ISO 8601."""
    actor: str
    request_id: str | None
    payload: dict[str, Any] | None
    """Null in the reset of a running episode: it would tell the seed; and of a ranked attempt of
    another key in reset and diagnosis until its round closes. In that of an episode that an older server began on a
    session without an API key it stays null, as its digest and the hashes of the stream do: the session's key could be
    guessed from them."""
    payload_digest: str | None
    """SHA-256 of the payload's bytes, hex."""
    prev_hash: str | None
    hash: str | None
    """SHA-256 over the previous hash and everything here but payload and position, hex."""


class ListedAnswer(_Body):
    """What a diagnosis named."""

    failure_category: FailureCategory | None
    root_cause_file: str | None
    root_cause_field: str | None


class ListedEpisode(_Body):
    """One episode of a list."""

    number: str
    """Its public name, which gives no access."""
    episode_id: str | None
    """Null while the episode runs."""
    task_id: TaskId
    agent: str | None
    round: str | None
    """Null: practice."""
    run: str | None
    """Name of the run that the id names, as ``mlops-debug run`` does it; null: none, or the episode runs."""
    status: Literal["running", "submitted", "steps", "idle", "abandoned"]
    score: float | None
    """Null while the episode runs."""
    passed: bool | None
    """Whether the score is at least 0.7; null while the episode runs."""
    step_count: int
    max_steps: int
    total_reward: float
    started_at: str
    faults: tuple[str, ...] | None
    """What was planted; empty: nothing. Null while the episode or its round runs."""
    answers: tuple[ListedAnswer, ...] | None
    """What was submitted; empty: that nothing is wrong. Null: nothing, or the episode or its round runs."""


class EpisodeTotals(_Body):
    """Figures over all episodes of a filter, whatever page is shown."""

    running: int
    ended: int
    mean_score: float | None
    """Null: none has ended."""
    pass_rate: float | None
    """Share of those that ended with a score of at least 0.7; null: none has ended."""
    is_cut: bool
    """Whether there are more episodes than are counted."""


class EpisodeList(_Body):
    """One page of a list of episodes."""

    episodes: tuple[ListedEpisode, ...]
    totals: EpisodeTotals
    earlier: str | None
    """Address of the page before; null: this is the first."""
    later: str | None
    """Address of the page after; null: this is the last."""


class TaskFigures(_Body):
    """Ended episodes of one task."""

    task_id: TaskId
    ended: int
    mean_score: float
    pass_rate: float
    mean_steps: float


class RoundFigures(_Body):
    """Ended attempts in one round, with their plain mean; the board has the score of the round."""

    round: str
    is_open: bool
    ended: int
    mean_score: float
    pass_rate: float
    tasks: tuple[TaskFigures, ...]


class RunFigures(_Body):
    """Ended episodes of one run."""

    run: str
    ended: int
    mean_score: float
    began_at: str
    """When the episode of it began that began last."""


class _Standing(_Body):
    totals: EpisodeTotals
    practice: tuple[TaskFigures, ...]
    rounds: tuple[RoundFigures, ...]
    episodes: str
    """Address of the list of its episodes."""


class AgentStanding(_Standing):
    """What is known of an agent."""

    agent: str
    runs: tuple[RunFigures, ...]
    """Those that the ids of its episodes name, of the 2,000 episodes that it began last."""


class RunStanding(_Standing):
    """What is known of a run."""

    run: str


class LastScores(_Body):
    """The score of the episode of each task that ended last."""

    scores: dict[TaskId, float | None]
    open_episodes: int


class TaskDescription(_Body):
    """One task."""

    task_id: TaskId
    name: str
    difficulty: str
    description: str
    max_steps: int
    """Of all actions, experiments and the submission among them: the last step is good for a submission alone."""
    max_experiments: int
    """Also those without a patch, which show what another training seed does."""


class TaskList(_Body):
    """The tasks of this environment."""

    tasks: tuple[TaskDescription, ...]
    failure_categories: dict[FailureCategory, str]
    """Each with the sentence that defines it, by where the mistake was made."""


class RpcErrorBody(_Body):
    """Why a request has no result."""

    code: int
    message: str
    data: Any = None
    """The problem, where the step was refused."""


class RpcAnswer(_Body):
    """A JSON-RPC 2.0 answer: with a result, or with an error."""

    jsonrpc: Literal["2.0"]
    id: str | int | None
    result: dict[str, Any] | None = None
    error: RpcErrorBody | None = None


class SplitDescription(_Body):
    """One split of the tasks."""

    name: SplitName
    type: SplitName


class NumberedTaskDescription(_Body):
    """One task of a split; reset with its split and index, or with its split, task_id and seed."""

    id: str
    index: int
    split: SplitName
    task_id: TaskId
    seed: int
    difficulty: TaskId
    """The task, by OpenEnv's name for it."""
    group: str
    """Tasks whose runs are alike: the family of their runs."""
    max_steps: int
    max_experiments: int
    success_threshold: float
    """The score from which an episode counts as passed."""


class SplitTasks(_Body):
    """Tasks of a split, from its beginning; at most 1,000."""

    tasks: tuple[NumberedTaskDescription, ...]
    env_name: str


class TaskRange(_Body):
    """Tasks of a split that follow each other; at most 1,000."""

    tasks: tuple[NumberedTaskDescription, ...]


class TaskCount(_Body):
    """How many tasks a split has."""

    num_tasks: int


class OneTask(_Body):
    """One task of a split."""

    task: NumberedTaskDescription


class RoundList(_Body):
    """Every round, the newest first; what is secret while a round is open is null."""

    rounds: tuple[dict[str, Any], ...]


class Board(BaseModel):
    """The board of a round; docs/explanation/ranking.md has the keys of a row."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    round: str | None
    """Null: no round was opened yet; then all else over the rows is null, too, and there are no rows."""
    has_ranks: bool
    """Whether rows have ranks; otherwise ``rank`` is null, and the order of the rows by score is no ranking."""
    rows: tuple[dict[str, Any], ...]


class PublicKey(_Body):
    """What receipts and checkpoints are verified with."""

    algorithm: Literal["Ed25519"]
    public_key: str
    """Hex."""


class LatestCheckpoint(_Body):
    """The latest checkpoint."""

    checkpoint: dict[str, Any] | None
    """Null: none was made yet."""


class Health(_Body):
    """The process answers."""

    status: Literal["healthy"]
    version: str


class Readiness(_Body):
    """The database answers too."""

    status: Literal["ready"]
    version: str
    queue_depth: int
    """Appends that wait to be durable."""
    open_sockets: int
    open_episodes: int
    accepted_data_loss: str | None = None
    """Why the database might lose what it acknowledged, where a setting accepts that."""


class Metadata(_Body):
    """What the environment is."""

    name: str
    description: str
    version: str
    author: str
    documentation_url: str | None


class Schemas(_Body):
    """JSON Schemas of what an agent sends and sees."""

    action: dict[str, Any]
    observation: dict[str, Any]
    reset_observation: dict[str, Any]
    state: dict[str, Any]
    fields: tuple[RegistryField, ...]
    """Every field of every artifact that a diagnosis may name on easy and medium runs."""
    declarations: tuple[RegistryField, ...]
    """The same for hard and expert runs."""
    measurements: dict[str, dict[str, str]]
    """For each sanity check of hard and expert runs: what each of its numbers is."""


class Document(BaseModel):
    """An OpenAPI document."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    openapi: str = Field(pattern=r"^3\.1\.")
    info: dict[str, Any]
    paths: dict[str, Any]
