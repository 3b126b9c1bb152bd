"""The table of operations: what each method of each path takes and answers. A test compares it with ``server.routes``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from server.episodes.commands import ResetRequest
from server.episodes.transcripts import SharedTranscript
from server.version import ENVIRONMENT
from server.web.api.tasks import SplitRequest, TaskRangeRequest, TaskRequest
from server.web.mcp.jsonrpc import RpcRequest
from server.web.openapi.examples import RESET_ANSWER, RESETS, RPC_ANSWERS, RPC_REQUESTS, STATE, STEP_ANSWERS, STEPS
from server.web.openapi.response_models import (
    AgentStanding,
    Board,
    Document,
    EpisodeList,
    Health,
    LastScores,
    LatestCheckpoint,
    Metadata,
    OneTask,
    PublicKey,
    Readiness,
    RecordedEvent,
    RoundList,
    RpcAnswer,
    RunStanding,
    Schemas,
    SplitDescription,
    SplitTasks,
    TaskCount,
    TaskList,
    TaskRange,
)
from server.web.pages.episode_list.filter import ListQuery, NamedQuery
from server.web.schemas import EpisodeState, ResetAnswer, StepAnswer

Example = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one method of one path takes and gives."""

    method: str
    path: str
    name: str
    """The ``operationId``."""
    tag: str
    summary: str
    description: str = ""
    body: Any = None
    """Model of the request's body, or ``"step"``, which has two forms; None: there is none."""
    is_body_required: bool = True
    body_examples: tuple[tuple[str, Example], ...] = ()
    answer: Any = None
    """Model of the answer; None: it is not JSON."""
    media_types: tuple[str, ...] = ("application/json",)
    answer_examples: tuple[tuple[str, Any], ...] = ()
    headers: tuple[str, ...] = ()
    """Of the answer."""
    problems: tuple[str, ...] = ()
    others: tuple[tuple[int, str, Any], ...] = ()
    """Answers of other statuses that are not problems: status, description and model; None: no body."""
    query: tuple[str, ...] = ()
    """Optional parameters of any text."""
    query_model: type[BaseModel] | None = None
    """Model of the query string; None: it has no parameters of a certain form."""
    takes_episode: bool = False
    """Whether the document has the query parameter ``episode_id``; other operations of an episode accept it, too."""


NAMES_AN_EPISODE = ("episode_unnamed", "episode_ambiguous", "unknown_episode", "invalid")
STORED = ("internal", "scenario_lost", "store_unavailable")
GENERATED = ("too_many_waiting", "generator_unavailable", "client_left")
SENT = ("invalid_json", "body_too_large", "body_too_slow", "invalid")
EVERYWHERE = ("key_required", "forbidden", "origin_refused", "wrong_host")
OF_ROUND = ("unknown_round", "unknown_entry", "round_closed", "round_version", "attempts_used", "secret_lost")
STEPPED = (
    *(*SENT, "wrong_expected_version", "request_id_reused", "round_closed", "too_many_steps"),
    *(*GENERATED[:2], *STORED),
)
OF_SESSION = ("not_found", "episode_not_started", "episode_ambiguous", "invalid")


def _reset(path: str, name: str, summary: str, problems: tuple[str, ...], description: str) -> Operation:
    return Operation(
        method="POST",
        path=path,
        name=name,
        tag="Sessions" if "session" in path else "Episodes",
        summary=summary,
        description=description,
        body=ResetRequest,
        is_body_required=False,
        body_examples=RESETS,
        answer=ResetAnswer,
        answer_examples=(("begun", RESET_ANSWER),),
        headers=("ETag", "Set-Cookie"),
        problems=(*SENT, "episode_exists", "unknown_task", *OF_ROUND, *problems, *GENERATED, *STORED),
    )


def _step(path: str, name: str, problems: tuple[str, ...], description: str) -> Operation:
    return Operation(
        method="POST",
        path=path,
        name=name,
        tag="Sessions" if "session" in path else "Episodes",
        summary="Take a step",
        description=description,
        body="step",
        body_examples=STEPS,
        answer=StepAnswer,
        answer_examples=STEP_ANSWERS,
        headers=("ETag",),
        problems=(*STEPPED, *problems),
        takes_episode="{" not in path,
    )


def _state(path: str, name: str, problems: tuple[str, ...], answer: Any = EpisodeState) -> Operation:
    return Operation(
        method="GET",
        path=path,
        name=name,
        tag="Sessions" if "session" in path else "Episodes",
        summary="Look at the state of an episode",
        answer=answer,
        answer_examples=(("running", STATE),),
        problems=(*problems, *STORED),
        takes_episode="{" not in path,
    )


