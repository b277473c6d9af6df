"""POST is checked like GET, and its response is limited in size and time."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

import pytest

from recording_operator.egress.addresses import Address
from recording_operator.egress.dialer import MOST_REQUEST_BYTES, Dialer, PostResponse
from recording_operator.egress.errors import (
    BlockedError,
    ConnectionLostError,
    InvalidHeaderError,
    InvalidUrlError,
    ProtocolError,
    RedirectLimitError,
    TooSlowError,
)
from recording_operator.egress.headers import joined_headers
from recording_operator.egress.policy import SourcePolicy
from recording_operator.stopping import Stopped
from tests.support.dialing import LOOPBACK, Names, redirect, refused
from tests.support.lying_source import CANARY, Behaviour, Content, LyingSource
from tests.support.transfers import loopback_policy

EVENT = b'{"type": "dev.recordings.stored"}'


@pytest.fixture
def server() -> Iterator[LyingSource]:
    with LyingSource(Content(body=b"taken")) as running:
        yield running


def post(
    dialer: Dialer,
    url: str,
    *,
    body: bytes = EVENT,
    headers: dict[str, str] | None = None,
    stop: threading.Event | None = None,
    follow_redirects: bool = False,
    most_bytes: int = 1000,
) -> PostResponse:
    return dialer.post(
        url,
        body=body,
        content_type="application/json",
        user_headers=headers or {},
        stop=stop or threading.Event(),
        follow_redirects=follow_redirects,
        most_bytes=most_bytes,
    )


def test_a_body_arrives_as_it_is_and_the_response_comes_back(server: LyingSource) -> None:
    server.behave = lambda _: Behaviour(status=202, headers={"X-Request-Id": "7"})
    response = post(Dialer(loopback_policy()), server.url, headers={"Webhook-Signature": "v1,abc"})
    assert (response.status, response.body, response.head.get("x-request-id")) == (202, b"taken", "7")
    (seen,) = server.served
    assert (seen.method, seen.body) == ("POST", EVENT)
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["content-length"] == str(len(EVENT))
    assert seen.headers["webhook-signature"] == "v1,abc"
    assert "b'taken'" not in repr(response)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500, 503])
def test_a_refusal_is_a_response(server: LyingSource, status: int) -> None:
    server.behave = lambda _: Behaviour(status=status)
    assert post(Dialer(loopback_policy()), server.url).status == status


def test_an_empty_body(server: LyingSource) -> None:
    assert post(Dialer(loopback_policy()), server.url, body=b"").status == 200
    assert server.served[0].headers["content-length"] == "0"


def test_a_body_beyond_the_bound_is_a_fault_of_the_caller(server: LyingSource) -> None:
    with pytest.raises(ValueError, match="more than"):
        post(Dialer(loopback_policy()), server.url, body=b"x" * (MOST_REQUEST_BYTES + 1))
    assert post(Dialer(loopback_policy()), server.url, body=b"x" * MOST_REQUEST_BYTES).status == 200
    assert server.connections == 1


def test_a_header_of_our_own_takes_the_place_of_the_callers_in_any_case() -> None:
    headers = joined_headers(
        host="hooks.test",
        user_agent="operator",
        user={"content-TYPE": "text/plain", "X-Ok": "1"},
        own={"Content-Type": "application/json"},
        cookies=None,
    )
    assert [value for name, value in headers if name.lower() == "content-type"] == ["application/json"]
    assert ("X-Ok", "1") in headers


def test_headers_of_the_caller_do_not_change_the_framing(server: LyingSource) -> None:
    headers = {"Content-Length": "1", "Transfer-Encoding": "chunked", "Host": "evil", "content-TYPE": "text/plain"}
    post(Dialer(loopback_policy()), server.url, headers=headers)
    seen = server.served[0]
    assert seen.body == EVENT
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"
    assert seen.headers["content-type"] == "application/json"
    refused(lambda: post(Dialer(loopback_policy()), server.url, headers={"X": f"a\r\n{CANARY}"}), InvalidHeaderError)


def test_the_default_policy_lets_no_loopback_in(server: LyingSource) -> None:
    refused(lambda: post(Dialer(SourcePolicy()), server.url), BlockedError)
    refused(lambda: post(Dialer(SourcePolicy()), f"https://127.0.0.1/{CANARY}"), BlockedError)
    refused(lambda: post(Dialer(SourcePolicy()), f"https://u:{CANARY}@h/"), InvalidUrlError)
    assert server.connections == 0


def test_a_name_that_changes_its_mind_gains_nothing(server: LyingSource) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[Address]:  # noqa: ARG001 - a resolver's signature
        asked.append(host)
        return [LOOPBACK if len(asked) == 1 else ip_address("169.254.169.254")]

    dialer = Dialer(loopback_policy(), resolver=rebinding)
    assert post(dialer, f"http://hook.test:{server.port}/x").status == 200
    assert asked == ["hook.test"]
    refused(lambda: post(dialer, f"http://hook.test:{server.port}/x"), BlockedError)
    assert server.connections == 1


def test_a_name_that_resolves_to_an_internal_address_is_rejected(server: LyingSource) -> None:
    dialer = Dialer(loopback_policy(), resolver=Names(hook_test=["169.254.169.254", "10.0.0.1"]))
    refused(lambda: post(dialer, f"http://hook.test:{server.port}/x"), BlockedError)
    assert server.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_unless_the_caller_allows_it(server: LyingSource, status: int) -> None:
    server.behave = lambda _: redirect("/elsewhere", status)
    response = post(Dialer(loopback_policy()), server.url)
    assert (response.status, response.head.get("location")) == (status, "/elsewhere")
    assert len(server.served) == 1


@pytest.mark.parametrize(("status", "requests"), [(301, 1), (302, 1), (303, 1), (307, 2), (308, 2)])
def test_only_redirects_that_keep_the_method_are_followed(server: LyingSource, status: int, requests: int) -> None:
    server.behave = lambda request: redirect("/elsewhere", status) if request.number == 1 else Behaviour()
    post(Dialer(loopback_policy()), server.url, follow_redirects=True)
    assert [(seen.method, seen.body) for seen in server.served] == [("POST", EVENT)] * requests


def test_a_redirect_is_judged_and_takes_no_headers_to_another_host(server: LyingSource) -> None:
    with LyingSource(Content(body=b"")) as other:
        server.behave = lambda _: redirect(other.url, 307)
        post(Dialer(loopback_policy()), server.url, headers={"Authorization": CANARY}, follow_redirects=True)
        assert "authorization" not in other.served[0].headers
        assert other.served[0].headers["content-type"] == "application/json"
    for location in ("http://169.254.169.254/", "http://[::1]:22/", "http://10.0.0.1/"):
        server.behave = lambda _, location=location: redirect(location, 308)  # type: ignore[misc]
        refused(lambda: post(Dialer(loopback_policy()), server.url, follow_redirects=True), BlockedError)
    server.behave = lambda _: redirect(server.url, 307)
    refused(lambda: post(Dialer(loopback_policy()), server.url, follow_redirects=True), RedirectLimitError)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_response_beyond_the_limit_is_rejected(server: LyingSource, framing: str) -> None:
    server.behave = lambda _: Behaviour(body=b"x" * 1000, framing=framing)  # type: ignore[arg-type]
    assert len(post(Dialer(loopback_policy()), server.url, most_bytes=1000).body) == 1000
    error = refused(lambda: post(Dialer(loopback_policy()), server.url, most_bytes=999), ProtocolError)
    assert "more than 999 bytes" in str(error)


def test_a_truncated_response_does_not_count(server: LyingSource) -> None:
    server.behave = lambda _: Behaviour(body=b"x" * 100, cut_after=10)
    refused(lambda: post(Dialer(loopback_policy()), server.url), ConnectionLostError)


@pytest.mark.parametrize("behaviour", [Behaviour(drip_headers_s=0.05), Behaviour(no_answer=True)])
def test_headers_that_do_not_come_meet_a_deadline(server: LyingSource, behaviour: Behaviour) -> None:
    server.behave = lambda _: behaviour
    dialer = Dialer(loopback_policy(timeouts={"headers": "500ms", "read": "5s"}))
    begun = time.monotonic()
    refused(lambda: post(dialer, server.url), TooSlowError)
    assert time.monotonic() - begun < 3


def test_a_body_that_trickles_meets_a_deadline(server: LyingSource) -> None:
    server.behave = lambda _: Behaviour(body=b"x" * 1000, pause_s=0.05, window=1)
    dialer = Dialer(loopback_policy(timeouts={"minThroughput": "4KiB/1s", "read": "5s"}))
    begun = time.monotonic()
    refused(lambda: post(dialer, server.url), TooSlowError)
    assert time.monotonic() - begun < 3


def test_stop_ends_a_request_that_hangs(server: LyingSource) -> None:
    server.behave = lambda _: Behaviour(no_answer=True)
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begun = time.monotonic()
    with pytest.raises(Stopped):
        post(Dialer(loopback_policy(timeouts={"read": "30s"})), server.url, stop=stop)
    assert time.monotonic() - begun < 3


def test_a_refusal_that_comes_before_the_body_was_sent_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(2**16):
                    pass

        threading.Thread(target=refuse, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert post(Dialer(loopback_policy()), url, body=b"x" * MOST_REQUEST_BYTES).status == 413
