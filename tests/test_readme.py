"""The commands and claims of the README are run."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from hatch_build import without_front_matter
from mlops_debug_env.suites import read_suite
from server.version import VERSION
from tests.e2e.running import environment, free_port

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def all_blocks(text: str) -> list[tuple[str, str]]:
    """Language and text of every fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def blocks(language: str, text: str = README) -> list[str]:
    return [block for named, block in all_blocks(text) if named == language]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server process on a free port and a fresh database."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "server",
        "serve",
        "--port",
        str(port),
        "--database",
        str(tmp_path_factory.mktemp("readme") / "r.db"),
    ]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(url)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise


def run_example(example: str, base_url: str, directory: Path) -> str:
    """What an example prints when it is run as it stands, against another server."""
    script = directory / "example.py"
    script.write_text(example.replace("http://127.0.0.1:7860", base_url))
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.openenv
@pytest.mark.skipif(importlib.util.find_spec("openenv") is None, reason="needs the extra openenv")
def test_the_example_with_the_stock_client_repairs_the_run(base_url: str, tmp_path: Path) -> None:
    stock = (each for each in blocks("python", page("how-to/openenv.md")) if "GenericEnvClient" in each)
    (example,) = (each for each in stock if "submit_diagnosis" in each)
    assert "'fault_id': 'data_leakage_scaler'" in run_example(example, base_url, tmp_path)


def test_the_example_with_the_own_client_is_shown_the_truth(base_url: str, tmp_path: Path) -> None:
    (example,) = (each for each in blocks("python") if "SyncDebugClient" in each)
    assert "fault_id='exploding_lr'" in run_example(example, base_url, tmp_path)


def test_the_example_of_the_client_page_runs(base_url: str, tmp_path: Path) -> None:
    example = blocks("python", page("how-to/client.md"))[0]
    assert "fault_id='exploding_lr'" in run_example(example, base_url, tmp_path)


def test_the_tutorial_shows_lines_that_its_blocks_print(base_url: str, tmp_path: Path) -> None:
    fenced = all_blocks(page("tutorial/first-episode.md"))
    followed = [(text, shown) for (language, text), (_, shown) in pairwise(fenced) if language == "python"]
    assert len(followed) == 4
    for example, shown in followed:
        printed = run_example(example, base_url, tmp_path).splitlines()
        assert [line for line in shown.splitlines() if line not in printed] == []


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 130


def test_the_commands_are_the_two_that_must_work() -> None:
    commands = "".join(blocks("bash"))
    assert "pip install '.[server]' && mlops-debug serve\n" in commands
    assert "pip install '.[dev]' && pytest\n" in commands


def test_the_front_matter_is_that_of_a_space_that_runs_the_image() -> None:
    front_matter = yaml.safe_load(README.partition("\n---\n")[0])
    port = re.search(r"^EXPOSE (\d+)$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert port is not None
    assert (front_matter["sdk"], front_matter["app_port"]) == ("docker", int(port[1]))
    assert "openenv" in front_matter["tags"]
    assert front_matter["title"] == "MLOps Debugger"


def test_the_package_has_the_readme_without_its_front_matter() -> None:
    shown = without_front_matter(README)
    assert shown.startswith("# MLOps Debugger\n")
    assert README.endswith(shown)
    assert without_front_matter(shown) == shown


def test_the_version_is_the_same_everywhere() -> None:
    import tomllib

    import mlops_debug_env

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION == mlops_debug_env.__version__
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_suite_has_as_many_entries_as_the_readme_says() -> None:
    entries = read_suite("practice-2").entries
    assert re.findall(r"The suite has (\d+) entries", README) == [str(len(entries))]
    assert re.findall(r"--entries (\d+)` plays the first four over all of practice-2", page("how-to/evaluate.md")) == [
        str(len(entries))
    ]


@pytest.mark.slow
def test_the_demo_prints_the_rows_that_the_readme_shows(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "demo", "--exit"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    (table,) = (block for block in blocks("text") if "heuristic" in block)
    printed = [line.split() for line in done.stdout.splitlines()]
    assert [line for line in table.splitlines() if line.split() not in printed] == []
