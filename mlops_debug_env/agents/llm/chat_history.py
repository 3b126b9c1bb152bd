"""The chat messages of one episode within a token limit: older results are replaced by summaries."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from mlops_debug_env.agents.prompt import describe_episode, describe_newest_result, fold_result
from mlops_debug_env.protocol.actions import Action
from mlops_debug_env.protocol.observations import Observation, ResetObservation

Message = dict[str, Any]

BYTES_PER_TOKEN = 3.0
"""Fewer than usual in English, because code and numbers take more tokens: estimates are rather too high."""
_OVERHEAD_TOKENS = 6
_MAX_REPLY_CHARACTERS = 2000
_FOLD_DOWN_TO = 0.75
"""Folding starts at the bound and goes on to this share of it, so that the messages do not change at every turn."""


@dataclass(slots=True)
class _Turn:
    action: Action
    said: str
    call_id: str
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
        self._system = system

    def add_action(self, action: Action, *, said: str = "", note: str = "") -> None:
        """Add the action of this step with the model's text; illegal replies before it are dropped."""
        self._attempts.clear()
        self._turns.append(_Turn(action, _shortened(said), f"call_{len(self._turns) + 1}", note=note))

    def add_result(self, seen: Observation) -> None:
        """Add the result of the last action."""
        if self._turns and self._turns[-1].seen is None:
            turn = self._turns[-1]
            turn.seen = seen
            # One result takes at most a third of the limit.
            most = int(self.max_tokens * BYTES_PER_TOKEN / 3)
            turn.text = turn.note + describe_newest_result(seen, max_characters=most)

    def add_correction(self, said: str, reason: str) -> None:
        """Add an illegal reply and the correction; they stay until a legal action."""
        self._attempts.append({"role": "assistant", "content": _shortened(said) or "(empty)"})
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
        return turn_messages(
            turn.action, said=turn.said, call_id=turn.call_id, shown=turn.text, with_tools=self.with_tools
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


def turn_messages(action: Action, *, said: str, call_id: str, shown: str, with_tools: bool) -> list[Message]:
    """One action and what it showed, as chat messages."""
    wire = action.to_wire()
    if not with_tools:
        text = json.dumps(wire, ensure_ascii=False)
        return [
            {"role": "assistant", "content": f"{said}\n{text}" if said else text},
            {"role": "user", "content": shown},
        ]
    name = wire.pop("action_type")
    call = {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(wire, ensure_ascii=False)},
    }
    return [
        {"role": "assistant", "content": said, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": shown},
    ]


def estimated_tokens(text: str) -> int:
    """An upper estimate, because no tokenizer fits all models."""
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN) + _OVERHEAD_TOKENS


def _shortened(said: str) -> str:
    """The text, cut at a max length."""
    said = said.strip()
    return said if len(said) <= _MAX_REPLY_CHARACTERS else said[:_MAX_REPLY_CHARACTERS] + " […]"
