"""Writes the evidence of one run of each task as files, for a reader: what an agent can read, nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Mapping

from domain.generator import generate
from domain.types import TASK_IDS, TaskId
from upkeep.checkout import ROOT

FOLDER = ROOT / "docs" / "example-run"
SEEDS: Mapping[TaskId, int] = {"easy": 29, "medium": 11, "hard": 18, "expert": 12}
"""Seeds of the split `train` whose runs show well what is wrong with them."""


def texts() -> dict[str, str]:
    """Path below the folder to text."""
    found = {}
    for task_id in TASK_IDS:
        evidence = generate(task_id, SEEDS[task_id]).evidence
        for name, text in evidence.artifacts.items():
            found[f"{task_id}/{name}"] = _readable(name, text)
        checks = {name: result.model_dump(mode="json") for name, result in evidence.checks.items()}
        found[f"{task_id}/checks.json"] = json.dumps(checks, indent=1) + "\n"
    return found


def _readable(name: str, text: str) -> str:
    """With a line for each block of data_slices.json, which an agent asks for one by one."""
    if name != "data_slices.json":
        return text
    document = json.loads(text)
    blocks = ",\n".join(f"  {json.dumps(path)}: {json.dumps(block)}" for path, block in document["blocks"].items())
    return f'{{\n "contents": {json.dumps(document["contents"])},\n "blocks": {{\n{blocks}\n }}\n}}\n'


def write() -> list[Path]:
    """Write the folder anew."""
    written = []
    for name, text in texts().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        written.append(path)
    return written


def outdated() -> list[Path]:
    """Files that differ from what is generated."""
    return [path for name, text in texts().items() if not (path := FOLDER / name).exists() or path.read_text() != text]
