"""Assembles the OpenAPI document from the table of operations, the models that validate, and the table of problem types."""

from __future__ import annotations

import re
from functools import cache
from http import HTTPStatus
from typing import Any, Sequence

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from domain.actions import ExpectedVersion, RequestId, WireAction
from domain.json import encode_json
from server.episodes.commands import EpisodeName
from server.version import DESCRIPTION, ENVIRONMENT, VERSION
from server.web.openapi.operations import EVERYWHERE, OPERATIONS, Operation
from server.web.openapi.response_models import Problem
from server.web.problem_details import MEDIA_TYPE, PROBLEM_TYPES, RETRY_STATUSES
from server.web.request_body import StepRequest

_REFERENCE = "#/components/schemas/{model}"
_Key = tuple[str, JsonSchemaMode]

_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {
        "description": "The episode's version after the step, in quotes.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Set-Cookie": {
        "description": "Names the episode for later calls of the same client that name none.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which the same may be sent again.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
}

_SECURITY: dict[str, dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "basic": {"type": "http", "scheme": "basic", "description": "An API key as the password; any user name."},
}
_OF_PATH: dict[str, dict[str, Any]] = {
    "asset": {"type": "string", "examples": ["docs.js"]},
    "env_name": {"type": "string", "examples": [ENVIRONMENT]},
}
"""Parts of paths that name no episode and no session."""


@cache
def openapi_json() -> bytes:
    """The document of ``/openapi.json``."""
    return encode_json(openapi_document(OPERATIONS))


def openapi_document(operations: Sequence[Operation]) -> dict[str, Any]:
    """OpenAPI 3.1, whose schemas are the JSON Schemas of the models as they stand."""
    schemas, definitions = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "servers": [{"url": "./", "description": "This one, also behind a prefix."}],
        "info": {
            "title": "MLOps Debugger",
            "version": VERSION,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        # Any of these, or none where access is open.
        "security": [{}, *({name: []} for name in _SECURITY)],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": _SECURITY,
            "headers": _HEADERS,
            "responses": {code: _problem(code) for code in PROBLEM_TYPES},
        },
    }


def _schemas(operations: Sequence[Operation]) -> tuple[dict[_Key, Any], dict[str, Any]]:
    """A schema for each operation's body and answer, and the definitions that they share."""
    wanted: list[tuple[_Key, JsonSchemaMode, TypeAdapter[Any]]] = [
        (("problem", "serialization"), "serialization", TypeAdapter(Problem)),
        (("action", "validation"), "validation", TypeAdapter(WireAction)),
        (("step", "validation"), "validation", TypeAdapter(StepRequest)),
        (("episode", "validation"), "validation", TypeAdapter(EpisodeName)),
        (("request_id", "validation"), "validation", TypeAdapter(RequestId | None)),
        (("expected_version", "validation"), "validation", TypeAdapter(ExpectedVersion | None)),
    ]
    for each in operations:
        if each.body not in (None, "step"):
            wanted.append(((each.name, "validation"), "validation", TypeAdapter(each.body)))
        if each.answer is not None:
            wanted.append(((each.name, "serialization"), "serialization", TypeAdapter(each.answer)))
        for status, _, model in each.others:
            if model is not None:
                wanted.append(((f"{each.name} {status}", "serialization"), "serialization", TypeAdapter(model)))
    found, rest = TypeAdapter.json_schemas(wanted, ref_template=_REFERENCE)
    definitions: dict[str, Any] = rest.get("$defs", {})
    schemas: dict[_Key, Any] = {key: schema for (key, _), schema in found.items()}
    definitions["Step"] = {"anyOf": [schemas["step", "validation"], _flat_step(schemas, definitions)]}
    return schemas, definitions


