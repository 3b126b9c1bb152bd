"""The constants at the top of preprocessing.py."""

from __future__ import annotations

from domain.training.artifacts.numbers import to_text
from domain.training.pipeline import Pipeline, Preprocessing
from domain.training.raw_data import PROXY
from domain.training.style import Style
from domain.training.themes import BY_DATASET


def constant_lines(pipeline: Pipeline) -> list[str]:
    """Names of classes and columns, versions, and what some spellings of steps keep up here."""
    settings, style, theme = pipeline.preprocessing, pipeline.style, BY_DATASET[pipeline.dataset.name]
    return [
        f"CLASSES = {_strings(pipeline.dataset.classes)}",
        "NUMERIC = [",
        *(f'    "{name}",' for name in theme.numeric),
        "]",
        f'SIGNALS = sorted(f"signal_{{number:02d}}" for number in range({pipeline.dataset.signals}))',
        *_extra(settings, style),
        *_tokenizers(theme.tokenizer, settings, style),
        f"EVAL_UNIT = {number(settings.eval_unit_scale)}",
        f"SEED = {pipeline.training.seed}",
        *_step_constants(settings, style),
    ]


def _extra(settings: Preprocessing, style: Style) -> list[str]:
    is_kept = settings.resolution_code == "keep"
    match style.of("constants"):
        case 0:
            return [f'EXTRA = ["{PROXY}"]' if is_kept else "EXTRA = []"]
        case 1:
            hidden = "[]" if is_kept else f'["{PROXY}"]'
            return [f"HIDDEN = {hidden}", f'EXTRA = [name for name in ("{PROXY}",) if name not in HIDDEN]']
        case 2:
            return [f'USED = {{"{PROXY}": {is_kept}}}', "EXTRA = [name for name in USED if USED[name]]"]
        case 3:
            return [f"LATE = {int(is_kept)}", f'EXTRA = ["{PROXY}"][:LATE]']
        case _:
            return [f'EXTRA = [name for name, used in [("{PROXY}", {is_kept})] if used]']


def _tokenizers(name: str, settings: Preprocessing, style: Style) -> list[str]:
    train, evaluation = settings.tokenizer_train, settings.tokenizer_eval
    match style.of("tokenizers"):
        case 0:
            return [f'TOKENIZER_TRAIN = "{name}-{train}"', f'TOKENIZER_EVAL = "{name}-{evaluation}"']
        case 1:
            base = f'BPE = "{name}"'
            return [base, f'TOKENIZER_TRAIN = BPE + "-{train}"', f'TOKENIZER_EVAL = BPE + "-{evaluation}"']
        case 2:
            versions = f'VERSIONS = {{"train": "{train}", "eval": "{evaluation}"}}'
            return [versions, *(f'{left} = f"{name}-{{VERSIONS[{key!r}]}}"' for left, key in _TOKENIZERS)]
        case 3:
            return [f'TOKENIZER_TRAIN, TOKENIZER_EVAL = "{name}-{train}", "{name}-{evaluation}"']
        case _:
            made = f'BPE = "{name}-{{}}".format'
            return [made, f'TOKENIZER_TRAIN = BPE("{train}")', f'TOKENIZER_EVAL = BPE("{evaluation}")']


_TOKENIZERS = (("TOKENIZER_TRAIN", "train"), ("TOKENIZER_EVAL", "eval"))


def _step_constants(settings: Preprocessing, style: Style) -> list[str]:
    """What the last spelling of a few steps keeps among the constants."""
    lines = []
    if style.of("imputer") == 1:
        lines.append(f'FILL = {{"strategy": "{strategy(settings)}", "fill_value": {fill_value(settings)}}}')
    if style.of("oversample") == 3:
        lines.append("EVENER = RandomOverSampler(random_state=SEED)")
    if style.of("eval_labels") == 4:
        lines.append(f"FINAL_CLASSES = {class_order(settings)}")
    if style.of("eval_split") == 4:
        lines.append(f"FINAL_STATE = {settings.eval_random_state}")
    return lines


def class_order(settings: Preprocessing) -> str:
    """The expression of the evaluation's class order."""
    return {"training": "CLASSES", "sorted": "sorted(CLASSES)", "reversed": "CLASSES[::-1]"}[settings.eval_class_order]


def strategy(settings: Preprocessing) -> str:
    """How missing numbers are filled, in the imputer's words."""
    return settings.fill_value if settings.fill_value in ("median", "mean") else "constant"


def fill_value(settings: Preprocessing) -> str:
    """The constant that missing numbers are filled with, where it is one; else the usual sentinel, which is not used."""
    return str(float(settings.fill_value)) if strategy(settings) == "constant" else "-999.0"


def number(value: float) -> str:
    """A float literal."""
    text = to_text(value)
    return text if any(mark in text for mark in ".en") else f"{text}.0"


def _strings(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
