"""A refused connection is answered with the problem; a WebSocket that cannot be answered so is closed."""

from __future__ import annotations

import pytest
from starlette.types import Message, Scope

from server.web.middleware.refusal import refuse
from server.web.problem_details import NOT_READY, WRONG_HOST, Problem

HTTP: Scope = {"type": "http"}
WEBSOCKET: Scope = {"type": "websocket"}
WEBSOCKET_WITH_RESPONSE: Scope = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
PROBLEM = WRONG_HOST.problem(host="example.org")


async def refused(scope: Scope, problem: Problem) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await refuse(scope, send, problem, [(b"x-own", b"1")])
    return sent


@pytest.mark.parametrize(
    ("scope", "kind"), [(HTTP, "http.response"), (WEBSOCKET_WITH_RESPONSE, "websocket.http.response")]
)
async def test_a_connection_is_answered_with_the_problem(scope: Scope, kind: str) -> None:
    headers = [(b"content-type", b"application/problem+json"), (b"x-own", b"1")]
    assert await refused(scope, PROBLEM) == [
        {"type": f"{kind}.start", "status": 421, "headers": headers},
        {"type": f"{kind}.body", "body": PROBLEM.body()},
    ]


async def test_a_websocket_without_such_an_answer_is_closed_for_policy() -> None:
    (message,) = await refused(WEBSOCKET, PROBLEM)
    assert message == {"type": "websocket.close", "code": 1008, "reason": "This host is not served here"}


async def test_a_refusal_that_passes_says_when_to_try_again() -> None:
    start, _ = await refused(HTTP, NOT_READY.problem(reason="The database does not answer."))
    assert (b"retry-after", b"1") in start["headers"]
