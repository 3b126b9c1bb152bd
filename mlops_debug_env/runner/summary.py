"""Computes the figures of a run from its results: by task, by fault, and for the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, PlainSerializer

from mlops_debug_env.protocol.types import TASK_IDS
from mlops_debug_env.runner.estimates import (
    CalibrationBin,
    Rate,
    Stratum,
    calibration,
    calibration_error,
    estimate_mean,
    pass_all,
    pass_at,
    rate,
    score_confidence,
)
from mlops_debug_env.runner.records import EpisodeResult

SUCCESS_AT = 0.7
"""Score from which an episode counts as passed: what category, file and field earn when all are right."""
LOWEST_SCORE, HIGHEST_SCORE = 0.01, 0.99
"""Of every rubric so far."""
BY_NAME = PlainSerializer(lambda value: value and value._asdict())
"""Marks a field whose JSON is an object with the names of the tuple, and not a list."""


class Interval(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float | None
    """None: there are too few entries for an interval."""
    high: float | None


class Group(BaseModel):
    """Figures of a set of episodes."""

    model_config = ConfigDict(frozen=True)

    episodes: int
    entries: int
    score: Annotated[Interval, BY_NAME]
    detectable_difference: float | None
    """The least difference to an equally precise mean that a test would find in four of five cases; None: too few
    entries."""
    pass_rate: Annotated[Rate | None, BY_NAME]
    """Share of the entries that pass, with its interval; None: too few entries."""
    pass_at: dict[int, float]
    """By k: at least one of k trials of an entry passed."""
    pass_all: dict[int, float]
    """By k: all of k trials of an entry passed. From two on this is repeatability: trials of an entry are of one scenario."""
    mean_steps: float
    truncated: int
    brier: float | None
    """Mean over the episodes in which a confidence was stated; None: in none."""
    stated: int
    """Episodes in which a confidence was stated."""
    accuracy: float | None
    """Share of these that were right in category, file and field."""
    skill: float | None
    """Brier skill score: 1 is best, 0 is as good as always stating the accuracy; None, too, where all were right or wrong."""
    calibration_error: float | None
    calibration: tuple[Annotated[CalibrationBin, BY_NAME], ...]


class ModelFigures(BaseModel):
    """Totals of the model's usage and illegal replies."""

    model_config = ConfigDict(frozen=True)

    calls: int
    input_tokens: int
    output_tokens: int
    estimated_tokens: int
    cost_usd: float | None
    latency_seconds_per_call: float
    retries: int
    invalid_replies: int
    fallback_steps: int
    ignored_calls: int
    folded_results: int
    cached_tokens: int = 0
    """This and the following: 0 also for results of version 0.1.0, which did not count it."""
    reasoning_tokens: int = 0
    cut_off_turns: int = 0
    filtered_turns: int = 0
    refused_turns: int = 0
    json_turns: int = 0
    lost_turns: int = 0
    altered_calls: int = 0
    context_cuts: int = 0


