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
    """Run the Dockerfile's commands without Docker, write the bill of materials of what they install to build/sbom.cdx.json,
    and play on the resulting server. Exit 0: it works."""
    from upkeep.image import check_image

    check_image(report_progress=typer.echo)


@cli.command("long-files")
def list_long_files() -> None:
    """List source files of more than 300 lines. Always exit 0: a long file is a smell, not an error."""
    from upkeep.checkout import ROOT
    from upkeep.long_files import long_files

    for path, lines in long_files(ROOT):
        typer.echo(f"long file: {path}, {lines} lines")


@cli.command()
def reference(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a committed file differs.")] = False,
) -> None:
    """Write the generated pages of docs/reference, docs/example-run, the client's names of the wire, and the tables of a new
    SQLite file, from the code."""
    from server.storage.migrations import baseline_path, render_baseline
    from upkeep import example_run, protocol
    from upkeep.reference.pages import outdated_pages, write_pages

    if check:
        outdated = [
            *outdated_pages(),
            *example_run.outdated(),
            *protocol.outdated(),
            *([baseline_path()] if baseline_path().read_text() != render_baseline() else []),
        ]
        for path in outdated:
            typer.echo(f"{path} differs from the code: run make reference", err=True)
        raise typer.Exit(1 if outdated else 0)
    baseline_path().write_text(render_baseline())
    for path in [*write_pages(), *example_run.write(), *protocol.write_shared(), baseline_path()]:
        typer.echo(path)


if __name__ == "__main__":
    cli(prog_name="python -m upkeep")
