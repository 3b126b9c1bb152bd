"""The episodes of a run as conversations, one at a time, from the turns on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mlops_debug_env.actions import parse_action
from mlops_debug_env.agents.llm.conversation import Message, turn_messages
from mlops_debug_env.agents.llm.prompt import SYSTEM, briefing, result_text
from mlops_debug_env.agents.llm.tools import tools_of
from mlops_debug_env.evaluation.folder import REGISTRY, SCHEMA, TURNS, NoRunError
from mlops_debug_env.evaluation.jsonlines import read_line_at, read_lines
from mlops_debug_env.evaluation.records import TURN_ADAPTER, Acted, Began, Showed
from mlops_debug_env.models import ActionResult, ResetObservation


class Transcript(NamedTuple):
    """One episode."""

    prompt: list[Message]
    """What the agent was told first."""
    completion: list[Message]
    """What it did and was shown, in turns."""


class Transcripts:
    """Finds the turns of an episode by their places in the file: only one episode is in memory at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, list[int]] = {}
        for place, line in read_lines(path / TURNS):
            episode_id = json.loads(line)["episode_id"]
            self._places.setdefault(episode_id, []).append(place)
        self._registry = _read_json(path / REGISTRY)

    def read(self, episode_id: str) -> Transcript:
        """The conversation of a finished episode.

        Raises:
            NoRunError: its turns are not on disk.
        """
        began, acted, showed = self._turns(episode_id)
        if began is None:
            raise NoRunError(f"{self._path / TURNS} does not hold the turns of {episode_id}")
        first = ResetObservation.model_validate(began.observation | {"field_registry": self._registry})
        prompt = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": briefing(first)}]
        completion: list[Message] = []
        for turn in sorted(acted.keys() & showed.keys()):
            done, seen = acted[turn], ActionResult.model_validate(showed[turn].result)
            text = result_text(seen, step=turn, max_steps=first.max_steps)
            completion += turn_messages(
                parse_action(done.action), said=done.said, call_id=f"call_{turn}", shown=text, with_tools=True
            )
        return Transcript(prompt, completion)

    def _turns(self, episode_id: str) -> tuple[Began | None, dict[int, Acted], dict[int, Showed]]:
        """What was written first holds: an episode that was taken up again wrote its turns a second time."""
        began: Began | None = None
        acted: dict[int, Acted] = {}
        showed: dict[int, Showed] = {}
        for place in self._places.get(episode_id, ()):
            match TURN_ADAPTER.validate_json(read_line_at(self._path / TURNS, place)):
                case Began() as turn:
                    began = began or turn
                case Acted() as turn:
                    acted.setdefault(turn.turn, turn)
                case Showed() as turn:
                    showed.setdefault(turn.turn, turn)
        return began, acted, showed


def read_tools(path: Path) -> str:
    """The tools of a run as JSON text: their parameters differ, and a table has one type for a column."""
    return json.dumps([each.as_openai() for each in tools_of(_read_json(path / SCHEMA))], ensure_ascii=False)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise NoRunError(f"there is no {path.name} in {path.parent}; has the run played an episode?") from error


def in_columns(messages: list[Message]) -> Iterator[Message]:
    """Messages that all have the same keys, so that every file has the same columns."""
    for each in messages:
        yield {
            "role": each["role"],
            "content": each["content"],
            "tool_calls": each.get("tool_calls"),
            "tool_call_id": each.get("tool_call_id"),
        }
