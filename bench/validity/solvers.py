"""Programs that do not reason, trained on public episodes of the split train and judged on episodes of another split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bench.validity.answers import Answers, Source
from bench.validity.classifiers import Classifier, Forest, Mean, Words
from bench.validity.episodes import Episode
from bench.validity.features import Numbers, declared_values
from bench.validity.judge import score_of
from bench.validity.lint import LINTS
from domain.diagnosis import Diagnosis
from domain.training.randomness import Floats, Stream
from domain.types import COMPOSED_TASK, TaskId

FLOOR = "best constant"
MEASURED: frozenset[TaskId] = frozenset({"hard", "expert"})
"""Tasks on which a program that does not reason is bounded."""
_RESAMPLES = 2000

Answer = Callable[[Episode], list[Diagnosis]]


class Solver(NamedTuple):
    """A kind of program."""

    name: str
    group: str
    """The row of bounds that it belongs to; empty: it is reported only."""
    learn: Callable[[Sequence[Episode]], Callable[[Sequence[Episode]], list[list[Diagnosis]]]]
    """Episodes to a function of others, which gives their answers."""
    tasks: frozenset[TaskId] = frozenset({"easy", "medium", "hard", "expert"})


BOUNDS = {"static reader": 0.10, "checks only": 0.15, "everything": 0.25}
"""Group to how far above the floor of hard and expert it may score."""


class Scores(NamedTuple):
    """The scores of one program on the episodes of one task."""

    solver: str
    group: str
    task_id: TaskId
    scores: Floats
    """By episode."""

    @property
    def mean(self) -> float:
        return float(self.scores.mean())

    def interval(self) -> tuple[float, float]:
        """95 % of the means of resampled episodes."""
        draw = Stream(len(self.scores), "bootstrap")
        size = len(self.scores)
        places = np.floor(draw.uniform(_RESAMPLES * size).reshape(_RESAMPLES, size) * size).astype(np.int64)
        low, high = np.quantile(self.scores[places].mean(axis=1), (0.025, 0.975))
        return float(low), float(high)


def declared(episode: Episode) -> dict[str, float]:
    """Counts of the declared values and of the changes in the diff."""
    return declared_values(episode.declarations, episode.names)


def checked(episode: Episode) -> dict[str, float]:
    """The numbers of the checks."""
    return episode.checks.values()


def all_numbers(episode: Episode) -> dict[str, float]:
    """Every number of declarations, checks and reports."""
    return declared(episode) | episode.checks.values() | episode.reports.values()


def both(episode: Episode) -> Numbers:
    """The numbers of checks and reports, for each source and column."""
    one, other = episode.checks, episode.reports
    return Numbers(
        {**one.scalars, **other.scalars},
        {**one.by_source, **other.by_source},
        {**one.by_column, **other.by_column},
        {**one.by_pair, **other.by_pair},
    )


def _static_words(episode: Episode) -> frozenset[str]:
    return episode.static_words


def _all_words(episode: Episode) -> frozenset[str]:
    return episode.static_words | episode.all_words


def _classified(new: Callable[[], Classifier], numbers: Source | None = None):  # type: ignore[no-untyped-def]
    def learn(episodes: Sequence[Episode]) -> Callable[[Sequence[Episode]], list[list[Diagnosis]]]:
        answers = Answers(episodes, numbers)
        classifier = new()
        classifier.fit(episodes, answers.faults)
        return lambda judged: [
            answers.best(belief, episode) for belief, episode in zip(classifier.believe(judged), judged, strict=True)
        ]

    return learn


def _constant(episodes: Sequence[Episode]) -> Callable[[Sequence[Episode]], list[list[Diagnosis]]]:
    answers = Answers(episodes, is_blind=True)
    return lambda judged: [answers.best(answers.prior, episode) for episode in judged]


def _nothing(episodes: Sequence[Episode]) -> Callable[[Sequence[Episode]], list[list[Diagnosis]]]:
    return lambda judged: [[] for _ in judged]


def _lint(answer: Answer) -> Callable[..., Callable[[Sequence[Episode]], list[list[Diagnosis]]]]:
    return lambda episodes: lambda judged: [answer(episode) for episode in judged]


SOLVERS: tuple[Solver, ...] = (
    Solver(FLOOR, "floor", _constant),
    Solver("always nothing", "floor", _nothing, frozenset({COMPOSED_TASK})),
    *(Solver(f"lint: {name}", "static reader", _lint(answer), MEASURED) for name, answer in LINTS.items()),
    Solver("static reader: declarations", "static reader", _classified(lambda: Forest(declared)), MEASURED),
    Solver("static reader: words", "static reader", _classified(lambda: Words(_static_words))),
    Solver(
        "static reader: both",
        "static reader",
        _classified(lambda: Mean(Forest(declared), Words(_static_words))),
        MEASURED,
    ),
    Solver("checks only", "checks only", _classified(lambda: Forest(checked), lambda episode: episode.checks)),
    Solver("everything: numbers", "everything", _classified(lambda: Forest(all_numbers), both)),
    Solver(
        "everything: numbers and words",
        "everything",
        _classified(lambda: Mean(Forest(all_numbers), Words(_all_words)), both),
    ),
)


def solve(learned: Sequence[Episode], judged: Sequence[Episode], *, progress: Callable[[str], None]) -> list[Scores]:
    """Train every program on some episodes of a task and judge it on others."""
    task_id, found = judged[0].task_id, []
    for solver in SOLVERS:
        if task_id in solver.tasks:
            progress(f"{task_id}: {solver.name}")
            answers = solver.learn(learned)(judged)
            scores = [score_of(answer, one.truth, task_id) for answer, one in zip(answers, judged, strict=True)]
            found.append(Scores(solver.name, solver.group, task_id, np.array(scores)))
    return found


def floor_of(found: Sequence[Scores]) -> float:
    """The best of the constant answers."""
    return max(one.mean for one in found if one.group == "floor")


def bound_of(one: Scores, floor: float) -> float | None:
    """The highest mean score that a program may have; None: it is reported only."""
    is_bounded = one.task_id in MEASURED and one.group in BOUNDS
    return floor + BOUNDS[one.group] if is_bounded else None
