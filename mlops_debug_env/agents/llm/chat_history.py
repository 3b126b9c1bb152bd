"""The chat messages of one episode within a token limit: older results are replaced by summaries."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from mlops_debug_env.agents.llm.messages import Message, made_id, quoted, sendable
from mlops_debug_env.agents.prompt import describe_episode, describe_newest_result, fold_result
from mlops_debug_env.protocol.actions import Action
from mlops_debug_env.protocol.observations import Observation, ResetObservation

BYTES_PER_TOKEN = 3.0
"""Fewer than usual in English, because code and numbers take more tokens: estimates are rather too high."""
_OVERHEAD_TOKENS = 6
_MAX_REPLY_CHARACTERS = 2000
_TEXTS = ("content", "reasoning_content", "reasoning")
"""Members of a model's message that are shortened with the result of its action."""
_NOT_CARRIED_OUT = "[Not carried out: one action a turn.]"
_FOLD_DOWN_TO = 0.75
"""Folding starts at the bound and goes on to this share of it, so that the messages do not change at every turn."""


@dataclass(slots=True)
class _Turn:
    action: Action
    said: str
    number: int
    """From 1."""
    own: Message | None = None
    """The model's message with the action, as it came; None: the message is made from the action."""
    is_fallback: bool = False
    """Whether the step was taken for the model; then ``own`` is its last illegal message as text."""
    seen: Observation | None = None
    """What the action showed; None: not known yet."""
    note: str = ""
    """Put before the result."""
    text: str = ""
    is_folded: bool = False


class ChatHistory:
    """The messages that are sent to the model.

    Args:
        system: the system message.
        with_tools: actions as tool calls; otherwise as JSON objects in plain messages.
        max_tokens: limit on all messages, by estimate; the tools of a call are counted by the caller.
    """

    def __init__(self, system: str, *, with_tools: bool, max_tokens: int) -> None:
        self.with_tools = with_tools
        self.max_tokens = max_tokens
        self.folded_results = 0
        self._system = system
        self._briefing = ""
        self._turns: list[_Turn] = []
        self._attempts: list[Message] = []

    def start_episode(self, first: ResetObservation) -> None:
        """Start over with a new episode."""
        self._briefing = describe_episode(first)
        self._turns.clear()
        self._attempts.clear()
        self.folded_results = 0

    def set_instructions(self, system: str) -> None:
        """Replace the system message, for a new episode."""
        self._system = system

    def switch_to_json(self, system: str) -> None:
        """Switch to messages without tool calls."""
        self.with_tools = False
        self._attempts.clear()
        self._system = system

    def add_action(self, action: Action, *, said: str = "", note: str = "", own: Message | None = None) -> None:
        """Add the action of this step with the model's message, as it came; illegal replies before it are dropped."""
        self._attempts.clear()
        number = len(self._turns) + 1
        own = own and self._bounded(own)
        self._turns.append(_Turn(action, _shortened(said), number, own=own and sendable(own, number=number), note=note))

    def _bounded(self, own: Message) -> Message:
        """The message, with its text shortened where it alone takes more than a third of the limit."""
        content = own.get("content")
        if isinstance(content, str) and len(content) > self.max_tokens * BYTES_PER_TOKEN / 3:
            return {**own, "content": _shortened(content)}
        return own

    def add_fallback(self, action: Action, *, note: str, last: Message | None, text: str) -> None:
        """Add a step that was taken for the model.

        Args:
            action: of the step.
            note: says so.
            last: the model's last illegal message; None: there was none.
            text: the message as text.
        """
        self._attempts.clear()
        own = quoted(last or {}, _shortened(text) or "(no answer)")
        note = f"{note}{json.dumps(action.to_wire(), ensure_ascii=False)}\n"
        self._turns.append(_Turn(action, "", len(self._turns) + 1, own=own, is_fallback=True, note=note))

    def add_result(self, seen: Observation) -> None:
        """Add the result of the last action."""
        if self._turns and self._turns[-1].seen is None:
            turn = self._turns[-1]
            turn.seen = seen
            # One result takes at most a third of the limit.
            most = int(self.max_tokens * BYTES_PER_TOKEN / 3)
            turn.text = turn.note + describe_newest_result(seen, max_characters=most)

    def add_correction(self, last: Message, text: str, reason: str, *, as_calls: bool) -> None:
        """Add an illegal reply and the correction; they stay until a legal action.

        Args:
            last: the reply as it came.
            text: the same as text.
            reason: why it is illegal.
            as_calls: whether its calls are sent back as calls, and answered each.
        """
        if as_calls and self.with_tools:
            # A number of its own, for the ids of calls that came without one.
            sent = sendable(last, number=500 + len(self._turns) + len(self._attempts))
            self._attempts += [sent, *_tool_results(sent, reason)]
            return
        self._attempts.append(quoted(last, _shortened(text) or "(empty)"))
        self._attempts.append({"role": "user", "content": reason})

    def messages(self) -> list[Message]:
        """All messages, within the limit."""
        self.fold()
        messages = [
            {"role": "system", "content": self._system},
            {"role": "user", "content": self._briefing},
        ]
        for turn in self._turns:
            messages += self._messages_of(turn)
        return messages + self._attempts

    def _messages_of(self, turn: _Turn) -> list[Message]:
        own = turn.own
        if own is not None and turn.is_folded:
            own = own | {name: _shortened(own[name]) for name in _TEXTS if _is_long(own.get(name))}
        return turn_messages(
            turn.action,
            said=turn.said,
            number=turn.number,
            shown=turn.text,
            with_tools=self.with_tools,
            own=own,
            is_fallback=turn.is_fallback,
        )

    def fold(self) -> None:
        """Replace the oldest results by summaries until the limit is met."""
        if self._tokens() <= self.max_tokens:
            return
        for turn in self._turns[:-1]:
            if self._tokens() <= self.max_tokens * _FOLD_DOWN_TO:
                return
            if turn.seen is not None and not turn.is_folded:
                shorter = fold_result(turn.seen.last_action_result)
                turn.is_folded = True
                if len(shorter) < len(turn.text):
                    turn.text = shorter
                    self.folded_results += 1

    def _tokens(self) -> int:
        turns = [message for turn in self._turns for message in self._messages_of(turn)]
        fixed = estimated_tokens(self._system) + estimated_tokens(self._briefing)
        return fixed + sum(estimated_tokens(json.dumps(each)) for each in (*turns, *self._attempts))


