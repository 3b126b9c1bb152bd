"""The records of a run's files, one JSON line each. docs/reference/exports.md describes every field."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mlops_debug_env.agents.llm.transcript import ModelReply
from mlops_debug_env.agents.llm.usage import ModelUsage
from mlops_debug_env.protocol.types import RewardMode, TaskId
from mlops_debug_env.suites import SuiteEntry

EPISODE_DIGEST_DIGITS = 32
"""Of the digest in the name of an episode: 128 bits."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RankedEntry(_Record):
    """One attempt at one entry of a ranked round. The server draws its seed."""

    task_id: TaskId
    round: str
    number: int
    """Of the entry in the round, from 1."""
    attempt: int
    """From 1."""

    @property
    def key(self) -> str:
        """Its name in results, and the end of the episode's name on the server."""
        return f"{self.round}:{self.number}:{self.attempt}"

    @property
    def seed(self) -> int | None:
        """Unknown to the client."""
        return None


class RunHeader(_Record):
    """The settings of a run. Written once, before its first episode."""

    format_version: Literal[1] = 1
    run_id: str
    """32 hex digits: 128 random bits."""
    episode_secret: str | None = None
    """32 hex digits, which are never sent: names of episodes hold a digest by it, so that one name does not tell the others.
    None: the run was begun by an earlier version, whose names are without."""
    suite: str
    round: str | None = None
    """None: practice."""
    entries: tuple[SuiteEntry | RankedEntry, ...]
    """As they were when the run was started; a later version of the package may hold others."""
    agent: str
    """As ``--agent`` names it."""
    agent_name: str | None = None
    """The name that a class of the user gives its agents, as the server records it. None: a shipped agent, or the run was begun by an
    earlier version."""
    model: str | None
    """None: an agent without a model."""
    trials: int
    """Episodes for each entry."""
    reward_mode: RewardMode
    agent_options: dict[str, Any]
    """Further settings of the agent."""
    package_version: str

    @property
    def shown_agent(self) -> str:
        """The agent's name in results, tables and exports."""
        return self.agent_name or self.agent

    @property
    def title(self) -> str:
        """The agent's name, and that of its model."""
        return self.shown_agent if self.model is None else f"{self.shown_agent}:{self.model}"


class PlannedEpisode(_Record):
    """One episode to be played."""

    run_id: str
    number: int
    """Of the entry in the suite, from 0."""
    entry: SuiteEntry | RankedEntry
    trial: int
    """From 0."""
    episode_secret: str | None = None
    """That of the run."""

    @property
    def episode_id(self) -> str:
        """The same after a resume, and unique, because the run id is random. A server without keys lets who knows the name of a
        running episode play it, and shows the names of those that ended: these do not tell the others. A ranked episode is
        named by the server."""
        place = f"{self.number}.{self.trial}"
        name = f"{self.run_id}.{place}"
        if self.episode_secret is None:
            return name
        digest = hmac.new(bytes.fromhex(self.episode_secret), place.encode(), hashlib.sha256).hexdigest()
        return f"{name}.{digest[:EPISODE_DIGEST_DIGITS]}"

    @property
    def session_key(self) -> str:
        """The session that it is played on. That of a ranked attempt is the same in every run, which so continues there."""
        entry = self.entry
        return f"{entry.round}.{entry.number}.{entry.attempt}" if isinstance(entry, RankedEntry) else self.episode_id

    @property
    def attempt(self) -> int:
        """Which attempt at the same entry it is."""
        return self.entry.attempt if isinstance(self.entry, RankedEntry) else self.trial


class EpisodeResult(_Record):
    """One finished episode, flat."""

    episode_id: str
    run_id: str
    agent: str
    model: str | None
    entry: str
    """Task and seed, by which results of different runs are paired; of a ranked episode round, entry and attempt."""
    task_id: TaskId
    seed: int | None
    """None: the seed of a ranked episode is secret until its round closes."""
    trial: int
    score: float
    total_reward: float
    steps: int
    truncated: bool
    """Whether it ended without a diagnosis."""
    fault_id: str
    """The planted fault, revealed after the end."""
    is_right: bool
    """Whether category, file and field were all right."""
    confidence: float | None
    """None: not stated."""
    brier: float | None
    """None: no confidence was stated."""
    category_points: float
    file_points: float
    field_points: float
    fix_points: float
    penalty_points: float
    """0 or negative."""
    artifacts_read: int
    checks_run: int
    duplicate_reads: int
    refused: int
    calls: int | None
    """This and the following: of the model; None: an agent without one."""
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    """None also: no price is known."""
    latency_seconds: float | None
    retries: int | None
    invalid_replies: int | None
    fallback_steps: int | None
    ignored_calls: int | None
    folded_results: int | None
    estimated_tokens: int | None
    cached_tokens: int | None = None
    """This and the following: None also in results of version 0.1.0, which did not count it."""
    reasoning_tokens: int | None = None
    cut_off_turns: int | None = None
    filtered_turns: int | None = None
    refused_turns: int | None = None
    json_turns: int | None = None
    lost_turns: int | None = None
    altered_calls: int | None = None
    context_cuts: int | None = None


class EpisodeFailure(_Record):
    """An episode that could not be played to its end. It is no score; resuming the run plays it on."""

    episode_id: str
    entry: str
    trial: int
    kind: str
    """Name of the error."""
    message: str
    traceback: tuple[str, ...] = ()
    """Where an error of the agent was raised, one frame each, from the agent's own code on. Empty: the error is not one of the agent,
    or an earlier version wrote it."""


class StartRecord(_Record):
    """An episode's first observation, without the registry where it is the one that the run's folder keeps."""

    kind: Literal["began"] = "began"
    episode_id: str
    observation: dict[str, Any]


class RequestRecord(_Record):
    """A request to the model, written before it is sent."""

    kind: Literal["asked"] = "asked"
    episode_id: str
    turn: int
    """The number of the step, from 1."""
    kept: int
    """Number of leading messages that equal those of the episode's previous request."""
    messages: list[dict[str, Any]]
    """The messages after them."""
    has_same_tools: bool
    """Whether the tools are those of the previous request."""
    tools: list[dict[str, Any]] | None = None
    """Otherwise the tools, in OpenAI's form; None: none were offered."""
    parameters: dict[str, Any] | None = None
    """Everything else that was sent, without keys and addresses. None: the record is of version 0.1.0, which wrote a request only once
    the model had answered it."""


class ReplyRecord(_Record):
    """The end of the episode's latest request to the model; written before an action that it leads to."""

    kind: Literal["answered"] = "answered"
    episode_id: str
    turn: int
    """The number of the step, from 1."""
    reply: ModelReply


class ActionRecord(_Record):
    """An action, written before it is sent."""

    kind: Literal["acted"] = "acted"
    episode_id: str
    turn: int
    """From 1."""
    action: dict[str, Any]
    """Its wire form."""
    said: str = ""
    """The text of the model's reply."""
    usage: ModelUsage | None = None
    """Of the episode so far; None: an agent without a model."""
    request_id: str | None = None
    """Under which another client took the step; None: this run takes it, as ``s`` and the turn."""


class ResultRecord(_Record):
    """The result of an action and its reward."""

    kind: Literal["showed"] = "showed"
    episode_id: str
    turn: int
    result: dict[str, Any]
    """The ``last_action_result``."""
    reward: float
    done: bool


TurnRecord = StartRecord | RequestRecord | ReplyRecord | ActionRecord | ResultRecord
TURN_RECORD_ADAPTER: TypeAdapter[TurnRecord] = TypeAdapter(Annotated[TurnRecord, Field(discriminator="kind")])
