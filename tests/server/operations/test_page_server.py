"""The server of ``mlops-debug view``."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from server.operations.listen_address import bind, listen
from server.operations.page_server import serve_pages
from server.web.pages.rendering import PageFiles


async def echo(request: Request) -> Response:
    return JSONResponse({"path": request.path_params["name"], "query": dict(request.query_params)})


async def stream(_: Request) -> Response:
    return StreamingResponse(iter([b"one ", b"two"]))


async def fail(_: Request) -> Response:
    raise ValueError("a defect")


ROUTES = [
    Route("/echo/{name}", echo),
    Route("/stream", stream),
    Route("/fail", fail),
    Mount("/static", PageFiles(), name="static"),
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    sockets = bind("127.0.0.1", 0)
    listen(sockets, "127.0.0.1")
    with serve_pages(Starlette(routes=ROUTES), sockets):
        yield sockets[0].getsockname()[1]


@pytest.fixture
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    yield opened
    opened.close()


def ask(
    connection: http.client.HTTPConnection, path: str, method: str = "GET", body: bytes | None = None
) -> tuple[HTTPResponse, bytes]:
    connection.request(method, path, body=body)
    answer = connection.getresponse()
    return answer, answer.read()


def test_path_and_query_reach_the_application(connection: http.client.HTTPConnection) -> None:
    answer, body = ask(connection, "/echo/a%C3%A4%20b?page=2")
    assert (answer.status, body) == (200, '{"path":"aä b","query":{"page":"2"}}'.encode())


def test_a_connection_serves_several_requests(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "/echo/x")[0].status == 200
    taken = connection.sock
    assert ask(connection, "/nowhere")[0].status == 404
    assert connection.sock is taken


def test_what_is_streamed_arrives_whole(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "/stream")[1] == b"one two"


def test_a_head_request_has_no_body(connection: http.client.HTTPConnection) -> None:
    answer, body = ask(connection, "/static/pages.css", "HEAD")
    assert (answer.status, body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_files_have_the_headers_of_the_pages(connection: http.client.HTTPConnection) -> None:
    answer, body = ask(connection, "/static/pages.css")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(body) == int(answer.headers["content-length"])


def test_other_methods_are_refused_and_a_body_ends_the_connection(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "/echo/x", "POST", b"body")[0].status == 501
    connection.close()
    answer, _ = ask(connection, "/echo/x", "GET", b"GET /echo/smuggled HTTP/1.1\r\n\r\n")
    assert (answer.status, connection.sock) == (200, None)


def test_a_defect_is_logged_and_answered_with_500(
    connection: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(connection, "/fail")[0].status == 500
    assert "ValueError: a defect" in caplog.text
    assert ask(connection, "/echo/x")[0].status == 200
