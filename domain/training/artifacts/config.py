"""config.yaml: the model, optimizer, training and evaluation sections of a pipeline."""

from __future__ import annotations

from domain.training.artifacts.cosmetics import Cosmetics
from domain.training.artifacts.numbers import to_yaml
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.style import Style

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


_WORDS = (
    ("true", "false", "null"),
    ("True", "False", "null"),
    ("yes", "no", "~"),
    ("on", "off", "Null"),
    ("TRUE", "FALSE", "~"),
)
"""How each style spells the two booleans and null; YAML 1.1 reads all of them."""
_QUOTES = ("", '"', "'", "", '"')
_ORDERS = (
    ("model", "optimizer", "training", "evaluation"),
    ("model", "optimizer", "training", "evaluation"),
    ("training", "optimizer", "model", "evaluation"),
    ("optimizer", "evaluation", "training", "model"),
    ("evaluation", "model", "training", "optimizer"),
)


def render_config(pipeline: Pipeline, cosmetics: Cosmetics) -> str:
    """The text of config.yaml."""
    style = pipeline.style
    layout = style.of("config_layout")
    lines = [f"run_id: {cosmetics.run_id}"]
    sections = {"data": {"dataset": pipeline.dataset.name}}
    for section in _ORDERS[layout]:
        values = {name: _scalar(pipeline.value(f"{section}.{name}"), style) for name in SECTIONS[section]}
        sections[section] = {"architecture": "mlp", **values} if section == "model" else values
    for section, values in sections.items():
        lines += _section(section, values, layout)
    return "\n".join(lines) + "\n"


def _section(name: str, values: dict[str, str], layout: int) -> list[str]:
    if layout == 3:
        inner = [f"  {key}: {value}," for key, value in values.items()]
        return [f"{name}: {{", *inner, "}"]
    indent = "    " if layout in (1, 4) else "  "
    ordered = reversed(values.items()) if layout == 4 else values.items()
    return [f"{name}:", *(f"{indent}{key}: {value}" for key, value in ordered)]


def _scalar(value: FieldValue, style: Style) -> str:
    true, false, null = _WORDS[style.of("config_words")]
    spelling = style.of("config_numbers")
    if value is None:
        return null
    if isinstance(value, bool):
        return true if value else false
    if isinstance(value, float):
        return f"{value:.3e}" if spelling in (3, 4) else to_yaml(value)
    return f"{_QUOTES[spelling]}{value}{_QUOTES[spelling]}" if isinstance(value, str) else str(value)
