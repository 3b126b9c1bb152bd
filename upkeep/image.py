"""Runs the commands of the Dockerfile without Docker, in a temporary folder, then its server with write access to the data
and temporary folders only.

Root enforces this by a mount namespace, as Docker does; for other users only the folder of the code is read-only.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from upkeep.checkout import ROOT

START_SECONDS = 90.0
BUILD_SECONDS = 900.0
SBOM = ROOT / "build" / "sbom.cdx.json"
_READ_ONLY_ROOT = (
    'for each in "$1" "$2"; do mount --bind "$each" "$each"; done; mount -o remount,bind,ro /; '
    'if touch "$3" 2>/dev/null; then exit 9; fi; shift 3; exec "$@"'
)
"""Binds the two folders, then makes all else read-only for this process and its children."""


class Instruction(NamedTuple):
    """One line of a Dockerfile, continued lines joined."""

    name: str
    rest: str


def read_instructions() -> list[Instruction]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [Instruction(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def stages() -> tuple[list[Instruction], list[Instruction]]:
    """The instructions of the build stage and of the final stage."""
    found = read_instructions()
    second = [at for at, each in enumerate(found) if each.name == "FROM"][1]
    return found[:second], found[second:]


def check_image(*, report_progress: Callable[[str], None]) -> None:
    """Build, start, play and stop; raises if any of it fails."""
    building, running = stages()
    with tempfile.TemporaryDirectory(prefix="mdbg-image-") as name:
        root = Path(name).resolve()
        root.chmod(0o755)
        _build(building, root, report_progress)
        _write_sbom(root / "opt" / "mlops-debug" / "bin" / "python", report_progress)
        _serve(running, root, report_progress)


def _build(instructions: list[Instruction], root: Path, report_progress: Callable[[str], None]) -> None:
    source = root / "source"
    source.mkdir()
    for each in instructions:
        if each.name == "COPY":
            _copy(each.rest.split(), source)
        elif each.name == "RUN":
            command = each.rest.replace("/opt/", f"{root}/opt/").replace("python -m", f"{sys.executable} -m")
            report_progress(f"RUN {each.rest}")
            subprocess.run(["sh", "-ec", command], cwd=source, check=True, timeout=BUILD_SECONDS)


def _write_sbom(python: Path, report_progress: Callable[[str], None]) -> None:
    """What the image has installed, as `SBOM`."""
    SBOM.parent.mkdir(exist_ok=True)
    command = [str(python), "-I", str(ROOT / "upkeep" / "sbom.py")]
    SBOM.write_bytes(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    report_progress(f"bill of materials: {SBOM.relative_to(ROOT)}")


def _copy(words: list[str], source: Path) -> None:
    *what, target = words
    for each in what:
        if (ROOT / each).is_dir():
            shutil.copytree(ROOT / each, source / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / each, source / each)


def _serve(instructions: list[Instruction], root: Path, report_progress: Callable[[str], None]) -> None:
    port = _free_port()
    data, temporary = root / "data", root / "tmp"
    for folder, mode in ((data, 0o755), (data / "secrets", 0o700), (temporary, 0o700)):
        folder.mkdir(mode=mode)
    _forbid_writing(root / "opt")
    before = sorted(_files(root / "opt"))
    variables = _variables(instructions, root) | {
        "MLOPS_DEBUG_PORT": str(port),
        "MLOPS_DEBUG_ACCESS": "open",
        "TMPDIR": str(temporary),
        "HOME": str(data),
    }
    command = next(json.loads(each.rest) for each in instructions if each.name == "CMD")
    command[0] = str(root / "opt" / "mlops-debug" / "bin" / command[0])
    is_read_only = _can_mount()
    if is_read_only:
        probe = root / "opt" / "probe"
        command = ["unshare", "-m", "sh", "-ec", _READ_ONLY_ROOT, "sh", str(data), str(temporary), str(probe), *command]
    report_progress(
        f"serving on a {'read-only root file system' if is_read_only else 'folder of code that cannot be written'}"
    )
    process = subprocess.Popen(command, cwd=root / "opt", env=variables)
    try:
        _play(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        code = process.wait(30)
    if code not in (0, -signal.SIGTERM):  # a server that stopped in order ends by the signal it was sent
        raise RuntimeError(f"the server ended with code {code}")
    if sorted(_files(root / "opt")) != before:
        raise RuntimeError("something was written beside the code")
    report_progress("built by hash, started read-only, played, and stopped")


def _variables(instructions: list[Instruction], root: Path) -> dict[str, str]:
    """ENV of the image, with its folders moved below the root."""
    words = [word for each in instructions if each.name == "ENV" for word in shlex.split(each.rest)]
    variables_of_image = dict(word.split("=", 1) for word in words)
    variables_of_image["PATH"] = (
        variables_of_image["PATH"].replace("/opt/", f"{root}/opt/").replace("$PATH", os.environ["PATH"])
    )
    for name in ("MLOPS_DEBUG_DATABASE_URL", "MLOPS_DEBUG_SECRETS_FOLDER"):
        variables_of_image[name] = variables_of_image[name].replace("/data", f"{root}/data", 1)
    return variables_of_image


def _play(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=2).close()
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    _ask(f"{url}/reset", {"task_id": "easy", "seed": 7, "episode_id": "image-1"})
    for action in ({"action_type": "read_config"}, {"action_type": "submit_diagnosis"}):
        answered = _ask(f"{url}/step", {"episode_id": "image-1", "action": action})
    if not answered["done"]:
        raise RuntimeError("the episode did not end")


def _ask(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def _can_mount() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    # Some containers let one have a namespace and mount nothing in it.
    trial = ["unshare", "-m", "sh", "-ec", "mount -o remount,bind,ro /"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def _forbid_writing(folder: Path) -> None:
    """Also for its owner."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o555)


def _files(folder: Path) -> Iterator[str]:
    return (str(path) for path in folder.rglob("*"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
