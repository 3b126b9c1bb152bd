"""The document is made of what validates, and is whole."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from server.routes import PAGE_ROUTES
from server.web.openapi.document import openapi_document
from server.web.openapi.operations import EVERYWHERE, OPERATIONS, Operation
from server.web.problem_details import PROBLEM_TYPES
from tests.served import Served

DOCUMENT = openapi_document(OPERATIONS)
OPERATION_IDS = [f"{each.method} {each.path}" for each in OPERATIONS]


def served_operations(app: Starlette) -> set[tuple[str, str]]:
    """What programs are served; the pages are for people."""
    return {
        (method, re.sub(r":\w+}", "}", route.path))
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"  # comes with GET
    } - {(method, each.path) for each in PAGE_ROUTES if isinstance(each, Route) for method in each.methods or ()}


def resolved(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """A validator of a schema of the document, with what it refers to."""
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_every_route_is_documented_and_nothing_else(served: Served) -> None:
    assert {(each.method, each.path) for each in OPERATIONS} == served_operations(served.app)
    assert len(OPERATIONS) == len({each.name for each in OPERATIONS})


def test_every_problem_type_is_documented_and_is_of_an_operation() -> None:
    assert list(DOCUMENT["components"]["responses"]) == list(PROBLEM_TYPES)
    used = {code for each in OPERATIONS for code in (*EVERYWHERE, *each.problems)}
    of_sockets_or_every_route = {"method_not_allowed", "too_many_sockets"}
    assert used | of_sockets_or_every_route == set(PROBLEM_TYPES)


def test_every_schema_is_a_json_schema() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema.get("description") or name.startswith("Flat") or name == "Step" or schema.get("title"), name


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r"'\$ref': '([^']+)'", repr(DOCUMENT)))
    assert references
    for reference in references:
        found: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


@pytest.mark.parametrize("operation", OPERATIONS, ids=OPERATION_IDS)
def test_examples_are_valid(operation: Operation) -> None:
    shown = DOCUMENT["paths"][operation.path][operation.method.lower()]
    contents = [each["content"] for each in (shown.get("requestBody"), shown["responses"]["200"]) if each]
    contents += [response["content"] for response in DOCUMENT["components"]["responses"].values()]
    for content in contents:
        for media in content.values():
            for example in media.get("examples", {}).values():
                resolved(media["schema"]).validate(example["value"])


def test_the_two_forms_of_a_step_are_told_apart() -> None:
    step = resolved(DOCUMENT["components"]["schemas"]["Step"])
    flat = {"action_type": "read_config", "episode_id": "e", "request_id": "r", "expected_version": 3, "timeout_s": 1}
    step.validate(flat)
    step.validate({"action": {"action_type": "read_config"}, "anything": 1})
    assert not step.is_valid({**flat, "anything": 1})
    assert not step.is_valid({"action_type": "read_artifact", "artifact_name": "config.yaml", "log_filter": "x"})
    assert step.is_valid({"action_type": "read_artifact", "artifact_name": "train.log", "log_filter": "x"})


async def test_the_server_gives_the_document_out(served: Served) -> None:
    response = await served.client.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == DOCUMENT
