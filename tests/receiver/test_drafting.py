"""What becomes of an event, without a server."""

from datetime import UTC, datetime
from typing import Any

import pytest

from recording_operator.api.keytemplate import unescape_id
from recording_operator.api.recording import ArtifactKind, Recording
from recording_operator.api.recordingsource import RecordingSource
from recording_operator.providers.provider import Event, Media, Outcome, ProviderObject
from recording_operator.receiver.drafting import Draft, DraftError, draft, recording_name
from recording_operator.receiver.owners import is_accepted, owner_id

_API = {"secretRef": {"name": "api"}}


def a_source(name: str = "meetings", *, api: bool = False, **recording: Any) -> RecordingSource:
    spec: dict[str, Any] = {
        "provider": "MeetingBaaS",
        "webhook": {"secretRef": {"name": "webhook"}},
        "recording": {"owner": {"org": {"value": "acme"}}, **recording},
        **({"api": _API} if api else {}),
    }
    return RecordingSource.model_validate({"metadata": {"name": name, "namespace": "team-a"}, "spec": spec})


def an_event(*media: Media, **fields: Any) -> Event:
    given = {"kind": "bot.completed", "outcome": Outcome.MEDIA, "recording_id": "b-1", "media": media}
    return Event(**{**given, **fields})


def video(**fields: Any) -> Media:
    given: dict[str, Any] = {"name": "video", "kind": ArtifactKind.VIDEO, "url": "https://a.example.test/v.mp4?sig=1"}
    return Media(**{**given, **fields})


def artifact(drafted: Draft) -> dict[str, Any]:
    [only] = drafted.artifacts
    return only


def test_the_name_depends_on_source_provider_and_id() -> None:
    names = [recording_name(a_source(name), one) for name in ("a" * 50, "a" * 51, "b") for one in ("1", "2")]
    assert len(set(names)) == 6
    assert all(len(name) <= 63 and name.islower() for name in names)
    assert recording_name(a_source(f"{'a' * 39}-b"), "1").count("--") == 0


def test_a_url_is_in_the_secret_only() -> None:
    drafted = draft(a_source(), an_event(video()), asks_api=True)
    assert "sig=1" not in str(drafted.recording)
    assert "sig=1" not in repr(drafted)
    assert drafted.secrets[0].data == {"video": b"https://a.example.test/v.mp4?sig=1"}
    assert artifact(drafted)["source"] == {"urlSecretRef": {"name": drafted.name, "key": "video"}}


def test_the_time_of_expiry_is_that_of_the_event_or_of_the_url() -> None:
    signed = "https://a.example.test/v.mp4?X-Amz-Date=20260101T103112Z&X-Amz-Expires=14400&X-Amz-Signature=00"
    from_url = artifact(draft(a_source(), an_event(video(url=signed)), asks_api=True))["source"]
    assert from_url["expiresAt"] == "2026-01-01T14:31:12Z"
    given = video(url=signed, expires_at=datetime(2026, 1, 2, tzinfo=UTC))
    assert artifact(draft(a_source(), an_event(given), asks_api=True))["source"]["expiresAt"].startswith("2026-01-02")


def test_the_provider_is_named_if_it_can_be_asked() -> None:
    reference = {"recordingSource": "meetings", "id": "b-1", "media": "video"}
    drafted = draft(a_source(api=True), an_event(video()), asks_api=True)
    assert artifact(drafted)["source"]["provider"] == reference
    assert "provider" not in artifact(draft(a_source(api=True), an_event(video()), asks_api=False))["source"]
    without_url = draft(a_source(api=True), an_event(video(url=None)), asks_api=True)
    assert artifact(without_url)["source"] == {"provider": reference}
    assert without_url.secrets == ()


def test_the_reference_of_a_file_is_the_word_for_the_api() -> None:
    drafted = draft(a_source(api=True), an_event(video(reference="active-speaker-1a2b3c4d")), asks_api=True)
    assert artifact(drafted)["name"] == "video"
    assert artifact(drafted)["source"]["provider"]["media"] == "active-speaker-1a2b3c4d"


def test_media_without_a_url_and_an_api_is_no_recording() -> None:
    with pytest.raises(DraftError, match=r"no URL of video"):
        draft(a_source(), an_event(video(url=None)), asks_api=True)


def test_headers_have_a_secret_for_the_host_of_the_url() -> None:
    drafted = draft(a_source(), an_event(video(headers={"Authorization": "Bearer t"})), asks_api=True)
    [_, headers] = drafted.secrets
    assert headers.labels["recordings.dev/source-headers"] == "true"
    assert headers.annotations == {"recordings.dev/allowed-hosts": "a.example.test"}
    assert artifact(drafted)["source"]["headersSecretRef"] == {"name": headers.name}
    assert headers.data == {"Authorization": b"Bearer t"}


