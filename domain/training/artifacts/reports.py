"""train.log, dataset_stats.json, eval_results.json and model_card.json: what was measured, and what the team declared."""

from __future__ import annotations

import numpy as np

from domain.training import tabular
from domain.training.artifacts.cosmetics import Cosmetics
from domain.training.artifacts.json_text import indented
from domain.training.artifacts.numbers import to_json, to_text
from domain.training.frame import Frame, present_moments
from domain.training.pipeline import Pipeline
from domain.training.randomness import distinct
from domain.training.simulator import TrainingRun
from domain.training.tabular import Metrics
from domain.training.themes import BY_DATASET


def render_log(run: TrainingRun, cosmetics: Cosmetics) -> str:
    """The text of train.log: what the training loop saw."""
    pipeline, fit = run.pipeline, run.fit
    optimizer = pipeline.optimizer
    lines = [
        f"[INFO] {cosmetics.run_id} started {cosmetics.started} dataset={pipeline.dataset.name}",
        f"[INFO] n_train={len(run.splits.train)} n_val={len(run.watched)} n_resampled={len(run.trained_on.labels)}"
        f" n_features={run.trained_on.features.shape[1]}",
        f"[INFO] optimizer={optimizer.name} learning_rate={to_text(optimizer.learning_rate)}"
        f" batch_size={pipeline.training.batch_size} steps_per_epoch={fit.steps_per_epoch}",
    ]
    for epoch in run.history:
        lines.append(
            f"[EPOCH {epoch.number:02d}] train_loss={to_text(epoch.train_loss)} train_acc={to_text(epoch.train_accuracy)}"
            f" val_loss={to_text(epoch.val_loss)} val_acc={to_text(epoch.val_accuracy)}"
            f" grad_norm={to_text(epoch.gradient_norm)} grad_norm_max={to_text(epoch.gradient_norm_max)}"
        )
    if fit.non_finite_step is not None:
        lines.append(f"[ERROR] loss is not finite at step {fit.non_finite_step}, training stopped")
    elif len(run.history) < pipeline.training.epochs:
        lines.append(f"[INFO] early stopping after epoch {len(run.history)}")
    lines.append(f"[INFO] best validation accuracy at epoch {fit.best_epoch}")
    return "\n".join(lines) + "\n"


def render_stats(run: TrainingRun) -> str:
    """The text of dataset_stats.json: the raw data and the rows of each split."""
    pipeline, splits = run.pipeline, run.splits
    classes = pipeline.dataset.classes
    numeric = BY_DATASET[pipeline.dataset.name].numeric
    columns = np.asarray(splits.train[numeric], dtype=np.float64)
    missing = np.isnan(columns).mean(axis=0)
    means, sds = present_moments(columns)
    pooled = np.concatenate([splits.train.index, splits.val.index, splits.test.index])
    return indented(
        {
            "dataset": pipeline.dataset.name,
            "n_rows": len(distinct(pooled)),
            "n_customers": len(distinct(run.raw.customer_id)),
            "n_segments": len(distinct(run.raw.segment)),
            **({"arrival_order": pipeline.dataset.arrival_order} if pipeline.dataset.rules >= 5 else {}),
            "classes": list(classes),
            "splits": {
                name: {"n_rows": len(frame), "class_counts": _class_counts(frame)}
                for name, frame in (("train", splits.train), ("val", splits.val), ("test", splits.test))
            },
            "train_numeric": {
                name: {
                    "mean": to_json(float(means[place])),
                    "std": to_json(float(sds[place])),
                    "missing_rate": to_json(float(missing[place])),
                }
                for place, name in enumerate(numeric)
            },
            "n_signals": pipeline.dataset.signals,
            "tokens_per_text": pipeline.dataset.tokens_per_text,
        }
    )


def _class_counts(frame: Frame) -> dict[str, int]:
    counts = np.bincount(frame.label_codes, minlength=len(frame.classes))
    return {name: int(count) for name, count in zip(frame.classes, counts, strict=True)}


def render_evaluation(run: TrainingRun, cosmetics: Cosmetics) -> str:
    """The text of eval_results.json: what run_evaluation returned, with the run it belongs to."""
    val, test = run.reported_val, run.reported_test
    average = run.pipeline.evaluation.average
    classes = run.pipeline.dataset.classes
    return indented(
        {
            "run_id": cosmetics.run_id,
            "epochs_run": len(run.history),
            "checkpoint": run.pipeline.evaluation.checkpoint,
            "metrics": {
                "val_loss": to_json(val.loss),
                "val_accuracy": to_json(val.accuracy),
                "test_loss": to_json(test.loss),
                "test_accuracy": to_json(test.accuracy),
                "test_f1": to_json(tabular.f1_score(test.confusion, average=average)),
            },
            "rows_scored": {"val": val.rows, "test": test.rows},
            "test_confusion": _confusion(test, classes),
        }
    )


def _confusion(metrics: Metrics, classes: tuple[str, ...]) -> dict[str, list[int]]:
    """One row a class, also for a class that has no output and no row."""
    size, known = len(classes), metrics.confusion[: len(classes), : len(classes)]
    padded = np.zeros((size, size), dtype=np.int64)
    padded[: len(known), : len(known)] = known
    return {name: padded[code].tolist() for code, name in enumerate(classes)}


def render_card(pipeline: Pipeline, cosmetics: Cosmetics) -> str:
    """The text of model_card.json: what the team declared before the run."""
    return indented(
        {
            "model_id": cosmetics.run_id.replace("run-", "model-"),
            "task": f"classify {pipeline.dataset.name}",
            "classes": list(pipeline.dataset.classes),
            "architecture": "mlp",
            "framework": "numpy",
            "tokenizer": f"{BY_DATASET[pipeline.dataset.name].tokenizer}-{pipeline.preprocessing.tokenizer_train}",
            "owner": cosmetics.owner,
            "created": cosmetics.started,
            "license": "MIT",
            "intended_use": "Routing of incoming cases. Not for decisions about people.",
            "evaluation": "Accuracy on held-out customers; every customer is in one split only.",
        }
    )
