"""Reports mistakes in use, and Ctrl-C, in one line, as every other error of a command is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
import typer.core

from mlops_debug_env.commands.exit_codes import USAGE, fail
from mlops_debug_env.commands.interrupts import BEFORE_ALL, INTERRUPTED, KEPT, is_of_ctrl_c, note_end

_exceptions = import_module(typer.BadParameter.__module__)
"""Of the click that typer brings along."""


class OneLineGroup(typer.core.TyperGroup):
    """A group of commands; unknown names, missing and unusable values end it with one line that names the help."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _one_line_at_ctrl_c(BEFORE_ALL), _one_line_usage_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with _one_line_at_ctrl_c(KEPT), _one_line_usage_errors():
            return super().invoke(ctx)


@contextmanager
def _one_line_at_ctrl_c(message: str) -> Iterator[None]:
    """For what says nothing by itself."""
    try:
        yield
    except (KeyboardInterrupt, Exception) as error:
        if not is_of_ctrl_c(error):
            raise
        note_end()
        typer.echo(message, err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _one_line_usage_errors() -> Iterator[None]:
    try:
        yield
    except _exceptions.NoArgsIsHelpError:
        raise  # it shows the help
    except _exceptions.UsageError as error:
        # pydantic, which typer asks, begins some messages so.
        message = error.format_message().replace("Value error, ", "").rstrip(".")
        path = "mlops-debug" if error.ctx is None else error.ctx.command_path
        fail(f"{message}; {path} -h shows what there is", USAGE)