def _about(path: str, name: str, summary: str, answer: Any, **more: Any) -> Operation:
    return Operation(method="GET", path=path, name=name, tag="About", summary=summary, answer=answer, **more)


def _task_api(path: str, name: str, summary: str, answer: Any, **more: Any) -> Operation:
    method = "POST" if "body" in more else "GET"
    sent = SENT if "body" in more else ()
    problems = (*sent, "not_found", *more.pop("problems", ()))
    return Operation(
        method=method, path=path, name=name, tag="Task API", summary=summary, answer=answer, problems=problems, **more
    )


def _mcp(path: str, name: str, problems: tuple[str, ...] = ()) -> Operation:
    return Operation(
        method="POST",
        path=path,
        name=name,
        tag="MCP",
        summary="Speak the Model Context Protocol",
        description="JSON-RPC 2.0, one request in a body: `initialize`, `ping`, `tools/list`, `tools/call`, and OpenEnv's "
        "`openenv/session/create` and `openenv/session/close`. `initialize` answers with the header `Mcp-Session-Id`, "
        "which names the session in later requests. What is no request is answered too: with an error, and 200.",
        body=RpcRequest | Any,
        is_body_required=False,
        body_examples=RPC_REQUESTS,
        answer=RpcAnswer,
        answer_examples=RPC_ANSWERS,
        problems=("body_too_large", "body_too_slow", "internal", *problems),
        others=((202, "A notification was taken.", None), (400, "The protocol version is not supported.", RpcAnswer)),
    )


