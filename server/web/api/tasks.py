"""Handlers of OpenEnv's Task API: lists the tasks of each split. A reset names a task by its split and index."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from domain.diagnosis import WholeNumber
from domain.json import encode_json
from domain.ranking.statistics import PASS_SCORE
from domain.tasks.splits import SPLITS, NumberedTask, numbered_task
from domain.tasks.table import TASKS
from domain.types import SPLIT_NAMES, SplitName
from server.version import ENVIRONMENT, NAME
from server.web.context import json_response
from server.web.problem_details import NOT_FOUND
from server.web.request_body import read_body

ENVIRONMENT_NAMES = (ENVIRONMENT, NAME)
"""Of the routes; the second one was the only one before they were called as the manifest is."""
MAX_TASKS = 1_000
"""In one answer; a split may have many more."""


class _Request(BaseModel):
    # Unknown keys are ignored: OpenEnv's rule.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, use_attribute_docstrings=True)


class SplitRequest(_Request):
    """One split."""

    split: SplitName


class TaskRequest(SplitRequest):
    """One task of a split."""

    index: WholeNumber
    """From 0."""


class TaskRangeRequest(SplitRequest):
    """Tasks of a split that follow each other."""

    start: WholeNumber | None = None
    """The first; null: 0."""
    stop: WholeNumber | None = None
    """The first that is left out; null: the end. No more than 1,000 are answered."""


_SPLIT: TypeAdapter[SplitRequest] = TypeAdapter(SplitRequest)
_TASK: TypeAdapter[TaskRequest] = TypeAdapter(TaskRequest)
_RANGE: TypeAdapter[TaskRangeRequest] = TypeAdapter(TaskRangeRequest)


async def environments(_: Request) -> Response:
    return json_response(encode_json([ENVIRONMENT]))


async def splits(request: Request) -> Response:
    _check_environment(request)
    return json_response(encode_json([{"name": split, "type": split} for split in SPLIT_NAMES]))


async def tasks(request: Request) -> Response:
    """The whole split, or the beginning of a long one."""
    _check_environment(request)
    wanted = _SPLIT.validate_json(await read_body(request))
    return json_response(encode_json({"tasks": _range(wanted.split, 0, None), "env_name": ENVIRONMENT}))


async def num_tasks(request: Request) -> Response:
    _check_environment(request)
    wanted = _SPLIT.validate_json(await read_body(request))
    return json_response(encode_json({"num_tasks": SPLITS[wanted.split].task_count}))


async def task(request: Request) -> Response:
    _check_environment(request)
    wanted = _TASK.validate_json(await read_body(request))
    return json_response(encode_json({"task": _task_json(numbered_task(wanted.split, wanted.index))}))


async def task_range(request: Request) -> Response:
    _check_environment(request)
    wanted = _RANGE.validate_json(await read_body(request))
    return json_response(encode_json({"tasks": _range(wanted.split, wanted.start or 0, wanted.stop)}))


def _check_environment(request: Request) -> None:
    if request.path_params["env_name"].lower() not in ENVIRONMENT_NAMES:
        raise NOT_FOUND.problem(path=request.url.path)


def _range(split: SplitName, start: int, stop: int | None) -> list[dict[str, Any]]:
    end = min(SPLITS[split].task_count, start + MAX_TASKS, *(() if stop is None else (stop,)))
    return [_task_json(numbered_task(split, index)) for index in range(start, end)]


def _task_json(found: NumberedTask) -> dict[str, Any]:
    task = TASKS[found.task_id]
    return {
        "id": f"{found.split}-{found.index}",
        "index": found.index,
        "split": found.split,
        "task_id": found.task_id,
        "seed": found.seed,
        "difficulty": found.task_id,
        "group": task.family,
        "max_steps": task.max_steps(),
        "max_experiments": task.max_experiments(),
        "success_threshold": PASS_SCORE,
    }