def test_an_object_of_a_store_needs_its_location() -> None:
    media = video(url=None, stored=ProviderObject(bucket="egress", key="a/b.mp4"))
    with pytest.raises(DraftError, match="importFrom"):
        draft(a_source(), an_event(media), asks_api=False)
    drafted = draft(a_source(importFrom={"storageLocation": "egress"}), an_event(media), asks_api=False)
    assert artifact(drafted)["source"] == {"object": {"storageLocation": "egress", "key": "a/b.mp4"}}


@pytest.mark.parametrize(
    ("size", "where"),
    [(1, "inline"), (16 * 1024, "inline"), (16 * 1024 + 1, "contentSecretRef"), (2**20, "contentSecretRef")],
)
def test_content_is_inline_or_in_a_secret_of_its_own(size: int, where: str) -> None:
    drafted = draft(a_source(), an_event(video(url=None, content=b"a" * size)), asks_api=False)
    assert where in artifact(drafted)
    assert len(drafted.secrets) == (where == "contentSecretRef")


@pytest.mark.parametrize("content", [b"", b"a" * (2**20 + 1)])
def test_content_that_no_secret_holds_is_rejected(content: bytes) -> None:
    with pytest.raises(DraftError, match="1 MiB"):
        draft(a_source(), an_event(video(url=None, content=content)), asks_api=False)


@pytest.mark.parametrize("content", [b"", b"a" * (2**20 + 1)])
def test_content_that_no_secret_holds_does_not_cost_the_other_media(content: bytes) -> None:
    transcript = Media(name="transcript", kind=ArtifactKind.TRANSCRIPT, content=content)
    drafted = draft(a_source(), an_event(video(), transcript, left_out=("summary",)), asks_api=False)
    assert artifact(drafted)["name"] == "video"
    assert [secret.data.keys() for secret in drafted.secrets] == [{"video"}]
    assert drafted.left_out == ("summary", "transcript")
    assert draft(a_source(), an_event(video()), asks_api=False).left_out == ()


def test_values_that_a_recording_does_not_accept_are_left_out() -> None:
    media = video(
        size_bytes=-1, checksum="md5:x", content_type="not a type", expires_at=datetime(1970, 1, 1, tzinfo=UTC)
    )
    kept = draft(a_source(), an_event(media), asks_api=False)
    assert artifact(kept).keys() == {"name", "kind", "optional", "source"}
    assert artifact(kept)["source"].keys() == {"urlSecretRef"}
    titled = draft(a_source(), an_event(video(), title="a\nb\ud800" + "c" * 300), asks_api=False)
    assert titled.recording["spec"]["title"].startswith("a b ccc")
    assert len(titled.recording["spec"]["title"]) == 256


def test_the_template_is_applied() -> None:
    template: dict[str, Any] = {
        "storageLocation": "archive",
        "deletionPolicy": "Delete",
        "ttlAfterFinished": "24h",
        "priority": 5,
    }
    drafted = draft(a_source(labels={"team": "a"}, **template), an_event(video()), asks_api=False)
    spec = Recording.model_validate(drafted.recording).spec
    assert (spec.storage_location, spec.priority, spec.deletion_policy.value) == ("archive", 5, "Delete")
    assert drafted.recording["metadata"]["labels"] == {"team": "a", "recordings.dev/source": "meetings"}
    assert spec.ttl_after_finished is not None
    assert spec.ttl_after_finished.total_seconds() == 24 * 3600


def test_an_owner_that_yields_nothing_is_an_error_without_a_default() -> None:
    owner: dict[str, Any] = {"org": {"from": "extra.org_id"}}
    with pytest.raises(DraftError, match=r"owner\.org\.from yields nothing"):
        draft(a_source(owner=owner), an_event(video(), payload={"extra": {}}), asks_api=False)
    owner["org"]["default"] = "unassigned"
    drafted = draft(a_source(owner=owner), an_event(video(), payload={"extra": {"org_id": " "}}), asks_api=False)
    assert drafted.recording["spec"]["owner"] == {"org": "unassigned"}


@pytest.mark.parametrize("value", ["acme", "auth0|5f", "jo@example.com", "Zoë", "a b", "x" * 128])
def test_an_accepted_owner_stays_as_it_is(value: str) -> None:
    assert owner_id(value) == value


@pytest.mark.parametrize("value", ["..", "a..b", ".a", "(unknown)", "a://b", "a\tb", "=2Ea", "a\u202eb"])
def test_another_owner_is_escaped_reversibly(value: str) -> None:
    escaped = owner_id(value)
    assert escaped != value
    assert is_accepted(escaped)
    assert unescape_id(escaped) == value


def test_different_owners_stay_different() -> None:
    values = [".a", "=2Ea", "=3D2Ea", "a" * 200, "a" * 201, "sha256=a", owner_id("a" * 200), "é" * 43, "é" * 44]
    assert len({owner_id(value) for value in values}) == len(values)
    assert all(is_accepted(owner_id(value)) for value in values)


@pytest.mark.parametrize("value", ["", "  ", "\ud800"])
def test_an_owner_that_is_no_text_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match="it is"):
        owner_id(value)
