"""The command line, with every argument and option."""

from __future__ import annotations

from typing import Any, Iterator

import typer

from server.cli import cli
from upkeep.reference.markdown import table


def render() -> str:
    root: Any = typer.main.get_command(cli)
    parts = [
        f"`mlops-debug COMMAND`. {root.help} `mlops-debug --install-completion` sets up completion for the "
        "shell.\n\nAn installation without the extra `server` has all commands; of those, `run`, `compete`, `compare`, `view`, `export` of runs, "
        "`demo --url` and `mcp --url` work, and the others name the installation that they need. `python -m mlops_debug_env` has the client's commands, too.\n"
    ]
    for name, command in _commands(root, "mlops-debug"):
        parts.append(f"\n## {name}\n\n{' '.join((command.help or '').split())}\n")
        rows = [_row(each) for each in command.params if not getattr(each, "hidden", False)]
        if rows:
            parts.append("\n" + table(("argument or option", "default", "meaning"), rows))
    return "".join(parts)


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in sorted(group.commands):
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _row(parameter: Any) -> tuple[str, str, str]:
    is_argument = parameter.param_type_name == "argument"
    names = [parameter.name.upper()] if is_argument else [*parameter.opts, *parameter.secondary_opts]
    default = parameter.default
    shown = "" if default in (None, False, ()) or callable(default) else f"`{default}`"
    return (
        ", ".join(f"`{each}`" for each in names),
        "required" if parameter.required else shown,
        parameter.help or "",
    )
