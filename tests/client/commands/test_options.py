"""Options that several commands take are declared once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer
from typer.testing import CliRunner

from mlops_debug_env.cli import cli
from mlops_debug_env.commands.option_classes import with_option_classes
from mlops_debug_env.commands.play_options import LlmOptions, PlayOptions


@dataclass(frozen=True, kw_only=True)
class Where:
    town: Annotated[str, typer.Option(help="Name of a town.")] = "Ulm"
    floor: Annotated[int | None, typer.Option("--storey", min=0)] = None


@with_option_classes
def visit(who: str, where: Where, times: Annotated[int, typer.Option()] = 1) -> None:
    """Visit someone."""
    typer.echo(f"{who} {where} {times}")


def called(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(visit)
    return CliRunner().invoke(app, list(arguments))


def test_a_command_takes_the_options_of_a_class_and_receives_an_object() -> None:
    assert called("Ada").stdout == f"Ada {Where()} 1\n"
    given = called("Ada", "--town", "Bonn", "--storey", "2", "--times", "3")
    assert given.stdout == f"Ada {Where(town='Bonn', floor=2)} 3\n"


def test_the_options_of_a_class_are_checked_and_described_as_those_of_the_command() -> None:
    assert called("Ada", "--storey", "-1").exit_code == 2
    shown = called("--help").stdout
    assert "Name of a town." in shown
    assert "Visit someone." in shown


def test_run_and_compete_share_one_declaration_of_each_common_option() -> None:
    group: Any = typer.main.get_command(cli)
    run, compete = ({each.name: each for each in group.commands[name].params} for name in ("run", "compete"))
    shared = {each.name for each in (*fields(PlayOptions), *fields(LlmOptions))}
    assert run.keys() & compete.keys() - {"help"} == shared | {"concurrency"}
    for name in shared:
        assert described(run[name]) == described(compete[name])


def described(option: Any) -> tuple[Any, ...]:
    return option.opts, option.help, option.default, option.envvar, option.rich_help_panel
