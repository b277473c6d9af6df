"""Sources with TLS: which certificates are accepted, and that no connection leaves TLS."""

import socket
import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from localcluster.pki import CertificateAuthority
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.errors import BlockedError, TlsError
from recording_operator.egress.policy import SourcePolicy
from tests.support.dialing import BODY, Names, fetch, redirect, refused
from tests.support.lying_source import Content, LyingSource
from tests.support.transfers import loopback_policy


class Tls:
    """A certificate authority and servers with its certificates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = CertificateAuthority(folder)

    def context(self, *hosts: str, valid: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        """A server's TLS settings with a certificate for these hosts."""
        self._authority.issue("server", user="server", hosts=hosts, valid=valid)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "server.crt", self._folder / "server.key")
        return context

    @property
    def authority_file(self) -> Path:
        """The authority's certificate."""
        return self._folder / "ca.crt"

    @property
    def policy(self) -> SourcePolicy:
        """Trusts the authority."""
        return loopback_policy(tls={"caFile": str(self.authority_file)})


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


def test_tls_with_an_authority_of_the_policy(tls: Tls) -> None:
    with LyingSource(Content(body=BODY), tls=tls.context("media.test")) as source:
        dialer = Dialer(tls.policy, resolver=Names(media_test=["127.0.0.1"]))
        assert fetch(dialer, f"https://media.test:{source.port}/x") == BODY


def test_certificates_of_the_environment_are_ignored(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    with LyingSource(Content(body=BODY), tls=tls.context("127.0.0.1")) as source:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(name, str(tls.authority_file))
        refused(lambda: fetch(Dialer(loopback_policy()), source.url), TlsError)


def test_connections_do_not_load_authorities_again(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    with LyingSource(Content(body=BODY), tls=tls.context("127.0.0.1")) as source:
        dialer = Dialer(tls.policy)
        loaded: list[object] = []
        monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *args, **_: loaded.append(args))
        assert fetch(dialer, source.url) == BODY
    assert loaded == []


def test_s29_certificate_of_an_unknown_authority(tls: Tls) -> None:
    with LyingSource(Content(body=BODY), tls=tls.context("127.0.0.1")) as source:
        refused(lambda: fetch(Dialer(loopback_policy()), source.url), TlsError)


def test_s29_certificate_that_has_expired(tls: Tls) -> None:
    with LyingSource(Content(body=BODY), tls=tls.context("127.0.0.1", valid=timedelta(minutes=-1))) as source:
        refused(lambda: fetch(Dialer(tls.policy), source.url), TlsError)
        assert source.served == []


def test_s29_right_address_with_the_certificate_of_another_host(tls: Tls) -> None:
    with LyingSource(Content(body=BODY), tls=tls.context("other.test")) as source:
        dialer = Dialer(tls.policy, resolver=Names(media_test=["127.0.0.1"]))
        refused(lambda: fetch(dialer, f"https://media.test:{source.port}/x"), TlsError)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_s29_old_tls(tls: Tls) -> None:
    context = tls.context("127.0.0.1")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with LyingSource(Content(body=BODY), tls=context) as source:
        refused(lambda: fetch(Dialer(tls.policy), source.url), TlsError)


def test_s14_https_does_not_lead_to_http(tls: Tls) -> None:
    plain = LyingSource(Content(body=BODY))
    with plain as source, LyingSource(Content(body=BODY), tls=tls.context("127.0.0.1")) as secure:
        secure.behave = lambda _: redirect(source.url)
        refused(lambda: fetch(Dialer(tls.policy), secure.url), BlockedError)
    assert source.connections == 0


def test_the_second_connection_to_an_origin_resumes_its_tls_session(tls: Tls) -> None:
    context = tls.context("media.test", "other.test")
    with LyingSource(Content(body=BODY), tls=context) as source:
        names = Names(media_test=["127.0.0.1"], other_test=["127.0.0.1"])
        dialer = Dialer(tls.policy, resolver=names)
        for _ in range(3):
            assert fetch(dialer, f"https://media.test:{source.port}/x") == BODY
        assert fetch(dialer, f"https://other.test:{source.port}/x") == BODY
        assert source.connections == 4
        assert context.session_stats()["hits"] == 2
        dialer.close()
        assert fetch(dialer, f"https://media.test:{source.port}/x") == BODY
        assert context.session_stats()["hits"] == 2


class _Forgetful(LyingSource):
    """Ends the second handshake, as servers do that do not know a session any more."""

    def _serve(self, raw: socket.socket) -> None:
        if self.connections == 2:
            with raw:
                raw.recv(2**16)
                raw.sendall(bytes.fromhex("15 03 03 0002 02 28"))  # alert: handshake_failure
            return
        super()._serve(raw)


def test_a_server_that_ends_a_resumed_handshake_gets_a_full_one(tls: Tls) -> None:
    with _Forgetful(Content(body=BODY), tls=tls.context("127.0.0.1")) as source:
        dialer = Dialer(tls.policy)
        assert [fetch(dialer, source.url) for _ in range(3)] == [BODY] * 3
        assert source.connections == 4
