"""Reads the folder of a run for people: its episodes, and the turns of one with all that a model was asked and answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mlops_debug_env.exports.transcripts import Exchange, exchanges_of
from mlops_debug_env.runner.json_lines import read_line_at, read_lines
from mlops_debug_env.runner.records import (
    TURN_RECORD_ADAPTER,
    ActionRecord,
    EpisodeFailure,
    EpisodeResult,
    ReplyRecord,
    RequestRecord,
    ResultRecord,
    RunHeader,
    StartRecord,
    TurnRecord,
)
from mlops_debug_env.runner.run_folder import TURNS, read_failures, read_header, read_results

_EPISODE_ID = re.compile(r'"episode_id":"([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow:
    """One episode of the list."""

    episode_id: str
    result: EpisodeResult | None
    """None: it has none yet."""
    failure: EpisodeFailure | None
    """Why it could not be played when it was last tried; None: it could, or was not tried."""


class Turn(NamedTuple):
    """One step."""

    number: int
    exchanges: list[Exchange]
    """Requests to the model for this step, with their replies."""
    said: str
    action: dict[str, Any] | None
    """In its wire form; None: none was decided."""
    result: dict[str, Any] | None
    """None: the action was not answered."""
    reward: float | None


class RecordedEpisode(NamedTuple):
    """One episode with its turns."""

    row: EpisodeRow
    first: dict[str, Any]
    """The first observation."""
    turns: list[Turn]


class RunReader:
    """Reads a folder, also while a run writes in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def header(self) -> RunHeader:
        """The header of the run; raises ``NoRunError`` if there is none."""
        return read_header(self._path)

    def episodes(self) -> list[EpisodeRow]:
        """Every episode that was begun, finished ones as well as others, in the order in which they were begun."""
        results = {each.episode_id: each for each in read_results(self._path)}
        failures = {each.episode_id: each for each in read_failures(self._path)}
        begun = dict.fromkeys([*self._offsets(), *results, *failures])
        return [_row(episode_id, results, failures) for episode_id in begun]

    def read(self, episode_id: str) -> RecordedEpisode | None:
        """One episode; None: it is not in the folder."""
        row = next((each for each in self.episodes() if each.episode_id == episode_id), None)
        if row is None:
            return None
        offsets = self._offsets().get(episode_id, [])
        records = [TURN_RECORD_ADAPTER.validate_json(read_line_at(self._path / TURNS, each)) for each in offsets]
        first = next((each.observation for each in records if isinstance(each, StartRecord)), {})
        return RecordedEpisode(row, first, _turns(records))

    def _offsets(self) -> dict[str, list[int]]:
        """Where the lines of each episode are."""
        offsets: dict[str, list[int]] = {}
        for offset, line in read_lines(self._path / TURNS):
            found = _EPISODE_ID.search(line)
            if found is not None:
                offsets.setdefault(found[1], []).append(offset)
        return offsets


def _row(episode_id: str, results: dict[str, EpisodeResult], failures: dict[str, EpisodeFailure]) -> EpisodeRow:
    result = results.get(episode_id)
    return EpisodeRow(
        episode_id=episode_id, result=result, failure=failures.get(episode_id) if result is None else None
    )


def _turns(records: list[TurnRecord]) -> list[Turn]:
    """The turns in order. Of duplicates, which a resume writes, the first counts; requests that were made again are all there."""
    acted: dict[int, ActionRecord] = {}
    showed: dict[int, ResultRecord] = {}
    for each in records:
        if isinstance(each, ActionRecord):
            acted.setdefault(each.turn, each)
        elif isinstance(each, ResultRecord):
            showed.setdefault(each.turn, each)
    exchanges = exchanges_of(records)
    asked = {each.turn for each in records if isinstance(each, RequestRecord | ReplyRecord)}
    return [
        Turn(
            number,
            [each for each in exchanges if each.request.turn == number],
            acted[number].said if number in acted else "",
            acted[number].action if number in acted else None,
            showed[number].result if number in showed else None,
            showed[number].reward if number in showed else None,
        )
        for number in sorted(asked | acted.keys() | showed.keys())
    ]
