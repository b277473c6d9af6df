"""Requests that our transport sends: reused connections, all forms of responses, and what botocore still does."""

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from localcluster.pki import CertificateAuthority
from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.errors import TransferError
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.transport.handler import StoreTransport
from recording_operator.stores.s3.transport.messages import head_of, origin_of
from recording_operator.stores.s3.transport.sending import Timeouts
from tests.support.scripted_store import OK, Conduct, Connection, ScriptedStore, a_scripted_store
from tests.support.strict_faults import Drop, ErrorResponse, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, an_object, store_of

BODY = b"b" * 20_000

Ask = Callable[..., Any]
Served = Callable[..., AbstractContextManager[tuple[Ask, ScriptedStore]]]


@pytest.fixture(params=["http", "https"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """With TLS and without: `ask(method, body)` sends a request to a store that behaves so, by connection."""
    scheme, keys, trusted = str(request.param), None, ssl.create_default_context()
    if scheme == "https":
        authority = CertificateAuthority(tmp_path_factory.mktemp("pki"))
        authority.issue("store", user="store", hosts=["127.0.0.1"])
        keys = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        keys.load_cert_chain(authority.path("store.crt"), authority.path("store.key"))
        trusted.load_verify_locations(cafile=str(authority.path("ca.crt")))

    @contextmanager
    def serve(*conducts: Conduct, response_s: float = 30.0) -> Iterator[tuple[Ask, ScriptedStore]]:
        transport = StoreTransport(tls=trusted, timeouts=Timeouts(connect_s=5, send_s=5, response_s=response_s))
        with a_scripted_store(conducts, tls=keys) as store:

            def ask(method: str, body: object = None, *, stream_output: bool = False) -> Any:
                headers = {
                    "Content-Length": str(_length(body)),
                    "Expect": b"100-continue",
                }
                url = f"{scheme}://127.0.0.1:{store.port}/bucket/key?x-id=1"
                return transport(
                    SimpleNamespace(method=method, body=body, url=url, headers=headers, stream_output=stream_output)
                )

            yield ask, store
            transport.close()

    return serve


def _length(body: object) -> int:
    if isinstance(body, BytesIO):
        return len(body.getvalue())
    return len(body) if isinstance(body, bytes | bytearray | str) else 0


def always(data: bytes) -> Conduct:
    """ErrorResponse every request of a connection so."""

    def conduct(connection: Connection) -> None:
        while True:
            connection.answer(data)

    return conduct


def one_then_close(connection: Connection) -> None:
    """ErrorResponse the first request; end the connection when the second has arrived."""
    connection.answer(OK)
    connection.take()


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "DELETE"])
def test_a_kept_connection_that_ends_during_a_request_is_not_a_fault(served: Served, method: str) -> None:
    with served(one_then_close, always(OK)) as (ask, store):
        for _ in range(2):
            assert ask(method, BytesIO(BODY) if method == "PUT" else None).status_code == 200
        assert [number for number, _ in store.requests] == [0, 0, 1]
        bodies = {arrived.body for _, arrived in store.requests}
        assert bodies == {BODY if method == "PUT" else b""}


def test_a_request_that_is_not_idempotent_is_left_to_the_library_to_retry(served: Served) -> None:
    with served(one_then_close, always(OK)) as (ask, store):
        assert ask("POST").status_code == 200
        with pytest.raises(ConnectionClosedError):
            ask("POST")
        assert len(store.requests) == 2


def test_a_new_connection_that_ends_is_a_fault(served: Served) -> None:
    with served(Connection.take, always(OK)) as (ask, store):
        with pytest.raises(ConnectionClosedError):
            ask("HEAD")
        assert len(store.requests) == 1


def test_a_kept_connection_that_is_silent_is_a_fault(served: Served) -> None:
    def silent_then(connection: Connection) -> None:
        connection.answer(OK)
        while True:
            connection.take()

    with served(silent_then, always(OK), response_s=2.0) as (ask, store):
        ask("HEAD")
        with pytest.raises(ReadTimeoutError):
            ask("HEAD")
        assert len(store.requests) == 2


