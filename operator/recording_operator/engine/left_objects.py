"""The end of a deletion that does not succeed: the Recording goes, its objects stay, and that is reported."""

from datetime import datetime

from recording_operator.api.names import MANIFEST_FILE
from recording_operator.api.reasons import Reason
from recording_operator.api.units import format_duration
from recording_operator.engine.actions import Action, LeftObject, ReportLeftObjects
from recording_operator.engine.teardown import Teardown
from recording_operator.engine.tracked_recording import TrackedRecording


def gives_up(tracked: TrackedRecording, teardown: Teardown, now: datetime) -> bool:
    """Whether this process tried the deletion, it is still blocked, and it was requested long enough ago."""
    requested_at, after = tracked.recording.metadata.deletion_timestamp, teardown.gives_up_after
    if teardown.blocked is None or requested_at is None or after is None:
        return False
    return now - requested_at >= after


def report_given_up(tracked: TrackedRecording, teardown: Teardown) -> list[Action]:
    """Report the objects of a Recording whose deletion is given up."""
    blocked, after = teardown.blocked, teardown.gives_up_after
    if blocked is None or after is None:
        return []
    why = f"they could not be deleted within {format_duration(after)} (deletion.giveUpAfter). {blocked.cause}"
    return report(tracked, reason=blocked.reason, why=why)


def report(tracked: TrackedRecording, *, reason: Reason, why: str) -> list[Action]:
    """Report all objects that the Recording has stored, and its manifest. Some may have been deleted already."""
    objects = [
        LeftObject(
            artifact=work.name, address=work.status.uri or work.status.key or "", version_id=work.status.version_id
        )
        for work in tracked.artifacts.values()
        if work.status.is_stored
    ]
    manifest = tracked.recording.status.manifest_uri
    if manifest is not None:
        objects.append(LeftObject(artifact=MANIFEST_FILE, address=manifest, version_id=None))
    stay = "1 object stays" if len(objects) == 1 else f"{len(objects)} objects stay"
    note = f"The Recording is removed, and {stay} in the store: {why}"
    return [ReportLeftObjects(ref=tracked.ref, objects=tuple(objects), reason=reason, note=note)]
