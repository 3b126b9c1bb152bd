"""``python -m bench``: measures this server against OpenEnv's own and a bare Starlette."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

cli = typer.Typer(add_completion=False)


@cli.command()
def measure(
    quick: Annotated[bool, typer.Option("--quick", help="Under a minute; fewer clients, shorter slices.")] = False,
    plan: Annotated[str | None, typer.Option(help="full, quick or smallest.", hidden=True)] = None,
    json_path: Annotated[Path, typer.Option("--json", help="Where to write all figures.")] = Path("bench.json"),
    plot_path: Annotated[Path, typer.Option("--plot", help="Where to draw, PNG or SVG.")] = Path("bench.svg"),
    folder: Annotated[
        Path | None, typer.Option(help="On whose disk the databases lie. Default: the temporary folder.")
    ] = None,
    postgres: Annotated[str | None, typer.Option(help="Measure this server on this PostgreSQL database, too.")] = None,
) -> None:
    """Measure this server against OpenEnv's own and a bare Starlette, in one run on this machine."""
    try:
        from bench.command import run_benchmark
    except ModuleNotFoundError as error:
        typer.echo(f"the benchmark needs {error.name}: pip install -e '.[bench]'", err=True)
        raise typer.Exit(2) from None
    chosen = plan or ("quick" if quick else "full")
    progress = partial(typer.echo, err=True)
    typer.echo(
        run_benchmark(chosen, json_path=json_path, plot_path=plot_path, folder=folder, postgres=postgres, say=progress)
    )
    typer.echo(f"wrote {json_path} and {plot_path}", err=True)


if __name__ == "__main__":
    cli(prog_name="python -m bench")
