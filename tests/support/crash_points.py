"""The places where an operator under test can be killed: before and after every external effect.

A point is `<edge>.<what> <moment>`, such as `s3.CompleteMultipartUpload after`. Edges: `s3` (an artifact's requests),
`file` (its steps in a directory), `manifest` (a Recording's), `probe` and `owner` (a location's), `sweep` and `report`
(those of background work), `lease`, `status`, `finalizer`, `recording`, `location`, `storagereport`, `usagecopy`,
`event`, `read` (the API server), `source`, `provider` (the API of a provider), `engine` (its actions and facts).
`eventsink`, `event`, `read` (the API server), `sink` (a receiver of events), `source`, `engine` (its actions and
facts).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """One place, the scenario that reaches it, and the least number of times it does."""

    name: str
    scenario: str
    visits: int = 1

    def __str__(self) -> str:
        return f"{self.name} in {self.scenario}"


BOTH: Final = ("before", "after")
BEFORE: Final = ("before",)

# What, moments, scenario, visits.
_CATALOG: Final[tuple[tuple[str, tuple[str, ...], str, int], ...]] = (
    # A new operator: leadership, the first list, what it finds out about a location.
    ("lease.look", BOTH, "start", 1),
    ("lease.create", BOTH, "first", 1),
    ("lease.take", BOTH, "take-over", 1),
    ("lease.renew", BOTH, "large", 3),
    ("lease.release", BOTH, "drain", 1),
    ("read.namespace", BOTH, "start", 1),
    ("read.secret", BOTH, "start", 1),
    ("read.recordings", BOTH, "start", 1),
    ("read.recording", BOTH, "start", 1),
    ("read.location", BOTH, "start", 1),
    ("location.status", BOTH, "start", 1),
    ("probe.PutObject", BOTH, "start", 2),
    ("probe.HeadObject", BOTH, "start", 2),
    ("probe.CreateMultipartUpload", BOTH, "start", 1),
    ("probe.UploadPart", BOTH, "start", 1),
    ("probe.ListParts", BOTH, "start", 1),
    ("probe.ListMultipartUploads", BOTH, "start", 1),
    ("probe.CompleteMultipartUpload", BOTH, "start", 1),
    ("probe.AbortMultipartUpload", BOTH, "start", 1),
    ("probe.DeleteObject", BOTH, "start", 1),
    # One PutObject.
    ("status.claim", BOTH, "small", 1),
    ("source.probe", BOTH, "small", 1),
    ("source.open", BOTH, "small", 1),
    ("s3.HeadObject", BOTH, "small", 2),
    ("s3.PutObject", BOTH, "small", 1),
    ("status.complete", BOTH, "small", 1),
    ("event.create", BOTH, "small", 2),
    ("engine.StartTransfer", BEFORE, "small", 1),
    ("engine.heard SourceResolved", BEFORE, "small", 1),
    ("engine.heard TransferSucceeded", BEFORE, "small", 1),
    ("engine.heard WriteAccepted", BEFORE, "small", 2),
    ("engine.EmitEvent", BEFORE, "small", 2),
    # A URL that expires in the middle of an upload, and a fresh one.
    ("engine.heard TransferFailed", BEFORE, "refreshed", 1),
    ("read.recordingsource", BOTH, "refreshed", 1),
    ("provider.request", BOTH, "refreshed", 1),
    ("engine.heard SourceResolved", BEFORE, "refreshed", 2),
    ("s3.ListParts", BOTH, "refreshed", 1),
    ("status.complete", BOTH, "refreshed", 1),
    # Its manifest, then another one after an edit.
    ("engine.WriteManifest", BEFORE, "small", 1),
    ("manifest.PutObject", BOTH, "small", 1),
    ("engine.heard ManifestWritten", BEFORE, "small", 1),
    ("manifest.HeadObject", BOTH, "retitled", 1),
    ("manifest.PutObject", BOTH, "retitled", 2),
    ("engine.heard ManifestWritten", BEFORE, "retitled", 2),
    # Its end, and then its deletion, are announced to an EventSink.
    ("status.complete", BOTH, "announced", 1),
    ("engine.SendNotification", BEFORE, "announced", 2),
    ("sink.send", BOTH, "announced", 2),
    ("engine.heard NotificationDelivered", BEFORE, "announced", 2),
    ("status.announced", BOTH, "announced", 1),
    ("eventsink.status", BOTH, "announced", 1),
    ("finalizer.remove", BOTH, "announced", 1),
    # A Recording of a lost cluster: its manifest is read and its objects are verified.
    ("status.claim", BOTH, "rebuilt", 1),
    ("manifest.GetObject", BOTH, "rebuilt", 2),
    ("s3.HeadObject", BOTH, "rebuilt", 2),
    ("engine.heard TransferSucceeded", BEFORE, "rebuilt", 2),
    ("status.complete", BOTH, "rebuilt", 1),
    # A location is chosen, and written with the claim.
    ("status.claim", BOTH, "placed", 1),
    # Room in a quota: the location is counted, a size is compared; one fits, one waits, and fits after a deletion.
    ("engine.heard UsageCountBegan", BEFORE, "limited", 1),
    ("report.ListObjectsV2", BOTH, "limited", 1),
    ("engine.heard UsageCounted", BEFORE, "limited", 1),
    ("engine.heard SizeFound", BEFORE, "limited", 2),
    ("engine.AdmitTransfer", BEFORE, "limited", 1),
    ("engine.RejectTransfer", BEFORE, "limited", 1),
    ("s3.PutObject", BOTH, "limited", 1),
    ("engine.heard TransferSucceeded", BEFORE, "limited", 1),
    ("engine.heard CleanupEnded", BEFORE, "limited", 1),
    # A copy of an object that the store holds already.
    ("s3.HeadObject", BOTH, "copied", 3),
    ("s3.GetObject", BOTH, "copied", 1),
    ("s3.CopyObject", BOTH, "copied", 1),
    # A multipart upload that a client fills, and one with a file that is not wanted.
    ("s3.HeadObject", BOTH, "sent", 2),
    ("s3.CreateMultipartUpload", BOTH, "sent", 1),
    ("engine.heard UploadCreated", BEFORE, "sent", 1),
    ("status.upload", BOTH, "sent", 1),
    ("engine.heard ClientAwaited", BEFORE, "sent", 1),
    ("status.claim", BOTH, "sent", 2),
    ("s3.ListParts", BOTH, "sent", 2),
    ("s3.CompleteMultipartUpload", BOTH, "sent", 1),
    ("s3.GetObject", BOTH, "sent", 1),
    ("engine.heard TransferSucceeded", BEFORE, "sent", 1),
    ("status.complete", BOTH, "sent", 1),
    ("s3.CompleteMultipartUpload", ("after",), "unwanted", 1),
    ("s3.DeleteObject", BOTH, "unwanted", 1),
    ("status.failed", BOTH, "unwanted", 1),
    # A multipart upload.
    ("s3.CreateMultipartUpload", BOTH, "large", 1),
    ("engine.heard UploadCreated", BEFORE, "large", 1),
    ("status.upload", BOTH, "large", 1),
    ("engine.UploadPersisted", BEFORE, "large", 1),
    ("s3.UploadPart", ("before", "during", "after"), "large", 3),
    ("engine.heard TransferProgress", BEFORE, "large", 1),
    ("status.progress", BOTH, "large", 1),
    ("s3.CompleteMultipartUpload", BOTH, "large", 1),
    ("s3.ListMultipartUploads", BOTH, "large", 1),
    ("s3.ListParts", BOTH, "resume", 1),
    # A move: two copies, the switch, the new manifest, the removal of the old objects.
    ("status.moving", BOTH, "moved", 1),
    ("status.copying", BOTH, "moved", 1),
    ("s3.CopyObject", BOTH, "moved", 1),
    ("status.switched", BOTH, "moved", 1),
    ("engine.CleanUp", BEFORE, "moved", 1),
    ("s3.DeleteObject", BOTH, "moved", 2),
    ("manifest.DeleteObject", BOTH, "moved", 1),
    ("engine.heard CleanupEnded", BEFORE, "moved", 1),
    ("status.moved", BOTH, "moved", 1),
    # A directory: a large file and a small one. `link` includes the `sync` of the folder.
    ("file.create", BOTH, "disk", 1),
    ("file.write", BOTH, "disk", 3),
    ("file.part", ("before", "during", "after"), "disk", 3),
    ("file.record", BOTH, "disk", 6),
    ("file.metadata", BOTH, "disk", 2),
    ("file.link", BOTH, "disk", 2),
    ("file.sync", BOTH, "disk", 2),
    ("file.discard", BOTH, "disk", 1),
    ("file.empty", BOTH, "disk", 1),
    # Their manifest, which another one replaces.
    ("manifest.metadata", BOTH, "disk", 2),
    ("manifest.link", BOTH, "disk", 1),
    ("manifest.forget", BOTH, "disk", 1),
    ("file.part", ("during",), "disk-resume", 1),
    ("file.metadata", BOTH, "disk-resume", 1),
    ("file.discard", BOTH, "disk-cancelled", 1),
    ("file.empty", BOTH, "disk-cancelled", 1),
    ("file.delete", BOTH, "disk-deleted", 2),
    ("file.sync", BEFORE, "disk-deleted", 4),
    ("file.forget", BOTH, "disk-deleted", 2),
    ("manifest.delete", BOTH, "disk-deleted", 1),
    ("sweep.discard", BOTH, "disk-left-over", 1),
    # A move into the directory, and one back.
    ("status.copying", BOTH, "there-and-back", 2),
    ("file.part", ("during",), "there-and-back", 1),
    ("file.link", BOTH, "there-and-back", 2),
    ("s3.CompleteMultipartUpload", ("after",), "there-and-back", 2),
    ("status.switched", BOTH, "there-and-back", 2),
    ("s3.DeleteObject", BEFORE, "there-and-back", 2),
    ("file.delete", BOTH, "there-and-back", 2),
    ("file.forget", BEFORE, "there-and-back", 2),
    ("status.moved", BEFORE, "there-and-back", 2),
    # Ends that are not Complete, and what comes after an end.
    ("status.retry", BOTH, "refused", 1),
    ("event.series", BOTH, "refused", 1),
    ("engine.heard TransferFailed", BEFORE, "refused", 2),
    ("status.failed", BOTH, "refused", 1),
    ("status.expired", BOTH, "expired", 1),
    ("status.suspended", BOTH, "suspended", 1),
    ("engine.StopTransfer", BEFORE, "suspended", 1),
    ("engine.heard TransferStopped", BEFORE, "suspended", 1),
    ("status.interrupted", BOTH, "drain", 1),
    ("status.cancelled", BOTH, "cancelled", 1),
    ("engine.AbortUpload", BEFORE, "cancelled", 1),
    ("s3.AbortMultipartUpload", BOTH, "cancelled", 1),
    ("engine.heard AbortEnded", BEFORE, "cancelled", 1),
    ("status.other", BOTH, "cancelled", 1),
    ("status.some", BOTH, "several", 1),
    # Deletion.
    ("finalizer.add", BOTH, "deleted", 1),
    ("engine.CleanUp", BEFORE, "deleted", 1),
    ("s3.DeleteObject", BOTH, "deleted", 1),
    ("manifest.HeadObject", BOTH, "deleted", 1),
    ("manifest.DeleteObject", BOTH, "deleted", 1),
    ("engine.heard CleanupEnded", BEFORE, "deleted", 1),
    ("finalizer.remove", BOTH, "deleted", 1),
    ("recording.delete", BOTH, "short-lived", 1),
    # The operator deletes what has expired, at a store without lifecycle configuration.
    ("sweep.HeadObject", BOTH, "aged", 2),
    ("sweep.DeleteObject", BOTH, "aged", 2),
    ("manifest.HeadObject", BOTH, "aged", 1),
    ("manifest.DeleteObject", BOTH, "aged", 1),
    ("engine.heard ObjectsExpired", BEFORE, "aged", 1),
    ("status.gone", BOTH, "aged", 1),
    # Orphans in a bucket and in a directory.
    ("sweep.HeadObject", BOTH, "orphaned", 2),
    ("sweep.DeleteObject", BOTH, "orphaned", 2),
    ("sweep.delete", BOTH, "orphaned", 2),
    ("sweep.forget", BEFORE, "orphaned", 2),
    # The background.
    ("sweep.ListMultipartUploads", BOTH, "left-over", 1),
    ("owner.PutObject", BOTH, "left-over", 1),
    ("owner.HeadObject", BOTH, "left-over", 1),
    ("sweep.AbortMultipartUpload", BOTH, "left-over", 1),
    ("read.storagereport", BOTH, "report", 1),
    ("report.ListObjectsV2", BOTH, "report", 3),
    ("report.ListObjectVersions", BOTH, "report", 1),
    ("report.GetObject", BOTH, "report", 2),
    # A sample, then the file of a past day and the deletion of its two parts, then another sample.
    ("report.PutObject", BOTH, "report", 3),
    ("report.DeleteObject", BOTH, "report", 2),
    ("report.ListMultipartUploads", BOTH, "report", 1),
    # The index of copies, then a copy after each count.
    ("usagecopy.write", BOTH, "report", 3),
    ("storagereport.status", BOTH, "report", 2),
    # The account of an earlier version, then a sample.
    ("report.PutObject", BOTH, "migration", 2),
    ("storagereport.status", BOTH, "migration", 1),
)


def crash_points() -> tuple[CrashPoint, ...]:
    """All points, in the order in which an operator reaches them."""
    return tuple(_expanded())


def _expanded() -> Iterator[CrashPoint]:
    for what, moments, scenario, visits in _CATALOG:
        for moment in moments:
            yield CrashPoint(name=f"{what} {moment}", scenario=scenario, visits=visits)
