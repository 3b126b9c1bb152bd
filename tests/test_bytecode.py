"""Processes that the tests start find bytecode, and leave none beside the sources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bytecode import cache_bytecode


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return tmp_path / "cache"


def import_in_a_child(folder: Path) -> None:
    folder.mkdir()
    (folder / "imported.py").write_text("")
    subprocess.run([sys.executable, "-c", "import imported"], cwd=folder, check=True, timeout=60)


def test_a_child_keeps_its_bytecode_in_the_cache(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    cache_bytecode(cache)
    import_in_a_child(tmp_path / "sources")
    assert [path.name.split(".")[0] for path in cache.rglob("imported.*.pyc")] == ["imported"]
    assert [path.name for path in (tmp_path / "sources").iterdir()] == ["imported.py"]


def test_python_is_left_alone_where_it_caches_bytecode_by_itself(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    cache_bytecode(cache)
    assert sys.pycache_prefix is None
