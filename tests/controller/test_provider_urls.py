"""Asking providers: one request for all files, at most once a minute, within rate limits, and only in memory."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind
from recording_operator.api.recordingsource import RecordingSource
from recording_operator.controller.executors.order import MediaRef
from recording_operator.controller.provider_limits import DENIED_FOR_S
from recording_operator.controller.provider_urls import ProviderUrls
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Forbidden, NotFound
from recording_operator.providers.provider import Media, ProviderError, ReadOptions
from tests.engine.builders import START

NAMESPACE = "team-a"
REF = MediaRef(recording_source="calls", recording_id="bot-1", media="video")
AUDIO = MediaRef(recording_source="calls", recording_id="bot-1", media="audio")
UNAVAILABLE = ProviderError(Reason.PROVIDER_UNAVAILABLE, "503")
DENIED = ProviderError(Reason.PROVIDER_DENIED, "401")
NO_MEDIA = ProviderError(Reason.PROVIDER_HAS_NO_MEDIA, "404")


class Scene:
    """An API server, a provider, and a clock that the test moves."""

    def __init__(self, **spec: Any) -> None:
        self.elapsed_s = 0.0
        self.spec: dict[str, Any] = {
            "provider": "MeetingBaaS",
            "webhook": {"secretRef": {"name": "hook"}},
            "api": {"secretRef": {"name": "api"}},
            "recording": {"owner": {"org": {"value": "acme"}}},
            **spec,
        }
        self.generation = 1
        self.key: bytes | None = b"key-1"
        self.annotations: dict[str, str] = {}
        self.is_missing = False
        self.may_read = True
        self.error: ProviderError | None = None
        self.files: tuple[str, ...] = ("video", "audio")
        self.more: dict[str, Any] = {}
        self.given: tuple[Media, ...] | None = None
        self.requests: list[tuple[str, str]] = []
        self.registered: list[str] = []
        self.counted: list[str] = []
        self.urls = ProviderUrls(
            KubeApi(self),
            fetch=self.fetch,
            register_secret=self.registered.append,
            observer=self,
            now=self.now,
            steady_s=lambda: self.elapsed_s,
        )

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed_s)

    def request(self, method: str, path: str, **_: object) -> dict[str, Any]:
        """The API server."""
        if not self.may_read:
            raise Forbidden(f"{method} {path}", status=403)
        if path.endswith("/recordingsources/calls") and not self.is_missing:
            meta = {"name": "calls", "namespace": NAMESPACE, "uid": "u", "generation": self.generation}
            return {"metadata": meta, "spec": self.spec}
        if path.endswith("/secrets/api") and self.key is not None:
            data = {"apiKey": base64.b64encode(self.key).decode()}
            return {"metadata": {"name": "api", "annotations": self.annotations}, "data": data}
        raise NotFound(path, status=404)

    def fetch(
        self, source: RecordingSource, credentials: Mapping[str, str], recording_id: str, options: ReadOptions
    ) -> tuple[Media, ...]:
        """The provider."""
        assert source.metadata.name == "calls"
        assert options.kinds == frozenset(ArtifactKind)
        self.requests.append((credentials["apiKey"], recording_id))
        if self.error is not None:
            raise self.error
        if self.given is not None:
            return self.given
        number = len(self.requests)
        return tuple(
            Media(
                name=name,
                kind=ArtifactKind.VIDEO,
                url=f"https://media.example.com/{name}?sig=secret-{number}",
                headers={"X-Token": f"token-{number}"},
                **self.more,
            )
            for name in self.files
        )

    def provider_asked(self, *, provider: str, result: str) -> None:
        self.counted.append(f"{provider} {result}")

    def fresh_url(self, *, provider: str) -> None:
        self.counted.append(f"{provider} url")

    def url(self, ref: MediaRef = REF, *, refused: str | None = None) -> str:
        """The URL that is to be used."""
        return self.urls.media(NAMESPACE, ref, is_refused=lambda media: media.url == refused).url or ""

    def error_of(self, ref: MediaRef = REF, *, refused: str | None = None) -> ProviderError:
        """Why there is none."""
        with pytest.raises(ProviderError) as raised:
            self.url(ref, refused=refused)
        return raised.value


def test_one_request_covers_all_files_of_a_recording() -> None:
    scene = Scene()
    assert scene.url() == "https://media.example.com/video?sig=secret-1"
    assert scene.url(AUDIO) == "https://media.example.com/audio?sig=secret-1"
    assert scene.url() == "https://media.example.com/video?sig=secret-1"
    assert scene.requests == [("key-1", "bot-1")]
    assert scene.counted == ["MeetingBaaS success", "MeetingBaaS url", "MeetingBaaS url"]


def test_a_url_that_does_not_work_is_replaced_but_not_twice_in_a_minute() -> None:
    scene = Scene()
    first = scene.url()
    waits = scene.error_of(refused=first)
    assert (waits.reason, waits.retry_after_s) == (Reason.PROVIDER_UNAVAILABLE, 60)
    scene.elapsed_s = 60
    second = scene.url(refused=first)
    assert second != first
    assert len(scene.requests) == 2


def test_the_same_url_again_is_no_fresh_one() -> None:
    scene = Scene()
    error = scene.error_of(refused="https://media.example.com/video?sig=secret-1")
    assert (error.reason, error.retry_after_s) == (Reason.PROVIDER_UNAVAILABLE, 60)


def test_an_error_is_repeated_for_a_minute_without_a_request() -> None:
    scene = Scene()
    scene.error = NO_MEDIA
    assert scene.error_of().reason is Reason.PROVIDER_HAS_NO_MEDIA
    scene.elapsed_s = 20
    again = scene.error_of(AUDIO)
    assert (again.reason, again.retry_after_s, len(scene.requests)) == (Reason.PROVIDER_HAS_NO_MEDIA, 40, 1)
    scene.elapsed_s, scene.error = 60, None
    assert scene.url()


def test_a_file_that_the_recording_does_not_have_yet() -> None:
    scene = Scene()
    scene.files = ("audio",)
    error = scene.error_of()
    assert error.reason is Reason.PROVIDER_HAS_NO_MEDIA
    assert "'video'" in error.message


@pytest.mark.parametrize(("stated_s", "asks"), [(120, True), (None, False)])
def test_a_url_is_used_until_it_expires(stated_s: int | None, *, asks: bool) -> None:
    scene = Scene()
    scene.more = {"expires_at": START + timedelta(seconds=stated_s)} if stated_s else {}
    scene.url()
    scene.elapsed_s = 119
    scene.url()
    scene.elapsed_s = 121
    scene.url()
    assert len(scene.requests) == 1 + asks


def test_a_new_url_is_used_whatever_its_stated_expiry() -> None:
    scene = Scene()
    scene.more = {"expires_at": START - timedelta(days=1)}
    assert scene.url() == scene.url()
    assert len(scene.requests) == 1


def test_secrets_urls_and_headers_are_registered_to_be_redacted() -> None:
    scene = Scene()
    scene.url()
    assert set(scene.registered) == {"key-1", "sig=secret-1", "token-1"}
    media = scene.urls.media(NAMESPACE, REF, is_refused=lambda _: False)
    assert "secret-1" not in repr(media)
    assert "token-1" not in repr(media)


def test_a_denied_key_is_not_sent_again_until_it_has_changed() -> None:
    scene = Scene()
    scene.error = DENIED
    scene.error_of()
    for second in range(61, 600, 61):
        scene.elapsed_s = second
        assert scene.error_of(AUDIO).reason is Reason.PROVIDER_DENIED
    assert len(scene.requests) == 1
    scene.error, scene.key = None, b"key-2"
    scene.elapsed_s += 5
    assert scene.url()
    assert scene.requests[-1] == ("key-2", "bot-1")


def test_a_denied_key_is_tried_again_after_an_hour() -> None:
    scene = Scene()
    scene.error = DENIED
    scene.error_of()
    scene.elapsed_s, scene.error = DENIED_FOR_S, None
    assert scene.url()


def test_a_recording_that_is_denied_does_not_delay_others() -> None:
    scene = Scene()
    other = MediaRef(recording_source="calls", recording_id="bot-2", media="video")
    scene.error = ProviderError(Reason.PROVIDER_DENIED, "403", only_this_recording=True)
    assert scene.error_of().reason is Reason.PROVIDER_DENIED
    scene.error = None
    assert scene.url(other)
    for second in range(61, 600, 61):
        scene.elapsed_s = second
        again = scene.error_of(AUDIO)
        assert (again.reason, again.message, again.retry_after_s) == (Reason.PROVIDER_DENIED, "403", None)
    assert scene.requests == [("key-1", "bot-1"), ("key-1", "bot-2")]
    scene.elapsed_s = DENIED_FOR_S
    assert scene.url()


def test_a_recording_that_is_denied_is_requested_with_a_new_key() -> None:
    scene = Scene()
    scene.error = ProviderError(Reason.PROVIDER_DENIED, "403", only_this_recording=True)
    scene.error_of()
    scene.error, scene.key, scene.elapsed_s = None, b"key-2", 6
    assert scene.url()


def test_a_change_of_the_recording_source_is_noticed_within_the_minute() -> None:
    scene = Scene()
    scene.error = UNAVAILABLE
    scene.error_of()
    scene.error, scene.generation, scene.elapsed_s = None, 2, 6
    assert scene.url()


def test_a_missing_source_a_missing_secret_and_a_missing_right() -> None:
    scene = Scene()
    scene.is_missing = True
    assert scene.error_of().reason is Reason.PROVIDER_SOURCE_MISSING
    scene.is_missing, scene.key = False, None
    assert scene.error_of().reason is Reason.PROVIDER_DENIED
    scene.key, scene.may_read = b"\xff\xfe", True
    assert "not text" in scene.error_of().message
    scene.may_read = False
    assert scene.error_of().reason is Reason.PROVIDER_SOURCE_MISSING
    assert scene.requests == []
    scene.key, scene.may_read = b"key-1", True
    assert scene.url(), "nothing of this is remembered"


def test_a_source_without_an_api_cannot_be_asked() -> None:
    scene = Scene(api=None)
    assert scene.error_of().reason is Reason.PROVIDER_SOURCE_MISSING


ELSEWHERE = {"secretRef": {"name": "api"}, "endpoint": "https://api.example.com"}


def test_the_secret_is_not_sent_to_another_host() -> None:
    scene = Scene(api=ELSEWHERE)
    error = scene.error_of()
    assert error.reason is Reason.PROVIDER_DENIED
    assert "recordings.dev/allowed-hosts" in error.message
    assert scene.requests == []


def test_the_secret_is_sent_to_a_host_that_its_owner_allows() -> None:
    scene = Scene(api=ELSEWHERE)
    scene.annotations = {"recordings.dev/allowed-hosts": "other.example.com, api.example.com"}
    assert scene.url()


@pytest.mark.parametrize(
    ("endpoint", "allowed", "missing"),
    [
        ("https://api.example.com", "", "the host in spec.api.endpoint"),
        ("https://api.example.com", "example.com", "the host in spec.api.endpoint"),
        ("https://api.example.com", "api.example.com", "sent to example.com, the host of the token server"),
        ("https://api.example.com", "*.example.com", "sent to example.com, the host of the token server"),
        ("https://api.example.com", "api.example.com, example.com", ""),
        ("https://zoom.example.com", "zoom.example.com", ""),
        ("https://api.zoom.us", "", ""),
        ("https://zoomgov.com", "", ""),
    ],
)
def test_the_secret_of_zoom_is_sent_to_no_token_server_that_its_owner_does_not_allow(
    endpoint: str, allowed: str, missing: str
) -> None:
    scene = Scene(provider="Zoom", api={"secretRef": {"name": "api"}, "endpoint": endpoint})
    scene.annotations = {"recordings.dev/allowed-hosts": allowed}
    if missing:
        assert missing in scene.error_of().message
        assert scene.requests == []
    else:
        assert scene.url()


@pytest.mark.parametrize(
    ("provider", "endpoint"),
    [
        ("Recall", "https://eu-central-1.recall.ai"),
        ("Zoom", "https://api.zoomgov.com"),
        ("MeetingBaaS", "https://api.meetingbaas.com"),
    ],
)
def test_the_provider_s_own_hosts_need_no_annotation(provider: str, endpoint: str) -> None:
    assert Scene(provider=provider, api={"secretRef": {"name": "api"}, "endpoint": endpoint}).url()


def test_the_secret_is_sent_to_the_provider_encrypted_only() -> None:
    scene = Scene(api={"secretRef": {"name": "api"}, "endpoint": "http://api.meetingbaas.com"})
    assert scene.error_of().reason is Reason.PROVIDER_DENIED
    assert scene.requests == []


def test_content_is_kept_only_as_far_as_there_is_room() -> None:
    scene = Scene()
    scene.files, scene.more = ("sentences",), {"content": b"x" * 2**20}

    def content(number: int) -> bytes | None:
        ref = MediaRef(recording_source="calls", recording_id=f"call-{number}", media="sentences")
        return scene.urls.media(NAMESPACE, ref, is_refused=lambda _: False).content

    for number in range(40):
        scene.elapsed_s += 2
        assert content(number) == b"x" * 2**20
    assert len(scene.requests) == 40
    assert content(39) is not None
    assert len(scene.requests) == 40, "the last one is kept"


@pytest.mark.parametrize(("size_bytes", "is_stored"), [(4 * 2**20, True), (4 * 2**20 + 1, False)])
def test_content_that_is_too_large_is_named(size_bytes: int, *, is_stored: bool) -> None:
    scene = Scene()
    content = Media(name="transcript", kind=ArtifactKind.TRANSCRIPT, content=b"x" * size_bytes)
    scene.given = (content,)
    ref = MediaRef(recording_source="calls", recording_id="bot-1", media="transcript")
    if is_stored:
        assert scene.urls.media(NAMESPACE, ref, is_refused=lambda _: False) == content
        return
    error = scene.error_of(ref)
    assert (error.reason, error.retry_after_s) == (Reason.PROVIDER_HAS_NO_MEDIA, 60)
    assert "too large. Expected at most 4 MiB" in error.message
    scene.elapsed_s, scene.given = 60, ()
    assert "no file 'transcript'" in scene.error_of(ref).message


def test_a_file_is_found_by_its_reference_or_its_name() -> None:
    scene = Scene()
    url = "https://media.example.com/2"
    scene.given = (Media(name="video", kind=ArtifactKind.VIDEO, reference="gallery-view-2", url=url),)

    def ref(word: str) -> MediaRef:
        return MediaRef(recording_source="calls", recording_id="bot-1", media=word)

    assert scene.url(ref("video")) == scene.url(ref("gallery-view-2")) == url
    scene.elapsed_s = 60
    assert scene.error_of(ref("active-speaker-1")).reason is Reason.PROVIDER_HAS_NO_MEDIA
    assert scene.counted.count("MeetingBaaS url") == 2, "one for each response, and not for each word"


def test_a_retry_after_of_the_provider_holds_for_all_recordings() -> None:
    scene = Scene()
    scene.error = ProviderError(Reason.PROVIDER_UNAVAILABLE, "429", retry_after_s=30)
    scene.error_of()
    other = MediaRef(recording_source="calls", recording_id="bot-2", media="video")
    scene.elapsed_s = 10
    assert scene.error_of(other).retry_after_s == 20
    scene.elapsed_s, scene.error = 30, None
    assert scene.url(other)
    assert scene.counted[0] == "MeetingBaaS rate_limited"
