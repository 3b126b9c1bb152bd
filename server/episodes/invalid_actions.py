"""What is sent as an action and does not fit the schema, for episodes in which that is a refused step."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from domain.actions import Action, InvalidAction, SubmitDiagnosis, decode_action
from domain.episode.decide import EpisodeState, WrongSubmissionError, check_submission

_MAX_ERRORS = 3
_MAX_LENGTH = 300


def to_invalid_action(sent: Any) -> InvalidAction | None:
    """The invalid action that was sent, from parsed JSON; None: it is a valid one."""
    try:
        decode_action(to_json(sent, inf_nan_mode="constants"))
    except ValidationError as error:
        return InvalidAction(_message(error), _digest(sent))
    return None


def fitting(state: EpisodeState, action: Action) -> Action:
    """The action; where it is a submission of another shape than the task's, and that is a step, an invalid action."""
    if state.reset.invalid_actions != "step" or not isinstance(action, SubmitDiagnosis):
        return action
    try:
        check_submission(state, action)
    except WrongSubmissionError as error:
        submitted = [each.model_dump(mode="json") for each in action.diagnoses]
        return InvalidAction(str(error), _digest({"is_list": action.is_list, "diagnoses": submitted}))
    return action


def _message(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    # The first place is the type of the action, which the agent knows.
    lines = [f"{'.'.join(map(str, each['loc'][1:] or each['loc']))}: {each['msg']}" for each in found[:_MAX_ERRORS]]
    text = "; ".join(line.removeprefix(": ") for line in lines)
    return "".join(letter for letter in text if letter.isprintable())[:_MAX_LENGTH]


def _digest(sent: Any) -> str:
    return hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()
