"""Rules about the evaluation: what it does otherwise than training, and what it reports."""

from __future__ import annotations

from functools import partial
from typing import Iterator

from mlops_debug_env.agents.evidence import Evidence, listed
from mlops_debug_env.agents.hypothesis import Clue, Hypothesis, Rule

_hypothesis = partial(Hypothesis, category="preprocessing_bug", file="preprocessing.py")


def reports_exchanged(seen: Evidence) -> Iterator[Hypothesis]:
    logged, reported = (seen.measured("metric_gap_analysis", name) for name in ("logged_best_val", "reported_test"))
    if seen.measured("metric_gap_analysis", "reported_val") == reported:
        logged = None  # equal reports can not be told apart
    rows = [seen.measured("metric_gap_analysis", name) for name in ("val_rows_scored", "test_rows_in_split")]
    yield Hypothesis(
        category="evaluation_bug",
        file="eval_results.json",
        field="metrics.val_accuracy",
        value="validation",
        fix="Exchange the two reports again: metrics.val_accuracy must come from the validation rows.",
        clues=(
            Clue(
                seen.is_unusual("metric_gap_analysis", "reported_minus_logged_val"),
                2.0,
                "the reported validation accuracy is not the logged one",
                0.5,
            ),
            Clue(logged == reported if logged is not None else None, 2.5, "the test accuracy is the logged one", 5.0),
            Clue(rows[0] == rows[1] if None not in rows else None, 0.5, "as many rows as the other split has", 1.0),
            Clue(_swaps_reports(seen), 3.0, "the code hands the two reports over crosswise", 1.0),
        ),
    )


def _swaps_reports(seen: Evidence) -> bool | None:
    val, test = (seen.code.reported_rows(f"{name}_accuracy") for name in ("val", "test"))
    return None if val is None or test is None else test == {"val"} != val


def labels_in_another_order(seen: Evidence) -> Iterator[Hypothesis]:
    orders = seen.code.class_orders
    yield Hypothesis(
        category="label_mismatch",
        file="preprocessing.py",
        field="LabelEncoder.fit_order",
        value="training",
        fix="Encode the labels of the evaluation with the class order of training.",
        clues=(
            Clue(
                len(set(orders)) > 1 if len(orders) > 1 else None,
                3.0,
                "the evaluation numbers the classes otherwise than training",
                3.0,
            ),
            Clue(
                seen.is_unusual("label_consistency", "permutation_gain"),
                3.0,
                "another class order fits far better",
                1.0,
            ),
        ),
    )


def _tokenizers(seen: Evidence) -> tuple[str | None, str | None]:
    """Of training, and of the evaluation."""
    found = seen.code.training_tokenizers, seen.code.evaluation_tokenizers
    return (found[0][0], found[1][0]) if all(found) else (None, None)


def _version(tokenizer: str | None) -> str:
    return tokenizer.rpartition("-")[2] if tokenizer else "v2"


def tokenizer_of_evaluation(seen: Evidence) -> Iterator[Hypothesis]:
    train, test = _tokenizers(seen)
    yield Hypothesis(
        category="evaluation_bug",
        file="preprocessing.py",
        field="tokenizer.version",
        value=_version(train),
        fix=f"Evaluate with the tokenizer of training, {train}.",
        clues=(
            Clue(train != test if train and test else None, 3.0, f"{train} in training, {test} in the evaluation", 3.0),
            Clue(
                seen.is_unusual("encoder_version_match", "unknown_token_rate_test"), 3.0, "test words are unknown", 1.0
            ),
        ),
    )


def tokenizer_of_training(seen: Evidence) -> Iterator[Hypothesis]:
    train, test = _tokenizers(seen)
    yield _hypothesis(
        field="tokenizer.train_version",
        value=_version(test),
        fix=f"Train with the tokenizer of the evaluation, {test}.",
        clues=(
            Clue(train != test if train and test else None, 2.0, f"{train} in training, {test} in the evaluation", 3.0),
            Clue(
                seen.is_unusual("encoder_version_match", "unknown_token_rate_train"),
                4.0,
                "words are unknown in training",
                4.0,
            ),
        ),
    )


