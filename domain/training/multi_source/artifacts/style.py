"""How the static texts of a run are written: idioms and orders, drawn from the seed by a stream of their own.

Rule 1: an idiom changes how a declaration is written, never what it is. Rule 2: the held-out splits mix idioms of `train`
with idioms that `train` never uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Mapping, Sequence, TypeVar

from domain.training.randomness import Stream
from domain.training.style import SeedSplit

T = TypeVar("T")

FORMS = (
    ("inline", "constants", "settings", "partial", "defaults", "attributes", "shared"),
    ("dict_call", "factory", "dataclass", "pairs", "instance"),
    ("json", "namespace", "assigned", "lambda", "setdefault", "merged"),
)
"""How the settings of a call are written, see `calls`: of all splits, of validation only, of test only."""
_FORMED = ("split", "features", "imputer", "evaluation", "loader", "class_weights", "loss")

IDIOMS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "config.null": (("null", "~"), ("Null",), ("NULL",)),
    "config.quote": (("plain", "double"), ("single",), ("quoted_keys",)),
    "config.indent": (("2", "4"), ("3",), ("5",)),
    "config.shape": (("block", "split_flow"), ("flow",), ("padded",)),
    "config.number": (("plain",), ("scientific",), ("zeros",)),
    "config.comments": (("none", "banner"), ("trailing",), ("rule",)),
    "config.header": (("none", "document"), ("directive",), ("ended",)),
    "config.gaps": (("none", "blank"), (), ()),
    "sources.null": (("null", "~"), ("Null",), ("NULL",)),
    "sources.quote": (("plain", "double"), ("single",), ("quoted_keys",)),
    "sources.indent": (("2", "4"), ("3",), ("5",)),
    "sources.columns": (("flow", "block"), ("split_flow",), ("padded",)),
    "sources.list": (("flow", "block"), ("split_flow",), ("padded",)),
    "sources.labels": (("flow", "block"), ("list",), ("inverse",)),
    "sources.window": (("list", "from_to"), ("text",), ("first_last",)),
    "sources.notes": (("list", "comment"), ("literal",), ("by_month",)),
    "sources.comments": (("none", "banner"), ("trailing",), ("rule",)),
    "sources.header": (("none", "document"), ("directive",), ("ended",)),
    "sources.gaps": (("none", "blank"), (), ()),
    "code.names": (("plain", "explicit", "terse", "verbose"), ("tables", "stages"), ("ledger", "records")),
    "code.imports": (("module", "alias", "names"), ("listed_names",), ("renamed",)),
    "code.quotes": (("double", "single"), (), ()),
    "code.calls": (("lines", "fitting"), ("aligned",), ("closed",)),
    "code.comments": (("none", "above"), ("trailing",), ("numbered",)),
    "code.changelog": (("comment", "docstring"), ("constant",), ("end",)),
    "code.title": (("plain", "of", "comment"), ("imperative",), ("usage",)),
    "code.as_of": (("dict", "comprehension", "default"), ("grouped",), ("flags",)),
    "code.structure": (("inline", "extracted", "class"), ("nested", "generator"), ("pipeline", "threaded")),
    "code.loop": (("loop", "comprehension"), ("map",), ("zipped",)),
    "code.hints": (("none", "typed"), (), ()),
    "train.imports": (("module", "alias", "names"), ("listed_names",), ("renamed",)),
    "train.calls": (("lines", "fitting"), ("aligned",), ("closed",)),
    "train.comments": (("none", "above"), ("trailing",), ("numbered",)),
    "train.title": (("plain", "of", "comment"), ("imperative",), ("usage",)),
    "train.structure": (("linear", "extracted", "class"), ("generator",), ("steps",)),
    "train.loop": (("range", "count"), ("while",), ("reduced",)),
    "train.config": (("items", "sections"), ("getter",), ("unpacked",)),
    "train.best": (("if", "tuple"), ("history",), ("stack",)),
    "train.entry": (("guarded", "called"), ("exit",), ("run",)),
    "diff.head": (("log", "patch"), ("short",), ("fields",)),
    "diff.message": (("plain", "lower"), ("scope", "ticket"), ("stop",)),
    **{f"form.{name}": FORMS for name in _FORMED},
}
"""Idioms by what they write: of all splits, of validation only, of test only."""

ORDERS: Mapping[str, int] = {
    "config.sections": 8,
    "config.keys": 8,
    "sources.sections": 6,
    "sources.keys": 12,
    "columns.keys": 3,
    "keywords.split": 6,
    "keywords.features": 3,
    "keywords.evaluation": 4,
    "keywords.network": 6,
    "keywords.sgd": 4,
    "keywords.loader": 4,
    "keywords.class_weights": 3,
    "keywords.loss": 2,
    "keywords.imputer": 2,
    "code.blocks": 12,
    "train.blocks": 12,
    "code.setup": 4,
    "train.setup": 6,
    "changelog": 2,
}
"""What is written in an order of its own, and how many parts it has at most."""


@dataclass(frozen=True, slots=True)
class Style:
    """One way to write the static texts of a run."""

    idioms: Mapping[str, str]
    ranks: Mapping[str, tuple[int, ...]]

    def __getitem__(self, name: str) -> str:
        return self.idioms[name]

    def ordered(self, name: str, parts: Sequence[T]) -> list[T]:
        """Parts in the order of this style."""
        ranks = self.ranks[name]
        return [parts[place] for place in sorted(range(len(parts)), key=ranks.__getitem__)]

    def using(self, **idioms: str) -> Style:
        """With other idioms; ``__`` stands for the dot of a name."""
        return Style({**self.idioms, **{name.replace("__", "."): one for name, one in idioms.items()}}, self.ranks)


PLAIN = Style(
    {name: groups[0][0] for name, groups in IDIOMS.items()},
    {name: tuple(range(size)) for name, size in ORDERS.items()},
)


def options(name: str, split: SeedSplit) -> tuple[str, ...]:
    """What a split draws an idiom from; those that only it uses are twice as likely."""
    common, validation, test = IDIOMS[name]
    own = {"train": (), "validation": validation, "test": test}[split]
    return (*common, *own, *own)


@lru_cache(maxsize=64)
def draw_style(seed: int, split: SeedSplit) -> Style:
    """The style of a seed (0 to 2^128 - 1)."""
    words = Stream(seed, "multi-source-style").raw(len(IDIOMS) + sum(ORDERS.values())).tolist()
    idioms = {}
    for name, word in zip(IDIOMS, words, strict=False):
        found = options(name, split)
        idioms[name] = found[(word >> 32) * len(found) >> 32]
    ranks = {}
    start = len(IDIOMS)
    for name, size in ORDERS.items():
        ranks[name] = tuple(words[start : start + size])
        start += size
    return Style(idioms, ranks)
