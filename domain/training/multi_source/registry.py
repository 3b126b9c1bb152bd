"""Every declaration of a run: file, path, type, range or choices. Static and public; no entry says what a run declares wrongly.

A path holds names of the run where a pattern has ``{source}`` or ``{column}``. Written leniently: ``sources[mill].unit`` for
``sources.mill.unit``, quotation marks and spaces around a name, the file's name in front of the path.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from domain.training.multi_source.agreements import (
    DATE_FORMATS,
    LABEL_MAPS,
    MISSING_CODES,
    ORDERS,
    TOKENIZERS,
    UNTIL,
)
from domain.training.multi_source.layout import Layout
from domain.training.pipeline import FieldValue
from domain.types import ArtifactName

PatternType = Literal["number", "integer", "boolean", "choice", "text"]


class UnknownFieldError(LookupError):
    """No file of the run declares this."""

    def __init__(self, file: str, field: str) -> None:
        super().__init__(f"{file} has no field {field}")
        self.file, self.field = file, field


class ValueOutsideFieldError(ValueError):
    """The field cannot take this value."""

    def __init__(self, field: str, domain: str, value: object) -> None:
        text = json.dumps(value, ensure_ascii=False, default=str)
        super().__init__(f"{field} takes {domain}, not {text if len(text) <= 40 else text[:40] + '...'}")
        self.field, self.value = field, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A declaration of every run, with ``{source}`` and ``{column}`` for names."""

    file: ArtifactName
    field: str
    type: PatternType
    low: float | None = None
    high: float | None = None
    choices: tuple[FieldValue, ...] = ()
    nullable: bool = False
    description: str
    """What it declares, in one sentence."""
    form: str = ""
    """What a text has to be, in words."""
    check: Callable[[Layout, str, str], FieldValue] | None = None
    """Of a text: layout, column, value; raises ValueError."""

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        body: dict[str, Any] = {"file": self.file, "field": self.field, "type": self.type}
        if self.low is not None:
            body["range"] = [self.low, self.high]
        if self.choices:
            body["choices"] = list(self.choices)
        if self.form:
            body["form"] = self.form
        if self.nullable:
            body["nullable"] = True
        body["description"] = self.description
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A pattern with the names of a run."""

    pattern: Pattern
    path: str
    """The declaration in `State.declared`."""
    source: str = ""
    column: str = ""

    @property
    def file(self) -> ArtifactName:
        return self.pattern.file

    def check(self, value: object, layout: Layout) -> FieldValue:
        """The value as `State.declared` has it.

        Raises:
            ValueOutsideFieldError: the field cannot take it.
        """
        pattern = self.pattern
        found = _plain(value, pattern)
        if found is None and pattern.nullable:
            return None
        try:
            match pattern.type:
                case "boolean":
                    return _boolean(found)
                case "choice":
                    return _choice(found, pattern.choices)
                case "number" | "integer":
                    return _number(found, pattern)
                case "text":
                    if isinstance(found, str) and pattern.check is not None:
                        return pattern.check(layout, self.column, found)
        except (ValueError, OverflowError):
            pass
        raise ValueOutsideFieldError(self.path, domain_text(pattern), value)


def domain_text(pattern: Pattern) -> str:
    """What a declaration takes, in words."""
    match pattern.type:
        case "number" | "integer":
            kind = "a number" if pattern.type == "number" else "a whole number"
            text = f"{kind} from {pattern.low:g} to {pattern.high:g}"
        case "boolean":
            text = "true or false"
        case "choice":
            text = "one of " + ", ".join("null" if one is None else str(one) for one in pattern.choices)
        case _:
            text = pattern.form
    return text + (" or null" if pattern.nullable else "")


def _plain(value: object, pattern: Pattern) -> object:
    """Lists as text, spaces off; None where the text says none and the field has a choice of that name."""
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(one).strip() for one in value)
    if isinstance(value, str):
        value = value.strip()
        return None if pattern.nullable and value.lower() in ("null", "~") else value
    return "none" if value is None and "none" in pattern.choices else value


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError


def _choice(value: object, choices: tuple[FieldValue, ...]) -> FieldValue:
    if isinstance(value, bool):
        raise ValueError
    for one in choices:
        if value == one or (one is not None and isinstance(value, (int, float, str)) and str(value) == str(one)):
            return one
    raise ValueError


def _number(value: object, pattern: Pattern) -> float | int:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    number = float(value)
    if (
        pattern.low is None
        or pattern.high is None
        or not (math.isfinite(number) and pattern.low <= number <= pattern.high)
    ):
        raise ValueError
    if pattern.type == "number":
        return number
    if number != int(number):
        raise ValueError
    return int(number)


def _month(layout: Layout, column: str, value: str) -> str:
    """A month of the run; a day of it counts, too."""
    month = value[:7]
    if month not in layout.months or not re.fullmatch(r"(-\d\d)?", value[7:]):
        raise ValueError
    return month


def _unit(layout: Layout, column: str, value: str) -> str:
    found = re.fullmatch(r"(\S+)(?:, from (\d{4}-\d\d) (\S+))?", " ".join(value.split()))
    units = layout.column(column).units
    if found is None or found[1] not in units:
        raise ValueError
    if found[2] is None:
        return found[1]
    if found[3] not in units or found[2] not in layout.months:
        raise ValueError
    return f"{found[1]}{UNTIL}{found[2]} {found[3]}"


def _keys(layout: Layout, column: str, value: str) -> str:
    names = [name.strip() for name in value.strip("[]").split(",")]
    if sorted(names) == ["id", "line"]:
        return "id, line"
    if names == ["id"]:
        return "id"
    raise ValueError


def _test_sources(layout: Layout, column: str, value: str) -> str:
    names = [name.strip() for name in value.strip("[]").split(",")]
    if names == ["all"] or sorted(names) == sorted(layout.source_names):
        return "all"
    if len(names) == 1 and names[0] in layout.source_names:
        return names[0]
    raise ValueError


def _in(file: ArtifactName) -> Callable[..., Pattern]:
    def pattern(field: str, type: PatternType, **rest: Any) -> Pattern:
        return Pattern(file=file, field=field, type=type, **rest)

    return pattern


_config, _sources = _in("config.yaml"), _in("data_sources.yaml")
_code, _train = _in("preprocessing.py"), _in("train.py")
_MONTH = {"form": "a month of the run such as 2025-11", "check": _month}
_SOURCE, _COLUMN = "sources.{source}", "sources.{source}.columns.{column}"

PATTERNS: tuple[Pattern, ...] = (
    _config("model.hidden_units", "integer", description="Units of the hidden layer.", low=2, high=32),
    _config(
        "optimizer.learning_rate",
        "number",
        description="Learning rate, constant over the training.",
        low=0.0001,
        high=10,
    ),
    _config("optimizer.momentum", "number", description="Momentum of the gradient steps.", low=0, high=0.99),
    _config("optimizer.weight_decay", "number", description="Decay of the weights in every step.", low=0, high=1),
    _config("training.batch_size", "integer", description="Rows of a batch.", low=64, high=1024),
    _config(
        "training.epochs",
        "integer",
        description="Epochs; the network of the best one on the validation rows is kept.",
        low=1,
        high=12,
    ),
    _config(
        "training.gradient_clip_norm",
        "number",
        description="Norm to which longer gradients are cut; null: never.",
        low=0.001,
        high=1000,
        nullable=True,
    ),
    _config(
        "training.seed",
        "integer",
        description="Seed of the split, of the first weights and of the order of the batches; experiments keep the recorded split.",
        low=0,
        high=99999,
    ),
    _config(
        "class_weights.power",
        "number",
        description="Power of 1 / share that makes the weight of a class.",
        low=0,
        high=1,
    ),
    _config(
        "split.validation_share",
        "number",
        description="Share of the validation rows where rows are split at random.",
        low=0.05,
        high=0.4,
    ),
    _config(
        "split.test_share",
        "number",
        description="Share of the test rows where rows are split at random.",
        low=0.05,
        high=0.4,
    ),
    _config(
        "environment.tabular",
        "choice",
        description="Pinned version of tabular; its changelog stands in preprocessing.py.",
        choices=("2.2", "2.3", "2.4"),
    ),
    _config(
        "environment.textkit",
        "choice",
        description="Pinned version of textkit; its changelog stands in preprocessing.py.",
        choices=("1.7", "1.8", "1.9"),
    ),
    _sources(
        f"{_SOURCE}.snapshot",
        "text",
        description="Month of the snapshot from which the joined columns come; later labelled rows are not used.",
        **_MONTH,
    ),
    _sources(
        f"{_SOURCE}.date_format", "choice", description="How the dates of the source are read.", choices=DATE_FORMATS
    ),
    _sources(
        f"{_SOURCE}.used_until",
        "text",
        description="Last month of which labelled rows are used; null: all.",
        nullable=True,
        **_MONTH,
    ),
    _sources(
        f"{_SOURCE}.label_map",
        "choice",
        description="Which of label_maps gives the classes of the source's codes.",
        choices=LABEL_MAPS,
    ),
    _sources(
        f"{_SOURCE}.tokenizer",
        "choice",
        description="Version of the tokenizer that wrote the source's texts.",
        choices=TOKENIZERS,
    ),
    _sources(
        f"{_SOURCE}.majority_kept",
        "number",
        description="Share of the rows of the first class that the source delivers; each weighs 1 / share.",
        low=0.01,
        high=1,
    ),
    _sources(
        f"{_SOURCE}.deduplicate",
        "choice",
        description="content: a row with the content of another is dropped; none: all are used.",
        choices=("none", "content"),
    ),
    _sources(
        f"{_COLUMN}.unit",
        "text",
        description="Unit of the stored values; they are converted to the first unit of their quantity.",
        form="a unit of the column's quantity such as kg, or kg, from 2025-11 lb",
        check=_unit,
    ),
    _sources(
        f"{_COLUMN}.missing_code",
        "choice",
        description="Stored value that means missing, beside empty cells; null: there is none.",
        choices=MISSING_CODES[1:],
        nullable=True,
    ),
    _sources(
        f"{_COLUMN}.used_until",
        "text",
        description="Last month of which values are used; later ones count as missing; null: all.",
        nullable=True,
        **_MONTH,
    ),
    _sources(
        "join.keys",
        "text",
        description="Keys that match the second table: id takes every line of an id, id, line the first.",
        form="id, or id, line",
        check=_keys,
    ),
    _sources(
        "join.how",
        "choice",
        description="inner drops rows without a match in the second table, left keeps them.",
        choices=("inner", "left"),
    ),
    _sources(
        "labels.maturity_months",
        "integer",
        description="Last labelled months that are not used, because their labels are not complete.",
        low=0,
        high=6,
    ),
    _code(
        "features.{column}.as_of",
        "choice",
        description="event: the value as it was at the event; export: as it is in the newest export.",
        choices=("event", "export"),
    ),
    _code(
        "features.text_weight", "number", description="Factor of the counts of words among the features.", low=0, high=4
    ),
    _code(
        "split.by",
        "choice",
        description="random: validation and test rows are drawn; month: they are the last months.",
        choices=("random", "month"),
    ),
    _code(
        "split.groups",
        "choice",
        description="customer: all rows of a customer are in one set, where rows are drawn; none: rows are drawn one by one.",
        choices=("none", "customer"),
    ),
    _code(
        "imputer.fill",
        "choice",
        description="What missing values are filled with, before values are scaled.",
        choices=("median", "mean", -999),
    ),
    _code(
        "evaluation.label_order",
        "choice",
        description="Order in which the file of test labels numbers the classes; model: that of the outputs, reversed: that of the outputs from its end, sorted: by name.",
        choices=ORDERS,
    ),
    _code(
        "evaluation.validation_ids",
        "choice",
        description="Which of the two saved lists of ids has the validation rows; the other has the test rows.",
        choices=("a", "b"),
    ),
    _code(
        "evaluation.sources",
        "text",
        description="Sources whose rows the test takes; it should take those that the model serves: whose rows were scored in the last month.",
        form="all, or the name of a source",
        check=_test_sources,
    ),
    _train(
        "loader.shuffle",
        "boolean",
        description="Whether the order of the rows is drawn anew in each epoch; otherwise they come as they arrive.",
    ),
    _train(
        "class_weights.order",
        "choice",
        description="Order in which the file of class counts lists the classes; model: that of the outputs, reversed: that of the outputs from its end, sorted: by name.",
        choices=ORDERS,
    ),
    _train(
        "loss.divide_by",
        "choice",
        description="What the sum of a batch is divided by: its rows, or its capacity with padding.",
        choices=("rows", "capacity"),
    ),
)
"""In the order in which they are listed: by file, as a reader meets them."""


def public_patterns() -> list[dict[str, Any]]:
    """The registry as JSON."""
    return [pattern.to_json() for pattern in PATTERNS]


def find(file: str, field: str) -> Pattern:
    """The pattern of a path, whatever names it has.

    Raises:
        UnknownFieldError: no pattern has this form.
    """
    return _find(file, normal_path(file, field))[0]


def resolve(layout: Layout, file: str, field: str) -> Spec:
    """The declaration of a run at a path.

    Raises:
        UnknownFieldError: the run does not declare this.
    """
    path = normal_path(file, field)
    pattern, names = _find(file, path)
    source, column = names.get("source", ""), names.get("column", "")
    if (source and source not in layout.source_names) or (column and column not in layout.column_names):
        raise UnknownFieldError(file, field)
    if path.endswith(".missing_code") and not layout.column(column).missing_share:
        raise UnknownFieldError(file, field)
    return Spec(pattern=pattern, path=path, source=source, column=column)


def normal_path(file: str, field: str) -> str:
    """A path with dots only, without the file's name in front of it."""
    path = re.sub(r"\[\s*([^\[\]]*?)\s*\]", r".\1", field.strip().strip("`"))
    path = re.sub(r"['\"\s]", "", path)
    for name in (file, file.rpartition(".")[0]):
        for mark in (":", ".", "/", "#"):
            if name and path.startswith(name + mark):
                path = path[len(name) + 1 :]
    return path.strip(".:/")


def file_of(path: str) -> ArtifactName:
    """The file that declares a path.

    Raises:
        UnknownFieldError: none does.
    """
    for pattern, expression in _expressions():
        if expression.fullmatch(path):
            return pattern.file
    raise UnknownFieldError("the run", path)


def _find(file: str, path: str) -> tuple[Pattern, dict[str, str]]:
    for pattern, expression in _expressions():
        found = expression.fullmatch(path) if pattern.file == file else None
        if found is not None:
            return pattern, found.groupdict()
    raise UnknownFieldError(file, path)


@lru_cache(maxsize=1)
def _expressions() -> tuple[tuple[Pattern, re.Pattern[str]], ...]:
    def expression(field: str) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", field)
        return re.compile(
            "".join(rf"(?P<{part}>[^.]+)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
        )

    return tuple((pattern, expression(pattern.field)) for pattern in PATTERNS)
