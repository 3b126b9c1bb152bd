"""`openenv push` takes this checkout for an environment, and what it sends is what the image is built of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.running import ROOT

push: Any = pytest.importorskip("openenv.cli.commands.push", reason="needs the extra openenv")

pytestmark = pytest.mark.openenv


def test_the_checkout_passes_the_structure_check() -> None:
    name, manifest = push._validate_openenv_directory(ROOT)
    assert (name, manifest["port"]) == ("mlops_debug_env", 7860)


def test_the_client_is_where_the_check_looks_for_it() -> None:
    listed: dict[str, Any] = {}
    exec(compile((ROOT / "client.py").read_text(), "client.py", "exec"), listed)
    from mlops_debug_env.client import MlopsDebugEnv

    assert listed["MlopsDebugEnv"] is MlopsDebugEnv


def test_all_that_the_image_is_built_of_is_sent(tmp_path: Path) -> None:
    patterns = push._load_ignore_patterns(ROOT, None)
    ignore = push._copytree_ignore_factory(ROOT, patterns)
    copied = [word for line in (ROOT / "Dockerfile").read_text().splitlines() for word in _copied(line)]
    assert "server" in copied
    for name in copied:
        assert name not in ignore(str(ROOT), [name])
    shutil.copytree(
        ROOT / "upkeep", tmp_path / "upkeep", ignore=push._copytree_ignore_factory(ROOT / "upkeep", patterns)
    )
    assert not list(tmp_path.rglob("__pycache__"))


def test_what_it_writes_into_the_dockerfile_leaves_the_command(tmp_path: Path) -> None:
    before = (ROOT / "Dockerfile").read_text()
    after, changes = push._rewrite_dockerfile_for_space(before, base_image=None, enable_interface=True)
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert changes == ["enabled web interface"]
    assert added == ["ENV ENABLE_WEB_INTERFACE=true"]
    assert after.splitlines().index(added[0]) < after.splitlines().index('CMD ["mlops-debug", "serve"]')


def test_the_readme_describes_the_space() -> None:
    front = yaml.safe_load((ROOT / "README.md").read_text().split("---")[1])
    assert (front["sdk"], front["app_port"], front["base_path"]) == ("docker", 7860, "/")


def _copied(line: str) -> list[str]:
    return line.split()[1:-1] if line.startswith("COPY") and "--from" not in line else []
