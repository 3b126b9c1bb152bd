"""The wheel, installed in a virtual environment of its own, serves from an empty directory."""

from __future__ import annotations

import re
import subprocess
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.playing import WRONG_DIAGNOSIS, open_client, open_socket
from tests.e2e.running import ServerProcess
from tests.e2e.wheels import bare_environment, build_wheel, create_environment


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def interpreter(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment: the project from the wheel, all else from the running environment."""
    python, packages = create_environment(tmp_path_factory.mktemp("environment"), wheel)
    shared = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "running_environment.pth").write_text("\n".join(sorted(shared)) + "\n")
    return python


@pytest.fixture(scope="module")
def installed_server(interpreter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """``mlops-debug serve`` of the new environment, in an empty directory, on the default database."""
    process = ServerProcess(
        tmp_path_factory.mktemp("empty"),
        command=[str(interpreter.with_name("mlops-debug"))],
        child_environment=bare_environment(),
        database_argument=False,
    )
    process.start()
    yield process
    process.stop()


def test_the_wheel_carries_the_packages_and_the_migrations(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packages = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert packages == {"domain", "server", "mlops_debug_env"}
    assert [name for name in names if "versions/" in name and name.endswith(".py")]


def test_the_wheel_says_that_its_packages_are_typed(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = {name.split("/")[0] for name in names if name.endswith("/__init__.py")}
    assert packages == {"domain", "server", "mlops_debug_env"}
    assert {f"{package}/py.typed" for package in packages} <= names


def test_the_wheel_tells_of_itself_in_the_words_of_the_readme_without_its_front_matter(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (each for each in opened.namelist() if each.endswith(".dist-info/METADATA"))
        head, _, text = opened.read(name).decode().partition("\n\n")
    assert "Description-Content-Type: text/markdown" in head
    assert text.lstrip().startswith("# MLOps Debugger")


def test_the_wheel_carries_the_pages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        f"server/web/pages/{name}" for name in ("templates/base.html", "static/pages.css", "static/replay.js")
    } <= names
    vendored = "server/web/pages/static/vendor/uplot/"
    assert {f"{vendored}{name}" for name in ("uPlot.iife.min.js", "uPlot.min.css", "LICENSE")} <= names


@pytest.mark.parametrize("package", ["domain", "server", "mlops_debug_env"])
def test_the_new_environment_imports_the_project_from_the_wheel(
    interpreter: Path, tmp_path: Path, package: str
) -> None:
    source = f"import {package}; print({package}.__file__)"
    done = subprocess.run(
        [str(interpreter), "-c", source],
        cwd=tmp_path,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert Path(done.stdout.strip()).is_relative_to(interpreter.parents[1])


def test_the_installed_server_says_where_it_serves_and_where_the_database_is(installed_server: ServerProcess) -> None:
    assert installed_server.url in installed_server.output
    assert "mlops-debug.db" in installed_server.output


def test_the_default_database_is_in_the_working_directory(installed_server: ServerProcess) -> None:
    assert (installed_server.directory / "mlops-debug.db").is_file()


def test_the_installed_server_plays_an_episode_over_a_websocket(installed_server: ServerProcess) -> None:
    with open_socket(installed_server.socket_url) as ws:
        ws.observe("reset", task_id="medium", seed=5)
        for action_type in ("read_config", "read_logs", "inspect_preprocessing"):
            assert ws.observe("step", action_type=action_type)["reward"] == 0.02
        ended = ws.observe("step", **WRONG_DIAGNOSIS)
    assert ended["done"] is True
    assert ended["metadata"]["ground_truth"]["fault_id"] == "data_leakage_scaler"


def test_the_installed_server_shows_its_pages(installed_server: ServerProcess) -> None:
    with open_client(installed_server.url) as http:
        front = http.get("/")
        sheet = re.search(r'href="\.(/static/pages\.css\?v=[0-9a-f]+)"', front.text)
        assert sheet is not None
        styled = http.get(sheet[1])
    assert (front.status_code, styled.status_code) == (200, 200)
    assert styled.headers["content-type"].startswith("text/css")
