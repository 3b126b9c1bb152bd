"""The table of settings."""

from __future__ import annotations

from server.settings import PREFIX, SETTINGS, Setting
from upkeep.reference.markdown import table

_OF_THE_MACHINE = {"GENERATOR_PROCESSES": "one fewer than the cores, at least 1"}
"""Defaults that differ from machine to machine."""


def render() -> str:
    rows = ((f"`{PREFIX}{each.name}`", _default(each), each.help) for each in SETTINGS)
    return (
        "All settings are environment variables, read once at start. The options of `mlops-debug serve` of the same name win.\n"
        "A value that cannot be used stops the start with its name and value. "
        "[Probes, metrics and limits](operations.md) says what limits are answered with.\n\n"
        + table(("variable", "default", "meaning"), rows)
    )


def _default(setting: Setting) -> str:
    if setting.name in _OF_THE_MACHINE:
        return _OF_THE_MACHINE[setting.name]
    if setting.default in ((), ""):
        return "none"
    return f"`{str(setting.default).lower() if isinstance(setting.default, bool) else setting.default}`"
