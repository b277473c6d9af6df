"""What happens if objects cannot be deleted: the status and Events say why, and the location is checked again.

A namespace that is being deleted accepts no Events. If the Recording blocks its deletion, the cause is visible only in
the condition of the Recording and in the Event of its StorageLocation.
"""

from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Reason, Trait
from recording_operator.api.units import format_duration
from recording_operator.engine.actions import Action, EmitEvent, EmitLocationEvent
from recording_operator.engine.facts import CleanupEnded
from recording_operator.engine.locations import Locations
from recording_operator.engine.status import DeletionBlocker, with_deletion
from recording_operator.engine.teardown import Teardown
from recording_operator.engine.tracked_recording import TrackedRecording

_REPORTED_AFTER_TRIES: Final = 3
CHECK_EVERY: Final = timedelta(seconds=60)
_REMEDY: Final = "Repair this, or set spec.deletionPolicy to Retain to remove the Recording and keep its objects"


def note_failure(
    tracked: TrackedRecording, teardown: Teardown, fact: CleanupEnded, locations: Locations, now: datetime
) -> list[Action]:
    """The objects could not be deleted: request a check of the location, and report what blocks the deletion."""
    name = tracked.location
    if fact.reason is None:
        return []  # nothing was tried
    actions: list[Action] = []
    if Trait.RECHECKS_LOCATION in fact.reason.traits:
        actions += locations.recheck_after_deletion(name, now, every=CHECK_EVERY)
    reason, message = locations.fault(name) or (fact.reason, fact.detail)
    # A reason that leads to a check of the location needs its owner, unless it is transient.
    needs_owner = Trait.RECHECKS_LOCATION in reason.traits and Trait.TRANSIENT not in reason.traits
    may_recover = Trait.MAY_RECOVER in reason.traits and not needs_owner
    if may_recover and teardown.backoff.tries + 1 < _REPORTED_AFTER_TRIES and teardown.blocked is None:
        return actions
    return actions + block(tracked, teardown, locations, reason=reason, message=message)


def block(
    tracked: TrackedRecording, teardown: Teardown, locations: Locations, *, reason: Reason, message: str
) -> list[Action]:
    """Note what blocks the deletion. Events are emitted if the reason is new."""
    cause = f"{message.rstrip('.')}."
    said = " ".join([cause, f"{_REMEDY}.", *_end(teardown)])
    before, teardown.blocked = teardown.blocked, DeletionBlocker(reason=reason, cause=cause, message=said)
    if before is not None and before.reason is reason:
        return []
    note = f"The stored objects cannot be removed: {teardown.blocked.message}"
    actions: list[Action] = [
        EmitEvent(ref=tracked.ref, reason=Reason.DELETION_BLOCKED, action="Delete", note=note, warning=True)
    ]
    name = f"{tracked.ref.namespace}/{tracked.ref.name}"
    about = f"Recording {name} is being deleted, and its namespace cannot be deleted before it. {note}"
    return actions + _about_location(tracked, locations, Reason.DELETION_BLOCKED, about)


def _end(teardown: Teardown) -> list[str]:
    if teardown.gives_up_after is None:
        return []
    after = format_duration(teardown.gives_up_after)
    return [f"{after} after its deletion, the Recording is removed, and its objects stay."]


def bucket_is_gone(tracked: TrackedRecording, teardown: Teardown, fact: CleanupEnded, locations: Locations) -> bool:
    """Whether the bucket no longer exists: two deletions and the location's own check between them did not find it.

    The check must be about the bucket in the status. AccessDenied never counts as a missing bucket.
    """
    found_none = fact.reason is Reason.BUCKET_NOT_FOUND
    found_none_before, teardown.no_bucket = teardown.no_bucket, found_none
    location = locations.get(tracked.location)
    if not (found_none and found_none_before) or location is None:
        return False
    fault = locations.fault(location.metadata.name)
    same = tracked.recording.status.bucket in (None, location.store.bucket)
    return same and fault is not None and fault[0] is Reason.BUCKET_NOT_FOUND


def bucket_events(tracked: TrackedRecording, locations: Locations) -> list[Action]:
    """Events that report that nothing was left to delete."""
    note = "The bucket and its objects no longer exist. The Recording is removed."
    event = EmitEvent(ref=tracked.ref, reason=Reason.BUCKET_NOT_FOUND, action="Delete", note=note, warning=True)
    about = f"Recording {tracked.ref.namespace}/{tracked.ref.name}: {note}"
    return [event, *_about_location(tracked, locations, Reason.BUCKET_NOT_FOUND, about)]


def write_condition(tracked: TrackedRecording, teardown: Teardown, now: datetime) -> list[Action]:
    """Write the condition DeletionBlocked if it has changed."""
    if tracked.gone:
        return []
    wanted = with_deletion(tracked.recording, blocked=teardown.blocked, now=now)
    return tracked.outbox.write_now(tracked.recording, wanted, now)


def _about_location(tracked: TrackedRecording, locations: Locations, reason: Reason, note: str) -> list[Action]:
    """Once for each location and reason: one bucket may block thousands of Recordings."""
    location = locations.get(tracked.location)
    if location is None or not locations.differs_from_last_report(location.metadata.name, reason):
        return []
    return [EmitLocationEvent(location=location, reason=reason, action="Delete", note=note)]