@pytest.mark.parametrize(
    ("method", "sent", "status", "body", "kept"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n", 200, b"", True),
        ("HEAD", b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n", 404, b"", True),
        ("HEAD", b"HTTP/1.1 304 Not Modified\r\n\r\n", 304, b"", True),
        ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        ("PUT", b"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 3\r\n\r\n<x>", 412, b"<x>", True),
        (
            "POST",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            200,
            b"abc",
            True,
        ),
        ("PUT", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
        ("PUT", b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200, b"x", True),
        ("PUT", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 200, b"x", False),
        ("PUT", b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, b"x", False),
    ],
)
def test_every_form_of_response(served: Served, method: str, sent: bytes, status: int, body: bytes, kept: bool) -> None:
    with served(always(sent), always(sent)) as (ask, store):
        for _ in range(2):
            answer = ask(method)
            assert (answer.status_code, answer.content) == (status, body)
            if not kept:
                break
        assert {number for number, _ in store.requests} == {0}


def test_each_request_has_its_connection_where_the_store_closes_it(served: Served) -> None:
    sent = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    once: Conduct = lambda connection: connection.answer(sent)  # noqa: E731 - a function would be longer
    with served(once, once, once) as (ask, store):
        for _ in range(3):
            assert ask("HEAD").status_code == 200
        assert [number for number, _ in store.requests] == [0, 1, 2]


@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"no HTTP at all\r\n\r\n", b""])
def test_a_truncated_response_is_rejected(served: Served, sent: bytes) -> None:
    with served(lambda connection: connection.answer(sent)) as (ask, _), pytest.raises(ConnectionClosedError):
        ask("POST")


