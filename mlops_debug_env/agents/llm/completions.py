"""Reads the answer of a Chat Completions endpoint: what it says counts, whatever its shape.

Rules: 1. Nothing of the answer is trusted to be there or to have its documented type. 2. A message is kept as it came. 3. What is no
answer is an error that can be tried again; an error in the place of an answer is one, also with status 200.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlops_debug_env.agents.llm.json_text import TooDeepError, UnreadableJsonError, read_json
from mlops_debug_env.agents.llm.messages import has_calls, refusal_of
from mlops_debug_env.agents.llm.stream import is_stream, joined

Json = dict[str, Any]

CUT_OFF = frozenset({"length", "max_tokens", "model_length"})
FILTERED = frozenset({"content_filter", "safety", "prohibited_content", "recitation", "blocklist", "sensitive"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer of a model."""

    message: Json
    """As the endpoint sent it."""
    finish_reason: str | None = None
    usage: Json = field(default_factory=dict)
    problem: str | None = None
    """Why the message could not be read, where that is the model's own doing; None: it could."""

    @property
    def is_cut_off(self) -> bool:
        return (self.finish_reason or "").lower() in CUT_OFF

    @property
    def is_refused(self) -> bool:
        """Whether the model would not go on."""
        is_said = bool(refusal_of(self.message)) and not has_calls(self.message)
        return is_said or (self.finish_reason or "").lower() == "refusal"

    @property
    def is_filtered(self) -> bool:
        return (self.finish_reason or "").lower() in FILTERED


class NoCompletionError(ValueError):
    """The text holds no answer of a model; sent again, the request may get one."""


class ErrorInAnswerError(ValueError):
    """An error came in the place of an answer, with status 200.

    Args:
        body: the JSON that describes it.
    """

    def __init__(self, body: Any) -> None:
        super().__init__("the endpoint answered with an error and status 200")
        self.body = body


def read_completion(text: str) -> Completion:
    """The answer in a body, which may be a stream that nobody asked for.

    Raises:
        NoCompletionError: it holds none.
        ErrorInAnswerError: it holds an error.
    """
    try:
        body = joined(text) if is_stream(text) else read_json(text.removeprefix("\ufeff"))
    except TooDeepError as error:
        return Completion(
            message={"role": "assistant", "content": None}, problem=f"Your answer cannot be read: {error}."
        )
    except UnreadableJsonError as error:
        if "digits" in str(error):
            return Completion(
                message={"role": "assistant", "content": None}, problem=f"Your answer cannot be read: {error}."
            )
        raise NoCompletionError(f"the endpoint answered with something that is no chat completion: {error}") from error
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        raise NoCompletionError("the endpoint answered with something that is no chat completion")
    return _completion(body)


def _completion(body: Json) -> Completion:
    choices = body.get("choices")
    choice = next((each for each in choices if isinstance(each, dict)), None) if isinstance(choices, list) else None
    if choice is None:
        if body.get("error"):
            raise ErrorInAnswerError(body)
        if _is_blocked(body):
            raise ErrorInAnswerError({"error": {"code": "content_filter", "message": "the prompt was filtered"}})
        raise NoCompletionError("the endpoint answered without a choice")
    message, reason = _message(choice), _reason(choice.get("finish_reason"))
    if message is None or not any(message.get(each) for each in ("content", "tool_calls", "function_call", "refusal")):
        if choice.get("error") or body.get("error"):
            raise ErrorInAnswerError({"error": choice.get("error") or body.get("error")})
        if message is None and reason is None:
            raise NoCompletionError("the endpoint answered without a message")
    usage = body.get("usage")
    return Completion(
        message=message or {"role": "assistant", "content": None},
        finish_reason=reason,
        usage=usage if isinstance(usage, dict) else {},
    )


def _message(choice: Json) -> Json | None:
    """The message of a choice, also under another name; None: there is none."""
    for name in ("message", "delta"):
        if isinstance(choice.get(name), dict):
            return dict(choice[name])
    return {"role": "assistant", "content": choice["text"]} if isinstance(choice.get("text"), str) else None


def _reason(given: object) -> str | None:
    return given if isinstance(given, str) and given else None


def _is_blocked(body: Json) -> bool:
    """Whether the filter of the prompt is all that was answered."""
    feedback = body.get("promptFeedback") or body.get("prompt_feedback")
    if isinstance(feedback, dict) and (feedback.get("blockReason") or feedback.get("block_reason")):
        return True
    return "'filtered': True" in repr(body.get("prompt_filter_results"))
