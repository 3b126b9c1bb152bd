"""What an endpoint was found not to take, and requests without it.

Rule: something is left out of a request only after it was refused in one that had sent it. What was found out only adds up, so requests
that are refused at the same time do not undo each other, and a request that was under way before says nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlops_debug_env.agents.llm.messages import Message, further_members
from mlops_debug_env.agents.llm.refusals import Meaning, Sent

_LEFT_OUT_SILENTLY = ("stream_options",)
"""Parameters without which the model plays alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """The parameters of a run that decide how the model answers."""

    max_output_tokens: int
    temperature: float | None = None
    """None: the model's own."""
    reasoning_effort: str | None = None
    """None: the model's own."""
    extra_body: Mapping[str, Any] | None = None
    """Further parameters of the endpoint, sent as they are; they win over the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it is sent."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None
    parameters: dict[str, Any]
    sent: Sent
    is_altered: bool
    """Whether something that the run asks for is left out because the endpoint refuses it."""

    def body(self) -> dict[str, Any]:
        """The JSON of the request."""
        return {**self.parameters, "messages": self.messages} | ({"tools": self.tools} if self.tools else {})


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint takes, as far as it is known."""

    limit_names: tuple[str, ...]
    """Names of the bound on an answer that were not refused; the first is used. Empty: the bound is left out."""
    refused: frozenset[str] = frozenset()
    """Further parameters that are not taken."""
    refused_members: frozenset[str] = frozenset()
    """Members of the model's messages that are not taken back."""
    takes_system: bool = True
    needs_stream: bool = False
    takes_full_schemas: bool = True
    """Whether tools may use more than the plainest JSON Schema."""
    takes_several_calls: bool = True
    """Whether a message with several calls is taken back."""

    def request(
        self, model: str, messages: Sequence[Message], tools: list[dict[str, Any]] | None, sampling: Sampling
    ) -> Request:
        """The request for an answer."""
        extra = dict(sampling.extra_body or {})
        asked = self._asked(sampling)
        own = {name: each for name, each in asked.items() if name not in self.refused}
        written = self._messages(messages)
        if tools and not self.takes_full_schemas:
            tools = [in_plain_schema(each) for each in tools]
        return Request(
            messages=written,
            tools=tools,
            parameters={"model": model, **own, **extra},
            sent=Sent(
                parameters=[name for name in own if name not in (*extra, "stream")],
                members=further_members(written),
                has_tools=bool(tools),
                has_full_schemas=self.takes_full_schemas,
                has_several_calls=any(len(each.get("tool_calls") or ()) > 1 for each in written),
                has_system=any(each["role"] == "system" for each in written),
                is_stream=bool(extra.get("stream", own.get("stream"))),
            ),
            is_altered=not self.limit_names or any(name not in (*own, *_LEFT_OUT_SILENTLY) for name in asked),
        )

    def after(self, meaning: Meaning, name: str) -> Dialect | None:
        """The dialect after a refusal; None: the request cannot be sent otherwise."""
        if meaning is Meaning.PARAMETER and name in self.limit_names:
            return replace(self, limit_names=tuple(each for each in self.limit_names if each != name))
        if meaning is Meaning.PARAMETER:
            return replace(self, refused=self.refused | {name})
        if meaning is Meaning.MEMBER:
            return replace(self, refused_members=self.refused_members | {name})
        if meaning is Meaning.SYSTEM:
            return replace(self, takes_system=False)
        if meaning is Meaning.STREAM:
            return replace(self, needs_stream=True)
        if meaning is Meaning.SCHEMA:
            return replace(self, takes_full_schemas=False)
        if meaning is Meaning.ONE_CALL:
            return replace(self, takes_several_calls=False)
        return None

    def _asked(self, sampling: Sampling) -> dict[str, Any]:
        limit = {self.limit_names[0]: sampling.max_output_tokens} if self.limit_names else {}
        given = {"temperature": sampling.temperature, "reasoning_effort": sampling.reasoning_effort}
        is_stream = self.needs_stream or bool((sampling.extra_body or {}).get("stream"))
        streamed = {"stream": True, "stream_options": {"include_usage": True}} if is_stream else {}
        return {**limit, **{name: each for name, each in given.items() if each is not None}, **streamed}

    def _messages(self, messages: Sequence[Message]) -> list[Message]:
        kept = [
            {name: part for name, part in each.items() if name not in self.refused_members}
            if each["role"] == "assistant"
            else each
            for each in messages
        ]
        if not self.takes_several_calls:
            kept = list(_with_first_calls(kept))
        if self.takes_system or len(kept) < 2 or kept[0]["role"] != "system":
            return kept
        first = {**kept[1], "content": f"{kept[0]['content']}\n\n{kept[1]['content']}"}
        return [first, *kept[2:]]


_PLAIN = frozenset({"type", "description", "properties", "required", "items", "enum"})


def in_plain_schema(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool whose schema says only what the plainest readers of JSON Schema understand."""
    function = dict(tool["function"])
    parameters = _plain(function.pop("parameters"))
    if parameters.get("properties"):  # some take no object without properties
        function["parameters"] = parameters
    return {**tool, "function": function}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    for name in ("anyOf", "oneOf"):
        if name in schema:  # of alternatives the first that is a value
            chosen = next((each for each in schema[name] if each.get("type") != "null"), {"type": "string"})
            return _plain({**{key: each for key, each in schema.items() if key != name}, **chosen})
    kept = {name: each for name, each in schema.items() if name in _PLAIN}
    if "const" in schema:
        kept |= {"enum": [schema["const"]]}
    if isinstance(kept.get("type"), list):
        kept["type"] = next((each for each in kept["type"] if each != "null"), "string")
    if isinstance(kept.get("enum"), list):
        kept["enum"] = [each for each in kept["enum"] if each is not None]
    if isinstance(kept.get("properties"), dict):
        kept["properties"] = {name: _plain(each) for name, each in kept["properties"].items()}
    if isinstance(kept.get("items"), dict):
        kept["items"] = _plain(kept["items"])
    return kept


def _with_first_calls(messages: Sequence[Message]) -> Iterator[Message]:
    """The messages with the first call of each, which is the one that was carried out, and its result."""
    dropped: set[str] = set()
    for each in messages:
        calls = each.get("tool_calls")
        if calls:
            dropped = {call["id"] for call in calls[1:]}
            yield {**each, "tool_calls": calls[:1]}
        elif each["role"] != "tool" or each["tool_call_id"] not in dropped:
            yield each