def test_a_header_is_found_in_any_case_and_twice_is_a_list(served: Served) -> None:
    with served(always(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n')) as (ask, _):
        headers = ask("HEAD").headers
    assert (headers["etag"], headers.get("ETAG"), headers["X-A"]) == ('"1"', '"1"', "1, 2")
    assert "Etag" in headers
    assert headers.get("absent", "none") == "none"
    del headers["ETag"]
    assert "etag" not in headers


def test_no_expect_header_is_sent(served: Served) -> None:
    with served(always(OK)) as (ask, store):
        ask("PUT", BytesIO(BODY))
        (_, arrived), *_ = store.requests
    assert "expect" not in arrived.head
    assert arrived.head.startswith(f"put /bucket/key?x-id=1 http/1.1\r\nhost: 127.0.0.1:{store.port}\r\n")


def test_large_bodies_go_in_windows(served: Served) -> None:
    body = bytes(range(256)) * 4097
    with served(always(OK)) as (ask, store):
        assert ask("PUT", BytesIO(body)).status_code == 200
    assert [arrived.body for _, arrived in store.requests] == [body]


@pytest.mark.parametrize("body", ["body", b"body", bytearray(b"body"), BytesIO(b"body")])
def test_a_body_in_memory_is_sent_from_any_bytes_like_object(served: Served, body: object) -> None:
    with served(always(OK)) as (ask, store):
        assert ask("PUT", body).status_code == 200
    assert [arrived.body for _, arrived in store.requests] == [b"body"]


@pytest.mark.parametrize("body", [object(), iter([b"x"])])
def test_a_file_like_body_is_rejected_and_not_left_to_the_library(served: Served, body: object) -> None:
    with served() as (ask, _), pytest.raises(TypeError):
        ask("PUT", body)


def test_a_body_that_is_read_as_it_comes_gives_its_connection_back_at_its_end(served: Served) -> None:
    found = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + BODY
    with served(always(found), always(found)) as (ask, store):
        for _ in range(2):
            response = ask("GET", stream_output=True)
            assert response.headers["Content-Length"] == "20000"
            assert response.raw.read(5) + response.raw.read(30_000) == BODY
            assert response.raw.read(5) == b""
        assert [number for number, _ in store.requests] == [0, 0]
        ask("GET", stream_output=True).raw.close()  # its body is on the connection
        ask("GET", stream_output=True).raw.close()
        assert [number for number, _ in store.requests] == [0, 0, 0, 1]


def test_a_body_that_is_read_as_it_comes_and_cut_is_an_error(served: Served) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 20001\r\n\r\n" + BODY
    with served(lambda connection: connection.answer(cut)) as (ask, _):
        body = ask("GET", stream_output=True).raw
        assert body.read(30_000) == BODY
        with pytest.raises(ConnectionClosedError):
            body.read(1)


@pytest.mark.parametrize(
    ("netloc", "scheme", "authority"),
    [
        ("Store.Example:443", "https", "store.example"),
        ("store.example:80", "http", "store.example"),
        ("store.example:443", "http", "store.example:443"),
        ("key:secret@store.example", "https", "store.example"),
        ("[::1]:9000", "http", "[::1]:9000"),
    ],
)
def test_the_host_is_what_was_signed(netloc: str, scheme: str, authority: str) -> None:
    assert origin_of(scheme, netloc).authority == authority


def test_nothing_breaks_out_of_a_line() -> None:
    here = origin_of("http", "store")
    for headers in ({"x": "1\r\ny: 2"}, {"x": b"1\ny"}, {"x\r\ny": "1"}):
        with pytest.raises(ValueError, match="header"):
            head_of("PUT", urlsplit("http://store/key"), here, headers)
    with pytest.raises(ValueError, match="URL"):
        head_of("PUT", urlsplit("http://store/k y"), here, {})


def test_a_proxy_of_the_environment_gets_the_whole_url(strict: StrictStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_scripted_store([always(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")]) as proxy:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert store_of(strict).head(KEY) is None
        (_, arrived), *_ = proxy.requests
    assert arrived.head.startswith(f"head {strict.endpoint}/")


def test_a_conditional_put_whose_response_was_lost_with_the_connection(strict: StrictStore) -> None:
    store = store_of(strict)
    assert store.head(KEY) is None  # a connection to keep
    strict.fault(Fault(operation="PutObject", action=Drop(when="after")))
    with pytest.raises(TransferError) as refused:
        store.put(an_object(), BODY, crc64nvme=crc64nvme(BODY))
    assert refused.value.reason is Reason.STORE_KEY_CONFLICT
    assert strict.count("PutObject") == 2
    seen = store.head(KEY)
    assert seen is not None
    assert seen.recording_uid == "uid-1"


def test_a_busy_store_is_asked_again_by_the_library(strict: StrictStore) -> None:
    store = store_of(strict)
    strict.fault(Fault(operation="PutObject", action=ErrorResponse(status=503, code="SlowDown"), times=2))
    store.put(an_object(), BODY, crc64nvme=crc64nvme(BODY))
    assert strict.count("PutObject") == 3


def test_one_connection_serves_one_thread_and_sends_the_user_agent() -> None:
    found = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 1\r\n\r\n'
    with a_scripted_store([always(found)]) as scripted:
        store = S3Store(
            S3Options(
                bucket="bucket",
                endpoint=f"http://127.0.0.1:{scripted.port}",
                path_style=True,
                credentials=StoreCredentials(access_key_id="key", secret_access_key="secret"),
            )
        )
        for _ in range(3):
            assert store.head(KEY) is not None
        store.close()
        assert {number for number, _ in scripted.requests} == {0}
    agents = {line for _, arrived in scripted.requests for line in arrived.head.split("\r\n") if "user-agent" in line}
    assert len(agents) == 1
    assert re.fullmatch(r"user-agent: recording-operator botocore/\S+", agents.pop())


def test_an_empty_key_is_never_sent_as_a_request_about_the_bucket(strict: StrictStore) -> None:
    store = store_of(strict)
    for ask in (
        lambda: store.put(an_object(key=""), BODY, crc64nvme=crc64nvme(BODY)),
        lambda: store.head(""),
        lambda: store.create_upload(an_object(key="")),
        lambda: store.abort("", "upload"),
    ):
        with pytest.raises(TransferError) as refused:
            ask()
        assert refused.value.reason is Reason.INTERNAL_ERROR
        assert "malformed" in refused.value.message
