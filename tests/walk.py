"""A newcomer's walk: ``python -m tests.walk [--python python3.12 …]``, from a checkout with the extra dev.

For each Python: a fresh clone, a fresh virtual environment, the README's two commands, then every page of docs, block by
block, to the letter. What is installed comes from the package index, so it is no part of the ordinary tests.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.docs.blocks import ROOT, blocks_of, is_code, pages
from tests.docs.model import a_model
from tests.docs.reader import PageError, Reader
from tests.postgres import PrivatePostgres, private_postgres

PYTHONS = ("python3.11", "python3.12", "python3.13")
INSTALL_SECONDS = 900


def walk(python: str, model_url: str, postgres: PrivatePostgres, wanted: list[Path]) -> list[str]:
    """What did not go as its page says."""
    with tempfile.TemporaryDirectory(prefix="mdbg-walk-") as name:
        checkout, environment = Path(name) / "checkout", Path(name) / "environment"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True, timeout=60)
        subprocess.run([python, "-m", "venv", str(environment)], check=True, timeout=120)
        inside = str(environment / "bin" / "python")
        reader = Reader(checkout, model_url, python=inside, is_walking=True)
        reader.prepare()
        say(f"{python}: pip install .")
        _install(inside, checkout, ".")
        found = []
        for page in wanted:
            if not any(is_code(each) and each.reason is None for each in blocks_of(checkout / page.relative_to(ROOT))):
                continue
            began = time.monotonic()
            reader.database_url = None
            if page.name == "postgres.md":  # its server needs the driver before the page's first block installs it
                _install(inside, checkout, ".[postgres]")
                reader.database_url = postgres.create_database()
            try:
                reader.follow(checkout / page.relative_to(ROOT))
                trouble = ""
            except (PageError, RuntimeError, subprocess.TimeoutExpired) as error:
                trouble = str(error)
                found.append(f"{python}: {trouble}")
                say(trouble)
            verdict = "NOT as it says" if trouble else "as it says"
            say(f"{python}: {page.relative_to(ROOT)}: {verdict}, {time.monotonic() - began:.0f} s")
        return found


def _install(python: str, checkout: Path, what: str) -> None:
    """The README's first command, so that a server can be started beside it; it is run again where it stands."""
    command = [python, "-m", "pip", "install", "--quiet", what]
    subprocess.run(command, cwd=checkout, check=True, timeout=INSTALL_SECONDS)


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="append", help="Only this page, such as docs/client.md. May be repeated.")
    parser.add_argument("--python", action="append", help=f"May be repeated. Default: {', '.join(PYTHONS)}.")
    asked = parser.parse_args()
    pythons = asked.python or PYTHONS
    wanted = [page for page in pages() if asked.page is None or str(page.relative_to(ROOT)) in asked.page]
    with a_model() as model_url, private_postgres() as postgres:
        found = [each for python in pythons for each in walk(python, model_url, postgres, wanted)]
    say(f"{len(pythons)} Pythons, {len(found)} pages do not do what they say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
