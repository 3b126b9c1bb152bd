"""Reports that a command needs the server where only the client is installed.

``pip install openenv-mlops-debug-env`` installs what the client needs; the packages of the server are its extra ``server``.
"""

from __future__ import annotations

from importlib.util import find_spec

SERVER_PACKAGES = ("aiosqlite", "alembic", "cryptography", "numpy", "prometheus_client", "sqlalchemy", "uvicorn")
"""What the extra ``server`` installs, by the names it is imported by."""


def is_server_package(module: str | None) -> bool:
    """Whether a module is of a package of the extra."""
    return (module or "").partition(".")[0] in SERVER_PACKAGES


def is_server_installed() -> bool:
    """Whether every package of the extra can be imported."""
    return all(find_spec(each) is not None for each in SERVER_PACKAGES)


def server_missing(what: str) -> str:
    """The message that names what needs the server, and how to install it."""
    return (
        f"{what} needs the server, and only the client is installed: pip install 'openenv-mlops-debug-env[server]', "
        "or pip install '.[server]' in a checkout"
    )
