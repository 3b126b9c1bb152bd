"""preprocessing.py: reads the tables, splits, prepares, evaluates; in the idioms of a style, which all do the same."""

from __future__ import annotations

from domain.training.multi_source.artifacts.calls import Call, Parts, call, lines_of
from domain.training.multi_source.artifacts.program import assemble
from domain.training.multi_source.artifacts.style import Style, draw_style
from domain.training.multi_source.artifacts.wording import changelog, comment, title
from domain.training.multi_source.case import State

_SPLIT_SHARES = ("validation_share", "test_share")


def render_code(state: State, style: Style | None = None) -> str:
    """The text of preprocessing.py."""
    style = style or draw_style(state.seed, state.split)
    parts = Parts()
    body = [*_preparation(state, style, parts), _evaluate(state, style, parts)]
    head, foot = _head(state.layout.dataset, style, parts)
    return assemble(head, [], parts, body, style, idiom="code", foot=foot)


def _head(dataset: str, style: Style, parts: Parts) -> tuple[list[str], list[str]]:
    """Title and changelog, at the top and at the end."""
    first = title(dataset, ("splits, preparation and evaluation", "Split, prepare and evaluate"), style["code.title"])
    changes = changelog(style)
    head = [f"# {first}"] if style["code.title"] == "comment" else [f'"""{first}"""']
    match style["code.changelog"]:
        case "docstring" if style["code.title"] != "comment":
            return [f'"""{first}', "", "Changelogs of the libraries:", *(f"- {line}" for line in changes), '"""'], []
        case "constant":
            parts.constants.append(['CHANGELOG = """', *changes, '"""'])
            return head, []
        case "end":
            return head, ["# changelogs:", *(f"# {line}" for line in changes)]
    return [*head, *(f"# {line}" for line in changes)], []


def _as_of(state: State, style: Style, parts: Parts) -> str:
    """The expression that maps every column to when its value is taken."""
    values = {column.name: str(state.declared[f"features.{column.name}.as_of"]) for column in state.layout.columns}
    match style["code.as_of"]:
        case "comprehension":
            lines = ["AS_OF = {", *(f'    "{name}": "{value}",' for name, value in values.items()), "}"]
            parts.constants.append(lines)
            return "{column: AS_OF[column] for column in AS_OF}"
        case "default":
            late = [name for name, value in values.items() if value == "export"]
            lines = ["COLUMNS = (", *(f'    "{name}",' for name in values), ")"]
            lines += ['AS_OF = dict.fromkeys(COLUMNS, "event")', *(f'AS_OF["{name}"] = "export"' for name in late)]
            parts.constants.append(lines)
            return "AS_OF"
        case "grouped":
            lines = ["COLUMNS_BY_AS_OF = {"]
            for moment in ("event", "export"):
                own = [f'"{name}", ' for name, value in values.items() if value == moment]
                lines += [f'    "{moment}": (', *(f"        {name.strip()}" for name in own), "    ),"]
            parts.constants.append([*lines, "}"])
            return "{column: as_of for as_of, names in COLUMNS_BY_AS_OF.items() for column in names}"
        case "flags":
            lines = ["AS_OF = ("]
            parts.constants.append([*lines, *(f'    ("{name}", "{value}"),' for name, value in values.items()), ")"])
            return "dict(AS_OF)"
    parts.constants.append(["AS_OF = {", *(f'    "{name}": "{value}",' for name, value in values.items()), "}"])
    return "AS_OF"


def _calls(state: State, style: Style, parts: Parts) -> dict[str, Call]:
    declared = state.declared
    shares = tuple(f'{share}=<config>["split"]["{share}"]' for share in _SPLIT_SHARES)
    return {
        "split": call(
            "split",
            {"by": declared["split.by"], "groups": declared["split.groups"]},
            style,
            parts,
            given=(*shares, 'seed=<config>["training"]["seed"]'),
        ),
        "features": call(
            "features",
            {"text_weight": declared["features.text_weight"]},
            style,
            parts,
            given=(f"as_of={_as_of(state, style, parts)}",),
        ),
        "imputer": call("imputer", {"fill": declared["imputer.fill"]}, style, parts),
        "standard_scaler": Call("<tabular.standard_scaler>", []),
        "vocabulary": Call("<textkit.vocabulary>", []),
    }


def _preparation(state: State, style: Style, parts: Parts) -> list[list[str]]:
    """The functions and classes up to ``prepare(config)``, which gives the rows of each set and their inputs."""
    calls = _calls(state, style, parts)
    return _STRUCTURES[style["code.structure"]](calls, style)


_COMMENTS = {
    "split": "train, validation, test, and recent rows, which the model scores after the training",
    "features": "as_of: event takes a value as it was at the event, export as it is in the newest export",
    "imputer": "empty cells",
    "standard_scaler": "mean 0, standard deviation 1 on the training rows",
    "vocabulary": "words of the free text; count() gives counts around their means",
}


