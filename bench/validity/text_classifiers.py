"""Measures what texts alone reveal: classifiers trained on public episodes, against chance and on held-out styles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import NamedTuple

from bench.validity.agents import play_heuristic, play_oracle
from bench.validity.bag_of_words import BagOfWords, chance
from bench.validity.episodes import Episode, draw_episodes
from bench.validity.floor import Judge
from bench.validity.odd_tokens import OddTokens
from domain.diagnosis import Diagnosis
from domain.faults import CATALOGUE
from domain.generator import generate
from domain.types import ARTIFACT_NAMES, SINGLE_FAULT_TASKS, TaskId

WHOLE = (*ARTIFACT_NAMES, "checks")
PUBLIC_SEED, FRESH_SEED, HELD_OUT_SEED, TWIN_SEED = 94_000_000, 93_000_000, 90_000_000, 92_000_000


class Naming(NamedTuple):
    """How often a reader of some texts names the fault."""

    name: str
    known_styles: float
    """On fresh episodes in the styles it was trained on."""
    held_out_styles: float
    """On episodes of the split `test`."""


class AgainstChance(NamedTuple):
    """A classifier that must know nothing."""

    name: str
    accuracy: float
    chance: float
    deviation: float
    episodes: int

    @property
    def is_within(self) -> bool:
        return abs(self.accuracy - self.chance) <= 3 * self.deviation


class Readings(NamedTuple):
    """All that was found."""

    episodes: int
    naming: list[Naming]
    blind: list[AgainstChance]
    code_of_any_task: float
    """Share of the held-out episodes whose fault preprocessing.py reveals to a bag of words that does not know the task."""
    held_out: int
    scores: dict[str, dict[TaskId, float]]
    """Reader to task to the mean score of answers that follow it, held-out styles."""
    recalls: dict[str, float]
    """Fault to the share of its held-out episodes that the whole evidence gives away to the bag of words."""
    code_recalls: dict[str, float]
    """The same from preprocessing.py alone."""


def read(episodes: int, held_out: int, progress: Callable[[str], None]) -> Readings:
    """Draw the episodes and train every classifier.

    Args:
        episodes: public ones to learn from.
        held_out: fresh ones to test on, of each kind.
        progress: receives progress messages.
    """
    progress(f"drawing {episodes} public and {3 * held_out} fresh episodes")
    public = draw_episodes(episodes, first_seed=PUBLIC_SEED, split="train")
    fresh = draw_episodes(held_out, first_seed=FRESH_SEED, split="train")
    unseen = draw_episodes(held_out, first_seed=HELD_OUT_SEED, split="test")
    twins = draw_episodes(held_out, first_seed=TWIN_SEED, split="train", healthy=True)
    return learn(public, fresh, unseen, twins, progress)


def learn(
    public: list[Episode],
    fresh: list[Episode],
    unseen: list[Episode],
    twins: list[Episode],
    progress: Callable[[str], None],
) -> Readings:
    """Train every classifier on `public`, and test it."""
    progress("training on single artifacts and on the whole evidence")
    whole, code, config = (
        BagOfWords(artifacts).fit(public) for artifacts in (WHOLE, ("preprocessing.py",), ("config.yaml",))
    )
    hunter = OddTokens().fit(public)
    naming = [
        Naming(name, reader.accuracy(fresh), reader.accuracy(unseen))
        for name, reader in (("whole evidence", whole), ("preprocessing.py", code), ("config.yaml", config))
    ]
    naming.append(Naming("odd tokens", _hits(hunter.name(fresh), fresh), _hits(hunter.name(unseen), unseen)))
    progress("playing the agents that reason")
    heuristic, oracle = play_heuristic(unseen, "test"), play_oracle(unseen, "test")
    naming.append(Naming("heuristic agent", play_heuristic(fresh, "train").named, heuristic.named))
    naming.append(Naming("oracle", play_oracle(fresh, "train").named, oracle.named))
    progress("training where nothing can be known")
    half = len(twins) // 2
    blind = [_against_chance("text of the healthy twin", WHOLE[:-1], twins[:half], twins[half:])]
    for artifact in ARTIFACT_NAMES:
        learned, tested = _outside(public, artifact), _outside(fresh, artifact)
        if len({episode.fault_id for episode in tested}) > 1:
            blind.append(_against_chance(f"{artifact}, faults that do not reach it", (artifact,), learned, tested))
    scores = {
        "bag of words": _scores(whole.name(unseen), unseen),
        "odd tokens": _scores(hunter.name(unseen), unseen),
        "heuristic agent": heuristic.scores,
        "oracle": oracle.scores,
    }
    return Readings(
        len(public),
        naming,
        blind,
        code.accuracy_of_any(unseen),
        len(unseen),
        scores,
        _recalls(whole.name(unseen), unseen),
        _recalls(code.name(unseen), unseen),
    )


def _hits(named: Sequence[str], episodes: Sequence[Episode]) -> float:
    return fmean(fault == episode.fault_id for fault, episode in zip(named, episodes, strict=True))


def _outside(episodes: Sequence[Episode], artifact: str) -> list[Episode]:
    return [episode for episode in episodes if artifact not in CATALOGUE[episode.fault_id].causal]


def _against_chance(
    name: str, artifacts: Sequence[str], learned: Sequence[Episode], tested: Sequence[Episode]
) -> AgainstChance:
    reader = BagOfWords(artifacts).fit(learned)
    known = [episode for episode in tested if episode.fault_id in reader.faults]
    return AgainstChance(name, reader.accuracy(known), *chance(known, reader.faults), len(known))


def _scores(named: Sequence[str], episodes: Sequence[Episode]) -> dict[TaskId, float]:
    """Mean score of answers that submit a public truth of the named fault."""
    judge, found = Judge(), {task_id: list[float]() for task_id in SINGLE_FAULT_TASKS}
    for fault, episode in zip(named, episodes, strict=True):
        truth = generate(episode.task_id, 1, fault=fault).only_fault
        answer = Diagnosis(
            failure_category=truth.failure_category,
            root_cause_file=truth.root_cause_file,
            root_cause_field=truth.root_cause_field,
            patch=truth.patch,
        )
        scenario = generate(episode.task_id, episode.seed, split="test")
        found[episode.task_id].append(judge.grade(answer, scenario).score)
    return {task_id: fmean(scores) for task_id, scores in found.items()}


def _recalls(named: Sequence[str], episodes: Sequence[Episode]) -> dict[str, float]:
    hits: dict[str, list[bool]] = {}
    for fault, episode in zip(named, episodes, strict=True):
        hits.setdefault(episode.fault_id, []).append(fault == episode.fault_id)
    return {fault: fmean(found) for fault, found in sorted(hits.items())}
