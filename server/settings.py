"""Every setting of the server in one table. Read from the environment once, at start."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields
from typing import Any, Callable, Mapping

PREFIX = "MLOPS_DEBUG_"
_HIGHEST = 2**31 - 1
_LONGEST_SECONDS = 1e10  # three centuries: a date can still be set back by it
_MOST_PROCESSES = 1024
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:[0-9]{1,5})?")


class SettingError(ValueError):
    """A setting has a value that cannot be used."""

    def __init__(self, name: str, value: str, reason: str, *, is_given: bool = False) -> None:
        option = f"--{name.lower().replace('_', '-')} " if is_given else f"{PREFIX}{name}="
        super().__init__(f"{option}{value!r}: {reason}")
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
    is_secret: bool = False
    """Whether its value is never shown."""


def _whole_number(lowest: int, highest: int = _HIGHEST) -> Callable[[str], int]:
    def parse(text: str) -> int:
        reason = f"must be a whole number from {lowest} to {highest}"
        try:
            number = int(text)
        except ValueError:
            raise ValueError(reason) from None
        if not lowest <= number <= highest:
            raise ValueError(reason)
        return number

    return parse


def _seconds(text: str) -> float:
    reason = f"must be a number of seconds above 0, at most {_LONGEST_SECONDS:.0f}"
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(reason) from None
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ValueError(reason)
    return seconds


def _host(text: str) -> str:
    if not text.strip():
        raise ValueError("must be an address or the name of a host, 0.0.0.0 for all")
    return text


def _yes_or_no(text: str) -> bool:
    try:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def _log_level(text: str) -> str:
    return _one_of("critical", "error", "warning", "info", "debug")(text.lower())


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return parse


def _token(text: str) -> str:
    if text and not 32 <= len(text) <= 256:
        raise ValueError("must have 32 to 256 characters")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().rstrip("/").lower() for name in text.split(",") if name.strip())


def _root_path(text: str) -> str:
    path = text.rstrip("/")
    if path and not _ROOT_PATH.fullmatch(path):
        raise ValueError("must be a path that begins with /, of letters, digits and - . _ ~ /")
    return path


def _origins(text: str) -> tuple[str, ...]:
    origins = _names(text)
    if not all(map(_ORIGIN.fullmatch, origins)):
        raise ValueError("must be origins as https://example.org, separated by commas")
    return origins


def _setting(default: Any, help_text: str, parse: Callable[[str], Any] = str, *, is_secret: bool = False) -> Any:
    """Declare a setting: its only default, its help text, the parser of its text, and whether its value is never shown."""
    return field(
        default=default, repr=not is_secret, metadata={"help": help_text, "parse": parse, "is_secret": is_secret}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of a server. Each setting is declared here, once: ``SETTINGS``, the reference and ``read_settings`` follow from it."""

    host: str = _setting("127.0.0.1", "Address to listen on.", _host)
    port: int = _setting(7860, "Port to listen on; 0: a free one.", _whole_number(0, 65_535))
    allowed_hosts: tuple[str, ...] = _setting(
        (),
        "Host names that are served, separated by commas; another `Host` is 421 `wrong_host`. Without it: on "
        "loopback, addresses and names that no page of the internet can have (without a dot, or below "
        "`.localhost`); elsewhere, all.",
        _names,
    )
    allowed_origins: tuple[str, ...] = _setting(
        (),
        "Origins of other sites whose pages may play here, separated by commas, as `https://example.org`. A "
        "request or WebSocket that a browser sends from a page of any other site is 403 `origin_refused`.",
        _names,
    )
    root_path: str = _setting(
        "",
        "Prefix of the path under which a proxy serves this server, as `/debugger`. It may leave it on or take it off. Default: none.",
        _root_path,
    )
    frame_ancestors: tuple[str, ...] = _setting(
        (),
        "Origins whose pages may show the pages of this server in a frame, separated by commas, as `https://example.org`. "
        "Default: none; in the image `https://huggingface.co`, whose pages show a Space so.",
        _origins,
    )
    database_url: str = _setting(
        "sqlite:///mlops-debug.db",
        "SQLAlchemy URL of the database. A relative SQLite path is relative to the working directory. "
        "PostgreSQL: `postgresql+asyncpg://USER@HOST/NAME`.",
    )
    access: str = _setting(
        "auto",
        "`open`: everyone may play without an API key; `keys`: an API key is needed; `auto`: open on loopback only.",
        _one_of("auto", "open", "keys"),
    )
    secrets_folder: str = _setting(
        "",
        "Folder of the signing key and of the secrets of rounds, which are never in the database. Default: "
        "beside the SQLite file, named after it with `-secrets`; with another database, `mlops-debug-secrets` "
        "in the working directory. All servers on one database need the same folder.",
    )
    log_level: str = _setting("info", "critical, error, warning, info or debug.", _log_level)
    log_format: str = _setting(
        "text",
        "`json`: one JSON object a line, with `request_id` and `episode_id` where there are any.",
        _one_of("text", "json"),
    )
    access_log: bool = _setting(
        False,
        "`true`: a line in the log for each request: method, path, status and milliseconds; never a body, a "
        "header or a key.",
        _yes_or_no,
    )
    workers: int = _setting(
        1,
        "Server processes that share the port, on an SQLite file or on PostgreSQL. Each has its own caches and generator "
        "processes, and counts limits for itself.",
        _whole_number(1, _MOST_PROCESSES),
    )
    generator_processes: int = _setting(
        max(1, (os.cpu_count() or 1) - 1),
        "Processes of each server process that generate scenarios and verify patches.",
        _whole_number(1, _MOST_PROCESSES),
    )
    generation_seconds: float = _setting(
        60.0,
        "Longest time that a process may take for one scenario or patch. A process that takes longer is ended and "
        "replaced, and what waited for it is answered with 503 `generator_unavailable`.",
        _seconds,
    )
    generation_queue_limit: int = _setting(
        1024,
        "Most scenarios and patches that wait for a process. When there are more, the client that has most of them "
        "is answered with 503 `too_many_waiting`.",
        _whole_number(1),
    )
    reserve: int = _setting(
        2,
        "Fresh scenarios of each task that each server process generates ahead while nothing waits, for resets without a "
        "seed; what agents of a round may begin next is generated ahead, too. 0: nothing is.",
        _whole_number(0, 1024),
    )
    scenario_cache: int = _setting(
        256, "Scenarios kept in memory; the others are read from the database.", _whole_number(1)
    )
    episode_cache: int = _setting(
        4096, "Folded episodes kept in memory; the others are folded again.", _whole_number(1)
    )
    body_limit_bytes: int = _setting(
        262_144,
        "Longest request body or socket message. A longer body is answered with 413; a longer socket message "
        "closes the socket (code 1009), never the episode.",
        _whole_number(1),
    )
    batch_limit: int = _setting(256, "Most appends committed in one transaction.", _whole_number(1))
    accept_data_loss: bool = _setting(
        False,
        "`true`: start also on a database that could lose what it acknowledged (on SQLite WAL or "
        "`synchronous=FULL` cannot be had, on PostgreSQL `fsync` or `synchronous_commit` is off); `/ready` "
        "then says so as `accepted_data_loss`.",
        _yes_or_no,
    )
    socket_limit: int = _setting(
        4096,
        "Most open WebSockets. One more is accepted, told `CAPACITY_REACHED` and closed (code 1013), which is "
        "how the stock client gets to know why.",
        _whole_number(1),
    )
    compress_sockets: bool = _setting(
        False,
        "`true`: compress WebSocket messages (permessage-deflate) for clients that offer it, as the stock one "
        "does. Saves two thirds of the bytes and costs CPU for each answer and memory for each socket.",
        _yes_or_no,
    )
    steps_per_second: int = _setting(
        100_000,
        "Most steps of one client in a second, over REST and WebSocket together; it may save up one second's "
        "worth. One more is answered with 429, on a WebSocket with `CAPACITY_REACHED`; the socket stays open.",
        _whole_number(1),
    )
    open_episode_limit: int = _setting(
        20_000,
        "Most open practice episodes of one client, counted since the server's start. Over it, the one that "
        "was left alone for longest is closed (`expire`, reason `idle`).",
        _whole_number(1),
    )
    idle_seconds: float = _setting(
        86_400.0,
        "An episode on which nothing happened for this long is closed (`expire`, reason `idle`). Counted from "
        "the later of its last event and the server's start, so that no episode is lost by an outage.",
        _seconds,
    )
    checkpoint_seconds: float = _setting(
        3_600.0,
        "Time between two signed checkpoints of a running server; none is made where nothing happened.",
        _seconds,
    )
    verify_seconds: float = _setting(
        60.0,
        "Time between two turns of auditing ranked attempts that have ended; the board marks a row as "
        "verified once all of its attempts were audited without a finding.",
        _seconds,
    )
    ping_seconds: float = _setting(20.0, "Time between two pings of an open WebSocket.", _seconds)
    ping_timeout_seconds: float = _setting(
        20.0, "A WebSocket that does not answer a ping for this long is closed; its episode stays open.", _seconds
    )
    validation_token: str = _setting(
        "",
        "Token of 32 to 256 characters by which OpenEnv's validator reads what a WebSocket was asked and answered "
        "(`validation_open`, `validation_read`). Read from `OPENENV_VALIDATION_TOKEN`, too. Default: it cannot.",
        _token,
        is_secret=True,
    )
    header_timeout_seconds: float = _setting(
        15.0,
        "A connection that has not sent the line and the headers of a request for this long is closed; counted "
        "from connecting, and again from the first byte of each request.",
        _seconds,
    )


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(each.name.upper(), each.default, **each.metadata) for each in fields(Settings)
)


_OTHER_NAMES: Mapping[str, str] = {"VALIDATION_TOKEN": "OPENENV_VALIDATION_TOKEN"}
"""Variables that other programs set."""


def read_settings(environ: Mapping[str, str], **given: Any) -> Settings:
    """The settings of an environment; values that are given and not None win."""
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        key = setting.name.lower()
        text = environ.get(PREFIX + setting.name, environ.get(_OTHER_NAMES.get(setting.name, "")))
        if given.get(key) is not None:
            values[key] = _given(setting, given[key])
        elif text is not None:
            values[key] = _parsed(setting, text)
    return Settings(**values)


def _given(setting: Setting, value: Any) -> Any:
    """Check a value from a caller against the same bounds as one from the environment."""
    return value if isinstance(value, tuple) else _parsed(setting, str(value), is_given=True)


def _parsed(setting: Setting, text: str, *, is_given: bool = False) -> Any:
    try:
        return setting.parse(text)
    except ValueError as error:
        shown = "…" if setting.is_secret else text
        raise SettingError(setting.name, shown, str(error), is_given=is_given) from None
