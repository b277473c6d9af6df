"""The condition IntegrityVerified: it states only what was verified, and needs no additional write."""

from typing import Any

import pytest

from recording_operator.api.meta import ConditionStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Phase
from recording_operator.engine.actions import WriteStatus
from recording_operator.engine.facts import TransferSucceeded
from recording_operator.engine.integrity import integrity_of
from tests.engine.builders import a_recording, an_artifact, an_artifact_status
from tests.engine.driver import Driver, only

FULL, ETAG, READ = Reason.FULL_OBJECT_CRC64NVME, Reason.ETAG_MD5, Reason.READ_BACK
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def stored(name: str = "video", integrity: Reason | None = FULL, proved: str | None = None) -> ArtifactStatus:
    """An artifact that is in the store."""
    return an_artifact_status(
        name, phase=Phase.COMPLETE, reason=Reason.STORED, integrity=integrity, provedChecksum=proved
    )


def failed(reason: Reason) -> ArtifactStatus:
    """An artifact that has ended without an object."""
    return an_artifact_status("audio", phase=Phase.FAILED, reason=reason, message="it is wrong")


MOVING = an_artifact_status("audio", phase=Phase.UPLOADING, reason=Reason.UPLOADING)
QUEUED = an_artifact_status("audio", phase=Phase.PENDING, reason=Reason.QUEUED)


@pytest.mark.parametrize(
    ("artifacts", "status", "reason"),
    [
        ([], UNKNOWN, Reason.NOT_STORED_YET),
        ([QUEUED], UNKNOWN, Reason.NOT_STORED_YET),
        ([stored(), MOVING], UNKNOWN, Reason.NOT_STORED_YET),
        ([stored()], TRUE, FULL),
        ([stored(), stored("b", ETAG)], TRUE, ETAG),
        ([stored("a", READ), stored("b", ETAG), stored()], TRUE, READ),
        ([stored(), stored("b", None)], UNKNOWN, Reason.NOT_PROVED),
        ([stored(), stored("b", Reason.QUEUED)], UNKNOWN, Reason.NOT_PROVED),
        ([stored(), failed(Reason.SOURCE_NOT_FOUND)], TRUE, FULL),
        ([failed(Reason.SOURCE_NOT_FOUND)], UNKNOWN, Reason.NOT_STORED_YET),
        ([failed(Reason.CHECKSUM_MISMATCH)], FALSE, Reason.CHECKSUM_MISMATCH),
        ([stored(), failed(Reason.STORE_INTEGRITY)], FALSE, Reason.STORE_INTEGRITY),
        ([stored(), failed(Reason.INTEGRITY_UNVERIFIABLE)], FALSE, Reason.INTEGRITY_UNVERIFIABLE),
    ],
)
def test_the_condition_has_status_and_reason_of_the_artifacts(
    artifacts: list[ArtifactStatus], status: ConditionStatus, reason: Reason
) -> None:
    said = integrity_of(artifacts)
    assert (said.type, said.status, said.reason) == ("IntegrityVerified", status, reason)


def test_its_message_names_what_was_verified_and_how() -> None:
    said = integrity_of([stored("a", FULL, "sha256"), stored("b", FULL), stored("c", READ, "md5")])
    assert "2 artifacts: the store's own CRC64NVME of the whole object" in said.message
    assert "1 artifact: the checksum of the object, which was read back from the store" in said.message
    assert said.message.endswith("Checksum in the spec verified: a (sha256), c (md5).")
    assert "it is wrong" in integrity_of([failed(Reason.CHECKSUM_MISMATCH)]).message


def test_it_is_written_with_the_end_of_the_recording_and_costs_no_write() -> None:
    driver = Driver()
    claimed = driver.claimed(a_recording(an_artifact()))
    outcome = TransferSucceeded(
        size_bytes=10,
        etag="e",
        version_id=None,
        checksum="crc64nvme:00",
        content_type="video/mp4",
        uri="s3://b/k",
        integrity=ETAG,
        proved_checksum="sha256",
    )
    write = only(driver.end(claimed, outcome), WriteStatus)
    driver.accept(write, claimed)
    driver.wait(3600)
    assert len([action for action in driver.actions if isinstance(action, WriteStatus)]) == 2
    condition = {one["type"]: one for one in write.status["conditions"]}["IntegrityVerified"]
    assert (condition["status"], condition["reason"]) == ("True", "ETagMD5")
    artifact: dict[str, Any] = write.status["artifacts"][0]
    assert (artifact["integrity"], artifact["provedChecksum"]) == ("ETagMD5", "sha256")