class Summary(BaseModel):
    """All figures of a run."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    agent: str
    success_at: float
    tasks: dict[str, Group]
    overall: Group | None
    """None: no episode has a result."""
    faults: dict[str, Group]
    model: ModelFigures | None
    """None: an agent without a model."""
    planned: int
    failures: int
    """Episodes without a result that could not be played when they were last tried."""
    warnings: tuple[str, ...] = ()
    """What the scores measure beside the model, one line each."""


class _Gathered:
    """Accumulates the few numbers needed of each result, so that large runs need little memory."""

    def __init__(self) -> None:
        self.scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.steps = 0
        self.truncated = 0
        self.stated: list[tuple[float, bool]] = []

    def add(self, result: EpisodeResult) -> None:
        self.scores[result.task_id][result.entry].append(result.score)
        self.steps += result.steps
        self.truncated += result.truncated
        if result.confidence is not None:
            self.stated.append((result.confidence, result.is_right))

    def group(self, success_at: float) -> Group:
        # In a fixed order, so that no digit depends on which episode ended first.
        tasks = [
            [sorted(scores) for _, scores in sorted(entries.items())] for _, entries in sorted(self.scores.items())
        ]
        entries = [entry for task in tasks for entry in task]
        episodes = sum(len(entry) for entry in entries)
        # Episodes of an entry share a scenario, so that their mean is one observation.
        strata = [
            Stratum(sum(map(len, task)) / episodes, [sum(scores) / len(scores) for scores in task]) for task in tasks
        ]
        estimate = estimate_mean(strata, lowest=LOWEST_SCORE, highest=HIGHEST_SCORE)
        stated = sorted(self.stated)
        bins, confidence = calibration(stated), score_confidence(stated)
        return Group(
            episodes=episodes,
            entries=len(entries),
            score=Interval(estimate.mean, *(estimate.interval or (None, None))),
            detectable_difference=estimate.detectable,
            pass_rate=rate(sum(_mean_passed(entry, success_at) for entry in entries), len(entries)),
            pass_at=_passed(entries, success_at, is_all=False),
            pass_all=_passed(entries, success_at, is_all=True),
            mean_steps=round(self.steps / episodes, 2),
            truncated=self.truncated,
            brier=confidence.brier,
            stated=confidence.stated,
            accuracy=confidence.accuracy,
            skill=confidence.skill,
            calibration_error=calibration_error(bins),
            calibration=bins,
        )


def summarise(
    results: Iterable[EpisodeResult],
    *,
    run_id: str,
    agent: str,
    planned: int,
    failures: int = 0,
    success_at: float = SUCCESS_AT,
) -> Summary:
    """All figures of some results."""
    tasks: dict[str, _Gathered] = defaultdict(_Gathered)
    faults: dict[str, _Gathered] = defaultdict(_Gathered)
    overall = _Gathered()
    used: dict[str, float] = defaultdict(float)
    is_priced = True
    for result in results:
        for each in (tasks[result.task_id], faults[result.fault_id], overall):
            each.add(result)
        if result.calls is not None:
            is_priced = is_priced and result.cost_usd is not None
            for name in (*_SUMMED, "latency_seconds", "cost_usd"):
                used[name] += getattr(result, name) or 0
    model = _model_figures(used, is_priced=is_priced) if used else None
    return Summary(
        run_id=run_id,
        agent=agent,
        success_at=success_at,
        tasks={name: tasks[name].group(success_at) for name in TASK_IDS if name in tasks},
        overall=overall.group(success_at) if overall.scores else None,
        faults={name: faults[name].group(success_at) for name in sorted(faults)},
        model=model,
        planned=planned,
        failures=failures,
        warnings=tuple(_warnings(model)) if model is not None else (),
    )


def scores_json(summary: Summary) -> dict[str, Any]:
    """The short form for scripts: mean and interval of each task that was played."""
    return {"tasks": {name: group.score._asdict() for name, group in summary.tasks.items()}}


_SUMMED = (
    "calls",
    "input_tokens",
    "output_tokens",
    "estimated_tokens",
    "retries",
    "invalid_replies",
    "fallback_steps",
    "ignored_calls",
    "folded_results",
    "cached_tokens",
    "reasoning_tokens",
    "cut_off_turns",
    "filtered_turns",
    "refused_turns",
    "json_turns",
    "lost_turns",
    "altered_calls",
    "context_cuts",
)
_MANY_RETRIES = 0.1
"""Retries for each answer from which they are warned of."""


def _warnings(used: ModelFigures) -> Iterator[str]:
    """What happened to the model's turns that its score does not tell."""
    told = {
        f"{used.cut_off_turns} of {used.calls} answers were cut off at --max-output-tokens": used.cut_off_turns,
        f"{used.filtered_turns} turns were stopped by the endpoint's content filter": used.filtered_turns,
        f"the model refused to go on in {used.refused_turns} answers": used.refused_turns,
        f"{used.json_turns} of {used.calls} answers were in JSON, because the endpoint refused tools": used.json_turns,
        f"{used.lost_turns} turns of the model are lost: filtered, or not to be read": used.lost_turns,
        f"{used.altered_calls} of {used.calls} requests went without a parameter that was asked for, because the endpoint "
        "refuses it (turns.jsonl says which)": used.altered_calls,
        f"the room for messages or answers was halved {used.context_cuts} times, because the endpoint has less": used.context_cuts,
        f"{used.retries} requests were sent again": used.retries >= _MANY_RETRIES * used.calls and used.retries,
    }
    return (text for text, count in told.items() if count)


def _mean_passed(scores: Sequence[float], success_at: float) -> float:
    return sum(score >= success_at for score in scores) / len(scores)


def _passed(entries: Sequence[Sequence[float]], success_at: float, *, is_all: bool) -> dict[int, float]:
    """For each k that every entry has trials for."""
    chance = pass_all if is_all else pass_at
    max_k = min(len(entry) for entry in entries)
    counted = [(len(entry), sum(score >= success_at for score in entry)) for entry in entries]
    return {
        k: round(sum(chance(k, tries=tries, successes=passed) for tries, passed in counted) / len(counted), 4)
        for k in range(1, max_k + 1)
    }


def _model_figures(used: dict[str, float], *, is_priced: bool) -> ModelFigures:
    calls = int(used["calls"])
    return ModelFigures(
        **{name: int(used[name]) for name in _SUMMED},
        cost_usd=round(used["cost_usd"], 6) if is_priced else None,
        latency_seconds_per_call=round(used["latency_seconds"] / calls, 3) if calls else 0.0,
    )
