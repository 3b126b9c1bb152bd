"""The registry: every field that a diagnosis or a patch may name."""

from __future__ import annotations

from domain.fields.registry import REGISTRY
from domain.training.multi_source.checks import DEFINITIONS
from domain.training.multi_source.details import BLOCKS
from domain.training.multi_source.registry import PATTERNS, domain_text
from upkeep.reference.markdown import table


def render() -> str:
    files = list(dict.fromkeys(each.file for each in REGISTRY))
    parts = [
        "Every field of every artifact that a diagnosis or a patch may name, also in `GET /schema` and in the answer to a reset:\n"
        "first those of easy and medium runs, then the declarations of hard and expert runs, in which `{source}` and `{column}` stand for\n"
        "names of the run, and at last what the checks of hard and expert runs and the blocks of their data_slices.json measure.\n"
    ]
    for file in files:
        rows = ((f"`{each.field}`", each.domain_text()) for each in REGISTRY if each.file == file)
        parts.append(f"\n## {file}\n\n" + table(("field", "takes"), rows))
    declarations = ((f"`{each.file}`", f"`{each.field}`", domain_text(each), each.description) for each in PATTERNS)
    parts.append(
        "\n## Declarations of hard and expert runs\n\n" + table(("file", "declaration", "takes", "is"), declarations)
    )
    parts.append("\n## Checks of hard and expert runs\n\nThey measure, and raise no flag.\n\n")
    measured = (
        (f"`{check}`", f"`{name}`", text) for check, numbers in DEFINITIONS.items() for name, text in numbers.items()
    )
    parts.append(table(("check", "number", "what it is"), measured))
    parts.append(
        "\n## Blocks of details in data_slices.json\n\nA check sums up over all sources; these show one source, column or file, one query a block. "
        "`<source>` stands for a name.\n\n"
    )
    details = ((f"`{path}`", f"`{name}`", text) for path, numbers in BLOCKS.items() for name, text in numbers.items())
    parts.append(table(("block", "number", "what it is"), details))
    return "".join(parts)
