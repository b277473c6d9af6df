"""Every request of every AWS client uses our transport, with its address check and the environment's proxy."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import botocore.httpsession
import pytest

from localcluster.pki import CertificateAuthority
from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.transport.endpoint import EnvironmentProxy
from tests.security.canary import Connects, answer_names
from tests.support.connect_proxy import ConnectProxy
from tests.support.lying_source import Behaviour, Content, LyingSource

KEYS = StoreCredentials(access_key_id="AKIAEXAMPLE", secret_access_key="not-a-secret")
_LISTING = b"<ListBucketResult/>"
_ASSUMED = b"""<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>AKIAASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


@pytest.fixture(autouse=True)
def _only_our_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request uses botocore's own session, and no environment variable changes where requests go."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("botocore sent a request by itself")

    monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", never)
    for name in ("NO_PROXY", "no_proxy", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bucket() -> Iterator[LyingSource]:
    with LyingSource(Content(body=_LISTING, content_type="application/xml")) as server:
        yield server


def store(endpoint: str | None, *, ca: str | None = None, ambient: bool = False) -> S3Store:
    return S3Store(
        S3Options(
            bucket="b",
            region="us-east-1",
            endpoint=endpoint,
            path_style=True,
            ca_bundle_pem=ca,
            credentials=None if ambient else KEYS,
        )
    )


def test_http_is_passed_on_by_the_proxy(bucket: LyingSource, monkeypatch: pytest.MonkeyPatch) -> None:
    with ConnectProxy({"store.test": bucket.port}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://user:p%40ss@"))
        client = store("http://store.test:9000")
        client.may_list("")
        client.may_list("")
        client.close()
    assert all(asked.startswith("GET http://store.test:9000/b?") for asked in proxy.asked)
    assert b"\r\nproxy-authorization: Basic dXNlcjpwQHNz\r\n" in proxy.heads[0]
    assert bucket.served[0].headers["host"] == "store.test:9000"


def test_https_goes_through_a_tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = CertificateAuthority(tmp_path)
    authority.issue("server", user="server", hosts=("store.test",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    content = Content(body=_LISTING, content_type="application/xml")
    with LyingSource(content, tls=context) as server, ConnectProxy({"store.test": server.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://user:pass@"))
        client = store("https://store.test", ca=(tmp_path / "ca.crt").read_text())
        for _ in range(2):
            client.may_list("")
        client.close()
        assert len(server.served) == 2
    assert proxy.asked == ["CONNECT store.test:443"], "the connection is kept"
    assert b"Proxy-Authorization: Basic" in proxy.heads[0]
    assert "proxy-authorization" not in server.served[0].headers


def test_no_proxy_is_heeded(bucket: LyingSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    store(f"http://127.0.0.1:{bucket.port}").may_list("")
    assert len(bucket.served) == 1


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_makes_no_tunnel(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with ConnectProxy({}, status=status) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        unreachable = store("https://store.test")
        with pytest.raises(TransferError) as caught:
            unreachable.may_list("")
    assert caught.value.reason is Reason.STORE_UNAVAILABLE


@pytest.mark.parametrize("named", ["https://proxy.test:443", "socks5://proxy.test:1080", "http://:80"])
def test_an_invalid_proxy_is_reported_at_once(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", named)
    with pytest.raises(ValueError, match="https_proxy"):
        store("https://store.test")


def test_a_proxy_without_a_scheme_is_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.test:3128")
    found = EnvironmentProxy.of("https", "store.test")
    assert found is not None
    assert (found.host, found.port, found.headers) == ("proxy.test", 3128, {})
    assert EnvironmentProxy.of("http", "store.test") is None


def test_requests_for_the_identity_of_the_process_use_our_transport(
    bucket: LyingSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _web_identity(monkeypatch, tmp_path)
    with LyingSource(Content(body=_ASSUMED, content_type="text/xml")) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{sts.port}")
        store(f"http://127.0.0.1:{bucket.port}", ambient=True).may_list("")
        (asked,) = sts.served
    assert asked.method == "POST"
    assert b"Action=AssumeRoleWithWebIdentity" in asked.body
    assert "AKIAASSUMED" in bucket.served[0].headers["authorization"]


def test_identity_services_are_blocked_too(
    bucket: LyingSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _web_identity(monkeypatch, tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", answer_names({"sts.test": ["169.254.169.254"]}, socket.getaddrinfo))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://sts.test")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with Connects() as connects, pytest.raises(TransferError):
        store(f"http://127.0.0.1:{bucket.port}", ambient=True).may_list("")
    assert connects.addresses == []
    assert bucket.served == []


def test_requests_to_cloudwatch_use_our_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"monitoring.us-east-1.amazonaws.com": ["169.254.169.254"]}
    monkeypatch.setattr(socket, "getaddrinfo", answer_names(answers, socket.getaddrinfo))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    now = datetime.now(UTC)
    with Connects() as connects, pytest.raises(TransferError) as caught:
        store(None).downloads("all", begin=now - timedelta(hours=3), end=now)
    assert caught.value.reason is Reason.ENDPOINT_BLOCKED
    assert connects.addresses == []


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("AWS_CA_BUNDLE", "/no/such/file", Reason.ENDPOINT_UNREACHABLE),
        ("https_proxy", "https://proxy.test:443", Reason.ENDPOINT_UNREACHABLE),
        ("AWS_PROFILE", "none", Reason.ENDPOINT_UNREACHABLE),
        ("AWS_SECRET_ACCESS_KEY", "", Reason.CREDENTIALS_NOT_FOUND),
    ],
)
def test_an_environment_that_cannot_be_used_for_cloudwatch_is_an_error_of_the_store(
    variable: str, value: str, reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    client = store("http://127.0.0.1:9", ambient=True)
    monkeypatch.setenv(variable, value)
    now = datetime.now(UTC)
    with pytest.raises(TransferError) as caught:
        client.downloads("all", begin=now - timedelta(hours=3), end=now)
    assert caught.value.reason is reason


def test_cloudwatch_with_the_identity_of_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _web_identity(monkeypatch, tmp_path)
    with LyingSource(Content(body=_ASSUMED, content_type="text/xml")) as sts, LyingSource(Content(body=b"")) as metrics:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{sts.port}")
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", f"http://127.0.0.1:{metrics.port}")
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
        now = datetime.now(UTC)
        with suppress(TransferError):
            store(None, ambient=True).downloads("all", begin=now - timedelta(hours=3), end=now)
        assert "AKIAASSUMED" in metrics.served[0].headers["authorization"]
    assert len(sts.served) == 1


def test_each_connection_resolves_the_name_again(bucket: LyingSource, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = answer_names({"store.test": ["127.0.0.1", "169.254.169.254"]}, socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", answers)
    bucket.behave = lambda _: Behaviour(headers={"Connection": "close"})
    client = store(f"http://store.test:{bucket.port}")
    client.may_list("")
    with suppress(TransferError), Connects() as connects:
        client.may_list("")
    assert connects.addresses == []
    assert len(bucket.served) == 1


def _web_identity(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    token = folder / "token"
    token.write_text("not-a-token")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/recordings")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
