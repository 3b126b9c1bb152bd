"""Serves a peer: ``python -m bench.peers NAME --port PORT``, on the same HTTP server and event loop as this project's own."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import uvicorn

NAMES = ("openenv", "openenv-async", "openenv-generating", "ceiling")


def create_peer_app(name: str, recording: Path | None) -> Any:
    if name == "ceiling":
        from bench.ceiling import create_ceiling

        if recording is None:
            raise ValueError("the ceiling needs a recording")
        return create_ceiling(recording)
    from bench.openenv_peer import create_peer

    return create_peer(keeps_scenarios=name != "openenv-generating", is_async=name == "openenv-async")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--recording", type=Path)
    arguments = parser.parse_args()
    uvicorn.run(
        create_peer_app(arguments.name, arguments.recording),
        host="127.0.0.1",
        port=arguments.port,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
