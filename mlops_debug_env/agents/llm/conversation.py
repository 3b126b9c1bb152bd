"""The messages of one episode, kept within a bound: older results are folded to summaries, newest last."""

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
"""Fewer than usual in English, so that an estimate is rather too high: code and numbers take more tokens."""
_OVERHEAD_TOKENS = 6
_MAX_SAID_CHARACTERS = 2000
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
    """What is sent to the model.

    Args:
        system: the standing instructions.
        with_tools: actions as tool calls; otherwise as JSON objects in plain messages.
        most_tokens: bound on the whole, by estimate; the tools of a call are counted by the caller.
    """

    def __init__(self, system: str, *, with_tools: bool, most_tokens: int) -> None:
        self.with_tools = with_tools
        self.most_tokens = most_tokens
        self.folded_results = 0
        self._system = system
        self._briefing = ""
        self._turns: list[_Turn] = []
        self._attempts: list[Message] = []

    def begin(self, first: ResetObservation) -> None:
        """Start over with a new episode."""
        self._briefing = describe_episode(first)
        self._turns.clear()
        self._attempts.clear()
        self.folded_results = 0

    def instruct(self, system: str) -> None:
        """Other standing instructions, for the episode that begins."""
        self._system = system

    def speak_json(self, system: str) -> None:
        """Go on without tools."""
        self.with_tools = False
        self._system = system

    def act(self, action: Action, *, said: str = "", note: str = "") -> None:
        """The action that is taken now, with what the model said beside it; attempts before it are forgotten."""
        self._attempts.clear()
        self._turns.append(_Turn(action, _shortened(said), f"call_{len(self._turns) + 1}", note=note))

    def show(self, seen: Observation) -> None:
        """What the last action showed."""
        if self._turns and self._turns[-1].seen is None:
            turn = self._turns[-1]
            turn.seen = seen
            # One result never takes more than a third of the room.
            most = int(self.most_tokens * BYTES_PER_TOKEN / 3)
            turn.text = turn.note + describe_newest_result(seen, max_characters=most)

    def object_to(self, said: str, reason: str) -> None:
        """An answer that was no legal action, and why. It stays until a legal one comes."""
        self._attempts.append({"role": "assistant", "content": _shortened(said) or "(empty)"})
        self._attempts.append({"role": "user", "content": reason})

    def messages(self) -> list[Message]:
        """All of it, within the bound."""
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
        """Shorten what is oldest until all is within the bound."""
        if self._tokens() <= self.most_tokens:
            return
        for turn in self._turns[:-1]:
            if self._tokens() <= self.most_tokens * _FOLD_DOWN_TO:
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
    """Rather too many: no tokenizer fits all models, and a bound must hold."""
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN) + _OVERHEAD_TOKENS


def _shortened(said: str) -> str:
    """Chatter is not carried along in full."""
    said = said.strip()
    return said if len(said) <= _MAX_SAID_CHARACTERS else said[:_MAX_SAID_CHARACTERS] + " […]"
