"""Writes task folders of Harbor, one for each entry of a suite: ``python -m mlops_debug_env.harnesses.harbor --out tasks``.

A task has two containers. ``mlops-debug`` plays one episode with a server that only it can reach, and offers the actions over MCP; ``main``
is where the agent works. So the agent, which has a shell and a network, finds neither reset nor seed nor truth. The verifier asks the first
container for the score. Nothing of Harbor is imported.
"""

from __future__ import annotations

import argparse
import json
import shlex
import stat
from pathlib import Path
from typing import Any, NamedTuple

from mlops_debug_env.agents.oracle import to_diagnosis
from mlops_debug_env.agents.prompt import system_prompt
from mlops_debug_env.protocol.actions import submission
from mlops_debug_env.suites import SuiteEntry, read_suite
from mlops_debug_env.transport.sync_client import SyncDebugClient
from mlops_debug_env.version import VERSION

ORGANISATION = "mlops-debug"
AGENT_SECONDS = {"easy": 900, "medium": 900, "hard": 1800, "expert": 2400}
_SERVICE = "http://mlops-debug:8000"
_READS = ("read_config", "read_logs", "inspect_preprocessing")
"""What a solution looks at before it submits; a diagnosis without evidence scores less."""

_INSTRUCTION = """\
{prompt}

The actions are tools of the MCP server `mlops-debug` at {service}/mcp (streamable HTTP). Call `show_task` first: it shows the task, the
run, and the fields that a diagnosis may name. The task ends with `submit_diagnosis`; nothing is read from your files.
"""
_CONFIG = """\
schema_version = "1.4"

[task]
name = "{organisation}/{name}"
description = "Find what is wrong in a machine-learning training run, and how to repair it."
keywords = ["mlops", "debugging", "{task_id}"]

[metadata]
task_id = "{task_id}"
suite = "{suite}"
generator_version = "{generator_version}"
package_version = "{version}"

[agent]
timeout_sec = {seconds}.0

[verifier]
timeout_sec = 120.0

[environment]
build_timeout_sec = 900.0

[[environment.mcp_servers]]
name = "mlops-debug"
transport = "streamable-http"
url = "{service}/mcp"
"""
_DOCKERFILE = "FROM python:3.11-slim\nWORKDIR /work\n"
_COMPOSE = """\
services:
  main:
    depends_on:
      mlops-debug:
        condition: service_healthy
  mlops-debug:
    image: {image}
    command: [mlops-debug, mcp, --task, {task_id}, --seed, "{seed}", --agent, harbor, --listen, "0.0.0.0:8000"]
    expose: ["8000"]
    healthcheck:
      test: [CMD, python, -c, "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/result', timeout=2)"]
      interval: 2s
      timeout: 5s
      retries: 60
"""
_TEST = """\
#!/bin/bash
# The score of the server, from 0.01 to 0.99; 0 where no diagnosis was submitted.
set -eu
export SERVICE="${{MLOPS_DEBUG_SERVICE:-{service}}}" REWARDS="${{VERIFIER_LOGS:-/logs/verifier}}"
python3 - <<'PYTHON'
import json, os, urllib.request

with urllib.request.urlopen(os.environ["SERVICE"] + "/result", timeout=60) as answer:
    result = json.load(answer)
with open(os.path.join(os.environ["REWARDS"], "reward.json"), "w") as file:
    json.dump({{"reward": result["score"] or 0.0, "submitted": int(result["done"])}}, file)
PYTHON
"""
_SOLVE = """\
#!/bin/bash
# The planted truth, submitted as an agent would.
set -eu
export SERVICE="${{MLOPS_DEBUG_SERVICE:-{service}}}" CALLS={calls}
python3 - <<'PYTHON'
import json, os, urllib.request

for number, (name, arguments) in enumerate(json.loads(os.environ["CALLS"])):
    call = {{"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {{"name": name, "arguments": arguments}}}}
    url, body = os.environ["SERVICE"] + "/mcp", json.dumps(call).encode()
    asked = urllib.request.Request(url, body, {{"Content-Type": "application/json"}})
    with urllib.request.urlopen(asked, timeout=120) as answer:
        print(json.load(answer)["result"]["content"][0]["text"][:500])
PYTHON
"""


class Source(NamedTuple):
    """What the folders are made from."""

    suite: str
    generator_version: str
    image: str
    """Of the container that plays the episode."""


def write_task(folder: Path, entry: SuiteEntry, source: Source, solution: list[Any] | None) -> Path:
    """Write the folder of one entry.

    Args:
        folder: In which the task's folder is made.
        entry: The scenario.
        source: Where it comes from.
        solution: The tool calls that solve it; None: no solution is written.

    Returns:
        The task's folder.
    """
    # A number, not the seed: the agent may read the name of its task.
    name = f"{entry.task_id}-{len(list(folder.glob(f'{entry.task_id}-*'))):04d}"
    named = {
        "organisation": ORGANISATION,
        "name": name,
        "service": _SERVICE,
        "version": VERSION,
        "seconds": AGENT_SECONDS[entry.task_id],
        **entry.model_dump(),
        **source._asdict(),
    }
    task = folder / name
    _write(task / "instruction.md", _INSTRUCTION.format(prompt=system_prompt(entry.task_id), **named))
    _write(task / "task.toml", _CONFIG.format(**named))
    _write(task / "environment" / "Dockerfile", _DOCKERFILE)
    _write(task / "environment" / "docker-compose.yaml", _COMPOSE.format(**named))
    _write(task / "tests" / "test.sh", _TEST.format(**named), is_program=True)
    if solution is not None:
        calls = shlex.quote(json.dumps(solution))
        _write(task / "solution" / "solve.sh", _SOLVE.format(calls=calls, **named), is_program=True)
    return task


def solution_of(entry: SuiteEntry, client: SyncDebugClient) -> list[Any]:
    """The tool calls that solve a scenario: looks, and the truth, which a server shows after the end of an episode."""
    client.reset(task_id=entry.task_id, seed=entry.seed, agent="harbor-solution")
    truth = client.step(submission(entry.task_id)).info.ground_truth
    if truth is None:
        raise ValueError("the server does not show the truth after the end; solutions need one that does")
    submitted = submission(entry.task_id, *(to_diagnosis(each) for each in truth.faults)).to_wire()
    return [*((name, {}) for name in _READS), (submitted.pop("action_type"), submitted)]


def _write(path: Path, text: str, *, is_program: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if is_program:
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write task folders of Harbor, one for each entry of a suite.")
    parser.add_argument("--out", type=Path, required=True, help="folder in which the tasks are made; must be empty")
    parser.add_argument("--suite", default="practice-2", help="name of a suite, or a .json file")
    parser.add_argument("--entries", type=int, help="only the first entries")
    parser.add_argument("--image", default="mlops-debug", help="image of this project, as `docker build -t` named it")
    parser.add_argument("--solutions", metavar="URL", help="write solutions, too; asks the server at this address")
    given = parser.parse_args()
    if given.out.exists() and any(given.out.iterdir()):
        parser.error(f"{given.out} is not empty")
    suite = read_suite(given.suite)
    source = Source(suite.name, suite.generator_version, given.image)
    client = SyncDebugClient(given.solutions) if given.solutions else None
    for each in suite.entries[: given.entries]:
        write_task(given.out, each, source, solution_of(each, client) if client else None)
    if client is not None:
        client.close()


if __name__ == "__main__":
    main()
