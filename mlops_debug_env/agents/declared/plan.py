"""What to look at next. Declarations first, then checks, then the blocks of the columns that these find odd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Mapping

from mlops_debug_env.agents.declared.blocks import UNTIL, Block, clues_of_blocks
from mlops_debug_env.agents.declared.checks import PREVIOUS, RESULTS, STATISTICS, Checks
from mlops_debug_env.agents.declared.columns import last_month, odd_cells, odd_columns, odd_sources
from mlops_debug_env.agents.declared.guesses import guess
from mlops_debug_env.agents.declared.history import CHANGES
from mlops_debug_env.agents.declared.log import LOG, parse_log
from mlops_debug_env.agents.declared.looks import CONFIG, TRAINING, looks_of
from mlops_debug_env.agents.declared.looks_of_sources import (
    OF_COLUMNS,
    REPEATS,
    WORDS,
    changed_cells,
    of_cell,
    of_changed_cell,
    of_column,
    of_seen,
)
from mlops_debug_env.agents.declared.measured import clues_of_checks, explained, remembered
from mlops_debug_env.agents.declared.reading import Declared, parse_report, read_declarations
from mlops_debug_env.agents.declared.suspicion import Suspicion, strongest
from mlops_debug_env.agents.declared.trials import STRONG, WEAK, experiment_on, settled, trial_of
from mlops_debug_env.agents.declared.weights import LOUD, LOUD_AMONG_SEVERAL, is_small
from mlops_debug_env.protocol.actions import Action, QueryArtifact, ReadArtifact, RunSanityCheck
from mlops_debug_env.protocol.observations import ActionResult, ExperimentMetrics
from mlops_debug_env.protocol.types import ArtifactName, SanityCheckName

SLICES: ArtifactName = "data_slices.json"
DECLARATIONS: tuple[ArtifactName, ...] = ("data_sources.yaml", "preprocessing.py")
REPORTS: tuple[ArtifactName, ...] = (STATISTICS, RESULTS, PREVIOUS)
CHECK: SanityCheckName = "feature_statistics"
"""Its totals say which columns are odd."""
SURE = 1.5
"""Strength of a suspicion beyond which nothing else is looked for where exactly one thing is wrong."""
UNSURE = 0.85
"""Strength up to which a suspicion is hardly ever right."""
ODD_CELL = 25.0
"""Weight of a column of a source of which a single month is not as declared."""
VERY_ODD = 3.0
"""How odd a source of a column is that is looked at before another is blamed."""
SEEN = 0.2
"""Factor of the weight of a column of a source of which a single month is as declared."""


class Notebook:
    """What one agent was shown of one run, and what follows from it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._blocks: dict[str, Block] = {}
        self._measured: dict[str, Mapping[str, Any]] = {}
        self._asked: set[str] = set()
        self._trained: dict[tuple[str, object] | None, ExperimentMetrics] = {}
        self._declared: Declared | None = None
        self._known: tuple[Declared, list[Suspicion]] | None = None

    def take(self, result: ActionResult) -> None:
        """Write down what an action showed."""
        self._known = None
        if result.sanity_check is not None:
            self._measured[result.sanity_check.check] = result.sanity_check.measured
        elif result.experiment is not None:
            entry = next(iter(result.experiment.patch), None)
            self._trained[None if entry is None else (entry.field, entry.value)] = result.experiment.metrics
        elif result.status == "ok" and result.field is not None and isinstance(result.value, dict):
            self._blocks[result.field] = result.value
        elif result.status == "ok" and result.artifact is not None and result.filter is None:
            self._texts[result.artifact] = result.content or ""
            self._declared = None
            if result.artifact in REPORTS:
                self._measured[result.artifact] = parse_report(result.content)
            elif result.artifact == LOG:
                self._measured[LOG] = parse_log(self._texts[LOG])

    def suspicions(self) -> list[Suspicion]:
        """All that the measurements contradict, the strongest first."""
        return self._reading()[1]

    def best(self) -> Suspicion | None:
        """Where exactly one thing is wrong: the strongest suspicion, or what steps were missing to look at."""
        declared, found = self._reading()
        if found and found[0].strength > UNSURE:
            return found[0]
        looks = sorted(
            (look for look in self._looks(declared, is_one=True) if look[1] not in self._asked), reverse=True
        )
        guesses = (guess(declared, block) for _, block in looks)
        return next((each for each in guesses if each is not None), found[0] if found else None)

    def next_action(self, *, steps_left: int, experiments_left: int, is_one: bool) -> Action | None:
        """What to do next, once each; None: enough was seen, or the last step is needed for the diagnosis.

        Args:
            steps_left: with that of the diagnosis.
            experiments_left: how many may still be run.
            is_one: exactly one thing is wrong, so that what is found ends the search.
        """
        if steps_left <= 1:
            return None
        for name, action in self._plan(experiments_left, is_one=is_one):
            if name not in self._asked:
                self._asked.add(name)
                return action
        return None

    def _trials(self, experiments_left: int) -> Iterator[tuple[str, Action]]:
        """Trainings that settle what the measurements leave open: one without a patch first, which shows the noise."""
        for suspicion in self._reading()[1]:
            if trial_of(suspicion) is None or not WEAK < suspicion.strength < STRONG:
                continue
            if experiments_left >= 1 + (None not in self._trained):
                yield "training", experiment_on(None)
                yield f"training with {suspicion.path}", experiment_on(suspicion)

    def _plan(self, experiments_left: int, *, is_one: bool) -> Iterator[tuple[str, Action]]:
        for artifact in DECLARATIONS:
            yield artifact, ReadArtifact(artifact_name=artifact)
        declared, found = self._reading()
        yield RESULTS, ReadArtifact(artifact_name=RESULTS)
        yield CHECK, RunSanityCheck(sanity_check_type=CHECK)
        sure = [each for each in found if each.strength > SURE]
        for block in (block for each in sure for block in self._rivals(declared, each)):
            yield _block(block)
        if is_one and sure:
            return
        yield CHANGES, ReadArtifact(artifact_name=CHANGES)
        for record in (PREVIOUS, LOG):
            yield record, ReadArtifact(artifact_name=record)
        if block := self._of_late_labels(declared, found):
            yield _block(block)
        yield from self._trials(experiments_left)
        looks = [look for look in self._looks(declared, is_one=is_one) if look[1] not in self._asked]
        _, block = max(looks, default=(0.0, ""))
        if block:
            yield _block(block)

    def _of_late_labels(self, declared: Declared, found: list[Suspicion]) -> str:
        """The class shares by month, where labels that came too early would explain those of a source as well; empty: known."""
        is_suspected = any(each.path == f"sources.{each.source}.used_until" and each.strength > WEAK for each in found)
        return "all.classes" * (is_suspected and declared.number("labels.maturity_months", 0) < 2)

    def _rivals(self, declared: Declared, best: Suspicion) -> list[str]:
        """Blocks that were not looked at and may show another reason for the same measurement.

        A source that is read with a wrong tokenizer moves away from all others, and they from it. Labels that came too early
        move class means, too; and where rows are in wrong months, a unit seems to change.
        """
        blocks: list[str] = []
        if best.path.endswith(".tokenizer"):
            large = (source for source in declared.sources if not is_small(declared, self._checks(), source))
            blocks = [f"{source}.texts" for source in large]
        if best.path == "split.by" and declared.number("labels.maturity_months", 0) < 2:
            blocks = ["all.classes"]
        if best.path.endswith(".unit") and UNTIL in str(best.value):
            blocks = [f"{best.source}.timestamps"]
        if best.path.endswith(".unit"):
            column = best.path.split(".")[3]
            overview = self._blocks.get(f"all.{column}")
            odd = odd_sources(declared, column, overview) if overview is not None else {}
            # What is usual for a column is not known well where two sources differ from the others.
            blocks += [f"{source}.{column}" for source, oddness in odd.items() if oddness > VERY_ODD]
        return [block for block in blocks if block not in self._asked]

    def _looks(self, declared: Declared, *, is_one: bool) -> Iterator[tuple[float, str]]:
        """Every block that tells more, with how much it promises."""
        checks = self._checks()
        yield from looks_of(declared, checks, loud=LOUD if is_one else LOUD_AMONG_SEVERAL)
        for source, column in sorted(odd_cells(declared, self._blocks)):
            yield ODD_CELL, f"{source}.{column}"
            yield ODD_CELL, f"all.{column}"
        oddness_of = odd_columns(declared, checks)
        seen = [source for source in declared.sources if f"{source}.{last_month(declared)}" in self._blocks]
        not_seen = 1.0 - of_seen(declared, checks, seen)
        for name in OF_COLUMNS:
            for path in changed_cells(declared, name):
                _, source, _, column, _ = path.split(".")
                weight = of_changed_cell(name, oddness_of.get(column, 0.0))
                weight *= SEEN if source in seen and name != "unit" else 1.0
                is_compared = name != "unit" or f"all.{column}" in self._blocks
                yield weight, f"{source}.{column}" if is_compared else f"all.{column}"
        for column, oddness in oddness_of.items():
            overview = self._blocks.get(f"all.{column}")
            if overview is None:
                yield not_seen * of_column(oddness), f"all.{column}"
                continue
            for source, of_source in odd_sources(declared, column, overview).items():
                yield (SEEN if source in seen else 1.0) * of_cell(of_source), f"{source}.{column}"

    def _checks(self) -> Checks:
        return Checks({**self._measured, **self._blocks})

    def _reading(self) -> tuple[Declared, list[Suspicion]]:
        if self._known is None:
            declared = self._declared = self._declared or read_declarations(self._texts)
            found = [*clues_of_checks(declared, self._checks()), *clues_of_blocks(declared, self._blocks)]
            self._known = declared, strongest(remembered(declared, explained(self._after_trials(strongest(found)))))
        return self._known

    def _after_trials(self, found: list[Suspicion]) -> list[Suspicion]:
        return [self._after_trial(suspicion) for suspicion in found]

    def _after_trial(self, suspicion: Suspicion) -> Suspicion:
        trial = trial_of(suspicion)
        plain, repaired = self._trained.get(None), self._trained.get((suspicion.path, suspicion.value))
        if trial is None or plain is None or repaired is None:
            return suspicion
        return settled(suspicion, trial, plain, repaired)


def _block(path: str) -> tuple[str, Action]:
    if path in (CONFIG, TRAINING, STATISTICS):
        return path, ReadArtifact(artifact_name=path)
    for check in (WORDS, REPEATS):
        if path == check:
            return path, RunSanityCheck(sanity_check_type=check)
    return path, QueryArtifact(artifact_name=SLICES, field_path=path)
