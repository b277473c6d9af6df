"""The dialer: every address and redirect is checked, deadlines work, and no error contains a secret."""

import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from recording_operator.egress.addresses import Address
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.errors import (
    BlockedError,
    ConnectionLostError,
    EgressError,
    InvalidHeaderError,
    ProtocolError,
    RedirectLimitError,
    TooSlowError,
    UnreachableError,
    UnresolvableError,
)
from recording_operator.egress.policy import SourcePolicy
from recording_operator.stopping import Stopped
from tests.support.dialing import BODY, LOOPBACK, Names, fetch, redirect, refused
from tests.support.lying_source import CANARY, Behaviour, Content, LyingSource
from tests.support.transfers import loopback_policy
from tests.support.waiting import eventually


@pytest.fixture
def source() -> Iterator[LyingSource]:
    with LyingSource(Content(body=BODY)) as server:
        yield server


def test_the_default_policy_lets_no_loopback_in(source: LyingSource) -> None:
    message = str(refused(lambda: fetch(Dialer(SourcePolicy()), source.url), BlockedError))
    tls_url = f"https://127.0.0.1:443/{CANARY}"
    assert str(refused(lambda: fetch(Dialer(SourcePolicy()), tls_url), BlockedError)) == message
    assert source.connections == 0


@pytest.mark.parametrize("answers", [["10.0.0.5"], ["10.0.0.5", "169.254.169.254"], ["64:ff9b::a00:5"]])
def test_s14_a_name_with_only_bad_addresses_is_rejected(source: LyingSource, answers: list[str]) -> None:
    dialer = Dialer(loopback_policy(), resolver=Names(media_test=answers))
    refused(lambda: fetch(dialer, f"http://media.test:{source.port}/x"), BlockedError)
    assert source.connections == 0


@pytest.mark.parametrize("answers", [["127.0.0.1", "169.254.169.254"], ["169.254.169.254", "127.0.0.1"]])
def test_s14_a_forbidden_address_among_those_of_a_name_is_skipped(source: LyingSource, answers: list[str]) -> None:
    dialer = Dialer(loopback_policy(), resolver=Names(media_test=answers))
    assert fetch(dialer, f"http://media.test:{source.port}/x") == BODY


def test_s14_a_name_that_changes_its_mind_gains_nothing(source: LyingSource) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[Address]:  # noqa: ARG001 - a resolver's signature
        asked.append(host)
        return [LOOPBACK if len(asked) == 1 else ip_address("169.254.169.254")]

    dialer = Dialer(loopback_policy(), resolver=rebinding)
    assert fetch(dialer, f"http://media.test:{source.port}/x") == BODY
    assert len(asked) == 1, "the name was looked up again after its address was checked"
    assert source.served[0].headers["host"] == f"media.test:{source.port}"


def test_s14_redirect_to_a_forbidden_address_connects_nowhere(source: LyingSource) -> None:
    for location in ("http://169.254.169.254/latest/meta-data", "http://[::1]:22/", "http://10.0.0.1/"):
        source.behave = lambda _, location=location: redirect(location)  # type: ignore[misc]
        refused(lambda: fetch(Dialer(loopback_policy()), source.url), BlockedError)


def test_s13_redirect_loop(source: LyingSource) -> None:
    source.behave = lambda _: redirect(source.url)
    refused(lambda: fetch(Dialer(loopback_policy()), source.url), RedirectLimitError)
    assert len(source.served) == 11


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_s15_redirects_are_followed_and_user_headers_stay_with_their_host(source: LyingSource, status: int) -> None:
    with LyingSource(Content(body=BODY)) as other:
        source.behave = lambda request: redirect("/second") if request.number == 1 else redirect(other.url, status)
        assert fetch(Dialer(loopback_policy()), source.url, headers={"Authorization": f"Bearer {CANARY}"}) == BODY
        assert [request.headers.get("authorization") for request in source.served] == [f"Bearer {CANARY}"] * 2
        assert "authorization" not in other.served[0].headers
        assert other.served[0].headers["host"] == f"127.0.0.1:{other.port}"


