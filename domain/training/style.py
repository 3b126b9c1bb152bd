"""How a pipeline's files are written: names, spellings, layout. A stream of its own draws it, so it is independent of the run.

The benchmark's three splits share no naming scheme, no spelling of a step and no theme: what an agent learned by heart on
`train` does not come up in `validation` or `test`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from domain.training.randomness import Stream

SeedSplit = Literal["train", "validation", "test"]
SEED_SPLITS: tuple[SeedSplit, ...] = get_args(SeedSplit)

STEPS = (
    "constants",
    "tokenizers",
    "encode_labels",
    "split",
    "oversample",
    "imputer",
    "scaler",
    "encoder",
    "selector",
    "train_encoding",
    "eval_numbers",
    "train_labels",
    "eval_labels",
    "watched",
    "eval_split",
    "mode",
    "scoring",
    "reports",
    "layout",
    "imports",
    "config_layout",
    "config_words",
    "config_numbers",
)
"""What can be spelled in several ways; five each, see `SPELLINGS`."""

SPELLINGS: dict[SeedSplit, tuple[int, ...]] = {"train": (0, 1, 2), "validation": (3,), "test": (4,)}
"""Numbers of the spellings that each split uses."""

NAMES: dict[SeedSplit, tuple[str, ...]] = {
    "train": ("plain", "explicit", "terse", "verbose"),
    "validation": ("tables", "stages"),
    "test": ("ledger", "records"),
}
"""Naming schemes that each split uses; defined in `artifacts/code/names.py`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One way to write a pipeline down. The default is the plainest."""

    names: str = "plain"
    spellings: str = "0" * len(STEPS)
    """One digit for each of `STEPS`."""

    def of(self, step: str) -> int:
        """Number of the spelling of a step."""
        return int(self.spellings[STEPS.index(step)])


PLAIN = Style()


def draw_style(seed: int, split: SeedSplit) -> Style:
    """The style of a seed (0 to 2^128 - 1)."""
    draw = Stream(seed, "style")
    names = draw.choice(NAMES[split])
    return Style(names=names, spellings="".join(str(draw.choice(SPELLINGS[split])) for _ in STEPS))
