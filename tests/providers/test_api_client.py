"""Requests to the API of a provider: what each response means, and what never leaves in a message."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.policy import SourcePolicy
from recording_operator.providers import api_client
from recording_operator.providers.api_client import EgressApiClient, credential, joined, segment
from recording_operator.providers.provider import ProviderError
from recording_operator.stopping import Stopped, StopSignal
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.transfers import loopback_policy

KEY = "key-1234-canary"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[LyingSource]:
    with LyingSource(Content(body=b'{"data": 1}')) as running:
        yield running


def client(
    server: LyingSource, *, policy: SourcePolicy | None = None, stop: StopSignal | None = None
) -> EgressApiClient:
    return EgressApiClient(
        dialer=Dialer(policy or loopback_policy()),
        endpoint=server.url.partition("?")[0].rpartition("/")[0] + "/",
        credentials={"apiKey": KEY},
        stop=stop or threading.Event(),
        now=lambda: NOW,
    )


def error(api: EgressApiClient, path: str = "/v2/bots/b-1", headers: dict[str, str] | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        api.get_json(path, headers={"X-Key": KEY} if headers is None else headers)
    found = caught.value
    assert KEY not in f"{found!r}{found}{found.message}"
    assert "b-1" not in found.message
    assert found.__cause__ is None
    return found


def test_get_and_post(server: LyingSource) -> None:
    api = client(server)
    assert api.get_json("/v2/bots/b-1?a=b", headers={"X-Key": KEY}) == {"data": 1}
    assert api.post_json("/graphql", headers={"X-Key": KEY}, body=b"{}", content_type="application/json") == {"data": 1}
    get, post = server.served
    assert (get.method, post.method, post.body) == ("GET", "POST", b"{}")
    assert get.headers["x-key"] == post.headers["x-key"] == KEY
    assert get.headers["accept"] == post.headers["accept"] == "application/json"
    assert KEY not in repr(api)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *((status, Reason.PROVIDER_DENIED) for status in (401, 402, 403)),
        *((status, Reason.PROVIDER_HAS_NO_MEDIA) for status in (400, 404, 409, 410, 422)),
        *((status, Reason.PROVIDER_UNAVAILABLE) for status in (304, 408, 425, 429, 500, 502, 503, 504, 599)),
    ],
)
def test_statuses(server: LyingSource, status: int, reason: Reason) -> None:
    server.behave = lambda _: Behaviour(status=status, body=b'{"error": "key-1234-canary b-1"}')
    found = error(client(server))
    assert (found.reason, found.retry_after_s) == (reason, None)
    assert str(status) in found.message
    assert found.only_this_recording is (status == 403)


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("7", 7),
        ("99999999", 900),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60),
        ("Mon, 01 Jan 2024 00:00:00 GMT", 0),
        ("soon", None),
    ],
)
def test_retry_after(server: LyingSource, value: str, wait_s: float | None) -> None:
    server.behave = lambda _: Behaviour(status=429, headers={"Retry-After": value})
    assert error(client(server)).retry_after_s == wait_s


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", Reason.PROVIDER_UNAVAILABLE),
        (b"", Reason.PROVIDER_UNAVAILABLE),
        (b"[" * 200_000, Reason.PROVIDER_UNAVAILABLE),
        (b"\xff", Reason.PROVIDER_UNAVAILABLE),
        (b'"' + b"x" * 4 * 2**20 + b'"', Reason.PROVIDER_HAS_NO_MEDIA),
    ],
)
def test_responses_that_are_not_json_or_too_large(server: LyingSource, body: bytes, reason: Reason) -> None:
    server.behave = lambda _: Behaviour(body=body)
    assert error(client(server)).reason is reason


@pytest.mark.parametrize(
    "behaviour", [Behaviour(cut_after=3), Behaviour(cut_after=0, reset=True), Behaviour(raw_head=b"SSH-2.0\r\n\r\n")]
)
def test_responses_that_do_not_arrive(server: LyingSource, behaviour: Behaviour) -> None:
    server.behave = lambda _: behaviour
    assert error(client(server)).reason is Reason.PROVIDER_UNAVAILABLE


def test_the_beginning_of_a_number_is_not_the_number(server: LyingSource) -> None:
    server.behave = lambda _: Behaviour(body=b"1234567", cut_after=3)
    found = error(client(server))
    assert (found.reason, "broke" in found.message) == (Reason.PROVIDER_UNAVAILABLE, True)


def test_no_server() -> None:
    with LyingSource(Content(body=b"")) as gone:
        api = client(gone)
    assert error(api).reason is Reason.PROVIDER_UNAVAILABLE


def test_the_policy_applies(server: LyingSource) -> None:
    assert error(client(server, policy=SourcePolicy())).reason is Reason.PROVIDER_DENIED
    assert server.served == []


def test_a_key_that_no_header_can_contain(server: LyingSource) -> None:
    found = error(client(server), headers={"X-Key": f"{KEY}\n"})
    assert (found.reason, server.served) == (Reason.PROVIDER_DENIED, [])


def test_a_redirect_to_another_host_gets_no_key(server: LyingSource) -> None:
    with LyingSource(Content(body=b"{}")) as other:
        server.behave = lambda _: Behaviour(status=302, headers={"Location": other.url})
        client(server).get_json("/v2", headers={"Authorization": KEY})
        assert "authorization" not in other.served[0].headers


def test_a_slow_response_ends_at_the_deadline(server: LyingSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "_DEADLINE_S", 0.5)
    server.behave = lambda _: Behaviour(hold_after=3)
    found = error(client(server))
    assert found.reason is Reason.PROVIDER_UNAVAILABLE
    assert "within 0.5 s" in found.message


def test_a_stop_is_not_an_error_of_the_provider(server: LyingSource) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        client(server, stop=stop).get_json("/v2", headers={})


def test_paths_stay_below_the_endpoint() -> None:
    assert joined("https://api.example.test/base/", "/v2/bots/b-1") == "https://api.example.test/base/v2/bots/b-1"
    assert (
        joined("https://api.example.test", f"/v2/{segment('a/b c+d=?')}")
        == "https://api.example.test/v2/a%2Fb%20c%2Bd%3D%3F"
    )
    for hostile in ("..", ".", "a/../../admin", "%2e%2e", "..\\x", "a/%2E%2E/b"):
        with pytest.raises(ProviderError) as caught:
            joined("https://api.example.test", f"/v2/bots/{segment(hostile)}")
        assert caught.value.reason is Reason.PROVIDER_HAS_NO_MEDIA
    for path in ("@evil.test/", ".evil.test/", "/a#b", "/a\r\nb", ""):
        if path:
            with pytest.raises(ProviderError):
                joined("https://api.example.test", path)


@pytest.mark.parametrize(
    "endpoint", ["", "api.example.test", "ftp://a", "https://a?b=c", "https://u:p@a", "https://a#f"]
)
def test_endpoints_that_cannot_be_used(endpoint: str) -> None:
    with pytest.raises(ProviderError) as caught:
        joined(endpoint, "/v2")
    assert caught.value.reason is Reason.PROVIDER_DENIED
    assert "spec.api.endpoint" in caught.value.message


def test_credentials() -> None:
    assert credential({"apiKey": " x\n"}, "apiKey") == "x"
    for missing in ({}, {"apiKey": "\n"}, {"API_KEY": "secret-value"}):
        with pytest.raises(ProviderError, match="has no key apiKey") as caught:
            credential(missing, "apiKey")
        assert caught.value.reason is Reason.PROVIDER_DENIED
