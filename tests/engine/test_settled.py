"""When nothing is left to do with a Recording."""

import pytest

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.names import DELETE_OBJECT_FINALIZER
from recording_operator.api.recording import Claim, Phase, Recording, RecordingStatus
from recording_operator.engine.manifest import revision_of
from recording_operator.engine.settled import is_finished, is_settled, was_changed
from tests.engine.builders import START, a_finished_recording, a_recording, an_artifact_status


def test_a_finished_recording_is_settled() -> None:
    assert is_settled(a_finished_recording())
    assert is_settled(a_finished_recording(Phase.FAILED))


@pytest.mark.parametrize(
    "unsettled",
    [
        a_recording(),
        a_finished_recording(status={"phase": Phase.UPLOADING}),
        a_finished_recording(generation=2),
        a_finished_recording(status={"claim": Claim(holder="a", transitions=1)}),
        a_finished_recording(
            Phase.FAILED, status={"artifacts": [an_artifact_status(phase=Phase.FAILED, uploadId="u")]}
        ),
        a_finished_recording(deletion_policy=DeletionPolicy.DELETE),
        a_finished_recording(finalizers=[DELETE_OBJECT_FINALIZER]),
        a_finished_recording(deleted_at=START, finalizers=[DELETE_OBJECT_FINALIZER]),
        a_recording(deleted_at=START, status=RecordingStatus(artifacts=(an_artifact_status(uploadId="u"),))),
    ],
)
def test_recordings_that_are_not_settled(unsettled: Recording) -> None:
    assert not is_settled(unsettled)


def test_the_finalizer_belongs_to_the_policy() -> None:
    held = a_finished_recording(
        deletion_policy=DeletionPolicy.DELETE, finalizers=[DELETE_OBJECT_FINALIZER, "other/one"]
    )

    assert is_settled(held)
    assert is_finished(a_finished_recording(deletion_policy=DeletionPolicy.DELETE), ignore_finalizer=True)


def test_a_recording_with_something_left_to_do_is_finished_and_not_settled() -> None:
    unsettled = a_finished_recording(status={"settled": False})
    assert is_finished(unsettled)
    assert not is_settled(unsettled)
    assert not was_changed(unsettled)


def test_a_recording_of_an_earlier_version_waits_for_the_sweep() -> None:
    earlier = a_finished_recording(status={"settled": None})
    assert is_finished(earlier)
    assert not is_settled(earlier)
    assert not was_changed(earlier)


def test_an_edited_label_makes_the_manifest_outdated() -> None:
    before = a_finished_recording()
    recording = a_finished_recording(status={"manifestRevision": revision_of(before)})
    assert is_settled(recording)
    labels = recording.metadata.model_copy(update={"labels": {"team": "red"}})
    edited = recording.model_copy(update={"metadata": labels})
    assert not is_settled(edited)
    assert was_changed(edited)
