"""config.yaml: the model, optimizer, training and evaluation sections of a pipeline, and back."""

from __future__ import annotations

from typing import Any

from domain.training.artifacts.cosmetics import Cosmetics
from domain.training.artifacts.numbers import to_yaml
from domain.training.pipeline import FieldValue, Pipeline

SECTIONS: dict[str, tuple[str, ...]] = {
    "model": (
        "hidden_units",
        "activation",
        "num_classes",
        "dropout",
        "bias",
        "init",
        "init_gain",
        "output_activation",
    ),
    "optimizer": ("name", "learning_rate", "momentum", "weight_decay"),
    "training": (
        "epochs",
        "batch_size",
        "shuffle",
        "gradient_clip_norm",
        "early_stopping_patience",
        "seed",
    ),
    "evaluation": ("checkpoint", "average"),
}
"""Fields of the pipeline that the file shows, in the order shown."""


def render_config(pipeline: Pipeline, cosmetics: Cosmetics) -> str:
    """The text of config.yaml."""
    lines = [f"run_id: {cosmetics.run_id}", "data:", f"  dataset: {pipeline.dataset.name}"]
    for section, names in SECTIONS.items():
        lines.append(f"{section}:")
        if section == "model":
            lines.append("  architecture: mlp")
        lines += [f"  {name}: {_scalar(pipeline.value(f'{section}.{name}'))}" for name in names]
    return "\n".join(lines) + "\n"


def config_values(document: dict[str, Any]) -> dict[str, FieldValue]:
    """Pipeline path to value, from a parsed config.yaml."""
    return {f"{section}.{name}": document[section][name] for section, names in SECTIONS.items() for name in names}


def _scalar(value: FieldValue) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return to_yaml(value)
    return str(value)
