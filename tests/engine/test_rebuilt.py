"""From a manifest back to the Recording: the same keys, or none."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind, ArtifactSpec, Phase, Recording, RecordingStatus
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.keys import EXTENSIONS
from recording_operator.engine.manifest import Manifest, MissingArtifact, manifest_key, manifest_of
from recording_operator.engine.placement import key_of
from recording_operator.engine.rebuilt import NotRebuildableError, ended_before, rebuilt_recording
from tests.engine.builders import START, a_location, a_recording, an_artifact, an_artifact_status, uid_of

TEMPLATES = (
    "meeting-recordings/{org}/{user}/{uid}/{artifact}{ext}",
    "{year}/{month}/{day}/{namespace}/{name}/{artifact}-{uid}{ext}",
    "{artifact}/{uid}",
)
CONTENT_TYPES = ("", "application/unknown", "text/plain; charset=utf-8", *EXTENSIONS)


def at_template(template: str) -> StorageLocation:
    """A location with another template."""
    location = a_location(manifest=True)
    return location.model_copy(update={"spec": location.spec.model_copy(update={"key_template": template})})


def ended(*artifacts: ArtifactSpec, location: StorageLocation, missing: str = "", **fields: Any) -> Recording:
    """A Recording that is Complete; the artifact `missing` could not be stored."""
    recording = a_recording(*artifacts, **fields)
    states = tuple(
        an_artifact_status(spec.name, phase=Phase.FAILED)
        if spec.name == missing
        else an_artifact_status(spec.name, phase=Phase.COMPLETE, key=key_of(recording, spec.name, location), etag="e")
        for spec in recording.spec.artifacts
    )
    status = RecordingStatus(
        phase=Phase.COMPLETE, started_at=START, completed_at=START, storage_location="archive", artifacts=states
    )
    return recording.model_copy(update={"status": status})


def again(body: dict[str, Any]) -> Recording:
    """As the API server returns it: another uid, another time."""
    meta = {**body["metadata"], "uid": uid_of(99), "creationTimestamp": "2027-01-01T00:00:00Z"}
    return Recording.model_validate({**body, "metadata": meta})


@given(
    template=st.sampled_from(TEMPLATES),
    types=st.lists(st.sampled_from(CONTENT_TYPES), min_size=1, max_size=4),
    found=st.sampled_from(("", "video/mp4", "application/octet-stream")),
)
def test_the_keys_are_the_same(template: str, types: list[str], found: str) -> None:
    location = at_template(template)
    declared = [
        an_artifact(f"a{number}").model_copy(update={"content_type": content_type})
        for number, content_type in enumerate(types)
    ]
    lost = ended(*declared, location=location)
    states = tuple(
        state.model_copy(update={"content_type": spec.content_type or found})
        for state, spec in zip(lost.status.artifacts, declared, strict=True)
    )
    lost = lost.model_copy(update={"status": lost.status.model_copy(update={"artifacts": states})})
    key = manifest_key(lost, location)
    rebuilt = again(rebuilt_recording(manifest_of(lost), location, key=key))
    assert manifest_key(rebuilt, location) == key
    names = [spec.name for spec in declared]
    assert [key_of(rebuilt, name, location) for name in names] == [key_of(lost, name, location) for name in names]


def test_everything_that_the_manifest_says_comes_back() -> None:
    location = a_location(manifest=True)
    optional = an_artifact("notes", optional=True)
    lost = ended(
        an_artifact(),
        optional,
        location=location,
        missing="notes",
        deletion_policy=DeletionPolicy.DELETE,
        ttl=timedelta(hours=5),
    )
    labelled = lost.metadata.model_copy(update={"labels": {"team": "red"}})
    lost = lost.model_copy(update={"metadata": labelled, "spec": lost.spec.model_copy(update={"title": "Weekly sync"})})
    body = rebuilt_recording(manifest_of(lost), location, key=manifest_key(lost, location))
    assert body["metadata"] == {"name": "rec-1", "namespace": "team-a", "labels": {"team": "red"}}
    assert body["spec"] == {
        "storageLocation": "archive",
        "identity": {"uid": uid_of(1), "createdAt": "2026-11-21T09:00:00Z"},
        "owner": {"org": "acme"},
        "title": "Weekly sync",
        "artifacts": [
            {"name": "video", "kind": "Video", "contentType": "video/mp4"},
            {"name": "notes", "kind": "Video", "optional": True},
        ],
        "deletionPolicy": "Delete",
        "ttlAfterFinished": "5h",
    }


def test_what_has_expired_is_left_out() -> None:
    manifest, location, key = a_manifest()
    expired = MissingArtifact(name="raw", kind=ArtifactKind.VIDEO, reason=Reason.EXPIRED)
    body = rebuilt_recording(manifest.model_copy(update={"missing": (expired,)}), location, key=key)
    assert [one["name"] for one in body["spec"]["artifacts"]] == ["video"]


def a_manifest() -> tuple[Manifest, StorageLocation, str]:
    """A manifest, its location and its key."""
    location = a_location(manifest=True)
    lost = ended(an_artifact(), location=location)
    return manifest_of(lost), location, manifest_key(lost, location)


def test_a_manifest_that_names_the_object_of_another_is_rejected() -> None:
    manifest, location, key = a_manifest()
    stolen = manifest.artifacts[0].model_copy(update={"key": "p/meeting-recordings/other/x/video.mp4"})
    with pytest.raises(NotRebuildableError, match="does not make the key of video"):
        rebuilt_recording(manifest.model_copy(update={"artifacts": (stolen,)}), location, key=key)


def test_one_that_is_somewhere_else_is_rejected() -> None:
    manifest, location, key = a_manifest()
    other = manifest.model_copy(update={"owner": manifest.owner.model_copy(update={"org": "other"}), "artifacts": ()})
    with pytest.raises(NotRebuildableError, match="not where the keyTemplate"):
        rebuilt_recording(other, location, key=key)


def test_what_the_operator_would_remove_at_once_is_known() -> None:
    manifest, _, _ = a_manifest()
    month, kept = timedelta(hours=720), manifest.model_copy(update={"ttl_after_finished": timedelta(0)})
    assert not ended_before(manifest, START + timedelta(hours=719), default_ttl=month)
    assert ended_before(manifest, START + timedelta(hours=720), default_ttl=month)
    assert not ended_before(manifest, START + timedelta(hours=9999), default_ttl=timedelta(0))
    assert not ended_before(kept, START + timedelta(hours=9999), default_ttl=month)
