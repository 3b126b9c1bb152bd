"""Schemathesis plays the whole API from its own document, with all its checks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import ServerProcess, environment

EXAMPLES = 10
"""Of each operation and phase: about a minute on an idle machine, for all phases together."""
COMMAND = Path(sys.executable).with_name("st")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which(COMMAND), reason="needs schemathesis, of the extra dev")
def test_no_server_error_and_no_undocumented_answer(own_server: ServerProcess, tmp_path: Path) -> None:
    config = Path(__file__).with_name("schemathesis.toml")
    ran = subprocess.run(
        [
            *(str(COMMAND), "--config-file", str(config), "run", f"{own_server.url}/openapi.json"),
            *("--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "1", "--no-color"),
        ],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    print(ran.stdout[ran.stdout.find("= SUMMARY =") :])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Traceback" not in own_server.output
