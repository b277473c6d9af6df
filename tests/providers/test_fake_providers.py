"""The fakes of the providers check what the real ones check."""

import base64
import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from localcluster.mediaserver import MediaServer
from tests.support.fake_providers.fireflies import FakeFireflies
from tests.support.fake_providers.gladia import FakeGladia
from tests.support.fake_providers.meetingbaas import FakeMeetingBaas
from tests.support.fake_providers.recall import FakeRecall
from tests.support.fake_providers.recordings import a_recording
from tests.support.fake_providers.server import ApiResponse, FakeProvider, LinkTerms, Outage
from tests.support.fake_providers.zoom import FakeZoom

QUERY = "query($id: String!) { transcript(id: $id) { id audio_url video_url sentences { text start_time } } }"


class Got:
    """A response."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def document(self) -> Any:
        return json.loads(self.body)


def call(
    url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None, timeout_s: float = 20
) -> Got:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request("GET" if body is None else "POST", path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Got(response.status, named, response.read())
    finally:
        connection.close()


@pytest.fixture
def media() -> Iterator[MediaServer]:
    with MediaServer() as server:
        yield server


def test_meetingbaas_checks_key_and_bot(media: MediaServer) -> None:
    with FakeMeetingBaas(media) as provider:
        provider.add(a_recording("bot-1"))
        key = {"x-meeting-baas-api-key": "mb-key-1234"}
        found = call(f"{provider.endpoint}/v2/bots/bot-1", headers=key)
        assert call(found.document["data"]["video"]).body == a_recording("bot-1").files[0].media.read(0, 300_000)
        assert call(f"{provider.endpoint}/v2/bots/bot-2", headers=key).status == 404
        assert call(f"{provider.endpoint}/v2/bots/bot-1").status == 401
        assert call(f"{provider.endpoint}/v2/bots/bot-1", headers={"Authorization": "Bearer mb-key-1234"}).status == 401
        assert provider.statuses() == [200, 404, 401, 401]


def test_recall_wants_its_own_scheme_and_the_slash(media: MediaServer) -> None:
    with FakeRecall(media) as provider:
        provider.add(a_recording("r-1").without("transcript"))
        key = {"Authorization": "Token recall-key-1234"}
        found = call(f"{provider.endpoint}/api/v1/recording/r-1/", headers=key).document
        assert call(found["media_shortcuts"]["video_mixed"]["data"]["download_url"]).status == 200
        assert found["media_shortcuts"]["transcript"] is None
        listed = call(f"{provider.endpoint}/api/v1/audio_mixed/?recording_id=r-1", headers=key).document["results"]
        assert call(listed[0]["data"]["download_url"]).status == 200
        assert call(f"{provider.endpoint}/api/v1/recording/r-1", headers=key).status == 301
        wrong = {"Authorization": "Bearer recall-key-1234"}
        assert call(f"{provider.endpoint}/api/v1/recording/r-1/", headers=wrong).status == 401


def test_gladia_has_the_result_of_a_job(media: MediaServer) -> None:
    with FakeGladia(media) as provider:
        provider.add(a_recording("job-1"))
        url = f"{provider.endpoint}/v2/pre-recorded/job-1"
        found = call(url, headers={"x-gladia-key": "gladia-key-1234"}).document
        assert found["result"]["transcription"]["languages"] == ["en"]
        assert call(url).status == 401


def zoom_token(provider: FakeZoom, secret: str) -> Got:
    basic = base64.b64encode(f"client-1234:{secret}".encode()).decode()
    url = f"{provider.endpoint}/oauth/token?grant_type=account_credentials&account_id=acc_TEST"
    return call(url, headers={"Authorization": f"Basic {basic}"}, body=b"")


def test_zoom_gives_tokens_and_redirects_downloads(media: MediaServer) -> None:
    with FakeZoom(media) as provider:
        provider.add(a_recording("/a//b=="))
        assert zoom_token(provider, "another").status == 400
        access = zoom_token(provider, provider.credentials["clientSecret"]).document["access_token"]
        bearer = {"Authorization": f"Bearer {access}"}
        once = quote("/a//b==", safe="")
        assert call(f"{provider.endpoint}/v2/meetings/{once}/recordings", headers=bearer).status == 404
        url = f"{provider.endpoint}/v2/meetings/{quote(once, safe='')}/recordings"
        assert call(url).status == 401
        found = call(f"{url}?include_fields=download_access_token&ttl=3600", headers=bearer).document
        download = found["recording_files"][0]["download_url"]
        assert call(download).status == 401
        token = {"Authorization": f"Bearer {found['download_access_token']}"}
        redirect = call(download, headers=token)
        assert call(redirect.headers["location"]).status == 200
        assert call(redirect.headers["location"], headers=token).status == 400
        provider.tokens.clear()
        assert call(url, headers=bearer).document["code"] == 124


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (QUERY, 200),
        (QUERY.replace("audio_url", "audioUrl"), 400),
        (QUERY.replace("sentences { text start_time }", "sentences"), 400),
        (QUERY.replace("video_url", "video_url { url }"), 400),
        (QUERY.replace("$id: String!", "$meeting: String!"), 400),
        (QUERY.replace(" } }", ""), 400),
        ("{ transcript(id: 1) { id } }", 400),
    ],
)
def test_fireflies_validates_the_query(media: MediaServer, query: str, status: int) -> None:
    with FakeFireflies(media) as provider:
        provider.add(a_recording("m-1"))
        headers = {"Authorization": "Bearer fireflies-key-1234", "Content-Type": "application/json"}
        body = json.dumps({"query": query, "variables": {"id": "m-1"}}).encode()
        assert call(f"{provider.endpoint}/graphql", headers=headers, body=body).status == status


def test_fireflies_reports_an_unknown_meeting_in_a_200(media: MediaServer) -> None:
    with FakeFireflies(media) as provider:
        headers = {"Authorization": "Bearer fireflies-key-1234", "Content-Type": "application/json"}
        body = json.dumps({"query": QUERY, "variables": {"id": "m-2"}}).encode()
        found = call(f"{provider.endpoint}/graphql", headers=headers, body=body)
        assert (found.status, found.document["errors"][0]["code"]) == (200, "object_not_found")
        assert call(f"{provider.endpoint}/graphql", body=body).status == 401


def test_rate_limits(media: MediaServer) -> None:
    now = 0.0
    with FakeProviderOfNothing(media, clock=lambda: now) as provider:
        provider.limit(requests=1, retry_after="7")
        limited = call(provider.endpoint)
        assert (limited.status, limited.headers["retry-after"]) == (429, "7")
        provider.requests_per_minute = 2
        assert [call(provider.endpoint).status for _ in range(3)] == [200, 200, 429]
        now = 61.0
        assert call(provider.endpoint).status == 200


def test_outages(media: MediaServer) -> None:
    with FakeProviderOfNothing(media) as provider:
        provider.outage = Outage.UNAVAILABLE
        assert call(provider.endpoint).status == 503
        provider.outage = Outage.RESET
        with pytest.raises(ConnectionResetError):
            call(provider.endpoint)
        provider.outage = Outage.HANG
        with pytest.raises(TimeoutError):
            call(provider.endpoint, timeout_s=0.2)
        provider.outage = None
        assert call(provider.endpoint).status == 200


def test_urls_expire_at_a_switch_at_a_time_and_at_a_byte(media: MediaServer) -> None:
    now = 1000.0
    media.clock = lambda: now
    file = a_recording("bot-1").files[0]
    provider = FakeMeetingBaas(media)
    first = provider.url(file)
    media.expire_links()
    expired = call(first)
    assert expired.status == 403
    assert b"<Code>AccessDenied</Code><Message>Request has expired</Message>" in expired.body
    provider.links = LinkTerms(valid_s=60)
    second = provider.url(file)
    assert call(second).status == 200
    now = 1061.0
    assert call(second).status == 403
    provider.links = LinkTerms(valid_bytes=100_000)
    third = provider.url(file)
    assert call(third, headers={"Range": "bytes=0-99999"}).status == 206
    assert call(third, headers={"Range": "bytes=100000-"}).status == 403


class FakeProviderOfNothing(FakeProvider):
    """Responds to everything."""

    def route(self, request: Any) -> Any:
        return ApiResponse(document={"path": request.path})
