"""What a start, and a look at the folder of a run, leave to be imported when it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

LATER = {
    "server.app, server.operations.serve": (
        "alembic",
        "domain.grading.rubric_1.fixes",
        "server.web.openapi.document",
        "server.web.openapi.response_models",
    ),
    "server.web.pages.run_folder.app": ("openai", "sqlalchemy", "numpy"),
    "mlops_debug_env.exports.run_reader": ("openai",),
}


@pytest.mark.parametrize("modules", LATER)
def test_importing_leaves_what_is_needed_later(modules: str) -> None:
    program = f"import sys, {modules}; print(*[name for name in {LATER[modules]!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == []
