"""How commands end: exit codes, one-line errors, and output that fails loudly where it cannot be written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from mlops_debug_env.commands.interrupts import INTERRUPTED as INTERRUPTED

INCOMPLETE = 1
"""Some episodes failed; the others have results."""
USAGE = 2
"""Something that was given cannot be used; nothing was done."""
UNREACHABLE = 3
"""The server or the model cannot be reached, or refuses everything."""
BUDGET_SPENT = 4
UNWRITABLE = 5
"""The disk is full, or the folder or standard output cannot be written."""


def fail(message: str, code: int) -> NoReturn:
    """End with one line on standard error."""
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    raise typer.Exit(code)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Errors that a user can do something about end the command with a line, not with a traceback."""
    try:
        yield
    except Exception as error:
        code = _code_of(error)
        if code is None:
            raise
        lost = "; nothing that was written is lost" if code == UNWRITABLE else ""
        fail(f"{error}{lost}", code)


def _code_of(error: Exception) -> int | None:
    """The exit code for an error; None: it is a defect, and its traceback is wanted."""
    # Imported here: they take a second, which `--help` should not.
    from mlops_debug_env.agents.llm.errors import MissingSettingError, ModelUnavailableError
    from mlops_debug_env.agents.llm.prices import UnreadablePricesError
    from mlops_debug_env.agents.llm.tools import UnreadableSchemaError
    from mlops_debug_env.agents.loader import AgentLoadError
    from mlops_debug_env.agents.registry import UnknownAgentError
    from mlops_debug_env.exports.parquet import MissingParquetError
    from mlops_debug_env.exports.rows import ChangedEventError
    from mlops_debug_env.protocol.errors import InvalidAddressError, MlopsDebugError
    from mlops_debug_env.runner.compare import NothingInCommonError
    from mlops_debug_env.runner.json_lines import UnwritableFolderError
    from mlops_debug_env.runner.model_options import UnusedOptionError
    from mlops_debug_env.runner.ranked_run import UnknownRoundError
    from mlops_debug_env.runner.run_folder import FolderTakenError, NoRunError
    from mlops_debug_env.suites import UnknownSuiteError, UnreadableSuiteError

    given = (FolderTakenError, InvalidAddressError, MissingSettingError, NoRunError, NothingInCommonError)
    named = (
        AgentLoadError,
        MissingParquetError,
        UnknownAgentError,
        UnknownRoundError,
        UnknownSuiteError,
        UnreadableSuiteError,
        UnreadablePricesError,
        UnusedOptionError,
    )
    if isinstance(error, (*given, *named)):
        return USAGE
    if isinstance(error, UnwritableFolderError):
        return UNWRITABLE
    kinds = (ChangedEventError, MlopsDebugError, ModelUnavailableError, UnreadableSchemaError)
    return UNREACHABLE if isinstance(error, kinds) else None


def write_out(text: str) -> None:
    """Write to standard output, for sure."""
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except OSError as error:
        # What could not be written would be tried again when Python ends, and end it with a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        fail(f"cannot write to standard output: {error.strerror}", UNWRITABLE)