def _setup(target: dict[str, str], calls: dict[str, Call], style: Style, indent: int, first: int = 1) -> list[str]:
    """Makes columns, imputer, scaler and vocabulary; ``first``: number of the first comment."""
    lines = []
    for number, name in enumerate(style.ordered("code.setup", tuple(target)), first):
        made = lines_of(f"{target[name]} = ", calls[name], style, "code.calls", indent)
        lines += comment(made, _COMMENTS[name], style["code.comments"], number)
    return lines


_LOCALS = {"features": "<columns>", "imputer": "<filler>", "standard_scaler": "<scaler>", "vocabulary": "<words>"}
_OWN = {name: f"self.{local}" for name, local in _LOCALS.items()}


def _split_lines(target: str, calls: dict[str, Call], style: Style, indent: int, rows: str = "<rows>") -> list[str]:
    made = lines_of(target, calls["split"], style, "code.calls", indent, (rows,))
    return made if target == "return " else comment(made, _COMMENTS["split"], style["code.comments"], 1)


def _fit_lines(of: dict[str, str], indent: int, train: str) -> list[str]:
    pad = " " * indent
    return [
        f"{pad}<numbers> = {of['features']}.numbers({train})",
        f"{pad}{of['imputer']}.fit(<numbers>)",
        f"{pad}{of['standard_scaler']}.fit({of['imputer']}.transform(<numbers>))",
        f"{pad}{of['vocabulary']}.fit({of['features']}.tokens({train}))",
    ]


def _matrix_lines(of: dict[str, str], indent: int) -> list[str]:
    """Returns the inputs of one set."""
    pad = " " * indent
    return [
        f"{pad}<numbers> = {of['standard_scaler']}.transform({of['imputer']}.transform({of['features']}.numbers(<part>)))",
        f"{pad}<counts> = {of['vocabulary']}.count({of['features']}.tokens(<part>))",
        f"{pad}return {of['features']}.join(<numbers>, <counts>)",
    ]


def _loop(call_of: str, style: Style, indent: int) -> list[str]:
    """Fills ``inputs``; ``call_of``: the call that gives those of ``part``."""
    pad = " " * indent
    match style["code.loop"]:
        case "comprehension":
            return [f"{pad}<inputs> = {{<name>: {call_of} for <name>, <part> in <parts>.items()}}"]
        case "map":
            return [
                f"{pad}<inputs> = dict(map(lambda pair: (pair[0], {call_of.replace('<part>', 'pair[1]')}), <parts>.items()))"
            ]
        case "zipped":
            return [f"{pad}<inputs> = dict(zip(<parts>, [{call_of} for <part> in <parts>.values()]))"]
    return [
        f"{pad}<inputs> = {{}}",
        f"{pad}for <name>, <part> in <parts>.items():",
        f"{pad}    <inputs>[<name>] = {call_of}",
    ]


_READ = '<rows> = <tabular.read_sources>("data_sources.yaml")'


def _hint(style: Style, hint: str) -> str:
    return hint if style["code.hints"] == "typed" else ""


def _prepare_head(style: Style) -> str:
    return f"def <prepare>(<config>{_hint(style, ': dict')}){_hint(style, ' -> tuple')}:"


def _inline(calls: dict[str, Call], style: Style) -> list[list[str]]:
    matrix = [line.replace("return ", "<inputs>[<name>] = ") for line in _matrix_lines(_LOCALS, 8)]
    return [
        [
            _prepare_head(style),
            f"    {_READ}",
            *_split_lines("<parts> = ", calls, style, 4),
            *_setup(_LOCALS, calls, style, 4, 2),
            *_fit_lines(_LOCALS, 4, '<parts>["train"]'),
            "    <inputs> = {}",
            "    for <name>, <part> in <parts>.items():",
            *matrix,
            "    return <parts>, <inputs>",
        ]
    ]


def _extracted(calls: dict[str, Call], style: Style) -> list[list[str]]:
    names = ", ".join(_LOCALS.values())
    return [
        [f"def split_of(<rows>, <config>){_hint(style, ' -> dict')}:", *_split_lines("return ", calls, style, 4)],
        [
            f"def <fit_on>(<part>){_hint(style, ' -> tuple')}:",
            *_setup(_LOCALS, calls, style, 4),
            *_fit_lines(_LOCALS, 4, "<part>"),
            f"    return {names}",
        ],
        [f"def <to_inputs>(<part>, {names}):", *_matrix_lines(_LOCALS, 4)],
        [
            _prepare_head(style),
            f"    {_READ}",
            "    <parts> = split_of(<rows>, <config>)",
            '    fitted = <fit_on>(<parts>["train"])',
            *_loop("<to_inputs>(<part>, *fitted)", style, 4),
            "    return <parts>, <inputs>",
        ],
    ]


