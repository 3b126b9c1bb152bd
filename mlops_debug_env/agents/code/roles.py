"""Facts about a pipeline's code: its splits, scaler, encoder and labels, in training and evaluation."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Iterator

from mlops_debug_env.agents.code import terms
from mlops_debug_env.agents.code.library import ScoreCall, SplitCall
from mlops_debug_env.agents.code.program import Program
from mlops_debug_env.agents.code.values import BoundMethod, Instance, Term, Value, walk


class PipelineCode:
    """What preprocessing.py does. Unknown facts are None, or missing from a list."""

    def __init__(self, text: str) -> None:
        self._program = Program(text)

    # The splits

    @property
    def training_splits(self) -> list[SplitCall]:
        """The calls of ``split_rows`` for training, first the one that holds out the test rows."""
        return self._program.training.splits

    @property
    def evaluation_splits(self) -> list[SplitCall]:
        return self._program.evaluation.splits

    @cached_property
    def evaluation_resplits(self) -> bool | None:
        """Whether the evaluation splits with another random state than training."""
        pairs = list(zip(self.training_splits, self.evaluation_splits, strict=False))
        return any(one.random_state != other.random_state for one, other in pairs) if pairs else None

    @cached_property
    def splits_the_rest(self) -> bool | None:
        """Whether the second split takes the rest of the first one, and not all rows."""
        if len(self.training_splits) < 2:
            return None
        return any(isinstance(each, Term) and each.op == "half" for each in walk(self.training_splits[1].pool))

    @cached_property
    def resamples_before_splitting(self) -> bool | None:
        """Whether rows are copied that were not split yet."""
        if not self.training_splits:
            return None
        given = self._program.training.resampled + self._program.evaluation.resampled
        return any("all" in self.rows(each) for each in given)

    def rows(self, value: Value) -> frozenset[str]:
        """Whose rows a value comes from: ``train``, ``val``, ``test``, ``rest`` (train and val), or ``all``."""
        return frozenset(self._row_names(value))

    def _row_names(self, value: Value) -> Iterator[str]:
        for leaf in terms.row_leaves(value):
            if leaf.op == "parameter":
                yield "all"
                continue
            number, half = leaf.name.split("/")
            if number == self._last_split:
                yield "train" if half == "rest" else "val"
            else:
                yield "rest" if half == "rest" else "test"

    @cached_property
    def _last_split(self) -> str:
        """The number of the split that training rows come from."""
        numbers = [each.name.split("/")[0] for each in terms.row_leaves(self._features) if each.op == "half"]
        return numbers[0] if numbers else "1"

    # Training

    @property
    def _features(self) -> Value:
        return self._program.pairs[0][0] if self._program.pairs else None

    @property
    def _labels(self) -> Value:
        return self._program.pairs[0][1] if self._program.pairs else None

    @cached_property
    def watched_rows(self) -> frozenset[str]:
        """The validation rows, evaluated after each epoch."""
        return self.rows(self._program.pairs[1][0]) if len(self._program.pairs) > 1 else frozenset()

    def instance(self, kind: str) -> Instance | None:
        """The object of this class in training."""
        found = (each for each in walk(self._program.result) if isinstance(each, Instance) and each.kind == kind)
        return next(found, None)

    def rows_of_fit(self, kind: str) -> frozenset[str] | None:
        """The rows that training's object of this class is fitted on."""
        owner = self.instance(kind)
        return None if owner is None or not owner.fitted_on else self.rows(owner.fitted_on[0]) or None

    def setting(self, kind: str, name: str) -> Any:
        """A setting of training's object of this class."""
        owner = self.instance(kind)
        return None if owner is None else owner.settings.get(name)

    @cached_property
    def is_scaled(self) -> bool | None:
        """Whether training's numeric columns go through a scaler."""
        steps = terms.numeric_steps(self._features)
        return None if not steps else terms.scaler_of(steps) is not None

    @cached_property
    def is_cross_fitted(self) -> bool | None:
        """Whether training rows are encoded without their own labels."""
        if self.instance("TargetEncoder") is None or self._features is None:
            return None
        return terms.has_method(self._features, "cross_fit")

    @cached_property
    def sorts_labels(self) -> bool | None:
        """Whether training's labels are taken in another order than its rows."""
        if self._labels is None:
            return None
        return terms.has_method(self._labels, "sort_index") and not terms.has_method(self._features, "sort_index")

    @cached_property
    def untouched_columns(self) -> list[str] | None:
        """Columns that are features as they are."""
        return None if self._features is None else terms.untouched_columns(self._features)

    # The evaluation

    @property
    def scores(self) -> list[ScoreCall]:
        return self._program.evaluation.scores

    def reported_rows(self, metric: str) -> frozenset[str] | None:
        """The rows that a metric of the returned report was measured on."""
        reported = self._program.report.get(metric)
        if not isinstance(reported, BoundMethod):
            return None
        found = [each for each in self.scores if each.result is reported.receiver]
        return self.rows(found[0].features) if found else None

    @cached_property
    def scored_rows(self) -> list[frozenset[str]]:
        return [self.rows(each.features) for each in self.scores]

    @cached_property
    def modes(self) -> list[str | None]:
        """The mode of the model at each score."""
        return [each.mode for each in self.scores]

    @cached_property
    def class_orders(self) -> list[tuple[Value, ...]]:
        """How classes are numbered: in training, then at each score."""
        given = [self._labels, *(each.labels for each in self.scores)]
        return [order for each in given for order in terms.orders(each)]

    @cached_property
    def training_tokenizers(self) -> list[str]:
        return terms.tokenizers(self._features)

    @cached_property
    def evaluation_tokenizers(self) -> list[str]:
        """Tokenizers at the scores that training does not use, else those of training."""
        used = [name for each in self.scores for name in terms.tokenizers(each.features)]
        return [name for name in used if name not in self.training_tokenizers] or used

    @cached_property
    def units(self) -> list[float]:
        """What numeric columns are multiplied by: at each score, relative to training."""
        own = terms.factor(terms.numeric_steps(self._features))
        found = [terms.factor(terms.numeric_steps(each.features)) for each in self.scores]
        return [each / own for each in found if own and each is not None]

    @cached_property
    def keeps_column_order(self) -> bool | None:
        """Whether every score takes the numeric columns in training's order."""
        own = terms.numeric_columns(self._features)
        found = [terms.numeric_columns(each.features) for each in self.scores]
        known = [each for each in found if each is not None]
        return all(each == own for each in known) if own is not None and known else None

    @cached_property
    def reuses_scaler(self) -> bool | None:
        """Whether every score transforms with the object that training fitted."""
        own = terms.scaler_of(terms.numeric_steps(self._features))
        steps = [terms.numeric_steps(each.features) for each in self.scores]
        if own is None or not any(steps):
            return None
        return all(terms.scaler_of(each) is own for each in steps if each)
