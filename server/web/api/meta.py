"""REST handlers about the server itself: health, readiness, metrics, metadata, schema."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from domain.families import MEASUREMENTS
from domain.json import encode_json
from domain.tasks.table import categories_json, tasks_json
from server.metrics import MEDIA_TYPE as METRICS_TYPE
from server.version import DESCRIPTION, NAME, VERSION
from server.web.context import json_response, services_of
from server.web.problem_details import NOT_READY
from server.web.schemas import published_schemas


async def tasks(request: Request) -> Response:
    return json_response(encode_json({"tasks": tasks_json(), "failure_categories": categories_json()}))


async def health(request: Request) -> Response:
    return json_response(encode_json({"status": "healthy", "version": VERSION}))


async def ready(request: Request) -> Response:
    counts, reason = await services_of(request).readiness()
    if reason is not None:
        raise NOT_READY.problem(counts, reason=reason)
    return json_response(encode_json({"status": "ready", "version": VERSION, **counts}))


async def metrics(request: Request) -> Response:
    return Response(await services_of(request).measurements(), media_type=METRICS_TYPE)


async def metadata(request: Request) -> Response:
    return json_response(
        encode_json(
            {
                "name": NAME,
                "description": DESCRIPTION,
                "version": VERSION,
                "author": "The MLOps Debugger authors",
                "documentation_url": None,
            }
        )
    )


async def schema(request: Request) -> Response:
    return json_response(
        encode_json(
            {
                **published_schemas(),
                "fields": services_of(request).simulation.registry("single_table"),
                "declarations": services_of(request).simulation.registry("multi_source"),
                "measurements": MEASUREMENTS,
            }
        )
    )