def _class(calls: dict[str, Call], style: Style) -> list[list[str]]:
    return [
        [
            "class Preparation:",
            f"    def __init__(self, <config>{_hint(style, ': dict')}){_hint(style, ' -> None')}:",
            "        self.<config> = <config>",
            *_setup(_OWN, calls, style, 8),
            "",
            "    def split(self, <rows>):",
            "        <config> = self.<config>",
            *_split_lines("return ", calls, style, 8),
            "",
            "    def <fit_on>(self, <part>):",
            *_fit_lines(_OWN, 8, "<part>"),
            "",
            "    def <to_inputs>(self, <part>):",
            *_matrix_lines(_OWN, 8),
        ],
        [
            _prepare_head(style),
            "    steps = Preparation(<config>)",
            '    <parts> = steps.split(<tabular.read_sources>("data_sources.yaml"))',
            '    steps.<fit_on>(<parts>["train"])',
            *_loop("steps.<to_inputs>(<part>)", style, 4),
            "    return <parts>, <inputs>",
        ],
    ]


def _nested(calls: dict[str, Call], style: Style) -> list[list[str]]:
    return [
        [
            _prepare_head(style),
            *_setup(_LOCALS, calls, style, 4),
            "",
            "    def <fit_on>(<part>):",
            *_fit_lines(_LOCALS, 8, "<part>"),
            "",
            "    def <to_inputs>(<part>):",
            *_matrix_lines(_LOCALS, 8),
            "",
            f"    {_READ}",
            *_split_lines("<parts> = ", calls, style, 4),
            '    <fit_on>(<parts>["train"])',
            *_loop("<to_inputs>(<part>)", style, 4),
            "    return <parts>, <inputs>",
        ]
    ]


def _generator(calls: dict[str, Call], style: Style) -> list[list[str]]:
    matrix = [line.replace("return ", "yield <name>, ") for line in _matrix_lines(_LOCALS, 8)]
    return [
        [
            "def each_input(<parts>):",
            *_setup(_LOCALS, calls, style, 4),
            *_fit_lines(_LOCALS, 4, '<parts>["train"]'),
            "    for <name>, <part> in <parts>.items():",
            *matrix,
        ],
        [
            _prepare_head(style),
            f"    {_READ}",
            *_split_lines("<parts> = ", calls, style, 4),
            "    return <parts>, dict(each_input(<parts>))",
        ],
    ]


def _pipeline(calls: dict[str, Call], style: Style) -> list[list[str]]:
    return [
        [
            _prepare_head(style),
            f"    {_READ}",
            *_split_lines("<parts> = ", calls, style, 4),
            *_setup(_LOCALS, calls, style, 4, 2),
            "    <numbers> = {<name>: <columns>.numbers(<part>) for <name>, <part> in <parts>.items()}",
            "    for step in (<filler>, <scaler>):",
            '        step.fit(<numbers>["train"])',
            "        <numbers> = {<name>: step.transform(values) for <name>, values in <numbers>.items()}",
            '    <words>.fit(<columns>.tokens(<parts>["train"]))',
            *_loop(
                "<columns>.join(<numbers>[<name>], <words>.count(<columns>.tokens(<part>)))",
                style.using(code__loop="loop"),
                4,
            ),
            "    return <parts>, <inputs>",
        ]
    ]


def _threaded(calls: dict[str, Call], style: Style) -> list[list[str]]:
    own = {name: f'state["{name}"]' for name in _LOCALS}
    return [
        [
            "def split_step(state):",
            '    <config> = state["config"]',
            *_split_lines('state["parts"] = ', calls, style, 4, '<tabular.read_sources>("data_sources.yaml")'),
        ],
        [
            "def fit_step(state):",
            *_setup(own, calls, style, 4),
            *_fit_lines(own, 4, 'state["parts"]["train"]'),
        ],
        [
            "def input_step(state):",
            "    def <to_inputs>(<part>):",
            *_matrix_lines(own, 8),
            "",
            '    <parts> = state["parts"]',
            *_loop("<to_inputs>(<part>)", style, 4),
            '    state["inputs"] = <inputs>',
        ],
        [
            _prepare_head(style),
            '    state = {"config": <config>}',
            "    for step in (split_step, fit_step, input_step):",
            "        step(state)",
            '    return state["parts"], state["inputs"]',
        ],
    ]


_STRUCTURES = {
    "inline": _inline,
    "extracted": _extracted,
    "class": _class,
    "nested": _nested,
    "generator": _generator,
    "pipeline": _pipeline,
    "threaded": _threaded,
}


def _evaluate(state: State, style: Style, parts: Parts) -> list[str]:
    names = ("label_order", "validation_ids", "sources")
    made = call("evaluation", {name: state.declared[f"evaluation.{name}"] for name in names}, style, parts)
    text = "label_order: how the file of test labels numbers the classes; validation_ids: which list of saved ids validates"
    return [
        f"def <evaluate>(<network>, <parts>, <inputs>){_hint(style, ' -> dict')}:",
        *comment(lines_of("<report> = ", made, style, "code.calls", 4), text, style["code.comments"], 1),
        "    return <report>.score(<network>, <parts>, <inputs>)",
    ]
