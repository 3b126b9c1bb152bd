"""The client's commands. The server mounts them; ``python -m mlops_debug_env`` runs them without it."""

from __future__ import annotations

import typer

from mlops_debug_env.commands.command_group import OneLineGroup
from mlops_debug_env.commands.compare import compare
from mlops_debug_env.commands.compete import compete
from mlops_debug_env.commands.demo import demo
from mlops_debug_env.commands.export import export
from mlops_debug_env.commands.mcp import mcp
from mlops_debug_env.commands.options import HELP_OPTIONS, group_options
from mlops_debug_env.commands.run import run

cli = typer.Typer(
    cls=OneLineGroup,
    help="Evaluate agents on episodes of ML-failure diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    context_settings=HELP_OPTIONS,
    pretty_exceptions_enable=False,
)
cli.callback()(group_options)
cli.command()(run)
cli.command()(compare)
cli.command()(compete)
cli.command()(export)
cli.command()(demo)
cli.command()(mcp)
