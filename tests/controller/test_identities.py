"""What the store confirms about a Recording that was rebuilt: only what its operator has written."""

from typing import Any

import pytest

from recording_operator.api.reasons import Reason, Verdict
from recording_operator.api.recording import ArtifactKind, Identity, Recording
from recording_operator.checksums import crc64nvme
from recording_operator.controller.identities import IdentityRejectedError, confirm, former_times, known_object
from recording_operator.controller.manifests import has_own_keys, manifest_keys
from recording_operator.engine.former import former_of
from recording_operator.engine.identity import FormerRecording
from recording_operator.engine.manifest import MissingArtifact, encode, manifest_of
from recording_operator.errors import TransferError
from recording_operator.stores.documents import DocumentOwner
from recording_operator.stores.objects import ObjectSpec
from tests.engine.builders import a_recording, uid_of
from tests.support.lost_recordings import ENDED, LostCluster
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_store import StrictStore


def claiming(lost: Recording, **fields: Any) -> Recording:
    """A new Recording that claims to be the lost one."""
    new = a_recording(*lost.spec.artifacts, **{"number": 99, "name": lost.metadata.name, **fields})
    identity = Identity(uid=lost.metadata.uid, created_at=lost.metadata.creation_timestamp)
    return new.model_copy(update={"spec": new.spec.model_copy(update={"identity": identity})})


def former(cluster: LostCluster, recording: Recording) -> FormerRecording:
    """What the store has to confirm."""
    found = former_of(recording, cluster.location)
    assert found is not None
    return found


def rejected(cluster: LostCluster, recording: Recording) -> str:
    """Why the store does not confirm it."""
    with pytest.raises(IdentityRejectedError) as caught:
        confirm(cluster.store, former(cluster, recording))
    assert caught.value.reason is Reason.IDENTITY_REJECTED
    return caught.value.message


def test_the_manifest_of_the_operator_is_believed(lost: LostCluster) -> None:
    recording = lost.lose()
    manifest = confirm(lost.store, former(lost, claiming(recording)))
    known = known_object(manifest, "video")
    assert (known.size_bytes, known.verified_by) == (13, Reason.FULL_OBJECT_CRC64NVME)
    assert former_times(manifest).completed_at == ENDED


@pytest.mark.parametrize(
    ("fields", "other"),
    [({"namespace": "team-b"}, "namespace"), ({"name": "rec-2"}, "name")],
)
def test_only_the_recording_that_it_names_may_claim_it(lost: LostCluster, fields: dict[str, Any], other: str) -> None:
    message = rejected(lost, claiming(lost.lose(), **fields))
    assert message.endswith(f"is that of a Recording with another {other}.")


def test_without_a_manifest_nothing_is_believed(lost: LostCluster) -> None:
    assert rejected(lost, claiming(a_recording(number=5))).endswith("There is no manifest in the store.")


def test_an_artifact_is_not_a_manifest_whatever_its_name_and_content(lost: LostCluster) -> None:
    """Whoever may create Recordings can store a document at the key of a manifest: as an artifact named metadata."""
    victim = lost.lose(number=1)
    forged = manifest_of(victim).model_copy(update={"uid": uid_of(2), "namespace": "team-b", "name": "rec-2"})
    attacker = a_recording(number=2, namespace="team-b")
    key = former(lost, claiming(attacker, namespace="team-b")).manifest_key
    obj = ObjectSpec(
        key=key, content_type="application/json", kind="Metadata", recording_uid=uid_of(2), artifact="metadata"
    )
    body = encode(forged)
    lost.store.put(obj, body, crc64nvme=crc64nvme(body))
    assert rejected(lost, claiming(attacker, namespace="team-b")).endswith("was not written as one.")


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b'{"schema": "other"}', b"x" * (2**20 + 1)])
def test_what_cannot_be_read_is_not_believed(lost: LostCluster, data: bytes) -> None:
    recording = claiming(a_recording(number=5))
    key = former(lost, recording).manifest_key
    owner = DocumentOwner(recording_uid=uid_of(1), name="metadata.json", org="acme")
    own = DocumentOwner(recording_uid=former(lost, recording).uid, name=owner.name, org="acme")
    assert lost.store.create_document(key, data, "application/json", own)
    assert rejected(lost, recording).endswith("cannot be read as one.")


def test_the_manifest_of_another_uid_is_not_believed(lost: LostCluster) -> None:
    recording = lost.lose()
    lost.describe(recording, manifest_of(recording).model_copy(update={"uid": uid_of(2)}))
    assert rejected(lost, claiming(recording)).endswith("names another uid than its key.")


def test_a_store_that_fails_says_nothing_about_the_identity(strict: StrictStore, lost: LostCluster) -> None:
    recording = claiming(lost.lose())
    strict.fault(Fault(operation="GetObject", action=ErrorResponse(status=403, code="AccessDenied"), times=9))
    with pytest.raises(TransferError) as caught:
        confirm(lost.store, former(lost, recording))
    assert not isinstance(caught.value, IdentityRejectedError)


def test_an_artifact_that_was_not_stored_keeps_its_reason(lost: LostCluster) -> None:
    manifest = manifest_of(lost.lose())
    failed = MissingArtifact(name="audio", kind=ArtifactKind.AUDIO, reason=Reason.SOURCE_NOT_FOUND)
    for name, reason in (("audio", Reason.SOURCE_NOT_FOUND), ("notes", Reason.OBJECT_NOT_FOUND)):
        with pytest.raises(TransferError) as caught:
            known_object(manifest.model_copy(update={"missing": (failed,)}), name)
        assert caught.value.reason is reason
    assert caught.value.is_final or caught.value.reason.verdict is Verdict.FINAL


def test_an_artifact_that_was_cancelled_does_not_start_again_and_again(lost: LostCluster) -> None:
    cancelled = MissingArtifact(name="audio", kind=ArtifactKind.AUDIO, reason=Reason.CANCELLED)
    manifest = manifest_of(lost.lose()).model_copy(update={"missing": (cancelled,)})
    with pytest.raises(TransferError) as caught:
        known_object(manifest, "audio")
    assert (caught.value.reason, caught.value.is_final) == (Reason.OBJECT_NOT_FOUND, True)


def test_all_manifests_are_found_and_keys_of_others_are_noticed(lost: LostCluster) -> None:
    recordings = [lost.lose(number=number, artifacts=("audio", "video")) for number in (1, 2)]
    found = list(manifest_keys(lost.store, lost.location))
    assert [at.uid for at in found] == [one.metadata.uid for one in recordings]
    first, second = (manifest_of(one) for one in recordings)
    assert has_own_keys(first, lost.location)
    assert not has_own_keys(first.model_copy(update={"artifacts": second.artifacts}), lost.location)