def scaler_of_evaluation(seen: Evidence) -> Iterator[Hypothesis]:
    is_reused = seen.code.reuses_scaler
    yield _hypothesis(
        field="StandardScaler.transform",
        value="reuse",
        fix="Transform the test rows with the scaler that was fitted on the training rows.",
        clues=(
            Clue(None if is_reused is None else not is_reused, 3.0, "test rows are scaled otherwise", 3.0),
            Clue(seen.is_unusual("feature_statistics", "largest_test_mean"), 2.0, "test means are exactly zero"),
            Clue(seen.is_unusual("feature_statistics", "largest_mean_shift"), 1.0, "test features are shifted"),
        ),
    )


def unit_of_evaluation(seen: Evidence) -> Iterator[Hypothesis]:
    units = seen.code.units
    odd = [each for each in units if each != 1.0]
    yield _hypothesis(
        field="unit_scale",
        value=1,
        fix="Evaluate in the units of training: a unit scale of 1.",
        clues=(
            Clue(bool(odd) if units else None, 4.0, f"evaluated rows are multiplied by {odd}", 4.0),
            Clue(seen.is_unusual("feature_statistics", "largest_mean_shift"), 1.0, "test features are shifted"),
        ),
    )


def columns_in_another_order(seen: Evidence) -> Iterator[Hypothesis]:
    is_kept = seen.code.keeps_column_order
    yield _hypothesis(
        field="feature_columns.order",
        value="training",
        fix="Take the numeric columns of the test rows in the order of training.",
        clues=(
            Clue(None if is_kept is None else not is_kept, 4.0, "columns are taken in another order", 4.0),
            Clue(seen.is_unusual("feature_statistics", "class_mean_distance"), 1.5, "class means have moved"),
        ),
    )


def checkpoint_of_evaluation(seen: Evidence) -> Iterator[Hypothesis]:
    checkpoint = seen.config("evaluation.checkpoint")
    if isinstance(checkpoint, str):
        yield Hypothesis(
            category="evaluation_bug",
            file="config.yaml",
            field="evaluation.checkpoint",
            value="best",
            fix="Evaluate the best checkpoint.",
            clues=(
                Clue(checkpoint not in ("best", "last"), 4.0, f"the {checkpoint} checkpoint is evaluated", 4.0),
                Clue(
                    seen.is_unusual("metric_gap_analysis", "reported_minus_logged_val"),
                    1.0,
                    "the report disagrees with the log",
                ),
            ),
        )


def mode_of_evaluation(seen: Evidence) -> Iterator[Hypothesis]:
    modes, dropout = seen.code.modes, seen.config_number("model.dropout")
    yield Hypothesis(
        category="evaluation_bug",
        file="preprocessing.py",
        field="model.eval",
        value="eval",
        fix="Call model.eval() before the evaluation, so that dropout is off.",
        clues=(
            Clue("train" in modes if modes else None, 4.5, "the model is evaluated in training mode", 4.0),
            Clue(dropout == 0.0, -6.0, "the model has no dropout"),
        ),
    )


def rows_of_evaluation(seen: Evidence) -> Iterator[Hypothesis]:
    scored = seen.code.scored_rows
    yield Hypothesis(
        category="evaluation_bug",
        file="preprocessing.py",
        field="evaluate.test_loader",
        value="test",
        fix="Evaluate on the test rows.",
        clues=(
            Clue(
                {"test"} not in scored if scored else None,
                3.5,
                f"scored are the rows of {', '.join(map(listed, scored))}",
                4.0,
            ),
            Clue(seen.is_unusual("metric_gap_analysis", "rows_scored_minus_split"), 2.0, "other rows were scored"),
        ),
    )


RULES: tuple[Rule, ...] = (
    reports_exchanged,
    labels_in_another_order,
    tokenizer_of_evaluation,
    tokenizer_of_training,
    scaler_of_evaluation,
    unit_of_evaluation,
    columns_in_another_order,
    checkpoint_of_evaluation,
    mode_of_evaluation,
    rows_of_evaluation,
)
