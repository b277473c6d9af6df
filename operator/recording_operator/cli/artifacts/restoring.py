"""`restore`: requests copies of archived artifacts that can be read, and waits for them."""

import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.reasons import Trait
from recording_operator.api.recording import ArtifactStatus, Recording
from recording_operator.cli.artifacts.failures import store_failures
from recording_operator.cli.artifacts.options import StoreAccess
from recording_operator.cli.artifacts.resolving import (
    check_is_bucket,
    chosen_artifact,
    found_object,
    get_recording,
    resolved,
    stored_artifact,
)
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.screen.formats import write_document
from recording_operator.cli.screen.text import table
from recording_operator.cli.verb import EXIT_TIMEOUT, Failure, note
from recording_operator.cli.words import for_location
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.archive import RestoreOutcome, RestoreTier
from recording_operator.stores.errors import StoreError
from recording_operator.stores.location_store import LocationStore
from recording_operator.times import relative
from recording_operator.user_actions.stored_objects import FoundObject, StoredRecording

SHORTEST_INTERVAL_S: Final = 1.0
_MOST_REJECTIONS: Final = 3
"""Of the credentials, one after the other."""
COLUMNS: Final = ("ARTIFACT", "ARCHIVE", "STATE", "READABLE")
# Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html
_TYPICALLY: Final = {
    ("GLACIER", RestoreTier.EXPEDITED): "within 5 minutes",
    ("GLACIER", RestoreTier.STANDARD): "in 3 to 5 hours",
    ("GLACIER", RestoreTier.BULK): "in 5 to 12 hours",
    ("DEEP_ARCHIVE", RestoreTier.STANDARD): "within 12 hours",
    ("DEEP_ARCHIVE", RestoreTier.BULK): "within 48 hours",
}
_STATES: Final = {
    RestoreOutcome.STARTED: "Restoring",
    RestoreOutcome.IN_PROGRESS: "Restoring",
    RestoreOutcome.EXTENDED: "Restored",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """The command line."""

    cluster: ClusterOptions
    access: StoreAccess
    name: str
    artifacts: tuple[str, ...]
    days: int
    tier: str
    force: bool
    wait: bool
    timeout: timedelta | None
    interval: timedelta
    output: str


@dataclass(slots=True, kw_only=True)
class _Restored:
    """One artifact, and what became of it."""

    artifact: ArtifactStatus
    found: FoundObject
    state: str
    expected: str = field(default="")

    @property
    def is_pending(self) -> bool:
        """Whether it cannot be read yet."""
        return self.state == "Restoring"

    def cells(self, *, now: datetime) -> list[str]:
        """The columns of the table."""
        archive, until = self.found.archive, self.found.archive.restored_until
        readable = self.expected or "now"
        if not self.is_pending and until is not None:
            readable = f"until {until:%Y-%m-%d %H:%M} UTC ({relative(until.isoformat(), now=now)})"
        return [self.artifact.name, archive.archive or "-", self.state, readable]

    def document(self) -> dict[str, object]:
        """For programs."""
        archive = self.found.archive
        until = archive.restored_until
        return {
            "artifact": self.artifact.name,
            "archive": archive.archive,
            "state": self.state,
            "restoredUntil": None if until is None else f"{until:%Y-%m-%dT%H:%M:%SZ}",
        }


def run_restore(request: RestoreRequest) -> None:
    """Request the restores, and print their states. Raises Failure."""
    with open_cluster(request.cluster) as cluster, store_failures():
        recording = get_recording(cluster, request.name)
        artifacts = _artifacts(recording, request.artifacts)
        location = resolved(cluster, recording, request.access)
        check_is_bucket(location, artifacts)
        with location.opened() as store:
            rows = [_restored(store, recording, artifact, request, now=cluster.now) for artifact in artifacts]
        if request.wait:
            _wait(cluster, location, rows, request)
    if request.output == "table":
        sys.stdout.write(table(COLUMNS, [row.cells(now=cluster.now) for row in rows]))
    else:
        meta = recording.metadata
        items = [row.document() for row in rows]
        write_document({"namespace": meta.namespace, "recording": meta.name, "artifacts": items}, request.output)


def _artifacts(recording: Recording, names: tuple[str, ...]) -> list[ArtifactStatus]:
    """The named artifacts, else all that are stored. Raises Failure."""
    chosen = [chosen_artifact(recording, name) for name in dict.fromkeys(names)]
    stored = [status.name for status in recording.status.artifacts if status.is_stored and status.key]
    wanted = chosen or stored or [one.name for one in recording.spec.artifacts]
    return [stored_artifact(recording, name) for name in wanted]


def _restored(
    store: LocationStore, recording: Recording, artifact: ArtifactStatus, request: RestoreRequest, *, now: datetime
) -> _Restored:
    found = found_object(store, recording, artifact)
    archive, tier = found.archive.archive, RestoreTier(request.tier)
    until = found.archive.restored_until
    if archive is None:
        return _Restored(artifact=artifact, found=found, state="NotArchived")
    if not request.force and until is not None and until > now + timedelta(days=request.days):
        note(
            f"Artifact {artifact.name} can be read until {until:%Y-%m-%d %H:%M} UTC, which is longer than --days. "
            "Nothing was requested. To shorten it: --force."
        )
        return _Restored(artifact=artifact, found=found, state="Restored")
    if found.archive.is_restoring:
        outcome = RestoreOutcome.IN_PROGRESS
    else:
        key = str(artifact.key)
        outcome = store.restore(key, version_id=artifact.version_id, days=request.days, tier=tier)
        found = found_object(store, recording, artifact)
    expected = {
        RestoreOutcome.STARTED: _TYPICALLY.get((archive, tier), "later"),
        RestoreOutcome.IN_PROGRESS: "later, by an earlier request",
    }.get(outcome, "")
    return _Restored(artifact=artifact, found=found, state=_STATES[outcome], expected=expected)


def _wait(cluster: Cluster, location: StoredRecording, rows: list[_Restored], request: RestoreRequest) -> None:
    """Check until all can be read. Raises Failure with status 124 after --timeout."""
    started_s, announced, problem = time.monotonic(), "", ""
    rejections = 0
    while pending := [row for row in rows if row.is_pending]:
        waited_s = time.monotonic() - started_s
        names = ", ".join(row.artifact.name for row in pending)
        if request.timeout is not None and waited_s >= request.timeout.total_seconds():
            raise Failure(
                f"Not restored within --timeout: {names}. The restore goes on; call this again to wait for it.",
                status=EXIT_TIMEOUT,
            )
        if names != announced:
            note(f"Waiting for {names}.")
            announced = names
        left_s = float("inf") if request.timeout is None else request.timeout.total_seconds() - waited_s
        time.sleep(min(max(request.interval.total_seconds(), SHORTEST_INTERVAL_S), left_s))
        try:
            if rejections:  # the Secret may have been renewed
                location = resolved(cluster, location.recording, request.access)
            _look(location, pending)
        except (TransferError, LocationError) as error:
            rejections = _rejections(error, rejections)
            if error.message != problem:
                problem = error.message
                note(f"The store fails for now. Trying again: {for_location(problem)}")
        else:
            rejections, problem = 0, ""


def _look(location: StoredRecording, pending: list[_Restored]) -> None:
    """Read the states of these. Raises Failure, StoreError, LocationError."""
    with location.opened() as store:
        for row in pending:
            row.found = found_object(store, location.recording, row.artifact)
            if row.found.archive.is_readable:
                row.state, row.expected = "Restored", ""
                note(f"Artifact {row.artifact.name} is restored.")


def _rejections(error: TransferError | LocationError, before: int) -> int:
    """How often the store has rejected the credentials since its last response. Raises an error that does not end."""
    reason = error.location_reason if isinstance(error, StoreError) else error.reason
    rejected = reason is not None and Trait.REJECTS_CREDENTIALS in reason.traits
    if rejected and before + 1 < _MOST_REJECTIONS:
        return before + 1
    if Trait.MAY_RECOVER in error.reason.traits and not rejected:
        return before
    raise error
