"""Why a model gave no answer that can be used."""

from __future__ import annotations

from mlops_debug_env.agents.llm.usage import NOTHING_USED, ModelUsage


class MissingSettingError(ValueError):
    """A setting that the model needs is missing, or cannot be used."""


class ModelUnavailableError(Exception):
    """The endpoint gave no answer, after all retries."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.usage: ModelUsage = NOTHING_USED
        """What the calls that failed had used."""


class ModelUnreachableError(ModelUnavailableError):
    """No connection to the endpoint, after all retries."""


class ModelRefusedError(ModelUnavailableError):
    """The endpoint refuses the key, does not know the model, or is not paid; no retry would help."""


class NoToolsError(ModelUnavailableError):
    """The endpoint refuses tools."""


class ContextTooLongError(ModelUnavailableError):
    """The endpoint reports that the messages are too long for the model."""


class AnswerTooLongError(ModelUnavailableError):
    """The endpoint reports that the bound on an answer is more than the model can give."""


class PromptFilteredError(ModelUnavailableError):
    """The endpoint refuses the messages for their content."""


class UnreadableOutputError(ModelUnavailableError):
    """The model wrote a call that the endpoint could not read.

    Args:
        message: why, in one line.
        generation: what the model wrote; empty: the endpoint does not say.
    """

    def __init__(self, message: str, *, generation: str) -> None:
        super().__init__(message)
        self.generation = generation
