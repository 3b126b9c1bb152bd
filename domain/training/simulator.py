"""Runs a pipeline: draws the data, splits, preprocesses, trains and evaluates.

Each step is the branch that `artifacts/code.py` shows, through the same `tabular` functions. `None` as the
evaluation's random state is a fresh draw from the raw data's entropy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from domain.training import earlier, raw_data, tabular
from domain.training.fitting import Epoch, Fit, fit
from domain.training.frame import Frame
from domain.training.network import Network
from domain.training.pipeline import Pipeline
from domain.training.randomness import Floats, Ints
from domain.training.tabular import Metrics
from domain.training.themes import BY_DATASET

ENCODING_WEIGHT = 3.0
TOKEN_WEIGHT = 0.7
FOLDS = 5
HOLDOUT_CUSTOMERS = 1000


class Splits(NamedTuple):
    """The three parts of one call of make_split."""

    train: Frame
    val: Frame
    test: Frame


@dataclass(frozen=True, slots=True)
class Fitted:
    """The transformers of fit_transforms and the rows each was fitted on."""

    scaler: tabular.StandardScaler | tabular.IdentityTransform
    encoder: tabular.TargetEncoder
    selector: tabular.SelectKBest
    imputer: tabular.SimpleImputer
    scaler_rows: Frame
    encoder_rows: Frame
    selector_rows: Frame


class Matrix(NamedTuple):
    """Design matrix (rows, columns) with its labels (rows,) as the pipeline encodes them."""

    features: Floats
    labels: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """Everything that happened in one training run; artifacts and checks are read off it."""

    pipeline: Pipeline
    raw: Frame
    splits: Splits
    """The rows of training."""
    evaluated: Splits
    """The rows that the evaluation split off; the same ones unless it draws afresh."""
    watched: Frame
    """The rows whose accuracy is logged after each epoch."""
    scored: Frame
    """The rows whose accuracy is reported as the test's."""
    fitted: Fitted
    train: Matrix
    """Before resampling, in the rows' order."""
    trained_on: Matrix
    val: Matrix
    """Watched during training."""
    evaluated_val: Matrix
    test: Matrix
    fit: Fit
    network: Network
    m_val: Metrics
    m_test: Metrics

    @property
    def reported_val(self) -> Metrics:
        """What eval_results.json gives as validation."""
        return self.m_val if self.pipeline.evaluation.val_accuracy_from == "validation" else self.m_test

    @property
    def reported_test(self) -> Metrics:
        """What eval_results.json gives as test."""
        return self.m_test if self.pipeline.evaluation.val_accuracy_from == "validation" else self.m_val

    @property
    def history(self) -> list[Epoch]:
        return self.fit.history


class HoldoutAccuracy(NamedTuple):
    """Accuracy on fresh rows of the same distribution, through the validation's features and through the test's."""

    val: float
    test: float
    rows: int


