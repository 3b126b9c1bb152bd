"""What a model was sent and what it answered, as an agent reports it while it plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from mlops_debug_env.agents.llm.usage import NOTHING_USED, ModelUsage


class ModelReply(BaseModel):
    """The end of one request to a model: its answer, or why there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message: dict[str, Any] | None = None
    """The message as the endpoint sent it; None: there is none."""
    finish_reason: str | None = None
    """As the endpoint gave it."""
    error: str | None = None
    """Why no message came, after all retries; None: one came."""
    problem: str | None = None
    """Why the message holds no legal action, as the model was told; None: its action is carried out."""
    usage: ModelUsage = NOTHING_USED
    """Of this request: tokens, cost, latency, retries."""


class ModelTranscript(Protocol):
    """Records the requests and replies of one episode, each before the episode goes on."""

    def asked(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        parameters: Mapping[str, Any],
    ) -> None:
        """Record a request that is about to be sent.

        Args:
            messages: all of its messages.
            tools: the tools that it offers, in OpenAI's form; None: none.
            parameters: everything else in it, such as the model's name; without keys and addresses.
        """
        ...

    def answered(self, reply: ModelReply) -> None:
        """Record the end of the latest request."""
        ...


class NoTranscript:
    """Records nothing: for an agent that plays outside a run."""

    def asked(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        parameters: Mapping[str, Any],
    ) -> None:
        pass

    def answered(self, reply: ModelReply) -> None:
        pass


@runtime_checkable
class KeepsTranscript(Protocol):
    """An agent that reports the requests and replies of its model; a run sets where to, before the first action."""

    transcript: ModelTranscript
