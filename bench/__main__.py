"""The command ``python -m bench``: measures the speed of this server, of OpenEnv's own server and of a bare Starlette."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.extra import require_extra

cli = typer.Typer(add_completion=False)


@cli.command()
def measure(
    quick: Annotated[bool, typer.Option("--quick", help="Take under a minute: fewer clients, shorter slices.")] = False,
    plan: Annotated[str | None, typer.Option(help="full, quick or smallest.", hidden=True)] = None,
    json_path: Annotated[Path, typer.Option("--json", help="File for all figures.")] = Path("bench.json"),
    plot_path: Annotated[Path, typer.Option("--plot", help="File for the plot, .png or .svg.")] = Path("bench.svg"),
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder for the databases, on the disk to measure. Default: the temporary folder."),
    ] = None,
    postgres: Annotated[
        str | None, typer.Option(help="URL of a PostgreSQL database to measure this server on as well.")
    ] = None,
) -> None:
    """Measure the speed of this server, of OpenEnv's own server and of a bare Starlette, in one run on this machine.

    Prints tables with the targets and whether they are met, and writes all figures and a plot. Needs the extra bench.
    """
    require_extra("python -m bench")
    from bench.command import run_benchmark

    chosen = plan or ("quick" if quick else "full")
    progress = partial(typer.echo, err=True)
    typer.echo(
        run_benchmark(
            chosen, json_path=json_path, plot_path=plot_path, folder=folder, postgres=postgres, progress=progress
        )
    )
    typer.echo(f"wrote {json_path} and {plot_path}", err=True)


if __name__ == "__main__":
    cli(prog_name="python -m bench")
