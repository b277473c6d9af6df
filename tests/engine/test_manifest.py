"""The manifest of a Recording: what it says, what it never says, and its key."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.keytemplate import manifest_patterns
from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind, Phase, Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.manifest import (
    MOST_BYTES,
    SCHEMA,
    ManifestFormatError,
    decode,
    encode,
    manifest_key,
    manifest_of,
    revision_of,
)
from tests.engine.builders import START, a_finished_recording, a_location, a_recording, an_artifact, an_artifact_status
from tests.engine.builders import uid_of as uid

STORED = an_artifact_status(
    phase=Phase.COMPLETE,
    key=f"p/meeting-recordings/acme/-/{uid(1)}/video.mp4",
    bytesTotal=480,
    etag="abc",
    versionId="v1",
    checksum="crc64nvme:0123456789abcdef",
    contentType="video/mp4",
    integrity="FullObjectCRC64NVME",
    provedChecksum="sha256",
    uri="s3://bucket-archive/k",
    sourceRevision="secret",
)
FAILED = an_artifact_status("notes", phase=Phase.FAILED, reason="SourceNotFound", message="404 at https://h/a?sig=1")


def ended(*, title: str = "", labels: dict[str, str] | None = None, **status: Any) -> Recording:
    """A Recording with a stored and a missing artifact."""
    fields = {"artifacts": [STORED, FAILED], "storageLocation": "archive", "bucket": "bucket-archive", **status}
    whole = a_finished_recording(status=fields).status
    made = a_recording(an_artifact(), an_artifact("notes", optional=True), status=whole)
    meta = made.metadata.model_copy(update={"labels": labels or {}})
    return made.model_copy(update={"metadata": meta, "spec": made.spec.model_copy(update={"title": title})})


def with_template(template: str, prefix: str = "p/") -> StorageLocation:
    """A location with this keyTemplate."""
    location = a_location()
    s3 = location.store.model_copy(update={"prefix": prefix})
    return location.model_copy(update={"spec": location.spec.model_copy(update={"key_template": template, "s3": s3})})


def test_it_describes_what_is_stored_and_what_is_missing() -> None:
    recording = ended(title="Weekly sync", labels={"team": "red", "a/b": "c"})
    assert json.loads(encode(manifest_of(recording))) == {
        "schema": SCHEMA,
        "uid": uid(1),
        "namespace": "team-a",
        "name": "rec-1",
        "title": "Weekly sync",
        "labels": {"a/b": "c", "team": "red"},
        "owner": {"org": "acme"},
        "storageLocation": "archive",
        "bucket": "bucket-archive",
        "deletionPolicy": "Retain",
        "phase": "Complete",
        "createdAt": "2026-11-21T09:00:00Z",
        "completedAt": "2026-11-21T09:00:00Z",
        "artifacts": [
            {
                "name": "video",
                "kind": "Video",
                "optional": False,
                "key": STORED.key,
                "size": 480,
                "contentType": "video/mp4",
                "etag": "abc",
                "versionId": "v1",
                "checksum": "crc64nvme:0123456789abcdef",
                "integrity": "FullObjectCRC64NVME",
                "provedChecksum": "sha256",
            }
        ],
        "missing": [{"name": "notes", "kind": "Video", "optional": True, "reason": "SourceNotFound"}],
    }


def test_it_has_no_url_of_a_source_and_no_message() -> None:
    text = encode(manifest_of(ended(title="see https://h/a?sig=1"))).decode()
    assert "sig=1" not in text
    assert "secret" not in text
    assert "404" not in text
    assert "https://h/a" in text


def test_it_is_read_back() -> None:
    manifest = manifest_of(ended(title="Weekly sync", labels={"team": "red"}))
    assert decode(encode(manifest)) == manifest
    assert manifest.artifacts[0].kind is ArtifactKind.VIDEO


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b"x" * (MOST_BYTES + 1),
        encode(manifest_of(ended())).replace(b"manifest/v1", b"x/v9"),
    ],
    ids=["empty", "no fields", "a list", "no text", "too large", "another schema"],
)
def test_what_is_not_a_manifest_is_rejected(data: bytes) -> None:
    with pytest.raises(ManifestFormatError) as caught:
        decode(data)
    assert "sig" not in str(caught.value)


def test_an_unfinished_recording_has_none() -> None:
    with pytest.raises(ValueError, match="ended"):
        manifest_of(a_recording())


def test_the_largest_manifest_is_within_the_limit() -> None:
    name = "n" * 60
    states = [
        an_artifact_status(
            f"{name}{number:02}",
            phase=Phase.COMPLETE,
            key="k" * 1024,
            etag="e" * 1024,
            versionId="v" * 1024,
            checksum="c" * 128,
        )
        for number in range(64)
    ]
    whole = a_finished_recording(status={"artifacts": states}).status
    recording = a_recording(*(an_artifact(state.name) for state in states), status=whole)
    labels = {f"{'d' * 253}/{number:063}": "v" * 63 for number in range(64)}
    recording = recording.model_copy(update={"metadata": recording.metadata.model_copy(update={"labels": labels})})
    assert len(encode(manifest_of(recording))) < MOST_BYTES / 2


def test_the_revision_changes_with_what_the_manifest_says() -> None:
    others = [
        ended(title="Weekly sync"),
        ended(labels={"team": "red"}),
        ended(bucket="other"),
        ended(artifacts=[STORED.model_copy(update={"version_id": "v2"}), FAILED]),
        ended(artifacts=[STORED, FAILED.model_copy(update={"reason": Reason.SOURCE_EXPIRED})]),
        ended(phase="Failed"),
    ]
    kept = ended()
    policy = kept.spec.model_copy(update={"deletion_policy": DeletionPolicy.DELETE})
    others.append(kept.model_copy(update={"spec": policy}))
    assert len({revision_of(one) for one in [kept, *others]}) == len(others) + 1
    assert revision_of(ended(message="other", completedAt=START)) == revision_of(kept)


@pytest.mark.parametrize(
    ("template", "key"),
    [
        (
            "meeting-recordings/{org}/{user}/{uid}/{artifact}{ext}",
            f"p/meeting-recordings/acme/-/{uid(1)}/metadata.json",
        ),
        ("{uid}/{artifact}", f"p/{uid(1)}/metadata.json"),
        ("{uid}/files/{artifact}/{name}{ext}", f"p/{uid(1)}/files/metadata.json"),
        # The folder is that of several Recordings.
        ("{org}/{uid}-{artifact}{ext}", f"p/.recording-operator/manifests/{uid(1)}.json"),
        ("{org}/{artifact}/{uid}{ext}", f"p/.recording-operator/manifests/{uid(1)}.json"),
        ("{artifact}{uid}", f"p/.recording-operator/manifests/{uid(1)}.json"),
        ("{org}/x{uid}/{artifact}{ext}", f"p/.recording-operator/manifests/{uid(1)}.json"),
        # Every artifact with the name metadata would have the key.
        ("{uid}/{artifact}.json", f"p/.recording-operator/manifests/{uid(1)}.json"),
    ],
)
def test_its_key(template: str, key: str) -> None:
    location = with_template(template)
    assert manifest_key(a_recording(), location) == key
    found = [pattern.fullmatch(key) for pattern in manifest_patterns(prefix="p/", template=template)]
    assert [one["uid"] for one in found if one is not None] == [uid(1)]


def test_an_artifact_with_that_key_comes_first() -> None:
    taken = an_artifact("metadata").model_copy(update={"content_type": "Application/JSON; charset=utf-8"})
    location = with_template("{uid}/{artifact}{ext}", prefix="")
    assert manifest_key(a_recording(taken), location) == f".recording-operator/manifests/{uid(1)}.json"
    free = an_artifact("metadata").model_copy(update={"content_type": "text/csv"})
    assert manifest_key(a_recording(free), location) == f"{uid(1)}/metadata.json"


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=5), st.text(max_size=20))
def test_every_title_and_label_can_be_read_back(labels: dict[str, str], title: str) -> None:
    manifest = manifest_of(ended(title=title, labels=labels))
    assert decode(encode(manifest)) == manifest
