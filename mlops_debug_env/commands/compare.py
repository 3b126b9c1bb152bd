"""``mlops-debug compare``: two runs on the same entries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_debug_env.commands.exit_codes import one_line_errors, write_out
from mlops_debug_env.commands.options import JsonOption


def compare(
    first: Annotated[Path, typer.Argument(help="Folder of a run.")],
    second: Annotated[Path, typer.Argument(help="Folder of another run on the same suite.")],
    as_json: JsonOption = False,
) -> None:
    """Compare two runs in pairs, entry by entry: the difference with its 95 % interval."""
    from mlops_debug_env.runner.compare import compare_runs
    from mlops_debug_env.runner.report import render_comparison, to_text

    with one_line_errors():
        comparison = compare_runs(first, second)
    write_out(comparison.model_dump_json() if as_json else to_text(render_comparison(comparison)))
