"""Builds chat transcripts of the episodes of a run from its turns file.

For a model, all requests are recorded: the transcript is the latest one that was answered, the reply and the result. For any other
agent, and for a model in a run of an earlier version without requests, it is what `LlmAgent` would have sent.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mlops_debug_env.agents.llm.agent import LlmSettings, note_after_step
from mlops_debug_env.agents.llm.chat_history import ChatHistory, turn_messages
from mlops_debug_env.agents.llm.messages import Message, sendable, text_of
from mlops_debug_env.agents.llm.static_prompt import static_prompt
from mlops_debug_env.agents.llm.tools import tools_of
from mlops_debug_env.agents.llm.transcript import ModelReply
from mlops_debug_env.agents.llm.usage import NOTHING_USED
from mlops_debug_env.agents.prompt import describe_result
from mlops_debug_env.protocol.actions import parse_action
from mlops_debug_env.protocol.observations import ActionResult, ResetObservation
from mlops_debug_env.runner.json_lines import read_line_at, read_lines
from mlops_debug_env.runner.records import (
    TURN_RECORD_ADAPTER,
    ActionRecord,
    ReplyRecord,
    RequestRecord,
    ResultRecord,
    RunHeader,
    StartRecord,
    TurnRecord,
)
from mlops_debug_env.runner.run_folder import REGISTRY, SCHEMA, TURNS, NoRunError

_PROMPT = 2
"""The instructions and the briefing."""


class Transcript(NamedTuple):
    """One episode."""

    prompt: list[Message]
    """The system message and the first observation."""
    completion: list[Message]
    """Actions and results, in turns."""
    tools: str
    """The tools as JSON text, because a column of a table has one type."""


class Request(NamedTuple):
    """A request to a model, whole."""

    turn: int
    messages: list[Message]
    tools: list[dict[str, Any]] | None
    """None: none were offered."""
    parameters: dict[str, Any]


def request_after(before: Request | None, record: RequestRecord) -> Request:
    """The request of a record, which is the difference from the one before."""
    kept = before.messages[: record.kept] if before is not None else []
    same = before.tools if before is not None else None
    tools = same if record.has_same_tools else record.tools
    return Request(record.turn, [*kept, *record.messages], tools, record.parameters or {})


@dataclass(slots=True)
class _Turns:
    """The records of one episode."""

    began: StartRecord | None = None
    asked: Request | None = None
    """The latest request, answered or not."""
    answered: Request | None = None
    """The latest request that the model answered."""
    replied: dict[int, ModelReply] = field(default_factory=dict)
    """Of each turn, the latest reply with a message."""
    acted: dict[int, ActionRecord] = field(default_factory=dict)
    showed: dict[int, ResultRecord] = field(default_factory=dict)

    def add(self, turn: TurnRecord) -> None:
        """Add a record. Of duplicates, which a resume writes, the first counts."""
        match turn:
            case StartRecord():
                self.began = self.began or turn
            case RequestRecord():
                self.asked = request_after(self.asked, turn)
                if turn.parameters is None:
                    self.answered = self.asked
            case ReplyRecord():
                if turn.reply.message is not None:
                    self.answered = self.asked
                    self.replied[turn.turn] = turn.reply
            case ActionRecord():
                self.acted.setdefault(turn.turn, turn)
            case ResultRecord():
                self.showed.setdefault(turn.turn, turn)

    def note_on(self, turn: int) -> str:
        """The note before the result of a turn."""
        usages = [self.acted[each].usage if each in self.acted else None for each in (turn - 1, turn)]
        before, after = (each or NOTHING_USED for each in usages)
        return note_after_step(before, after)

    def own_message(self, turn: int) -> Message | None:
        """The model's message with the action of a turn; None: it is not on record, or the step was taken for the model."""
        reply = self.replied.get(turn)
        return reply.message if reply is not None and reply.problem is None else None


class Exchange(NamedTuple):
    """A request to a model and its end."""

    request: Request
    reply: ModelReply | None
    """None: the run was ended before the model answered."""


def read_exchanges(path: Path, episode_id: str) -> list[Exchange]:
    """All requests to the model in an episode, in the order in which they were sent. Empty: none is on record."""
    records = (TURN_RECORD_ADAPTER.validate_json(line) for _, line in read_lines(path / TURNS))
    return exchanges_of([each for each in records if each.episode_id == episode_id])


