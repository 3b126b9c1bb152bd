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
    """In Markdown: docs/reference/settings.md is made of it."""
    parse: Callable[[str], Any] = str


def _whole_number(lowest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if number < lowest:
            raise ValueError(f"must be at least {lowest}")
        return number

    return parse


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError("must be a number of seconds above 0")
    return seconds


def _yes_or_no(text: str) -> bool:
    try:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def _log_level(text: str) -> str:
    level = text.lower()
    if level not in ("critical", "error", "warning", "info", "debug"):
        raise ValueError("must be critical, error, warning, info or debug")
    return level


def _access(text: str) -> str:
    if text not in ("auto", "open", "keys"):
        raise ValueError("must be auto, open or keys")
    return text


def _log_format(text: str) -> str:
    if text not in ("text", "json"):
        raise ValueError("must be text or json")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().rstrip("/").lower() for name in text.split(",") if name.strip())


SETTINGS: tuple[Setting, ...] = (
    Setting("HOST", "127.0.0.1", "Address to listen on."),
    Setting("PORT", 7860, "Port to listen on.", _whole_number(0)),
    Setting(
        "ALLOWED_HOSTS",
        (),
        "Host names that are served, separated by commas; another `Host` is 421 `wrong_host`. Without it: on "
        "loopback, addresses and names that no page of the internet can have (without a dot, or below "
        "`.localhost`); elsewhere, all.",
        _names,
    ),
    Setting(
        "ALLOWED_ORIGINS",
        (),
        "Origins of other sites whose pages may play here, separated by commas, as `https://example.org`. A "
        "request or WebSocket that a browser sends from a page of any other site is 403 `origin_refused`.",
        _names,
    ),
    Setting(
        "DATABASE_URL",
        "sqlite:///mlops-debug.db",
        "SQLAlchemy URL of the database. A relative SQLite path is relative to the working directory. "
        "PostgreSQL: `postgresql+asyncpg://USER@HOST/NAME`.",
    ),
    Setting(
        "ACCESS",
        "auto",
        "`open`: without an API key everybody may play; `keys`: nobody may; `auto`: open on loopback only.",
        _access,
    ),
    Setting(
        "SECRETS_FOLDER",
        "",
        "Folder of the signing key and of the secrets of rounds, which are never in the database. Default: "
        "beside the SQLite file, named after it with `-secrets`; with another database, `mlops-debug-secrets` "
        "in the working directory. All servers on one database need the same folder.",
    ),
    Setting("LOG_LEVEL", "info", "critical, error, warning, info or debug.", _log_level),
    Setting(
        "LOG_FORMAT",
        "text",
        "`json`: one JSON object a line, with `request_id` and `episode_id` where there are any.",
        _log_format,
    ),
    Setting(
        "ACCESS_LOG",
        False,
        "`true`: a line in the log for each request: method, path, status and milliseconds; never a body, a "
        "header or a key.",
        _yes_or_no,
    ),
    Setting("WORKERS", 1, "Server processes that share the port. More than one needs PostgreSQL.", _whole_number(1)),
    Setting(
        "GENERATOR_PROCESSES",
        max(1, (os.cpu_count() or 1) - 1),
        "Processes of each server process that generate scenarios and verify patches.",
        _whole_number(1),
    ),
    Setting(
        "SCENARIO_CACHE",
        256,
        "Scenarios kept in memory; the others are read from the database.",
        _whole_number(1),
    ),
    Setting("EPISODE_CACHE", 4096, "Folded episodes kept in memory; the others are folded again.", _whole_number(1)),
    Setting(
        "BODY_LIMIT_BYTES",
        262_144,
        "Longest request body or socket message. A longer body is answered with 413; a longer socket message "
        "closes the socket (code 1009), never the episode.",
        _whole_number(1),
    ),
    Setting("BATCH_LIMIT", 256, "Most appends committed in one transaction.", _whole_number(1)),
    Setting(
        "ACCEPT_DATA_LOSS",
        False,
        "`true`: start also on a database that could lose what it acknowledged (on SQLite WAL or "
        "`synchronous=FULL` cannot be had, on PostgreSQL `fsync` or `synchronous_commit` is off); `/ready` "
        "then says so as `accepted_data_loss`.",
        _yes_or_no,
    ),
    Setting(
        "SOCKET_LIMIT",
        4096,
        "Most open WebSockets. One more is accepted, told `CAPACITY_REACHED` and closed (code 1013), which is "
        "how the stock client gets to know why.",
        _whole_number(1),
    ),
    Setting(
        "COMPRESS_SOCKETS",
        False,
        "`true`: compress WebSocket messages (permessage-deflate) for clients that offer it, as the stock one "
        "does. Saves two thirds of the bytes and costs CPU for each answer and memory for each socket.",
        _yes_or_no,
    ),
    Setting(
        "STEPS_PER_SECOND",
        100_000,
        "Most steps of one client in a second, over REST and WebSocket together; it may save up one second's "
        "worth. One more is answered with 429, on a WebSocket with `CAPACITY_REACHED`; the socket stays open.",
        _whole_number(1),
    ),
    Setting(
        "OPEN_EPISODE_LIMIT",
        20_000,
        "Most open practice episodes of one client, counted since the server's start. Over it, the one that "
        "was left alone for longest is closed (`expire`, reason `idle`).",
        _whole_number(1),
    ),
    Setting(
        "IDLE_SECONDS",
        86_400.0,
        "An episode on which nothing happened for this long is closed (`expire`, reason `idle`). Counted from "
        "the later of its last event and the server's start, so that an outage costs nobody an episode.",
        _seconds,
    ),
    Setting(
        "CHECKPOINT_SECONDS",
        3_600.0,
        "Time between two signed checkpoints of a running server; none is made where nothing happened.",
        _seconds,
    ),
    Setting(
        "VERIFY_SECONDS",
        60.0,
        "Time between two turns of auditing ranked attempts that have ended; the board marks a row as "
        "verified once all of its attempts were audited without a finding.",
        _seconds,
    ),
    Setting("PING_SECONDS", 20.0, "Time between two pings of an open WebSocket.", _seconds),
    Setting(
        "PING_TIMEOUT_SECONDS",
        20.0,
        "A WebSocket that does not answer a ping for this long is closed; its episode stays open.",
        _seconds,
    ),
    Setting(
        "HEADER_TIMEOUT_SECONDS",
        15.0,
        "A connection that has not sent the line and the headers of a request for this long is closed; counted "
        "from connecting, and again from the first byte of each request.",
        _seconds,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values; the table says what each means."""

    host: str = "127.0.0.1"
    port: int = 7860
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    database_url: str = "sqlite:///mlops-debug.db"
    access: str = "auto"
    secrets_folder: str = ""
    log_level: str = "info"
    log_format: str = "text"
    access_log: bool = False
    workers: int = 1
    generator_processes: int = 1
    scenario_cache: int = 256
    episode_cache: int = 4096
    body_limit_bytes: int = 262_144
    batch_limit: int = 256
    accept_data_loss: bool = False
    socket_limit: int = 4096
    compress_sockets: bool = False
    steps_per_second: int = 100_000
    open_episode_limit: int = 20_000
    idle_seconds: float = 86_400.0
    checkpoint_seconds: float = 3_600.0
    verify_seconds: float = 60.0
    ping_seconds: float = 20.0
    ping_timeout_seconds: float = 20.0
    header_timeout_seconds: float = 15.0


def read_settings(environ: Mapping[str, str], **given: Any) -> Settings:
    """The settings of an environment; values that are given and not null win."""
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        key = setting.name.lower()
        text = environ.get(PREFIX + setting.name)
        if given.get(key) is not None:
            values[key] = _parsed(setting, given[key]) if isinstance(given[key], str) else given[key]
        elif text is not None:
            values[key] = _parsed(setting, text)
        else:
            values[key] = setting.default
    return Settings(**values)


def to_environment(settings: Settings) -> dict[str, str]:
    """The environment that ``read_settings`` reads these values from: how they reach other processes."""
    values = {each.name: getattr(settings, each.name.lower()) for each in SETTINGS}
    return {
        PREFIX + name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in values.items()
    }


def _parsed(setting: Setting, text: str) -> Any:
    try:
        return setting.parse(text)
    except ValueError as error:
        raise SettingError(setting.name, text, str(error)) from error