def _flat_step(schemas: dict[_Key, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The form whose action stands in the body itself: every action, with what may stand beside it."""
    beside = {
        "episode_id": {"anyOf": [schemas["episode", "validation"], {"type": "null"}], "default": None},
        "request_id": schemas["request_id", "validation"],
        "expected_version": schemas["expected_version", "validation"],
        "timeout_s": {"description": "Ignored."},
    }
    union = schemas["action", "validation"]
    names = [each["$ref"].rsplit("/", 1)[1] for each in union["oneOf"]]
    for name in names:
        action = definitions[name]
        definitions[f"Flat{name}"] = {
            **action,
            "title": f"Flat{name}",
            "properties": {**action["properties"], **beside},
        }
    mapping = {
        tag: where.replace("/schemas/", "/schemas/Flat") for tag, where in union["discriminator"]["mapping"].items()
    }
    return {
        "oneOf": [{"$ref": _REFERENCE.format(model=f"Flat{name}")} for name in names],
        "discriminator": {**union["discriminator"], "mapping": mapping},
        "title": "FlatStep",
    }


def _operation(each: Operation, schemas: dict[_Key, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"operationId": each.name, "tags": [each.tag], "summary": each.summary}
    if each.description:
        shown["description"] = each.description
    parameters = _parameters(each, schemas)
    if parameters:
        shown["parameters"] = parameters
    if each.body is not None:
        is_step = each.body == "step"
        schema = {"$ref": _REFERENCE.format(model="Step")} if is_step else schemas[each.name, "validation"]
        content: dict[str, Any] = {"schema": schema}
        if each.body_examples:
            content["examples"] = {name: {"value": value} for name, value in each.body_examples}
        shown["requestBody"] = {"required": each.is_body_required, "content": {"application/json": content}}
    shown["responses"] = {
        "200": _answer(each, schemas),
        **_others(each, schemas),
        **_problems((*EVERYWHERE, *each.problems)),
    }
    return shown


def _parameters(each: Operation, schemas: dict[_Key, Any]) -> list[dict[str, Any]]:
    name = schemas["episode", "validation"]
    found: list[dict[str, Any]] = [
        {"name": part, "in": "path", "required": True, "schema": _OF_PATH.get(part, name)}
        for part in re.findall(r"{(\w+)}", each.path)
    ]
    if each.takes_episode:
        found.append(
            {
                "name": "episode_id",
                "in": "query",
                "schema": {**name, "pattern": name["pattern"].replace("{1,", "{0,")},
                "description": "Names the episode; empty: it is named elsewhere.",
            }
        )
    texts: dict[str, Any] = {"schema": {"type": "string"}, "in": "query"}
    found += [{"name": each_name, **texts} for each_name in each.query]
    return found + (_query_parameters(each.query_model) if each.query_model is not None else [])


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The parameters of a query string; what may be left out is never sent as null."""
    schema = model.model_json_schema()
    return [_query_parameter(name, dict(found), schema) for name, found in schema["properties"].items()]


def _query_parameter(name: str, found: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    words = {"description": found.pop("description")} if "description" in found else {}
    form = next((part for part in found.get("anyOf", ()) if part != {"type": "null"}), found)
    plain = {key: value for key, value in form.items() if key not in ("title", "default")}
    return {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": plain, **words}


def _answer(each: Operation, schemas: dict[_Key, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schemas[each.name, "serialization"]} if each.answer is not None else {}
    if each.answer_examples:
        content["examples"] = {name: {"value": value} for name, value in each.answer_examples}
    shown: dict[str, Any] = {"description": "Done.", "content": dict.fromkeys(each.media_types, content)}
    if each.headers:
        shown["headers"] = {header: {"$ref": f"#/components/headers/{header}"} for header in each.headers}
    return shown


def _others(each: Operation, schemas: dict[_Key, Any]) -> dict[str, Any]:
    return {
        str(status): {"description": description}
        | (
            {}
            if model is None
            else {"content": {"application/json": {"schema": schemas[f"{each.name} {status}", "serialization"]}}}
        )
        for status, description, model in each.others
    }


def _problems(codes: Sequence[str]) -> dict[str, Any]:
    """A response for each status; more than one code may share it."""
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(PROBLEM_TYPES[code].status, []).append(code)
    return {
        str(status): {"$ref": f"#/components/responses/{found[0]}"} if len(found) == 1 else _response(status, found)
        for status, found in sorted(by_status.items())
    }


def _problem(code: str) -> dict[str, Any]:
    return _response(PROBLEM_TYPES[code].status, [code])


def _response(status: int, codes: Sequence[str]) -> dict[str, Any]:
    examples = {code: {"value": PROBLEM_TYPES[code].example()} for code in codes}
    shown: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}, "examples": examples}},
    }
    if status in RETRY_STATUSES:
        shown["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return shown
