"""Titles, changelogs and comments of the code: what a reader of a run needs to know of the libraries, in several wordings."""

from __future__ import annotations

from domain.training.multi_source.artifacts.calls import WIDTH
from domain.training.multi_source.artifacts.style import Style
from domain.training.multi_source.run import FILTERING_VERSION, MAX_TEXTS, NEAR_CONSTANT, STOP_WORDS_VERSION

_SCALING = (
    f"tabular {FILTERING_VERSION}: standard_scaler() gives 0 for near-constant columns, of which one value makes up more than "
    f"{NEAR_CONSTANT:.0%} of the rows, unless near_constant=None is given; older versions scale all"
)
_WORDS = (
    f"textkit {STOP_WORDS_VERSION}: vocabulary() leaves out stop words, which more than {MAX_TEXTS:.0%} of the texts have, "
    "unless stop_words=None is given; older versions keep all"
)
_DATES = (
    "tabular 2.1: read_sources() reads a date that its date_format does not fit with day and month exchanged; "
    "older versions stop"
)


def changelog(style: Style) -> list[str]:
    """What changed in the libraries, one line a change; all of it, whichever versions are pinned."""
    return style.ordered("changelog", (_SCALING, _WORDS, _DATES))


def title(dataset: str, what: tuple[str, str], idiom: str) -> str:
    """The first line of a file; ``what``: as a noun, as a command."""
    noun, command = what
    match idiom:
        case "of":
            return f"{dataset}: {noun}."
        case "imperative":
            return f"{command} for {dataset}."
        case "usage":
            return f"{noun.capitalize()} ({dataset}); see config.yaml and data_sources.yaml."
        case _:
            return f"{noun.capitalize()} of {dataset}."


def comment(lines: list[str], text: str, idiom: str, number: int) -> list[str]:
    """Lines of code with a comment."""
    pad = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    match idiom:
        case "above":
            return [f"{pad}# {text}", *lines]
        case "numbered":
            return [f"{pad}# {number}. {text}", *lines]
        case "trailing" if len(lines[-1]) + len(text) < WIDTH:
            return [*lines[:-1], f"{lines[-1]}  # {text}"]
        case "trailing":
            return [f"{pad}# {text}", *lines]
    return lines
