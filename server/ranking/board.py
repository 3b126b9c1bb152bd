"""Computes the board of a round as JSON and CSV from its attempts. Pure; `leaderboard` reads the attempts."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from types import MappingProxyType
from typing import Any, Mapping, NamedTuple, Sequence

from domain.ranking.estimates import rank_sets, rate, score_confidence
from domain.ranking.scores import estimate_agent
from domain.ranking.statistics import (
    PASS_SCORE,
    Outcome,
    brier,
    calibration,
    estimate_score,
    pareto,
    pass_all,
    pass_rate,
    rank,
)
from domain.rubric import RUBRIC, Rubric
from domain.tasks.suites import Suite
from domain.types import TASK_IDS

CSV_COLUMNS = (
    *("rank", "agent", "kind", "verified", "score", "low", "high", "attempts_used", "attempts_allowed", "complete"),
    *("pass_1", "pass_all", *TASK_IDS, "mean_steps", "brier", "client_tokens", "client_cost_usd"),
    *("worst_rank", "accuracy", "skill"),
)


EARLIER_SUITES = frozenset({"ranked-1", "ranked-2"})
"""Suites whose boards keep the statistics with which they were published."""
MIN_ATTEMPTS_FOR_RANKS: Mapping[str, int] = MappingProxyType({"ranked-1": 4})
"""Earlier suite to the min number of attempts an entry from which its confidence intervals are valid; boards of other
earlier suites show no ranks. Their intervals ignore faults that were not drawn: with the many faults of ``ranked-2``, equal
agents get different ranks in every second pair."""


def has_ranks(suite_id: str, attempts_allowed: int) -> bool:
    """Whether the board of such a round shows ranks."""
    if suite_id not in EARLIER_SUITES:
        return True
    return suite_id in MIN_ATTEMPTS_FOR_RANKS and attempts_allowed >= MIN_ATTEMPTS_FOR_RANKS[suite_id]


class Entrant(NamedTuple):
    """One agent of a round, with its attempts."""

    agent: str
    kind: str
    """``agent``, ``baseline`` or ``attack``."""
    outcomes: tuple[Outcome, ...]
    """The attempts that have ended."""
    running: int
    tokens: int | None
    """Sum, as reported by its client. None: reported for no attempt."""
    cost_usd: float | None
    reported: int
    """Number of attempts with reported cost."""
    is_verified: bool
    """Whether every attempt that has ended was audited by this server, without findings."""


def build_board(
    entrants: Sequence[Entrant], suite: Suite, attempts_allowed: int, rubric: Rubric = RUBRIC, *, is_ranked: bool
) -> list[dict[str, Any]]:
    """The rows by rank, then by score, and rows without a rank after them. ``rubric`` is that of the scores."""
    if suite.suite_id in EARLIER_SUITES:
        scores = _earlier_scores(entrants, suite, attempts_allowed, rubric, is_ranked)
    else:
        scores = _scores(entrants, suite, rubric)
    costs = {
        each.agent: (each.cost_usd / each.reported, scores[each.agent]["score"])
        for each in entrants
        if each.cost_usd is not None and each.reported
    }
    frontier = pareto(costs)
    rows = [
        _row(each, suite, attempts_allowed)
        | scores[each.agent]
        | {"on_frontier": each.agent in frontier if each.agent in costs else None}
        for each in entrants
    ]
    return sorted(rows, key=lambda row: (row["rank"] is None, row["rank"] or 0, -row["score"], row["agent"]))


def _scores(entrants: Sequence[Entrant], suite: Suite, rubric: Rubric) -> dict[str, dict[str, Any]]:
    """Score, interval, ranks, rates and confidence of each agent. Ranks are of agents that attempted every entry, and not of
    baselines and attacks."""
    estimates = {each.agent: estimate_agent(each.outcomes, suite, rubric) for each in entrants}
    ranked = {
        each.agent: estimates[each.agent]
        for each in entrants
        if each.kind == "agent" and _is_complete(each, suite) and estimates[each.agent].interval is not None
    }
    places = rank_sets(ranked)
    return {
        each.agent: {
            "score": estimates[each.agent].mean,
            "interval": _bounds(estimates[each.agent].interval),
            "detectable_difference": estimates[each.agent].detectable,
            "rank": places[each.agent][0] if each.agent in places else None,
            "worst_rank": places[each.agent][1] if each.agent in places else None,
            "pass_1": pass_rate(each.outcomes),
            "pass_1_interval": _pass_interval(each.outcomes),
            **score_confidence(_stated(each.outcomes))._asdict(),
        }
        for each in entrants
    }


def _bounds(interval: tuple[float, float] | None) -> list[float] | None:
    return list(interval) if interval is not None else None


def _pass_interval(outcomes: Sequence[Outcome]) -> list[float] | None:
    found = rate(sum(each.score >= PASS_SCORE for each in outcomes), len(outcomes))
    return [found.low, found.high] if found is not None else None


def _stated(outcomes: Sequence[Outcome]) -> list[tuple[float, bool]]:
    return [(each.confidence, each.is_right) for each in outcomes if each.confidence is not None]


def _is_complete(entrant: Entrant, suite: Suite) -> bool:
    return len({each.entry for each in entrant.outcomes}) == len(suite.entries)


def _earlier_scores(
    entrants: Sequence[Entrant], suite: Suite, attempts_allowed: int, rubric: Rubric, is_ranked: bool
) -> dict[str, dict[str, Any]]:
    estimates = {each.agent: estimate_score(each.outcomes, suite, rubric) for each in entrants}
    ranks = rank(estimates) if is_ranked else {}
    return {
        each.agent: {
            "score": estimates[each.agent].mean,
            "interval": [round(bound, 4) for bound in estimates[each.agent].interval],
            "rank": ranks.get(each.agent),
            "pass_1": pass_rate(each.outcomes),
            "pass_k": {str(k): pass_all(each.outcomes, k) for k in range(1, attempts_allowed + 1)},
            "brier": brier(each.outcomes),
        }
        for each in entrants
    }


def _row(entrant: Entrant, suite: Suite, attempts_allowed: int) -> dict[str, Any]:
    outcomes = entrant.outcomes
    attempted = {each.entry for each in outcomes}
    return {
        "agent": entrant.agent,
        "kind": entrant.kind,
        "verified": entrant.is_verified,
        "plain_mean": _mean([each.score for each in outcomes]),
        "attempts": {
            "used": len(outcomes) + entrant.running,
            "running": entrant.running,
            "allowed": attempts_allowed * len(suite.entries),
        },
        "entries_never_attempted": len(suite.entries) - len(attempted),
        "complete": len(attempted) == len(suite.entries),
        "tasks": _tasks(outcomes, suite),
        "faults": _faults(outcomes, suite),
        "mean_steps": _mean([float(each.steps) for each in outcomes]),
        "calibration": [each._asdict() for each in calibration(outcomes)],
        "client_reported": {
            "attempts": entrant.reported,
            "tokens": entrant.tokens,
            "cost_usd": entrant.cost_usd,
            "cost_usd_per_attempt": entrant.cost_usd / entrant.reported
            if entrant.cost_usd is not None and entrant.reported
            else None,
        },
    }


def _tasks(outcomes: Sequence[Outcome], suite: Suite) -> dict[str, Any]:
    return {
        task_id: {
            "attempts": sum(each.task_id == task_id for each in outcomes),
            "mean": _mean([each.score for each in outcomes if each.task_id == task_id]),
        }
        for task_id in TASK_IDS
        if task_id in suite.entries
    }


def _faults(outcomes: Sequence[Outcome], suite: Suite) -> dict[str, Any]:
    found: Mapping[tuple[str, str], list[float]] = defaultdict(list)
    for each in outcomes:
        found[each.task_id, each.fault_id].append(each.score)
    return {
        name: {"task_id": stratum[0], "attempts": len(found[stratum]), "mean": _mean(found[stratum])}
        for name, stratum in suite.strata.items()
    }


def hide_faults(board: Mapping[str, Any]) -> dict[str, Any]:
    """The board without its means by fault: with few attempts, they say what was planted in each."""
    return {**board, "rows": [row | {"faults": {}} for row in board["rows"]]}


def board_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a table with a head line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in rows:
        writer.writerow(["" if each is None else each for each in _csv_row(row)])
    return text.getvalue()


def _csv_row(row: Mapping[str, Any]) -> list[Any]:
    # A spreadsheet would run a name that begins like a formula.
    agent = f"'{row['agent']}" if row["agent"][:1] in "=+-@\t\r" else row["agent"]
    return [
        row["rank"],
        agent,
        row["kind"],
        row["verified"],
        row["score"],
        *(row["interval"] or (None, None)),
        row["attempts"]["used"],
        row["attempts"]["allowed"],
        row["complete"],
        row["pass_1"],
        row["pass_k"][max(row["pass_k"], key=int)] if "pass_k" in row else None,
        *(row["tasks"].get(task_id, {}).get("mean") for task_id in TASK_IDS),
        row["mean_steps"],
        row["brier"],
        row["client_reported"]["tokens"],
        row["client_reported"]["cost_usd"],
        *(row.get(name) for name in ("worst_rank", "accuracy", "skill")),
    ]


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def board_header(round_json: Mapping[str, Any], rubric_version: str, *, is_ranked: bool) -> dict[str, Any]:
    """The fields of a board besides its rows."""
    return {
        "round": round_json["round"],
        "suite": round_json["suite"],
        "attempts_allowed": round_json["attempts"],
        "has_ranks": is_ranked,
        "rubric_version": rubric_version,
        "recorded_rubric_version": round_json["rubric_version"],
        "generator_version": round_json["generator_version"],
        "commitment": round_json["commitment"],
        "opened_at": round_json["opened_at"],
        "closed_at": round_json["closed_at"],
        "pass_score": PASS_SCORE,
    }


_HEADER_FIELDS = (
    *("round", "suite", "attempts_allowed", "rubric_version", "recorded_rubric_version", "generator_version"),
    *("commitment", "opened_at", "closed_at"),
)


def empty_board() -> dict[str, Any]:
    """The board of a server without rounds."""
    return {
        **dict.fromkeys(_HEADER_FIELDS),
        "has_ranks": False,
        "pass_score": PASS_SCORE,
        "reference_solvers": None,
        "rows": [],
    }
