"""A language model as an agent: one legal action an observation, whatever the model says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from mlops_debug_env.agents.investigation import next_investigative_action
from mlops_debug_env.agents.llm.conversation import ChatHistory, Message
from mlops_debug_env.agents.llm.endpoint import ContextTooLongError, Endpoint, NoToolsError, Reply
from mlops_debug_env.agents.llm.offer import Offer, offer_for
from mlops_debug_env.agents.llm.replies import (
    IllegalReplyError,
    Proposal,
    check_shape,
    read_json_reply,
    read_tool_reply,
    said_in,
)
from mlops_debug_env.agents.llm.tools import Tool
from mlops_debug_env.agents.llm.usage import NOTHING_USED, ModelUsage
from mlops_debug_env.protocol.actions import Action, submission
from mlops_debug_env.protocol.observations import Observation, ResetObservation
from mlops_debug_env.protocol.types import TaskId

ToolMode = Literal["auto", "tools", "json"]

_SMALLEST_CONTEXT_TOKENS = 2000
_MAX_NAME_CHARACTERS = 200
"""As the server takes it."""
_TAKEN_FOR_IT = "[You gave no legal action, so this step was taken for you.]\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmSettings:
    """How an episode is played."""

    mode: ToolMode = "auto"
    """auto: tools, and JSON once the endpoint refuses them."""
    context_tokens: int = 16_000
    """Bound on the messages of one call, by estimate."""
    repairs: int = 2
    """How often a model is told about an illegal answer before the step is taken for it."""
    patience_steps: int = 4
    """After so many steps in a row that had to be taken for it, an empty diagnosis is submitted."""


class Request(NamedTuple):
    """What the model was sent."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None
    """None: none were offered."""


class LlmAgent:
    """Plays one episode after another with a model."""

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        tools: tuple[Tool, ...],
        settings: LlmSettings | None = None,
    ) -> None:
        self.name = f"llm:{endpoint.model}"[:_MAX_NAME_CHARACTERS]
        self.usage: ModelUsage = NOTHING_USED
        """Of the present episode."""
        self.said = ""
        """What the model said with the last action; empty: nothing, or the step was taken for it."""
        self.sent: Request | None = None
        """The latest request that the model answered; None: it was asked nothing yet."""
        self._endpoint = endpoint
        self._tools = tools
        self._names = frozenset(tool.name for tool in tools)
        self._settings = settings or LlmSettings()
        self._taken_for_it = 0
        self._task_id: TaskId = "easy"
        self._conversation = self._new_conversation(with_tools=self._settings.mode != "json")

    async def act(self, observation: Observation) -> Action:
        """The model's next action, or one taken for it."""
        self._see(observation)
        proposal = await self._ask()
        if proposal is None:
            return self._act_for_it(observation)
        self._taken_for_it = 0
        self.said = proposal.said
        self._count(ignored_calls=proposal.ignored_calls)
        self._conversation.act(proposal.action, said=proposal.said, note=_note_on(proposal.ignored_calls))
        return proposal.action

    def recall(self, observation: Observation, action: Action, *, said: str, usage: ModelUsage) -> None:
        """Take up an episode that was begun earlier: what was seen, done, said and used by then."""
        self._see(observation)
        self._conversation.fold()
        note = note_between(self.usage, usage)
        self._taken_for_it = self._taken_for_it + 1 if note == _TAKEN_FOR_IT else 0
        self.usage = usage
        self._conversation.act(action, said=said, note=note)

    def _see(self, observation: Observation) -> None:
        if isinstance(observation, ResetObservation) and observation.last_action_result.status == "reset":
            self.usage, self._taken_for_it, self.sent = NOTHING_USED, 0, None
            self._sit_down_to(observation.task_id)
            self._conversation.begin(observation)
        else:
            self._conversation.show(observation)

    def _sit_down_to(self, task_id: TaskId) -> None:
        self._task_id = task_id
        self._conversation.instruct(self._offer(with_tools=self._conversation.with_tools).system)

    async def _ask(self) -> Proposal | None:
        """A legal proposal; None: there was none, however often the model was told."""
        for _ in range(self._settings.repairs + 1):
            reply = await self._reply()
            try:
                return self._read(reply)
            except IllegalReplyError as error:
                self._count(invalid_replies=1)
                self._conversation.object_to(said_in(reply.message), str(error))
        return None

    async def _reply(self) -> Reply:
        folded = self._conversation.folded_results
        while True:
            offered = self._offer(with_tools=self._conversation.with_tools).tools
            request = Request(self._conversation.messages(), offered)
            try:
                reply = await self._endpoint.ask(request.messages, request.tools)
                break
            except NoToolsError:
                if self._settings.mode == "tools":
                    raise
                self._speak_json()
            except ContextTooLongError:
                if self._conversation.most_tokens <= _SMALLEST_CONTEXT_TOKENS:
                    raise
                self._conversation.most_tokens //= 2
        self.sent = request
        self.usage += reply.usage
        self._count(folded_results=self._conversation.folded_results - folded)
        return reply

    def _read(self, reply: Reply) -> Proposal:
        if self._conversation.with_tools:
            proposal = read_tool_reply(reply.message, self._names)
        else:
            proposal = read_json_reply(reply.message.content or "", self._names)
        check_shape(proposal.action, self._task_id)
        return proposal

    def _act_for_it(self, observation: Observation) -> Action:
        """What the heuristic would look at next; it never gets to diagnose in the model's name."""
        self._taken_for_it += 1
        self.said = ""
        self._count(fallback_steps=1)
        seen = (*observation.artifacts_read, *observation.checks_run)
        is_hopeless = self._taken_for_it > self._settings.patience_steps
        action = (None if is_hopeless else next_investigative_action(seen)) or submission(observation.task_id)
        self._conversation.act(action, note=_TAKEN_FOR_IT)
        return action

    def _speak_json(self) -> None:
        """Go on in plain JSON, with the same turns."""
        self._settings = replace(self._settings, mode="json")
        self._conversation.speak_json(self._offer(with_tools=False).system)

    def _new_conversation(self, *, with_tools: bool) -> ChatHistory:
        return ChatHistory(
            self._offer(with_tools=with_tools).system,
            with_tools=with_tools,
            most_tokens=self._settings.context_tokens,
        )

    def _offer(self, *, with_tools: bool) -> Offer:
        return offer_for(self._tools, self._task_id, with_tools=with_tools)

    def _count(self, **more: int) -> None:
        self.usage += ModelUsage(**more)


def note_between(before: ModelUsage, after: ModelUsage) -> str:
    """What the model is told with the result of a step, by what had been used before the step and after it."""
    if after.fallback_steps > before.fallback_steps:
        return _TAKEN_FOR_IT
    return _note_on(after.ignored_calls - before.ignored_calls)


def _note_on(ignored_calls: int) -> str:
    if not ignored_calls:
        return ""
    return f"[Only the first of your {ignored_calls + 1} calls was carried out: one action a turn.]\n"
