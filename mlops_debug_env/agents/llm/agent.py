"""Agent that calls a language model, with corrections and a fallback so that every step has a legal action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mlops_debug_env.agents.investigation import next_investigative_action
from mlops_debug_env.agents.llm.chat_history import ChatHistory
from mlops_debug_env.agents.llm.endpoint import Endpoint, Reply
from mlops_debug_env.agents.llm.errors import (
    AnswerTooLongError,
    ContextTooLongError,
    ModelUnavailableError,
    NoToolsError,
    PromptFilteredError,
    UnreadableOutputError,
)
from mlops_debug_env.agents.llm.messages import Message, text_of
from mlops_debug_env.agents.llm.replies import (
    IllegalReplyError,
    Proposal,
    can_be_answered,
    check_shape,
    read_json_reply,
    read_tool_reply,
    reply_text,
)
from mlops_debug_env.agents.llm.static_prompt import StaticPrompt, static_prompt
from mlops_debug_env.agents.llm.tools import Tool
from mlops_debug_env.agents.llm.transcript import ModelReply, ModelTranscript, NoTranscript
from mlops_debug_env.agents.llm.usage import NOTHING_USED, ModelUsage
from mlops_debug_env.protocol.actions import Action, submission
from mlops_debug_env.protocol.observations import Observation, ResetObservation
from mlops_debug_env.protocol.types import TaskId

ToolMode = Literal["auto", "tools", "json"]

_SMALLEST_CONTEXT_TOKENS = 2000
_SMALLEST_ANSWER_TOKENS = 256
_MAX_NAME_CHARACTERS = 200
"""As the server takes it."""
_FALLBACK_NOTE = "[You gave no legal action, so this step was taken for you.]\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmSettings:
    """How an episode is played."""

    mode: ToolMode = "auto"
    """auto: tools, and JSON once the endpoint refuses them."""
    context_tokens: int = 16_000
    """Bound on the messages of one call, by estimate."""
    max_corrections: int = 2
    """Max corrections of illegal replies in a step before the fallback action is taken."""
    max_consecutive_fallbacks: int = 4
    """After so many fallback actions in a row, an empty diagnosis is submitted."""


class LlmAgent:
    """Plays episodes with a model, one after another."""

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
        """Text of the model with the last action; empty: none, or a fallback action."""
        self.transcript: ModelTranscript = NoTranscript()
        """Records every request and reply."""
        self._endpoint = endpoint
        self._tools = tools
        self._names = frozenset(tool.name for tool in tools)
        self._settings = settings or LlmSettings()
        self._consecutive_fallbacks = 0
        self._last: Message | None = None
        """The model's latest illegal message of this step; None: there is none."""
        self._was_refused_tools = False
        self._max_output_tokens = endpoint.max_output_tokens
        self._task_id: TaskId = "easy"
        self._history = self._new_history(with_tools=self._settings.mode != "json")

    async def act(self, observation: Observation) -> Action:
        """The model's next action, or the fallback action."""
        self._observe(observation)
        self._last = None
        decided = await self._ask()
        if decided is None:
            return self._fallback_action(observation)
        proposal, own = decided
        self._consecutive_fallbacks = 0
        self.said = proposal.said
        self._count(ignored_calls=proposal.ignored_calls)
        self._history.add_action(proposal.action, said=proposal.said, note=_note_on(proposal.ignored_calls), own=own)
        return proposal.action

    def restore(
        self,
        observation: Observation,
        action: Action,
        *,
        said: str,
        usage: ModelUsage,
        replies: Sequence[ModelReply] = (),
    ) -> None:
        """Replay one recorded step of a resumed episode: its observation, action, text, usage and the replies that led to it."""
        self._observe(observation)
        self._history.fold()
        note = note_after_step(self.usage, usage)
        self.usage = usage
        answered = [each for each in replies if each.message is not None]
        last = answered[-1].message if answered else None
        if note == _FALLBACK_NOTE:
            self._consecutive_fallbacks += 1
            self._history.add_fallback(action, note=note, last=last, text=reply_text(last) if last else "")
        else:
            self._consecutive_fallbacks = 0
            is_own = bool(answered) and answered[-1].problem is None
            self._history.add_action(action, said=said, note=note, own=last if is_own else None)

    def _observe(self, observation: Observation) -> None:
        if isinstance(observation, ResetObservation) and observation.last_action_result.status == "reset":
            self.usage, self._consecutive_fallbacks = NOTHING_USED, 0
            self._start_task(observation.task_id)
            self._history.start_episode(observation)
        else:
            self._history.add_result(observation)

    def _start_task(self, task_id: TaskId) -> None:
        self._task_id = task_id
        self._history.set_instructions(self._static_prompt(with_tools=self._history.with_tools).system)

    async def _ask(self) -> tuple[Proposal, Message] | None:
        """A legal proposal with the message that holds it; None: none within the max number of corrections."""
        for _ in range(self._settings.max_corrections + 1):
            try:
                reply = await self._reply()
            except PromptFilteredError:
                return None  # the same messages would be stopped again
            except UnreadableOutputError as error:
                self._correct({}, error.generation, f"Your call was not carried out: {error} Call it again.")
                continue
            try:
                proposal = self._read(reply)
            except IllegalReplyError as error:
                problem = _problem(reply, error)
                self._record(reply, problem)
                self._count(invalid_replies=1)
                self._correct(reply.message, reply_text(reply.message), problem)
            else:
                self._record(reply, None)
                return proposal, reply.message
        return None

    def _correct(self, message: Message, text: str, problem: str) -> None:
        self._last = message or self._last
        self._history.add_correction(message, text, problem, as_calls=can_be_answered(message))

    def _record(self, reply: Reply, problem: str | None) -> None:
        usage = reply.usage + ModelUsage(invalid_replies=problem is not None)
        self.transcript.answered(
            ModelReply(message=reply.message, finish_reason=reply.finish_reason, problem=problem, usage=usage)
        )

    async def _reply(self) -> Reply:
        folded = self._history.folded_results
        while True:
            offered = self._static_prompt(with_tools=self._history.with_tools).tools
            try:
                reply = await self._endpoint.ask(
                    self._history.messages(),
                    offered,
                    self.transcript,
                    max_output_tokens=self._max_output_tokens,
                )
                break
            except ModelUnavailableError as error:
                self.usage += error.usage
                if not self._adapt_to(error):
                    raise
        reply = replace(reply, usage=reply.usage + ModelUsage(json_turns=self._was_refused_tools))
        self.usage += reply.refused + reply.usage
        self._count(folded_results=self._history.folded_results - folded)
        return reply

    def _adapt_to(self, error: ModelUnavailableError) -> bool:
        """Whether the request can be made in another way after an error."""
        if isinstance(error, NoToolsError) and self._settings.mode == "auto":
            self._switch_to_json()
            return True
        if isinstance(error, ContextTooLongError) and self._history.max_tokens > _SMALLEST_CONTEXT_TOKENS:
            self._history.max_tokens //= 2
        elif (
            isinstance(error, ContextTooLongError | AnswerTooLongError)
            and self._max_output_tokens > _SMALLEST_ANSWER_TOKENS
        ):
            self._max_output_tokens //= 2
        else:
            return False
        self._count(context_cuts=1)
        return True

    def _read(self, reply: Reply) -> Proposal:
        if reply.problem is not None:
            raise IllegalReplyError(reply.problem)
        if self._history.with_tools:
            proposal = read_tool_reply(reply.message, self._names)
        else:
            proposal = read_json_reply(text_of(reply.message), self._names)
        check_shape(proposal.action, self._task_id)
        return proposal

    def _fallback_action(self, observation: Observation) -> Action:
        """The next read of the heuristic's order, or an empty diagnosis; never a diagnosis of the heuristic."""
        self._consecutive_fallbacks += 1
        self.said = ""
        self._count(fallback_steps=1)
        seen = (*observation.artifacts_read, *observation.checks_run)
        is_hopeless = self._consecutive_fallbacks > self._settings.max_consecutive_fallbacks
        action = (None if is_hopeless else next_investigative_action(seen)) or submission(observation.task_id)
        text = reply_text(self._last) if self._last else ""
        self._history.add_fallback(action, note=_FALLBACK_NOTE, last=self._last, text=text)
        return action

    def _switch_to_json(self) -> None:
        """Switch from tool calls to JSON, keeping the history."""
        self._settings = replace(self._settings, mode="json")
        self._was_refused_tools = True
        self._history.switch_to_json(self._static_prompt(with_tools=False).system)

    def _new_history(self, *, with_tools: bool) -> ChatHistory:
        return ChatHistory(
            self._static_prompt(with_tools=with_tools).system,
            with_tools=with_tools,
            max_tokens=self._settings.context_tokens,
        )

    def _static_prompt(self, *, with_tools: bool) -> StaticPrompt:
        return static_prompt(self._tools, self._task_id, with_tools=with_tools)

    def _count(self, **more: int) -> None:
        self.usage += ModelUsage(**more)


def _problem(reply: Reply, error: IllegalReplyError) -> str:
    """Why a reply holds no legal action."""
    if reply.finish_reason == "length":
        return f"Your answer was cut off after {reply.usage.output_tokens} tokens; keep it short. {error}"
    return str(error)


def note_after_step(before: ModelUsage, after: ModelUsage) -> str:
    """The note before the result of a step, derived from the usage before and after it."""
    if after.fallback_steps > before.fallback_steps:
        return _FALLBACK_NOTE
    return _note_on(after.ignored_calls - before.ignored_calls)


def _note_on(ignored_calls: int) -> str:
    if not ignored_calls:
        return ""
    return f"[Only the first of your {ignored_calls + 1} calls was carried out: one action a turn.]\n"
