"""train.py: the loop, loss, order of batches, weights of classes, gradient clipping; in the idioms of a style."""

from __future__ import annotations

from domain.training.multi_source.artifacts.calls import Call, Parts, call, lines_of
from domain.training.multi_source.artifacts.program import assemble
from domain.training.multi_source.artifacts.style import Style, draw_style
from domain.training.multi_source.artifacts.wording import comment, title
from domain.training.multi_source.case import State

_SECTIONS = ("model", "optimizer", "training", "class_weights")
_TARGETS = {
    "dense_network": "<network>",
    "sgd": "<optimizer>",
    "class_weights": "<balance>",
    "loss": "<criterion>",
    "loader": "<batches>",
}
_COMMENTS = {
    "dense_network": "one hidden layer",
    "sgd": "constant learning rate, no schedule",
    "class_weights": "order: how the file with the counts lists the classes; model is the order of the outputs",
    "loss": "divide_by: rows of a batch, or its capacity with padding",
    "loader": "shuffle: draws the order of the rows anew each epoch; otherwise as they arrive",
}


_LOGGED = (
    "What tabular logs beside what log() is given:",
    "- rows of every source and set; the last batch of an epoch is left out where it is not full",
    "- the mean loss of each third of the batches of an epoch, and after it of all batches; with weights of classes",
    "- train_acc and norms of the gradients, before clipping: over the batches of an epoch, as the network was at each",
    "- val_loss: without weights of classes; score() adds the accuracy of each source",
)
"""So that every number of train.log follows from the code."""


def render_train(state: State, style: Style | None = None) -> str:
    """The text of train.py."""
    style = style or draw_style(state.seed, state.split)
    parts = Parts()
    calls = _calls(state, style, parts)
    first = title(state.layout.dataset, ("training", "Train the network"), style["train.title"])
    head = [f"# {first}"] if style["train.title"] == "comment" else [f'"""{first}"""']
    head += [f"# {line}" for line in _LOGGED]
    classes = ", ".join(f'"{name}"' for name in state.layout.classes)
    parts.constants.append([f"CLASSES = [{classes}]  # in the order of the outputs"])
    body, start = _STRUCTURES[style["train.structure"]](calls, style, parts)
    entry = _entry(start, style, parts)
    return assemble(
        head, ["from preprocessing import <evaluate>, <prepare>"], parts, body, style, idiom="train", foot=entry
    )


def _entry(start: str, style: Style, parts: Parts) -> list[str]:
    match style["train.entry"]:
        case "called":
            return [start]
        case "exit":
            parts.imports.add("import sys")
            return ['if __name__ == "__main__":', f"    sys.exit({start})"]
        case "run":
            return ['if __name__ != "__main__":', '    raise ImportError("run this file")', start]
    return ['if __name__ == "__main__":', f"    {start}"]


def _setting(section: str, name: str, style: Style) -> str:
    match style["train.config"]:
        case "sections":
            return f'{section}_settings["{name}"]'
        case "getter":
            return f'setting("{section}.{name}")'
    return f'<config>["{section}"]["{name}"]'


def _config_lines(style: Style, indent: int) -> list[str]:
    """Reads config.yaml and what makes its settings short."""
    pad = " " * indent
    lines = [f'{pad}<config> = <tabular.read_config>("config.yaml")']
    match style["train.config"]:
        case "sections":
            lines += [f'{pad}{section}_settings = <config>["{section}"]' for section in _SECTIONS]
        case "getter":
            lines += [
                "",
                f"{pad}def setting(path):",
                f'{pad}    section, name = path.split(".")',
                f"{pad}    return <config>[section][name]",
                "",
            ]
    return lines


def _calls(state: State, style: Style, parts: Parts) -> dict[str, Call]:
    declared = state.declared
    seed = f"seed={_setting('training', 'seed', style)}"
    names = ("learning_rate", "momentum", "weight_decay")
    if style["train.config"] == "unpacked":
        rates = ['**<config>["optimizer"]']
    else:
        rates = style.ordered("keywords.sgd", [f"{name}={_setting('optimizer', name, style)}" for name in names])
    network = ('inputs=<inputs>["train"].shape[1]', f"hidden_units={_setting('model', 'hidden_units', style)}")
    return {
        "dense_network": Call(
            "<tabular.dense_network>", style.ordered("keywords.network", (*network, "outputs=len(CLASSES)", seed))
        ),
        "sgd": Call("<tabular.sgd>", rates),
        "class_weights": call(
            "class_weights",
            {"order": declared["class_weights.order"]},
            style,
            parts,
            given=(f"power={_setting('class_weights', 'power', style)}",),
        ),
        "loss": call("loss", {"divide_by": declared["loss.divide_by"]}, style, parts),
        "loader": call(
            "loader",
            {"shuffle": declared["loader.shuffle"]},
            style,
            parts,
            given=(f"batch_size={_setting('training', 'batch_size', style)}", seed),
        ),
    }


