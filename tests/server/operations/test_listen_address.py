"""The address of a server is bound before anything else, or refused in one line."""

from __future__ import annotations

import socket
import sys
import tomllib
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from server.cli import cli
from server.operations.listen_address import AddressError, bind, close, listen
from tests.e2e.running import ROOT, ServerProcess, run_command

BAD_PORTS = ("80000", "65536", "-1")


@pytest.mark.parametrize("port", BAD_PORTS)
@pytest.mark.parametrize("is_flag", [True, False])
def test_a_port_that_does_not_exist_is_refused(port: str, is_flag: bool, tmp_path: Path) -> None:
    given, environ = (["--port", port], {}) if is_flag else ([], {"MLOPS_DEBUG_PORT": port})
    refused = CliRunner().invoke(cli, ["serve", *given, "--database", str(tmp_path / "x.db")], env=environ)
    assert refused.exit_code == 2
    assert port in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_reported_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = run_command("serve", "--port", str(port), "--database", str(tmp_path / "x.db"))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"error: cannot listen on 127.0.0.1:{port}: Address already in use; stop what listens there, or give --host or --port\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.1", "a" * 64])
def test_a_host_that_is_not_here_is_reported(host: str) -> None:
    with pytest.raises(AddressError, match="^cannot listen on .*; name an address of this machine with --host$"):
        bind(host, 0)


def test_of_two_that_bind_at_once_the_second_to_listen_is_reported() -> None:
    first = bind("127.0.0.1", 0)
    second = bind("127.0.0.1", first[0].getsockname()[1])
    listen(first, "127.0.0.1")
    with pytest.raises(AddressError, match="already in use"):
        listen(second, "127.0.0.1")
    close(first)


def test_port_0_is_a_free_one_and_the_same_on_every_address_of_the_host() -> None:
    sockets = bind("localhost", 0)
    ports = {each.getsockname()[1] for each in sockets}
    close(sockets)
    assert len(ports) == 1
    assert 0 not in ports


def test_the_folder_of_secrets_is_tried_before_the_server_says_that_it_listens(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = {"MLOPS_DEBUG_SECRETS_FOLDER": str(tmp_path / "file")}
    refused = run_command("serve", "--port", "0", "--database", str(tmp_path / "x.db"), settings=settings)
    assert refused.returncode == 2
    assert "listening on" not in refused.stdout
    assert refused.stderr.count("\n") == 1
    assert str(tmp_path / "file") in refused.stderr


def test_no_process_of_a_server_imports_from_the_working_directory(tmp_path: Path) -> None:
    """Started by a script, as ``mlops-debug`` is, so that the server itself does not either."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, function = scripts["mlops-debug"].split(":")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mlops-debug").write_text(
        f"from {module} import {function}\nif __name__ == '__main__':\n    {function}()\n"
    )
    here = tmp_path / "here"
    here.mkdir()
    for name in ("server", "domain", "signal", "queue", "random"):
        (here / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write('{name} ')")
    server = ServerProcess(here, command=[sys.executable, str(tmp_path / "bin" / "mlops-debug")])
    server.start()
    try:
        reset = httpx.post(f"{server.url}/reset", json={"task_id": "easy", "seed": 1}, timeout=60, trust_env=False)
        assert reset.status_code == 200, "generated in a worker process"
    finally:
        server.stop()
    assert not (tmp_path / "imported").exists()


def test_a_server_answers_once_it_says_that_it_listens(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    server.start()
    try:
        assert f"listening on {server.url}\n" in server.output
    finally:
        server.stop()
