"""Forged statuses: the engine never fails because of one, and the Recording finishes.

The operator cannot control who writes to the status of a Recording. In a status with every field of its schema, in each
phase, each field is changed in every way.
"""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from recording_operator.api.recording import Phase, Recording
from recording_operator.engine.actions import (
    AbortUpload,
    Action,
    CleanUp,
    ConfirmLeadership,
    DeleteRecording,
    ReadRecording,
    ReportFault,
    ResolveSource,
    StartTransfer,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.facts import (
    AbortEnded,
    CleanupEnded,
    DeleteAccepted,
    Fact,
    LeadershipConfirmed,
    RecordingRead,
    RecordingSeen,
    SourceResolved,
    TransferEnded,
    WriteAccepted,
    WriteRejected,
)
from tests.engine.builders import a_recording
from tests.engine.driver import STORED, Driver, applied, deleting
from tests.support.awkward import JsonObject, filled, schema_of, varied

LONG_S = 36_000.0
MANY = 1000


class Obliging(Driver):
    """Every action gets its result at once, as from servers without a fault."""

    recording: Recording

    def see(self, recording: Recording) -> None:
        """A version of the Recording, and what follows from it within hours."""
        self.recording = recording
        actions, end = self.tell(RecordingSeen(recording=recording)), self.now + timedelta(seconds=LONG_S)
        for _ in range(MANY):
            if actions:
                actions += [new for fact in self._answers(actions.pop(0)) for new in self.tell(fact)]
                continue
            due = self.engine.next_due()
            if due is None or due > end:
                return
            self.now = max(self.now, due)
            actions = self.engine.tick(self.now)
            self.actions += actions
        raise AssertionError("there is no end of actions")

    def _answers(self, action: Action) -> list[Fact]:
        uid = self.recording.metadata.uid
        match action:
            case WriteStatus() | WriteFinalizers():
                if action.resource_version != self.recording.metadata.resource_version:
                    return [WriteRejected(uid=uid, conflict=True)]
                self.recording = applied(action, self.recording)
                return [WriteAccepted(uid=uid, recording=self.recording)]
            case ReadRecording():
                return [RecordingRead(uid=uid, recording=self.recording)]
            case DeleteRecording():
                self.recording = deleting(self.recording, self.now)
                return [DeleteAccepted(uid=uid), RecordingSeen(recording=self.recording)]
            case ConfirmLeadership():
                return [LeadershipConfirmed(uid=uid)]
            case StartTransfer():
                return [TransferEnded(uid=uid, artifact=action.artifact, outcome=STORED)]
            case ResolveSource():
                return [SourceResolved(uid=uid, artifact=action.artifact, revision="1")]
            case AbortUpload():
                return [AbortEnded(uid=uid, artifact=action.artifact, ok=True)]
            case CleanUp():
                return [CleanupEnded(uid=uid, ok=True)]
        return []


def whole_status(phase: Phase) -> JsonObject:
    """With every field."""
    status: JsonObject = filled(schema_of("Recording")["properties"]["status"])
    status["phase"] = status["artifacts"][0]["phase"] = phase
    status["artifacts"][0]["name"] = "video"
    status["storageLocation"] = "archive"
    return status


def _names_another_location(changed: JsonObject) -> bool:
    status = changed.get("status")
    return isinstance(status, dict) and status.get("storageLocation") not in (None, "archive")


@pytest.mark.parametrize("phase", Phase)
def test_a_forged_status_does_not_block(phase: Phase) -> None:
    stuck, read = [], 0
    plain = a_recording().model_dump(mode="json", by_alias=True)
    for place, changed in varied({"status": whole_status(phase)}):
        if _names_another_location(changed):
            continue  # a rule of the CRD rejects another location than the spec names
        try:
            forged = Recording.model_validate(plain | changed)
        except (ValidationError, TypeError):
            continue
        read += 1
        driver = Obliging()
        driver.see(forged)
        ended = driver.recording.status.phase in (Phase.COMPLETE, Phase.FAILED)
        driver.see(deleting(driver.recording, driver.now))
        faults = [action.detail for action in driver.actions if isinstance(action, ReportFault)]
        if faults or not ended:
            stuck.append((place, changed, faults))
    assert stuck == []
    assert read > MANY / 4