_POSITIONAL = {
    "class_weights": ('"class_counts.csv"', "CLASSES"),
    "loader": ('<parts>["train"]', '<inputs>["train"]'),
}


def _setup(calls: dict[str, Call], style: Style, indent: int) -> list[str]:
    lines = []
    pad = " " * indent
    for number, name in enumerate(style.ordered("train.setup", tuple(_TARGETS)), 1):
        made = lines_of(f"{_TARGETS[name]} = ", calls[name], style, "train.calls", indent, _POSITIONAL.get(name, ()))
        lines += comment(made, _COMMENTS[name], style["train.comments"], number)
    return [*lines, f"{pad}<limit> = {_setting('training', 'gradient_clip_norm', style)}"]


def _step_lines(indent: int, of: str = "") -> list[str]:
    """One pass over the batches; ``of``: what the names belong to."""
    pad = " " * indent
    return [
        f"{pad}for <batch>, <labels>, <weights> in {of}<batches>:",
        f"{pad}    <logits> = {of}<network>.forward(<batch>)",
        f"{pad}    <value> = {of}<criterion>(<logits>, <labels>, <weights> * {of}<balance>[<labels>])",
        f"{pad}    <gradients> = {of}<network>.backward(<value>)",
        f"{pad}    if {of}<limit> is not None:",
        f"{pad}        <gradients> = <tabular.clip>(<gradients>, norm={of}<limit>)",
        f"{pad}    {of}<optimizer>.step({of}<network>, <gradients>)",
    ]


def _judge_lines(indent: int, of: str = "", data: str = "") -> list[str]:
    pad = " " * indent
    return [
        f'{pad}<accuracy> = {of}<network>.accuracy({data}<inputs>["validation"], {data}<parts>["validation"])',
        f"{pad}<tabular.log>(epoch=<epoch>, val_acc=<accuracy>)",
    ]


def _keep_lines(style: Style, indent: int) -> tuple[list[str], list[str], str]:
    """How the network of the best epoch is kept: before the loop, in it, and the expression of it after the loop."""
    pad = " " * indent
    inner = pad + "    "
    match style["train.best"]:
        case "tuple":
            return (
                [f"{pad}<best>, <kept> = -1.0, None"],
                [f"{inner}if <accuracy> > <best>:", f"{inner}    <best>, <kept> = <accuracy>, <network>.copy()"],
                "<kept>",
            )
        case "history":
            return (
                [f"{pad}history = []"],
                [f"{inner}history.append((<accuracy>, -<epoch>, <network>.copy()))"],
                "max(history, key=lambda entry: entry[:2])[2]",
            )
        case "stack":
            return (
                [f"{pad}<kept> = []"],
                [
                    f"{inner}if not <kept> or <accuracy> > <kept>[-1][0]:",
                    f"{inner}    <kept>.append((<accuracy>, <network>.copy()))",
                ],
                "<kept>[-1][1]",
            )
    return (
        [f"{pad}<best> = -1.0", f"{pad}<kept> = None"],
        [
            f"{inner}if <accuracy> > <best>:",
            f"{inner}    <best> = <accuracy>",
            f"{inner}    <kept> = <network>.copy()",
        ],
        "<kept>",
    )


def _epochs(body: list[str], style: Style, parts: Parts, indent: int) -> list[str]:
    """Repeats a body, which stands one level deeper, for every epoch."""
    pad = " " * indent
    count = _setting("training", "epochs", style)
    match style["train.loop"]:
        case "count":
            parts.imports.add("from itertools import count")
            return [f"{pad}for <epoch> in count(1):", *body, f"{pad}    if <epoch> == {count}:", f"{pad}        break"]
        case "while":
            return [f"{pad}<epoch> = 0", f"{pad}while <epoch> < {count}:", f"{pad}    <epoch> += 1", *body]
        case "reduced":
            return [f"{pad}for <epoch>, _ in enumerate([None] * {count}, start=1):", *body]
    return [f"{pad}for <epoch> in range(1, {count} + 1):", *body]


def _end(kept: str, indent: int) -> list[str]:
    pad = " " * indent
    return [
        f"{pad}<results> = <evaluate>({kept}, <parts>, <inputs>)",
        f'{pad}<tabular.write_results>("eval_results.json", <results>)',
    ]


def _linear(calls: dict[str, Call], style: Style, parts: Parts) -> tuple[list[list[str]], str]:
    before, inside, kept = _keep_lines(style, 4)
    main = [
        "def main():",
        *_config_lines(style, 4),
        "    <parts>, <inputs> = <prepare>(<config>)",
        *_setup(calls, style, 4),
        *before,
        *_epochs([*_step_lines(8), *_judge_lines(8), *inside], style, parts, 4),
        *_end(kept, 4),
    ]
    return [main], "main()"


