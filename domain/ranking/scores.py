"""The score of an agent in a round, from its attempts, for suites after ``ranked-2``."""

from __future__ import annotations

from collections.abc import Sequence

from domain.ranking.estimates import PSEUDO_EPISODES, Estimate, Stratum, estimate_mean
from domain.ranking.statistics import Outcome
from domain.rubric import RUBRIC, Rubric
from domain.tasks.suites import Suite


def estimate_agent(
    outcomes: Sequence[Outcome], suite: Suite, rubric: Rubric = RUBRIC, *, pseudo: float = PSEUDO_EPISODES
) -> Estimate:
    """The mean over tasks by their entries, of all attempts at each; an entry that was never attempted counts with the
    floor score of the rubric. ``pseudo``: see `estimate_mean`."""
    strata = []
    for task_id in dict.fromkeys(suite.entries):
        entries = {number for number, each in enumerate(suite.entries, start=1) if each == task_id}
        played = [each for each in outcomes if each.task_id == task_id]
        attempted = len({each.entry for each in played} & entries) / len(entries)
        strata.append(Stratum(len(entries) / len(suite.entries), [each.score for each in played], attempted))
    return estimate_mean(strata, lowest=rubric.lowest_score, highest=rubric.highest_score, pseudo=pseudo)
