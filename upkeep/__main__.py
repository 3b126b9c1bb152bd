"""``python -m upkeep``: what a maintainer runs, from a checkout with the extras dev and upkeep."""

from __future__ import annotations

from typing import Annotated

import typer

cli = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def constraints() -> None:
    """Write constraints.txt and constraints-build.txt anew, with the newest versions allowed."""
    from upkeep.constraints import resolve

    resolve()


@cli.command()
def licences() -> None:
    """Write docs/licences.md from the installed packages."""
    from upkeep.licences import PAGE, render

    PAGE.write_text(render())


@cli.command()
def vulnerabilities() -> None:
    """Report what is known against the packages of constraints.txt. Exit 0: nothing, or no data; 1: something."""
    from upkeep.vulnerabilities import ask, render

    report = ask()
    typer.echo(render(report))
    raise typer.Exit(1 if report.vulnerabilities else 0)


@cli.command()
def image() -> None:
    """Do without Docker what the Dockerfile does, and play on the server that it would run. Exit 0: it works."""
    from upkeep.image import rehearse

    rehearse(say=typer.echo)


@cli.command()
def reference() -> None:
    """Write docs/reference from the code."""
    from upkeep.reference.pages import write_pages

    for path in write_pages():
        typer.echo(path)


@cli.command()
def capacity(
    figures: Annotated[str, typer.Option(help="A bench.json to take figures from; default: those committed.")] = "",
) -> None:
    """Write the capacity plan in docs/operations.md from measured figures."""
    from upkeep.capacity import refresh

    refresh(figures or None)


if __name__ == "__main__":
    cli(prog_name="python -m upkeep")
