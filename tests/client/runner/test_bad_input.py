"""Bad input is reported in one line that says what to do, with an exit code, and changes nothing."""

from __future__ import annotations

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlops_debug_env.runner.json_lines import JsonLines, UnwritableFolderError
from tests.client.runner.running import COMMAND, command_in_process, results, run_in_process, without_names
from tests.e2e.running import ServerProcess, free_port

KEY = {"OPENAI_API_KEY": "k"}


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (["--suite", "practise"], {}, "there is no suite 'practise'; there are expert-1, practice-1, practice-2"),
        (["--suite", "nowhere.json"], {}, "there is no suite 'nowhere.json'"),
        (["--agent", "hal"], {}, "there is no agent 'hal'; choose one of nop, random, "),
        (["--agent", "llm"], KEY, "no model is named; give --model or set MODEL_NAME"),
        (["--agent", "llm", "--model", "m"], {}, "OPENAI_API_KEY is not set"),
        (["--agent", "nop", "--model", "m"], {}, "--model is for --agent llm"),
        (["--agent", "llm", "--model", "m", "--budget-usd", "1"], KEY, "needs the price of m"),
        (["--agent", "llm", "--model", "m", "--prices", "nowhere.json"], KEY, "cannot read the prices in nowhere.json"),
        (["--agent", "nop", "--budget-tokens", "9"], {}, "--budget-tokens is for --agent llm"),
        (["--abandon"], {}, "--abandon needs --out"),
        (["--url", "127.0.0.1:7860"], {}, "must have http or https"),
        (["--url", "http://127.0.0.1:notaport"], {}, "cannot be read"),
        (["--url", "http://127.0.0.1:7860/sessions/mine"], {}, "--url must end before /sessions/"),
        (["--json", "--log-format", "openenv"], {}, "--json prints one object only"),
        (["--resume"], {}, "--resume needs --out"),
    ],
)
def test_what_cannot_be_used_is_reported_before_anything_is_done(
    arguments: list[str], settings: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = run_in_process("run", *arguments, settings=settings)
    assert (code, stdout) == (2, "")
    assert stderr.startswith("error: ")
    assert message in stderr
    assert stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("present", [(), ("notes.txt",), ("lock", "actions.json")])
def test_only_a_run_is_resumed(present: tuple[str, ...], server: ServerProcess, tmp_path: Path) -> None:
    out = tmp_path / "r"
    for name in present:
        out.mkdir(exist_ok=True)
        (out / name).touch()
    code, stdout, stderr = run_in_process("run", "--url", server.url, "--entries", "1", "--out", str(out), "--resume")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "contains no run to go on with: there is no run.json in it; leave out --resume to begin one" in stderr
    assert sorted(each.name for each in tmp_path.rglob("*")) == sorted(["r", *present] if present else [])


def test_an_endpoint_without_a_connection_ends_a_run_as_the_docs_say(server: ServerProcess, tmp_path: Path) -> None:
    settings = {**KEY, "OPENAI_BASE_URL": f"http://127.0.0.1:{free_port()}/v1"}
    arguments = ("--url", server.url, "--agent", "llm", "--model", "m", "--entries", "2", "--out", str(tmp_path / "r"))
    code, _, stderr = run_in_process("run", *arguments, settings=settings)
    assert code == 3
    assert stderr.splitlines()[-1].startswith("error: the model cannot be reached (see errors.jsonl)")
    assert "go on with: mlops-debug run --resume" in stderr


def test_a_refused_key_ends_a_run_as_the_docs_say(server: ServerProcess, tmp_path: Path) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b'{"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}'
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(401)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as endpoint:
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        settings = {**KEY, "OPENAI_BASE_URL": f"http://127.0.0.1:{endpoint.server_port}/v1"}
        arguments = (
            "--url",
            server.url,
            "--agent",
            "llm",
            "--model",
            "m",
            "--entries",
            "2",
            "--out",
            str(tmp_path / "r"),
        )
        code, _, stderr = run_in_process("run", *arguments, settings=settings)
        endpoint.shutdown()
    assert code == 3
    assert stderr.splitlines()[-1].startswith("error: the endpoint refuses the key in OPENAI_API_KEY")


def test_a_dead_server_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "r"
    code, _, stderr = run_in_process("run", "--url", f"http://127.0.0.1:{free_port()}", "--out", str(out))
    assert code == 3
    assert "No connection to the server" in stderr
    assert not out.exists()


@pytest.mark.parametrize("path", ["/nothing/here", "/health"])
def test_an_address_with_a_path_that_leads_nowhere_is_reported(
    path: str, server: ServerProcess, tmp_path: Path
) -> None:
    code, _, stderr = run_in_process("run", "--url", server.url + path, "--out", str(tmp_path / "r"))
    assert code == 3
    assert stderr.startswith("error: ")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("arguments", [["compare", "a", "b"], ["export", "a"], ["export", "a", "--what", "chat"]])
def test_a_folder_without_a_run_is_reported(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = run_in_process(*arguments)
    assert (code, stdout) == (2, "")
    assert "a contains no run: there is no run.json in it" in stderr


def test_a_folder_that_cannot_be_made_is_reported(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, stderr = run_in_process("run", "--url", server.url, "--out", str(tmp_path / "file" / "r"))
    assert code == 5
    assert "cannot make the folder" in stderr


def test_standard_output_that_is_full_is_reported(server: ServerProcess, tmp_path: Path) -> None:
    out = tmp_path / "r"
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*COMMAND, "run", "--agent", "nop", "--entries", "3", "--url", server.url, "--out", str(out), "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert ended.returncode == 5
    assert "cannot write to standard output: No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(results(out)) == 3


def test_a_disk_that_takes_no_more_stops_the_run_and_loses_nothing(server: ServerProcess, tmp_path: Path) -> None:
    """No file may grow beyond 64 KiB, which the turns soon do; with room again, the same run goes on."""
    asked = ("run", "--agent", "random", "--entries", "12", "--url", server.url)
    bounded = ["bash", "-c", 'ulimit -f 64; exec "$@"', "bash", *COMMAND, *asked, "--out", str(tmp_path / "full")]
    full = subprocess.run(bounded, capture_output=True, text=True, timeout=120, check=False)
    assert full.returncode == 5, full.stderr
    assert "turns.jsonl: File too large; nothing is lost, go on with: mlops-debug run --resume" in full.stderr
    assert "Traceback" not in full.stderr
    assert len(results(tmp_path / "full")) < 12

    assert command_in_process(*asked, "--out", str(tmp_path / "full"), "--resume").returncode == 0
    assert command_in_process(*asked, "--out", str(tmp_path / "whole")).returncode == 0
    assert without_names(results(tmp_path / "full")) == without_names(results(tmp_path / "whole"))


def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = JsonLines(tmp_path / "lines.jsonl")
    lines.append('{"a":1}')
    write = os.write
    answers = iter([lambda file, text: write(file, text[:3]), _raise_full])
    monkeypatch.setattr(os, "write", lambda file, text: next(answers)(file, text))
    with pytest.raises(UnwritableFolderError, match="No space left"):
        lines.append('{"b":2}')
    monkeypatch.undo()
    lines.append('{"c":3}')
    lines.close()
    assert (tmp_path / "lines.jsonl").read_text() == '{"a":1}\n{"c":3}\n'


def _raise_full(*_: object) -> int:
    raise OSError(28, "No space left on device")
