"""``python -m upkeep``: maintenance of a checkout, with the extras dev and upkeep."""

from __future__ import annotations

from typing import Annotated

import typer

cli = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def constraints() -> None:
    """Write constraints.txt and constraints-build.txt with the newest versions allowed."""
    from upkeep.constraints import resolve

    resolve()


@cli.command()
def vulnerabilities() -> None:
    """Report known vulnerabilities of the packages of constraints.txt. Exit 0: none, or no data; 1: some."""
    from upkeep.vulnerabilities import render, run_pip_audit

    report = run_pip_audit()
    typer.echo(render(report))
    raise typer.Exit(1 if report.vulnerabilities else 0)


@cli.command()
def image() -> None:
    """Run the Dockerfile's commands without Docker, and play on the resulting server. Exit 0: it works."""
    from upkeep.image import check_image

    check_image(report_progress=typer.echo)


@cli.command()
def reference(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a committed page differs.")] = False,
) -> None:
    """Write the generated pages of docs/reference from the code."""
    from upkeep.reference.pages import outdated_pages, write_pages

    if check:
        outdated = outdated_pages()
        for path in outdated:
            typer.echo(f"{path} differs from the code: run make reference", err=True)
        raise typer.Exit(1 if outdated else 0)
    for path in write_pages():
        typer.echo(path)


if __name__ == "__main__":
    cli(prog_name="python -m upkeep")
