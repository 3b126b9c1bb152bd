"""config.yaml: run, model, optimizer, training, class weights, shares of the split, versions of the libraries."""

from __future__ import annotations

from typing import Mapping

from domain.training.multi_source.artifacts.cosmetics import draw_cosmetics
from domain.training.multi_source.artifacts.scalars import Writer
from domain.training.multi_source.artifacts.style import Style, draw_style
from domain.training.multi_source.artifacts.yaml_text import commented, framed
from domain.training.multi_source.case import State
from domain.training.pipeline import FieldValue

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "model": ("hidden_units",),
    "optimizer": ("learning_rate", "momentum", "weight_decay"),
    "training": ("batch_size", "epochs", "gradient_clip_norm", "seed"),
    "class_weights": ("power",),
    "split": ("validation_share", "test_share"),
    "environment": ("tabular", "textkit"),
}
"""The declarations of the file: section to names."""
_COMMENTS = {
    "data": "what is trained on",
    "model": "one hidden layer",
    "optimizer": "sgd with momentum",
    "training": "the loop",
    "class_weights": "weight of a class: (1 / share) to this power, before normalising",
    "split": "used where rows are split at random",
    "environment": "pinned versions",
}


def render_config(state: State, style: Style | None = None) -> str:
    """The text of config.yaml."""
    style = style or draw_style(state.seed, state.split)
    declared, layout, write = state.declared, state.layout, Writer(style, "config")
    run_id = draw_cosmetics(state).run_id
    sections: dict[str, dict[str, FieldValue]] = {
        "data": {"dataset": layout.dataset, "sources": "data_sources.yaml"},
        **{name: {one: declared[f"{name}.{one}"] for one in fields} for name, fields in SECTIONS.items()},
    }
    sections["model"] = {"architecture": "mlp", "outputs": len(layout.classes), **sections["model"]}
    lines = [write.pair("run_id", run_id, 0)]
    for name in style.ordered("config.sections", tuple(sections)):
        values = sections[name]
        shown = {write.key(one): write.scalar(values[one]) for one in style.ordered("config.keys", tuple(values))}
        if write.idiom("gaps") == "blank":
            lines.append("")
        lines += commented(_section(name, shown, write), _COMMENTS[name], write.idiom("comments"))
    return framed(lines, write.idiom("header"), f"training of {layout.dataset}")


def _section(name: str, pairs: Mapping[str, str], write: Writer) -> list[str]:
    indent, head = write.indent(1), write.head(name, 0)
    match write.idiom("shape"):
        case "flow":
            return [f"{head} {{{', '.join(f'{one}: {value}' for one, value in pairs.items())}}}"]
        case "split_flow":
            return [f"{head} {{", *(f"{indent}{one}: {value}," for one, value in pairs.items()), "}"]
        case "padded":
            width = max(map(len, pairs))
            return [head, *(f"{indent}{one}:{' ' * (width - len(one) + 1)}{value}" for one, value in pairs.items())]
        case _:
            return [head, *(f"{indent}{one}: {value}" for one, value in pairs.items())]
