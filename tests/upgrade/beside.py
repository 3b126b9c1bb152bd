"""Shows what the server of a released version answers while this version upgrades its database beside it, and which events there are then.

    python -m tests.upgrade.beside ../released --name 4eb5604     # a checkout with its environment, see make_store

Exit 1: it recorded something after the upgrade, or answered a step with anything but 503.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import httpx

from server.storage.engines import parse_url
from server.storage.migrations import upgrade_database
from tests.databases import execute
from tests.postgres import PrivatePostgres, private_postgres
from tests.upgrade.make_store import Release
from tests.upgrade.stores import unpack

STEP = {"action": {"action_type": "read_logs"}}
COUNT = "SELECT count(*) FROM {}"


def is_refused(checkout: Path, name: str, folder: Path, postgres: PrivatePostgres | None) -> bool:
    """Whether the old server records nothing once the tables are newer."""
    store = unpack(name, folder, postgres)
    released = Release(checkout, folder, store.database_url)
    released.environment |= {"MLOPS_DEBUG_IDLE_SECONDS": "1e9"}
    with tempfile.TemporaryDirectory() as logs, released.serving(Path(logs)) as old:
        http = httpx.Client(base_url=old.url, trust_env=False, timeout=60)
        http.post("/episodes/running-easy/step", json=STEP).raise_for_status()
        asyncio.run(upgrade_database(parse_url(store.database_url)))
        print(f"ready before a request has failed: {http.get('/ready').status_code}")
        before = execute(store.database_url, COUNT.format("recorded_events"))
        answers = {
            "step": http.post("/episodes/running-easy/step", json=STEP),
            "step elsewhere": http.post("/episodes/running-hard/step", json=STEP),
            "reset": http.post("/reset", json={"task_id": "easy", "seed": 3}),
            "ready": http.get("/ready"),
            "board": http.get("/leaderboard.json?round=spring"),
        }
        for asked, answer in answers.items():
            print(
                f"{'sqlite' if postgres is None else 'postgres'}, {asked}: {answer.status_code} {answer.json().get('code', '')}"
            )
        is_unchanged = execute(store.database_url, COUNT.format("recorded_events")) == before
        return is_unchanged and all(answers[each].status_code == 503 for each in ("step", "step elsewhere", "reset"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--name", required=True)
    options = parser.parse_args()
    with private_postgres() as postgres:
        found = []
        for each in (None, postgres):
            with tempfile.TemporaryDirectory() as folder:
                found.append(is_refused(options.checkout, options.name, Path(folder), each))
    sys.exit(not all(found))


if __name__ == "__main__":
    main()