def test_headers_of_the_user_do_not_change_the_request(source: LyingSource) -> None:
    headers = {"Range": "bytes=5-9", "Host": "evil", "If-Match": '"x"', "accept-encoding": "gzip", "X-Ok": "1"}
    assert fetch(Dialer(loopback_policy()), source.url, headers=headers) == BODY
    seen = source.served[0].headers
    assert seen["x-ok"] == "1"
    assert seen["host"] == f"127.0.0.1:{source.port}"
    assert seen["accept-encoding"] == "identity"
    assert "range" not in seen


@pytest.mark.parametrize("header", [{"X": f"a\r\nY: {CANARY}"}, {f"X {CANARY}": "a"}, {"": "a"}, {"X": "\u20ac"}])
def test_headers_that_http_does_not_allow_are_rejected_before_connecting(
    source: LyingSource, header: dict[str, str]
) -> None:
    refused(lambda: fetch(Dialer(loopback_policy()), source.url, headers=header), InvalidHeaderError)
    assert source.connections == 0


@pytest.mark.parametrize(
    "target",
    [
        "/a/../b/./c",
        "//host//b",
        "/a%2fb%2Fc%7e~%C3%a9",
        '/a+b%20c|d^e`f{g}h<i>"j[k]',
        "/100%/%zz",
        "/x?X-Amz-Signature=aB%2b+/=%3D&b=%2f&a=|&&empty=&c?d",
    ],
)
def test_signed_requests_are_sent_byte_for_byte(source: LyingSource, target: str) -> None:
    assert fetch(Dialer(loopback_policy()), f"http://127.0.0.1:{source.port}{target}") == BODY
    source.behave = lambda request: (
        redirect(f"http://127.0.0.1:{source.port}{target}") if request.number == 2 else Behaviour()
    )
    assert fetch(Dialer(loopback_policy()), source.url) == BODY
    assert [source.served[index].target for index in (0, 2)] == [target, target]