def simulate(pipeline: Pipeline, *, raw: Frame | None = None) -> TrainingRun:
    """Run the pipeline.

    Args:
        pipeline: what to run.
        raw: the rows `draw_raw` gives for this pipeline, when the caller has drawn them already.
    """
    step = Steps(pipeline)
    rows = draw_raw(pipeline) if raw is None else raw
    splits = step.make_split(rows, step.seed)
    fitted = step.fit_transforms(splits.train, rows)
    train = Matrix(step.train_features(splits.train, fitted), step.train_labels(splits.train))
    trained_on = train
    if pipeline.preprocessing.oversample == "train":
        sampler = step.over_sampler(random_state=step.seed)
        trained_on = Matrix(*sampler.fit_resample(train.features, train.labels))
    watched = splits.test if pipeline.preprocessing.val_rows == "test" else splits.val
    val = Matrix(step.val_features(watched, fitted), watched.label_codes)
    learned = fit(pipeline, *trained_on, *val)
    network = Network(pipeline.model, learned.checkpoints[pipeline.evaluation.checkpoint], step.seed)

    fresh = pipeline.preprocessing.eval_random_state == "None"
    evaluated = step.make_split(rows, None) if fresh else splits
    scored = {"test": evaluated.test, "train": evaluated.train, "val": evaluated.val}[pipeline.preprocessing.test_rows]
    network = network.train() if pipeline.preprocessing.eval_mode == "train" else network.eval()
    evaluated_val = Matrix(step.val_features(evaluated.val, fitted), evaluated.val.label_codes)
    m_val = tabular.score(network, *evaluated_val)
    test = Matrix(step.eval_features(scored, fitted), step.eval_labels(scored))
    m_test = tabular.score(network, *test)
    return TrainingRun(
        pipeline=pipeline,
        raw=rows,
        splits=splits,
        evaluated=evaluated,
        watched=watched,
        scored=scored,
        fitted=fitted,
        train=train,
        trained_on=trained_on,
        val=val,
        evaluated_val=evaluated_val,
        test=test,
        fit=learned,
        network=network,
        m_val=m_val,
        m_test=m_test,
    )


def holdout_accuracy(run: TrainingRun, rows: Frame) -> HoldoutAccuracy:
    """Score a run's network on fresh rows, see `draw_holdout`."""
    step = Steps(run.pipeline)
    val = tabular.score(run.network, step.val_features(rows, run.fitted), rows.label_codes)
    test = tabular.score(run.network, step.eval_features(rows, run.fitted), step.eval_labels(rows))
    return HoldoutAccuracy(val.accuracy, test.accuracy, len(rows))