OPERATIONS: tuple[Operation, ...] = (
    _reset(
        "/reset",
        "reset",
        "Begin an episode",
        (),
        "Every key is optional. Name `episode_id` to make a reset repeatable; `resume: true` takes an episode up.",
    ),
    _step(
        "/step",
        "step",
        NAMES_AN_EPISODE,
        "The action stands in `action`, or its keys stand in the body itself. After the end the final observation is "
        "answered again. A `request_id` that was used is answered with what it was answered with.",
    ),
    _step("/episodes/{episode_id}/step", "step_episode", NAMES_AN_EPISODE, "The same, with the episode in the path."),
    _state("/state", "state", NAMES_AN_EPISODE),
    _state("/episodes/{episode_id}/state", "state_of_episode", NAMES_AN_EPISODE),
    Operation(
        method="GET",
        path="/episodes/{episode_id}/events",
        name="events",
        tag="Episodes",
        summary="Read the recorded events",
        description="The hash chain verifies also where a payload is withheld.",
        answer=tuple[RecordedEvent, ...],
        problems=(*NAMES_AN_EPISODE, *STORED),
    ),
    Operation(
        method="POST",
        path="/episodes/{episode_id}/transcript",
        name="share_transcript",
        tag="Episodes",
        summary="Share what the model said in a running episode",
        description="Optional. Shown on the episode's page after its end; neither recorded as an event nor graded. The first one stays.",
        body=SharedTranscript,
        body_examples=(
            ("two replies", {"model": "m", "replies": [{"step": 1, "text": "The config first."}, {"step": 2}]}),
        ),
        others=((204, "The episode has a transcript.", None),),
        problems=(*SENT, *NAMES_AN_EPISODE, "episode_over", "too_many_steps", *STORED),
    ),
    Operation(
        method="GET",
        path="/episodes.json",
        name="episodes",
        tag="Episodes",
        summary="List episodes",
        description="Filters as on the page: all that are given apply. `limit` is at most 200. Go on with the address in `later`. "
        "Running episodes are named by their numbers. Faults and answers of an open round are null until it closes.",
        answer=EpisodeList,
        query_model=ListQuery,
        problems=("invalid", *STORED),
    ),
    Operation(
        method="GET",
        path="/agent.json",
        name="agent_json",
        tag="Episodes",
        summary="Look at what is known of an agent",
        answer=AgentStanding,
        query_model=NamedQuery,
        problems=("invalid", "unknown_agent", *STORED),
    ),
    Operation(
        method="GET",
        path="/run.json",
        name="run_json",
        tag="Episodes",
        summary="Look at what is known of a run",
        description="A run is named as the ids of its episodes do: `RUN.ENTRY.TRIAL`, as `mlops-debug run` makes them.",
        answer=RunStanding,
        query_model=NamedQuery,
        problems=("invalid", "unknown_run", *STORED),
    ),
    Operation(
        method="GET",
        path="/openenv/state",
        name="openenv_state",
        tag="Episodes",
        summary="Look at the state of an episode, or at the last score of each task",
        description="The cookie does not name an episode here; where none is named, the last scores are answered.",
        answer=EpisodeState | LastScores,
        answer_examples=(
            ("episode", STATE),
            ("scores", {"scores": {"easy": 0.85, "medium": None, "hard": None, "expert": None}, "open_episodes": 0}),
        ),
        problems=("episode_ambiguous", "unknown_episode", "invalid", *STORED),
        takes_episode=True,
    ),
    _reset(
        "/sessions/{session_key}/reset",
        "reset_session",
        "Begin the session's next episode",
        ("not_found",),
        "The open episode of the session is closed, unless it is the one that is named.",
    ),
    _step(
        "/sessions/{session_key}/step",
        "step_session",
        OF_SESSION,
        "The session's current episode is the one that its last reset began, also after a restart of the server.",
    ),
    _state("/sessions/{session_key}/state", "state_of_session", OF_SESSION),
    _about("/tasks", "tasks", "List the tasks", TaskList),
    _about(
        "/rounds",
        "rounds",
        "List the rounds, with commitments and what was revealed; a browser gets a page",
        RoundList,
        problems=STORED,
    ),
    _about(
        "/rounds.json",
        "rounds_json",
        "List the rounds, whatever the client accepts",
        RoundList,
        problems=STORED,
    ),
    _about(
        "/leaderboard.json",
        "leaderboard_json",
        "Read the board of a round",
        Board,
        query=("round", "suite", "rubric_version"),
        problems=("unknown_round", *STORED),
    ),
    _about(
        "/leaderboard.csv",
        "leaderboard_csv",
        "Read the board of a round as a table",
        None,
        media_types=("text/csv",),
        query=("round", "suite", "rubric_version"),
        problems=("unknown_round", *STORED),
    ),
    _about("/public-key", "public_key", "Read the key that signs receipts and checkpoints", PublicKey),
    _about("/checkpoint", "checkpoint", "Read the latest signed checkpoint", LatestCheckpoint, problems=STORED),
    _about("/health", "health", "Ask whether the process answers", Health),
    _about(
        "/ready",
        "ready",
        "Ask whether the database answers and takes appends",
        Readiness,
        problems=("internal", "not_ready"),
    ),
    _about("/metrics", "metrics", "Read measurements, as Prometheus takes them", None, media_types=("text/plain",)),
    _about("/metadata", "metadata", "Ask what this environment is", Metadata),
    _about("/schema", "schema", "Read the JSON Schemas of action, observation and state, and the registry", Schemas),
    _about("/openapi.json", "openapi", "Read this document", Document),
    _about("/docs", "docs", "Read this document as a page", None, media_types=("text/html",)),
    _about(
        "/docs/{asset}",
        "docs_asset",
        "A file of the page",
        None,
        media_types=("text/javascript", "text/css"),
        problems=("not_found",),
    ),
    Operation(
        method="GET",
        path="/list_environments",
        name="list_environments",
        tag="Task API",
        summary="List the environments of this server",
        answer=tuple[str, ...],
        answer_examples=(("ours", [ENVIRONMENT]),),
    ),
    _task_api("/{env_name}/splits", "splits", "List the splits", tuple[SplitDescription, ...]),
    _task_api(
        "/{env_name}/tasks",
        "split_tasks",
        "List the tasks of a split",
        SplitTasks,
        body=SplitRequest,
        body_examples=(("test", {"split": "test"}),),
    ),
    _task_api(
        "/{env_name}/num_tasks",
        "num_tasks",
        "Count the tasks of a split",
        TaskCount,
        body=SplitRequest,
        body_examples=(("test", {"split": "test"}),),
    ),
    _task_api(
        "/{env_name}/task",
        "task",
        "Look at one task of a split",
        OneTask,
        body=TaskRequest,
        body_examples=(("test", {"split": "test", "index": 12}),),
        problems=("unknown_task",),
    ),
    _task_api(
        "/{env_name}/task_range",
        "task_range",
        "List tasks of a split that follow each other",
        TaskRange,
        body=TaskRangeRequest,
        body_examples=(("test", {"split": "test", "start": 10, "stop": 20}),),
    ),
    _mcp("/mcp", "mcp"),
    _mcp("/sessions/{session_key}/mcp", "mcp_session", ("not_found", "invalid")),
)