def test_the_environment_is_ignored(source: LyingSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login operator password x\ndefault login operator password x\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert fetch(Dialer(loopback_policy()), source.url) == BODY
    assert "authorization" not in source.served[0].headers


def test_each_request_has_its_own_connection(source: LyingSource) -> None:
    empty = Behaviour(status=302, headers={"Location": "/second"}, body=b"")
    source.behave = lambda request: empty if request.number == 1 else Behaviour()
    dialer = Dialer(loopback_policy())
    assert [fetch(dialer, source.url) for _ in range(2)] == [BODY, BODY]
    assert source.connections == 3
    eventually(lambda: source.open_connections == 0, what="the connections are closed")


def test_cookies_are_not_kept(source: LyingSource) -> None:
    source.behave = lambda _: Behaviour(headers={"Set-Cookie": "tenant=a"})
    dialer = Dialer(loopback_policy())
    fetch(dialer, source.url)
    fetch(dialer, source.url)
    assert "cookie" not in source.served[1].headers


def test_s31_a_name_that_does_not_resolve() -> None:
    dialer = Dialer(loopback_policy(), resolver=Names())
    refused(lambda: fetch(dialer, "http://nowhere.test/x"), UnresolvableError)


def test_s31_a_resolver_that_hangs() -> None:
    release = threading.Event()

    def hanging(host: str, port: int) -> Sequence[Address]:  # noqa: ARG001 - a resolver's signature
        release.wait(20)
        return [LOOPBACK]

    dialer = Dialer(loopback_policy(timeouts={"dns": "200ms"}), resolver=hanging)
    begun = time.monotonic()
    refused(lambda: fetch(dialer, "http://media.test/x"), UnresolvableError)
    assert time.monotonic() - begun < 5
    release.set()


def test_s31_a_thousand_addresses_are_not_a_thousand_connections() -> None:
    many = [f"127.0.{index // 250}.{index % 250 + 1}" for index in range(1000)]
    dialer = Dialer(loopback_policy(), resolver=Names(media_test=many))
    begun = time.monotonic()
    refused(lambda: fetch(dialer, "http://media.test:9/x"), UnreachableError)
    assert time.monotonic() - begun < 5


def test_s16_headers_that_trickle_meet_a_deadline(source: LyingSource) -> None:
    source.behave = lambda _: Behaviour(drip_headers_s=0.05)
    dialer = Dialer(loopback_policy(timeouts={"headers": "500ms", "read": "5s"}))
    begun = time.monotonic()
    refused(lambda: fetch(dialer, source.url), TooSlowError)
    assert time.monotonic() - begun < 3


def test_s16_no_response_at_all(source: LyingSource) -> None:
    source.behave = lambda _: Behaviour(no_answer=True)
    dialer = Dialer(loopback_policy(timeouts={"headers": "500ms", "read": "5s"}))
    refused(lambda: fetch(dialer, source.url), TooSlowError)


def test_s17_a_body_below_the_minimum_rate(source: LyingSource) -> None:
    source.behave = lambda _: Behaviour(pause_s=0.05, window=10)
    dialer = Dialer(loopback_policy(timeouts={"minThroughput": "8KiB/1s", "read": "5s"}))
    begun = time.monotonic()
    refused(lambda: fetch(dialer, source.url), TooSlowError)
    assert time.monotonic() - begun < 4


def test_s17_a_body_that_stops(source: LyingSource) -> None:
    source.behave = lambda _: Behaviour(hold_after=1000)
    dialer = Dialer(loopback_policy(timeouts={"read": "300ms"}))
    refused(lambda: fetch(dialer, source.url), TooSlowError)


@pytest.mark.parametrize(
    "behaviour", [Behaviour(hold_after=1000), Behaviour(no_answer=True), Behaviour(drip_headers_s=0.5)]
)
def test_k8_stop_ends_a_read_that_hangs(source: LyingSource, behaviour: Behaviour) -> None:
    source.behave = lambda _: behaviour
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(Stopped):
        fetch(Dialer(loopback_policy(timeouts={"read": "30s"})), source.url, stop=stop)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Behaviour(cut_after=100), ConnectionLostError),
        (Behaviour(cut_after=100, reset=True), ConnectionLostError),
        (Behaviour(framing="chunked without end"), ConnectionLostError),
        (Behaviour(headers={"Transfer-Encoding": "chunked"}), ProtocolError),
        (Behaviour(headers={"Content-Length": "5, 6"}), ProtocolError),
    ],
)
def test_broken_responses(source: LyingSource, behaviour: Behaviour, kind: type[EgressError]) -> None:
    source.behave = lambda _: behaviour
    refused(lambda: fetch(Dialer(loopback_policy()), source.url), kind)


def test_a_response_that_is_not_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(f"220 smtp {CANARY} ready\r\n".encode())
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        refused(lambda: fetch(Dialer(loopback_policy()), f"http://127.0.0.1:{port}/?{CANARY}"), ProtocolError)


def test_nothing_secret_is_logged(source: LyingSource, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source.behave = lambda request: (
        Behaviour(cut_after=10) if request.number == 1 else Behaviour(headers={"Broken Header ": "x", "": "y"})
    )
    messages: list[str] = []
    for _ in range(2):
        try:
            fetch(Dialer(loopback_policy()), source.url)
        except EgressError as error:
            messages.append(str(error))
    messages += [record.getMessage() for record in caplog.records]
    assert [message for message in messages if CANARY in message] == []


def test_a_server_that_stops_in_the_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        policy = loopback_policy(timeouts={"connect": "300ms"})
        refused(lambda: fetch(Dialer(policy), f"https://127.0.0.1:{port}/"), UnreachableError)