def draw_holdout(pipeline: Pipeline) -> Frame:
    """About 3,000 fresh rows of the same distribution, so that chance matters little."""
    customers = HOLDOUT_CUSTOMERS * (1 if pipeline.dataset.rules < 5 else 3 // pipeline.dataset.rows_per_customer)
    return _draw_rows(pipeline)(pipeline.seed, pipeline.dataset, rows="holdout", customers=customers)


def draw_raw(pipeline: Pipeline) -> Frame:
    """The raw rows of a pipeline's dataset, under the rules it follows."""
    return _draw_rows(pipeline)(pipeline.seed, pipeline.dataset)


def _draw_rows(pipeline: Pipeline) -> Callable[..., Frame]:
    return raw_data.draw_rows if pipeline.dataset.rules >= 5 else earlier.draw_rows


class Steps:
    """The functions that preprocessing.py shows, for one pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self.settings = pipeline, pipeline.preprocessing
        is_earlier = pipeline.dataset.rules < 5
        self.split_rows = earlier.split_rows if is_earlier else tabular.split_rows
        self.over_sampler: type[earlier.RandomOverSampler | tabular.RandomOverSampler] = (
            earlier.RandomOverSampler if is_earlier else tabular.RandomOverSampler
        )
        self.seed = pipeline.training.seed
        theme = BY_DATASET[pipeline.dataset.name]
        self.numeric, self.tokenizer = theme.numeric, theme.tokenizer
        self.signals = raw_data.signal_names(pipeline.dataset)
        self.extra = () if self.settings.resolution_code == "drop" else (raw_data.PROXY,)

    def make_split(self, frame: Frame, seed: int | None) -> Splits:
        settings = self.settings
        if settings.oversample == "all":
            frame = self.over_sampler(random_state=self.seed).fit_resample_frame(frame)

        def part(rows: Frame, share: float) -> tabular.Split:
            groups = rows.customer_id if settings.split_groups == "customer_id" else None
            return self.split_rows(rows, test_size=share, groups=groups, random_state=seed)

        rest, test = part(frame, settings.test_size)
        train, val = part(rest if settings.second_split_from == "rest" else frame, settings.val_size)
        return Splits(train, val, test)

    def fit_transforms(self, train: Frame, everything: Frame) -> Fitted:
        settings = self.settings
        scaler_rows = train if settings.scaler_fit == "train" else everything
        encoder_rows = train if settings.encoder_fit == "train" else everything
        selector_rows = train if settings.selector_fit == "train" else everything
        if settings.fill_value in ("median", "mean"):
            imputer = tabular.SimpleImputer(strategy=settings.fill_value)
        else:
            imputer = tabular.SimpleImputer(strategy="constant", fill_value=float(settings.fill_value))
        imputer.fit(_floats(train[self.numeric]))
        scaler = tabular.StandardScaler() if settings.scaler_enabled else tabular.IdentityTransform()
        scaler.fit(imputer.transform(_floats(scaler_rows[self.numeric])))
        classes = len(self.pipeline.dataset.classes)
        levels = 1 + int(everything.segment.max())
        encoder = tabular.TargetEncoder(classes=classes, levels=levels, smooth=settings.encoder_smooth)
        encoder.fit(encoder_rows.segment, encoder_rows.label_codes)
        selector = tabular.SelectKBest(k=settings.selector_k)
        selector.fit(_floats(selector_rows[self.signals]), selector_rows.label_codes)
        return Fitted(scaler, encoder, selector, imputer, scaler_rows, encoder_rows, selector_rows)

    def _assemble(self, frame: Frame, fitted: Fitted, numeric: Floats, encoded: Floats, version: str) -> Floats:
        tokens = tabular.count_tokens(frame.text, f"{self.tokenizer}-{version}")
        signals = fitted.selector.transform(_floats(frame[self.signals]))
        extra = _floats(frame[self.extra])
        return tabular.hstack([numeric, ENCODING_WEIGHT * encoded, TOKEN_WEIGHT * tokens, signals, extra])

    def train_features(self, frame: Frame, fitted: Fitted) -> Floats:
        numeric = fitted.scaler.transform(fitted.imputer.transform(_floats(frame[self.numeric])))
        if self.settings.encoder_cv == "None":
            encoded = fitted.encoder.transform(frame.segment)
        else:
            encoded = fitted.encoder.cross_fit(frame.segment, frame.label_codes, cv=FOLDS, random_state=self.seed)
        return self._assemble(frame, fitted, numeric, encoded, self.settings.tokenizer_train)

    def val_features(self, frame: Frame, fitted: Fitted) -> Floats:
        numeric = fitted.scaler.transform(fitted.imputer.transform(_floats(frame[self.numeric])))
        encoded = fitted.encoder.transform(frame.segment)
        return self._assemble(frame, fitted, numeric, encoded, self.settings.tokenizer_train)

    def eval_features(self, frame: Frame, fitted: Fitted) -> Floats:
        settings = self.settings
        columns = self.numeric if settings.eval_column_order == "training" else sorted(self.numeric)
        numeric = fitted.imputer.transform(_floats(frame[columns])) * settings.eval_unit_scale
        if settings.scaler_eval == "reuse":
            numeric = fitted.scaler.transform(numeric)
        elif settings.scaler_eval == "refit":
            numeric = tabular.StandardScaler().fit_transform(numeric)
        encoded = fitted.encoder.transform(frame.segment)
        return self._assemble(frame, fitted, numeric, encoded, settings.tokenizer_eval)

    def train_labels(self, frame: Frame) -> Ints:
        return frame.sort_index().label_codes if self.settings.labels_sorted else frame.label_codes

    def eval_labels(self, frame: Frame) -> Ints:
        classes = self.pipeline.dataset.classes
        order = {"training": list(classes), "sorted": sorted(classes), "reversed": list(reversed(classes))}
        chosen = order[self.settings.eval_class_order]
        return np.asarray([chosen.index(name) for name in classes])[frame.label_codes]


def _floats(columns: object) -> Floats:
    """The numeric columns of a frame, which its `[]` types only as some array."""
    return np.asarray(columns, dtype=np.float64)