def exchanges_of(turns: Iterable[TurnRecord]) -> list[Exchange]:
    """The requests and replies among the records of one episode."""
    exchanges: list[Exchange] = []
    for turn in turns:
        if isinstance(turn, RequestRecord):
            exchanges.append(Exchange(request_after(exchanges[-1].request if exchanges else None, turn), None))
        elif isinstance(turn, ReplyRecord) and exchanges:
            exchanges[-1] = Exchange(exchanges[-1].request, turn.reply)
    return exchanges


class Transcripts:
    """Reads the turns of one episode at a time by their offsets in the file."""

    def __init__(self, path: Path, header: RunHeader) -> None:
        self._path = path
        self._header = header
        self._offsets: dict[str, list[int]] = {}
        for place, line in read_lines(path / TURNS):
            episode_id = json.loads(line)["episode_id"]
            self._offsets.setdefault(episode_id, []).append(place)
        self._registry = _read_json(path / REGISTRY)
        self._tools = tools_of(_read_json(path / SCHEMA))

    def read(self, episode_id: str) -> Transcript:
        """The transcript of a finished episode.

        Raises:
            NoRunError: its turns are missing.
        """
        turns = _Turns()
        for place in self._offsets.get(episode_id, ()):
            turns.add(TURN_RECORD_ADAPTER.validate_json(read_line_at(self._path / TURNS, place)))
        if turns.began is None:
            raise NoRunError(f"{self._path / TURNS} does not hold the turns of {episode_id}")
        first = ResetObservation.model_validate({"field_registry": self._registry} | turns.began.observation)
        if turns.answered is None:
            messages, tools = self._reconstruct(first, turns)
        else:
            asked = turns.answered
            messages, tools = [*asked.messages, *_messages_after(turns, asked, first.max_steps)], asked.tools
        return Transcript(messages[:_PROMPT], messages[_PROMPT:], json.dumps(tools or [], ensure_ascii=False))

    def _reconstruct(self, first: ResetObservation, turns: _Turns) -> tuple[list[Message], list[dict[str, Any]] | None]:
        """The messages that `LlmAgent` would have sent."""
        options = self._header.agent_options
        with_tools = options.get("tool_mode") != "json"
        bound = (
            sys.maxsize if self._header.model is None else options.get("context_tokens", LlmSettings().context_tokens)
        )
        prompt = static_prompt(self._tools, first.task_id, with_tools=with_tools)
        history = ChatHistory(prompt.system, with_tools=with_tools, max_tokens=bound)
        history.start_episode(first)
        for turn in sorted(turns.acted.keys() & turns.showed.keys()):
            done, result = turns.acted[turn], ActionResult.model_validate(turns.showed[turn].result)
            history.fold()
            history.add_action(
                parse_action(done.action), said=done.said, note=turns.note_on(turn), own=turns.own_message(turn)
            )
            history.add_result(first.model_copy(update={"last_action_result": result, "step_count": turn}))
        return history.messages(), prompt.tools


def _messages_after(turns: _Turns, asked: Request, max_steps: int) -> Iterator[Message]:
    """The actions and results after the latest request."""
    for turn in sorted(turns.acted.keys() & turns.showed.keys()):
        if turn >= asked.turn:
            done, result = turns.acted[turn], ActionResult.model_validate(turns.showed[turn].result)
            shown = turns.note_on(turn) + describe_result(result, step=turn, max_steps=max_steps)
            own = turns.own_message(turn)
            yield from turn_messages(
                parse_action(done.action),
                said=done.said,
                number=turn,
                shown=shown,
                with_tools=asked.tools is not None,
                own=None if own is None else sendable(own, number=turn),
            )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise NoRunError(f"there is no {path.name} in {path.parent}; has the run played an episode?") from error


def in_columns(messages: list[Message]) -> Iterator[Message]:
    """Messages that all have the same keys, so that every file has the same columns."""
    for each in messages:
        content = each["content"]
        yield {
            "role": each["role"],
            "content": content if isinstance(content, str) else text_of(each),
            "tool_calls": [_call_in_columns(call) for call in each["tool_calls"]] if each.get("tool_calls") else None,
            "tool_call_id": each.get("tool_call_id"),
        }


def _call_in_columns(call: dict[str, Any]) -> dict[str, Any]:
    """A call without what only its endpoint understands."""
    function = {name: call["function"][name] for name in ("name", "arguments")}
    return {"id": call["id"], "type": call["type"], "function": function}
