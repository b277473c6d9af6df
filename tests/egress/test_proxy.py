"""Requests through the administrator's proxy: it resolves names, and the URL itself is checked before the request."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from localcluster.pki import CertificateAuthority
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.errors import BlockedError, ConnectionLostError, TlsError, UnreachableError
from recording_operator.egress.policy import SourcePolicy
from recording_operator.stopping import Stopped
from tests.support.connect_proxy import ConnectProxy
from tests.support.dialing import BODY, Names, fetch, redirect, refused
from tests.support.lying_source import CANARY, Behaviour, Content, LyingSource
from tests.support.transfers import loopback_policy


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[LyingSource, Path]]:
    """A server of media.test, and the file of the authority of its certificate."""
    authority = CertificateAuthority(tmp_path)
    authority.issue("server", user="server", hosts=("media.test",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    with LyingSource(Content(body=BODY), tls=context) as server:
        yield server, tmp_path / "ca.crt"


@pytest.fixture
def plain() -> Iterator[LyingSource]:
    with LyingSource(Content(body=BODY)) as server:
        yield server


def through(proxy: ConnectProxy, **more: object) -> Dialer:
    """A dialer that resolves nothing itself."""
    names = Names()
    return Dialer(loopback_policy(proxy=proxy.url, **more), resolver=names)


def test_https_goes_through_a_tunnel_with_the_name(secure: tuple[LyingSource, Path]) -> None:
    server, authority = secure
    with ConnectProxy({"media.test": server.port}) as proxy:
        dialer = through(proxy, tls={"caFile": str(authority)})
        assert fetch(dialer, f"https://media.test/x?{CANARY}", headers={"Authorization": CANARY}) == BODY
        assert fetch(dialer, f"https://media.test/x?{CANARY}") == BODY
    assert proxy.asked == ["CONNECT media.test:443"] * 2
    assert not any(CANARY.encode() in head for head in proxy.heads), "the proxy saw what is for the source only"
    assert server.served[0].headers["authorization"] == CANARY
    assert server.served[0].target == f"/x?{CANARY}"


def test_http_is_passed_on(plain: LyingSource) -> None:
    with ConnectProxy({"media.test": plain.port}) as proxy:
        assert fetch(through(proxy), "http://media.test:8080/a/../b?c=%2F") == BODY
    assert proxy.asked == ["GET http://media.test:8080/a/../b?c=%2F"]
    assert plain.served[0].headers["host"] == "media.test:8080"
    assert plain.served[0].target == "/a/../b?c=%2F"


def test_post(plain: LyingSource) -> None:
    with ConnectProxy({"hook.test": plain.port}) as proxy:
        stop = threading.Event()
        response = through(proxy).post(
            "http://hook.test/", body=b"event", content_type="text/plain", user_headers={}, stop=stop
        )
    assert (response.status, plain.served[0].method, plain.served[0].body) == (200, "POST", b"event")


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/", "http://10.0.0.1/", "http://[::1]/", "https://[fd00:ec2::254]/",
        "http://[::ffff:10.0.0.1]/", "https://192.168.0.1/", "http://metadata.google.internal/", "http://localhost/",
        "http://kubernetes.default.svc/",
    ],
)  # fmt: skip
def test_a_forbidden_address_in_the_url_is_rejected_before_the_proxy_is_used(url: str) -> None:
    with ConnectProxy({}) as proxy:
        refused(lambda: fetch(through(proxy), url), BlockedError)
    assert proxy.asked == []


def test_ports_and_hosts_of_the_policy_hold(plain: LyingSource) -> None:
    with ConnectProxy({"media.test": plain.port, "other.test": plain.port}) as proxy:
        dialer = through(proxy, ports=[80], allowedHosts=["media.test"])
        assert fetch(dialer, "http://media.test/") == BODY
        refused(lambda: fetch(dialer, "http://media.test:22/"), BlockedError)
        refused(lambda: fetch(dialer, "http://other.test/"), BlockedError)
    assert proxy.asked == ["GET http://media.test/"]


def test_each_redirect_is_judged(plain: LyingSource) -> None:
    plain.behave = lambda _: redirect("http://169.254.169.254/latest/meta-data")
    with ConnectProxy({"media.test": plain.port}) as proxy:
        refused(lambda: fetch(through(proxy), "http://media.test/"), BlockedError)
    assert proxy.asked == ["GET http://media.test/"]


@pytest.mark.parametrize(
    ("status", "kind"), [(403, BlockedError), (407, BlockedError), (502, UnreachableError), (504, UnreachableError)]
)
def test_a_proxy_that_makes_no_tunnel(status: int, kind: type[BlockedError]) -> None:
    with ConnectProxy({}, status=status) as proxy:
        error = refused(lambda: fetch(through(proxy), f"https://media.test/{CANARY}"), kind)
    assert str(proxy.port) not in str(error)


def test_a_proxy_that_speaks_before_the_server(secure: tuple[LyingSource, Path]) -> None:
    server, authority = secure
    with ConnectProxy({"media.test": server.port}, extra=b"\x15\x03\x03\x00\x02\x02\x28") as proxy:
        dialer = through(proxy, tls={"caFile": str(authority)})
        refused(lambda: fetch(dialer, "https://media.test/"), UnreachableError)


def test_the_certificate_is_of_the_server_and_not_of_the_proxy(secure: tuple[LyingSource, Path]) -> None:
    server, authority = secure
    with ConnectProxy({"other.test": server.port}) as proxy:
        refused(lambda: fetch(through(proxy, tls={"caFile": str(authority)}), "https://other.test/"), TlsError)


def test_a_proxy_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    dialer = Dialer(loopback_policy(proxy=f"http://127.0.0.1:{port}"))
    error = refused(lambda: fetch(dialer, "https://media.test/"), UnreachableError)
    assert str(error) == "No connection to media.test could be made."
    named = Dialer(loopback_policy(proxy="http://proxy.test:3128"), resolver=Names())
    assert str(refused(lambda: fetch(named, "https://media.test/"), UnreachableError)) == str(error)


def test_a_proxy_may_be_private_but_never_a_metadata_service() -> None:
    with ConnectProxy({}, status=502) as proxy:  # of the default policy, which lets no loopback in
        refused(lambda: fetch(Dialer(SourcePolicy(proxy=proxy.url)), "https://media.test/"), UnreachableError)
        assert proxy.asked == ["CONNECT media.test:443"]
    dialer = Dialer(SourcePolicy(proxy="http://proxy.test:80"), resolver=Names(proxy_test=["169.254.169.254"]))
    refused(lambda: fetch(dialer, "https://media.test/"), UnreachableError)


def test_a_silent_proxy_is_ended_by_a_deadline_and_by_a_stop() -> None:
    with ConnectProxy({}, silent=True) as proxy:
        begun = time.monotonic()
        dialer = through(proxy, timeouts={"connect": "300ms"})
        refused(lambda: fetch(dialer, "https://media.test/"), UnreachableError)
        assert time.monotonic() - begun < 3
        stop = threading.Event()
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(Stopped):
            fetch(through(proxy, timeouts={"connect": "20s"}), "https://media.test/", stop=stop)
        assert time.monotonic() - begun < 6


def test_a_proxy_that_ends_the_tunnel(secure: tuple[LyingSource, Path]) -> None:
    server, authority = secure
    with ConnectProxy({"media.test": server.port}) as proxy:
        dialer = through(proxy, tls={"caFile": str(authority)})
        server.behave = lambda _: Behaviour(cut_after=10)
        refused(lambda: fetch(dialer, "https://media.test/"), ConnectionLostError)


@pytest.mark.parametrize(
    "text",
    [
        "proxy:3128", "https://proxy:3128", "http://proxy", "http://u:p@proxy:3128", "http://proxy:3128/x",
        "http://proxy:0", "http://proxy:99999", "http://2130706433:80", "socks5://proxy:1080", "",
    ],
)  # fmt: skip
def test_an_invalid_proxy_is_rejected_with_the_settings(text: str) -> None:
    with pytest.raises(ValidationError):
        SourcePolicy(proxy=text)
