"""The card of an exported dataset: a README.md whose head tells `datasets` the file and the type of each column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mlops_debug_env.exports.columns import COLUMNS, ColumnType
from mlops_debug_env.exports.formats import FileFormat, What
from mlops_debug_env.runner.records import RunHeader
from mlops_debug_env.version import VERSION

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_ROW_OF = {
    "results": "one row for each finished episode: score, parts of the score, steps, tokens and costs",
    "chat": "one conversation for each finished episode, with the tools that were offered",
    "preference": "for each scenario the better and the worse of two conversations with equal prompt and tools",
    "events": "every recorded event of each finished episode, in a chain of hashes",
}
_ANSWERS = (
    "`fault_id` is the answer to the scenario: do not train on it, and do not show it to a model that is evaluated."
)


def dataset_card(what: What, file: Path, file_format: FileFormat, *, count: int, headers: Sequence[RunHeader]) -> str:
    """The text of the card.

    Args:
        what: What was exported.
        file: The exported file, which has to be in the folder of the card.
        file_format: Of the file.
        count: Of its rows.
        headers: Of the runs.
    """
    head = yaml.safe_dump(_head(what, file, file_format, count), sort_keys=False, allow_unicode=True)
    runs = "\n".join(
        f"| `{each.run_id}` | {_cell(each.shown_agent)} | {_cell(each.model or '')} | {_cell(each.round or each.suite)} "
        f"| {len(each.entries)} | {each.trials} | {_cell(each.package_version)} |"
        for each in headers
    )
    columns = "\n".join(f"| `{name}` | `{_in_words(kind)}` |" for name, kind in COLUMNS[what].items())
    return (
        f"---\n{head}---\n\n# MLOps Debugger: {what}\n\n"
        f"Episodes in which agents diagnosed broken ML training runs; {_ROW_OF[what]}. {count} rows, exported by "
        f"openenv-mlops-debug-env {VERSION}. {_ANSWERS if 'fault_id' in COLUMNS[what] else ''}\n\n"
        '```python\nfrom datasets import load_dataset\n\nrows = load_dataset(".", split="train")  # the folder of this file\n```\n\n'
        f"## Runs\n\n| run | agent | model | suite or round | entries | trials | version |\n| --- | --- | --- | --- | --- | --- | --- |\n{runs}\n\n"
        f"## Columns\n\n| column | type |\n| --- | --- |\n{columns}\n"
    )


def _head(what: What, file: Path, file_format: FileFormat, count: int) -> dict[str, Any]:
    size = next((name for limit, name in _SIZES if count < limit), "1M<n<10M")
    return {
        "pretty_name": f"MLOps Debugger: {what}",
        "language": ["en"],
        "tags": ["mlops-debug", "openenv", "agents", "evaluation"],
        "size_categories": [size],
        "configs": [{"config_name": what, "data_files": [{"split": "train", "path": file.name}]}],
        "dataset_info": {
            "config_name": what,
            "features": [_feature(name, kind) for name, kind in COLUMNS[what].items()],
        },
    }


def _feature(name: str, kind: ColumnType) -> dict[str, Any]:
    """A feature in the form that `datasets` reads from a card."""
    return {"name": name, **_typed(kind)}


def _typed(kind: ColumnType) -> dict[str, Any]:
    if isinstance(kind, str):
        return {"dtype": kind}
    if isinstance(kind, tuple):
        (inner,) = kind
        return {"list": inner if isinstance(inner, str) else _typed(inner)["struct"]}
    return {"struct": [_feature(name, each) for name, each in kind.items()]}


def _in_words(kind: ColumnType) -> str:
    if isinstance(kind, str):
        return kind
    if isinstance(kind, tuple):
        return f"list of {_in_words(kind[0])}"
    return "{" + ", ".join(f"{name}: {_in_words(each)}" for name, each in kind.items()) + "}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