def turn_messages(
    action: Action,
    *,
    said: str,
    number: int,
    shown: str,
    with_tools: bool,
    own: Message | None = None,
    is_fallback: bool = False,
) -> list[Message]:
    """One action and what it showed, as chat messages.

    Args:
        action: of the step.
        said: the model's text with it.
        number: of the step, from 1.
        shown: its result.
        with_tools: whether actions are tool calls.
        own: the model's message in the form in which it is sent; None: it is made from action and text.
        is_fallback: whether the step was taken for the model, so that the action is not in ``own``.
    """
    shown_to_user = {"role": "user", "content": shown}
    if own is not None and (is_fallback or "tool_calls" not in own):
        return [own, shown_to_user]
    if own is not None and with_tools:
        return [own, *_tool_results(own, shown)]
    wire = action.to_wire()
    if not with_tools:
        text = json.dumps(wire, ensure_ascii=False)
        return [{"role": "assistant", "content": f"{said}\n{text}" if said else text}, shown_to_user]
    name = wire.pop("action_type")
    function = {"name": name, "arguments": json.dumps(wire, ensure_ascii=False)}
    call = {"id": made_id(number), "type": "function", "function": function}
    made = {"role": "assistant", "content": said or None, "tool_calls": [call]}
    return [made, *_tool_results(made, shown)]


def _tool_results(message: Message, shown: str) -> list[Message]:
    """The answers to the calls of a message: the first call has the result, the others were not carried out."""
    return [
        {"role": "tool", "tool_call_id": call["id"], "content": _NOT_CARRIED_OUT if place else shown}
        for place, call in enumerate(message["tool_calls"])
    ]


def estimated_tokens(text: str) -> int:
    """An upper estimate, because no tokenizer fits all models."""
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN) + _OVERHEAD_TOKENS


def _is_long(text: object) -> bool:
    return isinstance(text, str) and len(text) > _MAX_REPLY_CHARACTERS


def _shortened(said: str) -> str:
    """The text, cut at a max length."""
    said = said.strip()
    return said if len(said) <= _MAX_REPLY_CHARACTERS else said[:_MAX_REPLY_CHARACTERS] + " […]"
