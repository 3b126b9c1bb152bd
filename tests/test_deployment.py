"""What Dockerfile, compose.yaml and Caddyfile run exists, and does what they expect of it; no engine is needed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from server.cli import cli
from server.routes import ROUTES
from server.settings import PREFIX, SETTINGS, read_settings
from server.storage.engines import parse_url
from tests.e2e.playing import WRONG_DIAGNOSIS, Episode, Json, accepted, open_client, open_socket
from tests.e2e.running import ServerProcess, environment, free_port
from tests.postgres import PrivatePostgres

ROOT = Path(__file__).parents[1]
NAMES = {PREFIX + setting.name for setting in SETTINGS}
PATHS = {route.path for route in ROUTES}
READ: Json = {"action_type": "read_config"}


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest), with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return parsed


def rest_of(instructions: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for instruction, rest in instructions if instruction == name]


def assert_is_command(words: list[str]) -> None:
    assert words[0] == "mlops-debug"
    assert CliRunner().invoke(cli, [*words[1:], "--help"]).exit_code == 0


def test_the_image_runs_a_command_that_exists_as_an_unprivileged_user(instructions: list[tuple[str, str]]) -> None:
    assert all("slim" in image for image in rest_of(instructions, "FROM"))
    assert_is_command(json.loads(rest_of(instructions, "CMD")[-1]))
    (user,) = rest_of(instructions, "USER")
    assert int(user) > 0


def test_the_image_copies_what_is_there_and_what_the_wheel_needs(instructions: list[tuple[str, str]]) -> None:
    copied = {word for rest in rest_of(instructions, "COPY") if "--from" not in rest for word in rest.split()[:-1]}
    assert {name for name in copied if not (ROOT / name).exists()} == set()
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"], "pyproject.toml"} <= copied
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert copied <= {line.removeprefix("!") for line in ignored if line.startswith("!")}


def test_the_image_says_what_it_is(instructions: list[tuple[str, str]]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (labels,) = rest_of(instructions, "LABEL")
    named = dict(word.split("=", 1) for word in shlex.split(labels))
    prefix = "org.opencontainers.image."
    assert named[f"{prefix}version"] == project["version"]
    assert named[f"{prefix}licenses"] == "MIT"
    assert named[f"{prefix}base.name"] == f"docker.io/library/{rest_of(instructions, 'FROM')[-1]}"
    assert set(named) == {
        prefix + name for name in ("title", "description", "version", "revision", "licenses", "base.name")
    }


def test_the_image_may_be_shown_on_the_page_of_a_space(instructions: list[tuple[str, str]]) -> None:
    words = [word for rest in rest_of(instructions, "ENV") for word in rest.split()]
    assert f"{PREFIX}FRAME_ANCESTORS=https://huggingface.co" in words
    assert read_settings(dict(word.split("=", 1) for word in words)).frame_ancestors == ("https://huggingface.co",)


def test_the_settings_of_image_and_services_exist(instructions: list[tuple[str, str]], compose: dict[str, Any]) -> None:
    named = set(re.findall(rf"{PREFIX}\w+", " ".join(rest for _, rest in instructions)))
    servers = {name: each for name, each in compose["services"].items() if each.get("image") == "mlops-debug"}
    assert set(servers) == {"upgrade", "server-1", "server-2"}
    for each in servers.values():
        named |= set(each["environment"])
        url = each["environment"][f"{PREFIX}DATABASE_URL"]
        parsed = parse_url(re.sub(r"\$\{POSTGRES_PASSWORD[^}]*\}", "secret", url))
        assert parsed.host in compose["services"]
        assert (parsed.username, parsed.database) == ("mlops", "mlops")
        assert_is_command(each.get("command", ["mlops-debug", "serve"]))
    assert named <= NAMES
    assert named


def test_what_is_installed_is_pinned_by_hash_and_nothing_else_is_fetched(instructions: list[tuple[str, str]]) -> None:
    for command in (each for rest in rest_of(instructions, "RUN") for each in rest.split("&&") if "/pip " in each):
        assert "--require-hashes -r constraints" in command or "--no-deps" in command, command


def test_the_servers_need_no_writable_root(compose: dict[str, Any]) -> None:
    for each in (each for each in compose["services"].values() if each.get("image") == "mlops-debug"):
        assert each["read_only"] is True
        assert each["tmpfs"] == ["/tmp"]
        assert each["cap_drop"] == ["ALL"]


def test_the_health_check_is_answered_by_a_server(instructions: list[tuple[str, str]], tmp_path: Path) -> None:
    (check,) = rest_of(instructions, "HEALTHCHECK")
    command = json.loads(check.partition(" CMD ")[2])
    server = ServerProcess(tmp_path)
    command[0] = sys.executable
    child = environment(MLOPS_DEBUG_PORT=str(server.port))
    assert subprocess.run(command, env=child, capture_output=True, timeout=60, check=False).returncode != 0
    server.start()
    try:
        assert subprocess.run(command, env=child, capture_output=True, timeout=60, check=False).returncode == 0
    finally:
        server.stop()


def test_services_wait_for_services_that_exist(compose: dict[str, Any]) -> None:
    for each in compose["services"].values():
        assert set(each.get("depends_on", {})) <= set(compose["services"])
        for volume in each.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (ROOT / source).is_file()


def test_the_proxy_asks_servers_that_exist_for_a_path_that_exists(
    compose: dict[str, Any], instructions: list[tuple[str, str]]
) -> None:
    (port,) = rest_of(instructions, "EXPOSE")
    servers = compose["services"]["proxy"]["environment"]["SERVERS"].split()
    assert {each.partition(":")[0] for each in servers} <= set(compose["services"])
    assert {each.partition(":")[2] for each in servers} == {port}
    caddyfile = (ROOT / "deploy" / "Caddyfile").read_text()
    assert re.findall(r"health_uri (\S+)", caddyfile) == ["/ready"]
    assert {"/ready", "/health"} <= PATHS
    assert caddyfile.count("{") == caddyfile.count("}")


@pytest.fixture
def proxied(tmp_path: Path, postgres: PrivatePostgres) -> Iterator[tuple[str, list[ServerProcess]]]:
    """The address of a proxy before two servers, as compose.yaml starts them, and the servers."""
    child = environment(MLOPS_DEBUG_DATABASE_URL=postgres.create_database(), MLOPS_DEBUG_GENERATOR_PROCESSES="1")
    servers = []
    for name in ("server-1", "server-2"):
        (tmp_path / name).mkdir()
        servers.append(ServerProcess(tmp_path / name, child_environment=child, database_argument=False))
    proxy = None
    address = f"127.0.0.1:{free_port()}"
    try:
        for each in servers:
            each.start()
        upstreams = " ".join(f"127.0.0.1:{each.port}" for each in servers)
        with (tmp_path / "caddy.log").open("wb") as log:
            proxy = subprocess.Popen(
                ["caddy", "run", "--adapter", "caddyfile", "--config", str(ROOT / "deploy" / "Caddyfile")],
                env={**child, "SERVERS": upstreams, "ADDRESS": f"http://{address}", "HOME": str(tmp_path)},
                stdout=log,
                stderr=log,
            )
        wait_until_healthy(f"http://{address}")
        yield address, servers
    finally:
        if proxy is not None:
            proxy.terminate()
            proxy.wait(20)
        for each in servers:
            each.kill()


def wait_until_healthy(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with open_client(url) as http, suppress(httpx.TransportError):
            if http.get("/ready").status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the proxy does not answer")


@pytest.mark.proxy
@pytest.mark.skipif(shutil.which("caddy") is None, reason="needs caddy, which is not installed")
def test_behind_the_proxy_a_server_that_dies_loses_no_episode(
    proxied: tuple[str, list[ServerProcess]],
) -> None:
    address, servers = proxied
    with open_client(f"http://{address}") as http:
        begun = Episode(http, task_id="medium", seed=7)
        begun.play(READ, request_id="r-1")
        with open_socket(f"ws://{address}/sessions/k/ws") as socket:
            first = socket.observe("reset", task_id="medium", seed=7)
            read = socket.observe("step", **READ)
        servers[0].kill()
        assert send_until_taken(begun, request_id="r-1")["info"]["version"] == 2
        for n in range(2, 12):
            assert send_until_taken(begun, expected_version=n)["info"]["version"] == n + 1
        with open_socket(f"ws://{address}/sessions/k/ws") as socket:
            assert socket.observe("step", **READ)["observation"] == read["observation"]
            last = socket.observe("step", **WRONG_DIAGNOSIS)
            assert last["metadata"]["episode_id"] == first["metadata"]["episode_id"]
        servers[0].start()
        servers[1].kill()
        assert send_until_taken(begun, expected_version=12)["info"]["version"] == 13


def send_until_taken(begun: Episode, **beside: Any) -> Json:
    """What was on its way to a server that died comes back as 502; its name or version makes sending again harmless."""
    for _ in range(50):
        response = begun.post(READ, **beside)
        if response.status_code not in (502, 503):
            return accepted(response)
    raise AssertionError(response.text)
