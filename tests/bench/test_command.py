"""The programs of bench as they are run from a checkout."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bench.extra import PACKAGES
from tests.e2e.running import environment

ROOT = Path(__file__).parents[2]
MISSING = [name for name in PACKAGES if find_spec(name) is None]


def run(program: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a program, such as ``bench.validity floor --help``, in this process; gives its exit code."""
    module, *arguments = program.split()
    path = ROOT.joinpath(*module.split("."))
    file = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    monkeypatch.setattr(sys, "argv", [str(file), *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(file), run_name="__main__")
    return ended.value.code


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"needs the extra bench: {', '.join(MISSING)} missing")
def test_the_smallest_plan_measures_every_server_and_writes_its_files(tmp_path: Path) -> None:
    files = ("--json", str(tmp_path / "bench.json"), "--plot", str(tmp_path / "bench.svg"))
    command = [sys.executable, "-m", "bench", "--plan", "smallest", "--folder", str(tmp_path), *files]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    measured = json.loads((tmp_path / "bench.json").read_text())
    rates = {cell["server"]: cell["figure"]["steps_per_second"] for cell in measured["cells"] if cell["load"] == "ws"}
    assert set(rates) == {"mlops-debug", "openenv", "openenv-generating", "ceiling"}
    assert measured["single"]["disk_bytes_per_event"] > 0
    assert all(target["figure"] in done.stdout for target in measured["targets"])
    assert (tmp_path / "bench.svg").read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize(
    ("package", "program"), [*((name, "bench") for name in PACKAGES), ("psutil", "bench.reset_timing")]
)
def test_without_its_extra_a_program_says_in_one_line_what_to_install(
    package: str, program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert run(program, monkeypatch) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert package in line
    assert "pip install -e '.[bench]'" in line


def programs() -> list[str]:
    """Every module of bench that can be run."""
    files = [file for file in (ROOT / "bench").rglob("*.py") if '__name__ == "__main__"' in file.read_text()]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__") for file in files]
    return sorted(names)


@pytest.mark.parametrize(
    "program",
    [*programs(), *(f"bench.validity {name}" for name in ("floor", "solvers", "look-alikes", "told-apart", "healthy"))],
)
def test_every_program_explains_itself(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"{program} --help", monkeypatch) in (0, None)
    assert "usage" in capsys.readouterr().out.lower()


def test_the_readme_lists_every_program() -> None:
    listed = re.findall(r"^\| `python -m (bench[\w.]*)", (ROOT / "bench" / "README.md").read_text(), flags=re.MULTILINE)
    assert set(listed) == set(programs())
