"""Requests that are too large, too slow, or that fail: a small application behind the console's protection."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from recording_operator.console.problems import add_problem_handlers
from recording_operator.console.protection import protected
from recording_operator.settings import ConsoleSettings
from recording_operator.webserver.connections import ConnectionLimits, Connections
from recording_operator.webserver.server import HttpServer
from tests.console.running import HOST, send
from tests.console.security.test_headers import check_headers
from tests.support.waiting import eventually

SECRET = "eyJhbGciOi.CANARY-of-an-error"  # pragma: allowlist secret
LIMIT = 2000


class Served:
    """The application on a port."""

    def __init__(self) -> None:
        self.finish = threading.Event()
        app = FastAPI(redirect_slashes=False)
        add_problem_handlers(app)

        @app.post("/length")
        async def length(request: Request) -> int:
            return len(await request.body())

        @app.post("/form")
        async def form(request: Request) -> list[str]:
            return list(await request.form())

        @app.get("/fails")
        def fails() -> None:
            raise RuntimeError(SECRET)

        @app.get("/breaks")
        def breaks() -> StreamingResponse:
            def parts() -> Iterator[str]:
                yield "a"
                raise RuntimeError(SECRET)

            return StreamingResponse(parts())

        @app.get("/endless")
        def endless() -> StreamingResponse:
            def parts() -> Iterator[bytes]:
                while not self.finish.is_set():
                    yield bytes(65536)

            return StreamingResponse(parts())

        @app.get("/slow")
        def slow() -> str:
            self.finish.wait(30)
            return "late"

        settings = ConsoleSettings.model_validate(
            {"body_bytes": LIMIT, "body_timeout": "500ms", "request_timeout": "500ms"}
        )
        connections = Connections(ConnectionLimits())
        self.server = HttpServer(protected(app, settings), host=HOST, port=0, connections=connections)
        self.url = f"http://{HOST}:{self.server.port}"

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request."""
        return send(method, self.url + path, **options)

    def connected(self) -> socket.socket:
        """A connection, for requests that are written by hand."""
        return socket.create_connection((HOST, self.server.port), timeout=10)

    def raw(self, *pieces: bytes) -> bytes:
        """Send bytes, and return the response until the server closes the connection."""
        with self.connected() as connection:
            for piece in pieces:
                connection.sendall(piece)
            received = b""
            while more := connection.recv(65536):
                received += more
            return received


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    running = Served()
    running.server.start()
    yield running
    running.finish.set()
    running.server.stop()


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and sentence of a problem document with all headers."""
    assert response.headers["content-type"] == "application/problem+json"
    check_headers(dict(response.headers))
    return response.status_code, response.json()["detail"]


def test_a_body_has_a_limit(served: Served) -> None:
    too_large = (413, f"The body is larger than {LIMIT} bytes.")
    assert served.call("POST", "/length", content=b"x" * LIMIT).text == str(LIMIT)
    assert problem(served.call("POST", "/length", content=b"x" * (LIMIT + 1))) == too_large
    pieces = iter([b"x" * LIMIT, b"x"])
    assert problem(served.call("POST", "/length", content=pieces)) == too_large
    assert problem(served.call("POST", "/form", data={"a": "x" * LIMIT})) == too_large
    assert problem(served.call("POST", "/form", files={"a": b"x" * LIMIT})) == too_large


def test_a_body_that_arrives_slowly_is_given_up(served: Served) -> None:
    started_s = time.monotonic()
    head = b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
    assert served.raw(head, b"x" * 10).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started_s < 5


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: x",
        b"Transfer-Encoding: gzip",
        b"Bad Header: x",
        b"A: b\r\n C: folded\r\nContent-Length : 5",
    ],
)
def test_a_request_that_two_servers_could_read_differently_is_rejected(served: Served, headers: bytes) -> None:
    request = (
        b"POST /length HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n\r\n0\r\n\r\nGET /length HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    status = served.raw(request).split(b" ")[1]
    assert status in {b"400", b"501"}


def test_a_response_that_takes_too_long_is_504(served: Served) -> None:
    status, text = problem(served.call("GET", "/slow"))
    assert (status, text) == (504, "The response takes too long. Try again later.")


def test_an_unexpected_error_is_500_and_tells_nothing(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        response = served.call("GET", "/fails")
    assert problem(response) == (500, "Unexpected error. The log of the console says where.")
    eventually(lambda: "RuntimeError in " in caplog.text)
    assert SECRET not in caplog.text + response.text


def test_a_response_that_breaks_ends_the_connection(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(httpx.RemoteProtocolError):
        served.call("GET", "/breaks")
    assert SECRET not in caplog.text


def test_head_is_get_without_a_body(served: Served) -> None:
    response = served.raw(b"HEAD /openapi.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 200 ")
    assert response.endswith(b"\r\n\r\n")
    assert b"content-length: 0" not in response.lower()


def test_head_of_an_endless_body_ends(served: Served) -> None:
    head, other = (method + b" HTTP/1.1\r\nHost: a\r\n\r\n" for method in (b"HEAD /endless", b"GET /none"))
    with served.connected() as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(other)
        assert connection.recv(65536).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("OPTIONS", "/length", 405),
        ("GET", "/length", 405),
        ("TRACE", "/length", 501),
        ("CONNECT", "/length", 501),
        ("BREW", "/length", 501),
        ("get", "/fails", 501),
        ("GET", "/none", 404),
        ("GET", "/length/", 404),
        ("GET", "/" + "x" * 9000, 414),
    ],
)
def test_what_is_not_there_is_a_problem(served: Served, method: str, path: str, status: int) -> None:
    request = f"{method} {path} HTTP/1.1\r\nHost: a\r\nX-Secret: {SECRET}\r\nConnection: close\r\n\r\n".encode()
    response = served.raw(request).decode()
    assert response.startswith(f"HTTP/1.1 {status} ")
    assert "content-type: application/problem+json" in response.lower()
    assert SECRET not in response
    if status == 405:
        assert "\r\nallow: post\r\n" in response.lower()
