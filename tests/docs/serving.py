"""``mlops-debug serve`` as a page's blocks run it: really started, on a free port, until it is healthy, then stopped."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.e2e.running import ServerProcess


def main(arguments: list[str]) -> int:
    is_postgres = os.environ.get("MLOPS_DEBUG_DATABASE_URL", "").startswith("postgresql")
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(
            Path(folder),
            command=os.environ["DOCS_COMMAND"].splitlines(),
            child_environment={**os.environ, "PYTHONPATH": os.environ.get("DOCS_PATH", "")},
            database_argument=not is_postgres,
            arguments=arguments,
        )
        server.start()
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
