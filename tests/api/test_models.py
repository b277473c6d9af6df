"""The models read what the API server returns and write what it accepts. No URL is in a repr or an error."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind, Phase, Recording, RecordingStatus
from recording_operator.api.storagelocation import StorageLocation
from tests.api.manifests import CANARY, URL, a_location, a_recording, a_source, an_artifact
from tests.api.statuses import STATUSES, dumped, the_largest_status

NOTES = {"name": "notes", "kind": "Summary", "inline": f"said {CANARY}"}


def stored(**metadata: Any) -> dict[str, Any]:
    """A Recording as the API server returns it."""
    recording = a_recording(an_artifact(source=a_source(expiresAt="2026-11-21T12:00:00.5Z")), NOTES)
    applied = {"kubectl.kubernetes.io/last-applied-configuration": f'{{"url": "{URL}"}}'}
    recording["metadata"] = {
        "name": "weekly",
        "namespace": "default",
        "uid": "0b6f0f5e-4a52-4a0e-9a3a-64cf3f0a4a3b",
        "resourceVersion": "17",
        "generation": 2,
        "creationTimestamp": "2026-11-21T11:00:00Z",
        "finalizers": ["recordings.dev/delete-object"],
        "annotations": applied,
        "managedFields": [{"manager": "kubectl"}],
        **metadata,
    }
    return recording


def test_a_recording_is_read_as_the_server_returns_it() -> None:
    recording = Recording.model_validate(stored(deletionTimestamp="2026-11-21T13:00:00Z"))
    assert recording.metadata.uid == "0b6f0f5e-4a52-4a0e-9a3a-64cf3f0a4a3b"
    assert recording.metadata.generation == 2
    assert recording.metadata.deletion_timestamp == datetime(2026, 11, 21, 13, tzinfo=UTC)
    video, notes = recording.spec.artifacts
    assert video.kind is ArtifactKind.VIDEO
    assert video.source is not None
    assert video.source.url == URL
    assert video.source.expires_at == datetime(2026, 11, 21, 12, 0, 0, 500000, tzinfo=UTC)
    assert notes.inline == f"said {CANARY}"
    assert recording.status == RecordingStatus()


def test_the_annotation_of_client_side_apply_is_not_kept_in_memory() -> None:
    """It would double what a Recording takes, and hold its signed URL a second time."""
    raw = stored()
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "recordings.dev/provider-id": "bot-1"}
    raw["metadata"]["annotations"] = applied
    kept = Recording.model_validate(raw).metadata.model_dump()
    assert kept["annotations"] == {"recordings.dev/provider-id": "bot-1"}
    assert "managed_fields" not in kept


def test_only_the_first_labels_are_kept() -> None:
    raw = stored()
    raw["metadata"]["labels"] = {f"label-{number:04}": "x" for number in range(1000)}
    labels = Recording.model_validate(raw).metadata.labels
    assert list(labels) == [f"label-{number:04}" for number in range(64)]
    raw["metadata"]["labels"] = None
    assert Recording.model_validate(raw).metadata.labels == {}


def test_fields_of_a_newer_version_are_passed_over() -> None:
    raw = stored()
    raw["spec"] |= {"placement": {"weight": 1}}
    raw["spec"]["artifacts"][0] |= {"thumbnail": True}
    raw["status"] = {"phase": "Pending", "thumbnailUri": "s3://…", "reason": "NotKnownYet"}
    recording = Recording.model_validate(raw)
    assert recording.status.phase is Phase.PENDING
    assert recording.status.reason is None


def test_no_repr_shows_a_url_or_a_content() -> None:
    shown = repr(Recording.model_validate(stored()))
    assert CANARY not in shown
    assert "weekly" in shown


def test_no_error_shows_what_was_read() -> None:
    raw = stored()
    raw["spec"]["artifacts"][0]["source"]["expiresAt"] = URL
    raw["spec"]["artifacts"][0]["source"]["url"] = [URL]
    with pytest.raises(ValidationError) as caught:
        Recording.model_validate(raw)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)


def test_models_do_not_change() -> None:
    recording = Recording.model_validate(stored())
    with pytest.raises(ValidationError):
        recording.spec.suspend = True  # type: ignore[misc]


@given(status=STATUSES)
def test_a_status_survives_writing_and_reading(status: RecordingStatus) -> None:
    once = dumped(status)
    assert dumped(RecordingStatus.model_validate(once)) == once


def test_a_status_is_written_without_what_is_absent() -> None:
    now = datetime(2026, 11, 21, 12, 0, 0, 999, tzinfo=UTC)
    status = RecordingStatus(phase=Phase.PENDING, reason=Reason.QUEUED, started_at=now)
    assert dumped(status) == {
        "phase": "Pending",
        "reason": "Queued",
        "startedAt": "2026-11-21T12:00:00Z",
        "conditions": [],
        "artifacts": [],
    }


def test_texts_of_others_are_cut_at_what_the_schema_takes() -> None:
    status = RecordingStatus(message="x" * 1025)
    assert status.message == "x" * 1023 + "…"
    # model_copy does not validate, so writing cuts too.
    assert dumped(RecordingStatus().model_copy(update={"message": "x" * 5000}))["message"] == "x" * 1023 + "…"
    largest = dumped(the_largest_status(["video"]))["artifacts"][0]
    assert {name: len(largest[name]) for name in ("key", "uri", "uploadId")} == {
        "key": 1024,
        "uri": 2048,
        "uploadId": 2048,
    }


def test_a_location_has_the_defaults_of_the_product() -> None:
    spec = StorageLocation.model_validate(a_location()).spec
    assert spec.retry.delays == tuple(timedelta(minutes=minutes) for minutes in (2, 5, 10))
    assert spec.retry.refresh_grace == timedelta(hours=1)
    assert spec.key_template == "{org}/{namespace}/{name}/{uid}/{artifact}{ext}"
    assert spec.deletion_policies == ("Retain",)
    assert spec.allowed_namespaces.names == ()


def test_a_location_is_written_as_it_is_read() -> None:
    raw = a_location(limits={"maxArtifactSize": "1.5Gi"}, retry={"delays": ["90s"], "refreshGrace": "0s"})
    location = StorageLocation.model_validate(raw)
    assert location.spec.limits.max_artifact_size == 3 * 2**29
    written = location.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert written["limits"] == {"maxArtifactSize": "1610612736", "contentTypes": []}
    assert written["retry"] == {"delays": ["1m30s"], "untilExpiry": False, "refreshGrace": "0s"}
