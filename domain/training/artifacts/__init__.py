"""Renders the six artifacts of a training run. No renderer knows which fault was planted, or whether one was."""

from __future__ import annotations

from domain.training.artifacts.code import render_code
from domain.training.artifacts.config import render_config
from domain.training.artifacts.cosmetics import Cosmetics, draw_cosmetics
from domain.training.artifacts.reports import render_card, render_evaluation, render_log, render_stats
from domain.training.simulator import TrainingRun

__all__ = ["Cosmetics", "draw_cosmetics", "render_artifacts", "render_code", "render_config", "render_log"]


def render_artifacts(run: TrainingRun) -> dict[str, str]:
    """Artifact name to text, in the order they are listed to agents."""
    cosmetics = draw_cosmetics(run.pipeline.seed)
    return {
        "config.yaml": render_config(run.pipeline, cosmetics),
        "train.log": render_log(run, cosmetics),
        "dataset_stats.json": render_stats(run),
        "preprocessing.py": render_code(run.pipeline),
        "eval_results.json": render_evaluation(run, cosmetics),
        "model_card.json": render_card(run.pipeline, cosmetics),
    }
