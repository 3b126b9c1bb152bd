"""Every setting of the server in one table. Read from the environment once, at start."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Callable, Mapping

PREFIX = "MLOPS_DEBUG_"


class SettingError(ValueError):
    """A setting has a value that cannot be used."""

    def __init__(self, name: str, value: str, reason: str) -> None:
        super().__init__(f"{PREFIX}{name}={value!r}: {reason}")
        self.name = name
        self.value = value


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    name: str
    """Without the prefix."""
    default: Any
    help: str
    parse: Callable[[str], Any] = str


def _whole_number(lowest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if number < lowest:
            raise ValueError(f"must be at least {lowest}")
        return number

    return parse


def _log_level(text: str) -> str:
    level = text.lower()
    if level not in ("critical", "error", "warning", "info", "debug"):
        raise ValueError("must be critical, error, warning, info or debug")
    return level


SETTINGS: tuple[Setting, ...] = (
    Setting("HOST", "127.0.0.1", "Address to listen on."),
    Setting("PORT", 7860, "Port to listen on.", _whole_number(0)),
    Setting(
        "DATABASE_URL",
        "sqlite:///mlops-debug.db",
        "SQLAlchemy URL of the database. A relative SQLite path is relative to the working directory.",
    ),
    Setting("LOG_LEVEL", "info", "critical, error, warning, info or debug.", _log_level),
    Setting(
        "WORKERS",
        max(1, (os.cpu_count() or 1) - 1),
        "Processes that generate scenarios and verify patches. Default: one fewer than the cores, at least 1.",
        _whole_number(1),
    ),
    Setting(
        "SCENARIO_CACHE", 256, "Scenarios kept in memory; the others are read from the database.", _whole_number(1)
    ),
    Setting("EPISODE_CACHE", 4096, "Folded episodes kept in memory; the others are folded again.", _whole_number(1)),
    Setting("BODY_LIMIT_BYTES", 262_144, "Longest request body or socket message.", _whole_number(1)),
    Setting("BATCH_LIMIT", 256, "Most appends committed in one transaction.", _whole_number(1)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values; the table says what each means."""

    host: str = "127.0.0.1"
    port: int = 7860
    database_url: str = "sqlite:///mlops-debug.db"
    log_level: str = "info"
    workers: int = 1
    scenario_cache: int = 256
    episode_cache: int = 4096
    body_limit_bytes: int = 262_144
    batch_limit: int = 256


def read_settings(environ: Mapping[str, str], **given: Any) -> Settings:
    """The settings of an environment; values that are given and not null win."""
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        key = setting.name.lower()
        text = environ.get(PREFIX + setting.name)
        if given.get(key) is not None:
            values[key] = given[key]
        elif text is not None:
            values[key] = _parsed(setting, text)
        else:
            values[key] = setting.default
    return Settings(**values)


def _parsed(setting: Setting, text: str) -> Any:
    try:
        return setting.parse(text)
    except ValueError as error:
        raise SettingError(setting.name, text, str(error)) from error