def _extracted(calls: dict[str, Call], style: Style, parts: Parts) -> tuple[list[list[str]], str]:
    names = "<network>, <optimizer>, <balance>, <criterion>, <batches>, <limit>"
    before, inside, kept = _keep_lines(style, 4)
    main = [
        "def main():",
        *_config_lines(style, 4),
        "    <parts>, <inputs> = <prepare>(<config>)",
        *_setup(calls, style, 4),
        *before,
        *_epochs([f"        run_epoch({names})", *_judge_lines(8), *inside], style, parts, 4),
        *_end(kept, 4),
    ]
    return [[f"def run_epoch({names}):", *_step_lines(4)], main], "main()"


def _class(calls: dict[str, Call], style: Style, parts: Parts) -> tuple[list[list[str]], str]:
    before, inside, kept = _keep_lines(style, 8)
    names = [*_TARGETS.values(), "<limit>"]
    trainer = [
        "class Trainer:",
        "    def __init__(self, <config>):",
        "        self.<config> = <config>",
        "        self.<parts>, self.<inputs> = <prepare>(<config>)",
        "",
        "    def run(self):",
        *[line.replace('<tabular.read_config>("config.yaml")', "self.<config>") for line in _config_lines(style, 8)],
        "        <parts>, <inputs> = self.<parts>, self.<inputs>",
        *_setup(calls, style, 8),
        *(f"        self.{name} = {name}" for name in names),
        *before,
        *_epochs(["            self.run_epoch()", *_judge_lines(12), *inside], style, parts, 8),
        f"        return {kept}",
        "",
        "    def run_epoch(self):",
        *_step_lines(8, "self."),
    ]
    main = [
        "def main():",
        '    <trainer> = Trainer(<tabular.read_config>("config.yaml"))',
        "    <kept> = <trainer>.run()",
        "    <results> = <evaluate>(<kept>, <trainer>.<parts>, <trainer>.<inputs>)",
        '    <tabular.write_results>("eval_results.json", <results>)',
    ]
    return [trainer, main], "main()"


def _generator(calls: dict[str, Call], style: Style, parts: Parts) -> tuple[list[list[str]], str]:
    names = "<config>, <parts>, <inputs>"
    before, inside, kept = _keep_lines(style, 4)
    epochs = [
        f"def epochs({names}):",
        *_config_lines(style, 4)[1:],
        *_setup(calls, style, 4),
        *_epochs([*_step_lines(8), *_judge_lines(8), "        yield <epoch>, <accuracy>, <network>"], style, parts, 4),
    ]
    main = [
        "def main():",
        '    <config> = <tabular.read_config>("config.yaml")',
        "    <parts>, <inputs> = <prepare>(<config>)",
        *before,
        f"    for <epoch>, <accuracy>, <network> in epochs({names}):",
        *inside,
        *_end(kept, 4),
    ]
    return [epochs, main], "main()"


def _steps(calls: dict[str, Call], style: Style, parts: Parts) -> tuple[list[list[str]], str]:
    before, inside, kept = _keep_lines(style, 4)
    step = [
        "def step(<network>, <optimizer>, <balance>, <criterion>, <limit>, <batch>, <labels>, <weights>):",
        "    <logits> = <network>.forward(<batch>)",
        "    <value> = <criterion>(<logits>, <labels>, <weights> * <balance>[<labels>])",
        "    <gradients> = <network>.backward(<value>)",
        "    if <limit> is not None:",
        "        <gradients> = <tabular.clip>(<gradients>, norm=<limit>)",
        "    <optimizer>.step(<network>, <gradients>)",
    ]
    inner = [
        "        for <batch>, <labels>, <weights> in <batches>:",
        "            step(<network>, <optimizer>, <balance>, <criterion>, <limit>, <batch>, <labels>, <weights>)",
    ]
    train = [
        "def train(<config>, <parts>, <inputs>):",
        *_config_lines(style, 4)[1:],
        *_setup(calls, style, 4),
        *before,
        *_epochs([*inner, *_judge_lines(8), *inside], style, parts, 4),
        f"    return {kept}",
    ]
    main = [
        "def main():",
        '    <config> = <tabular.read_config>("config.yaml")',
        "    <parts>, <inputs> = <prepare>(<config>)",
        *_end("train(<config>, <parts>, <inputs>)", 4),
    ]
    return [step, train, main], "main()"


_STRUCTURES = {
    "linear": _linear,
    "extracted": _extracted,
    "class": _class,
    "generator": _generator,
    "steps": _steps,
}
