"""The metrics for Prometheus. No label contains text of users: administrators choose the names of locations
and the owners of quotas.

Create one object and pass it to everything that records metrics.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Histogram

from recording_operator.api.quotas import Quota
from recording_operator.api.reasons import Reason
from recording_operator.engine.quotas import QuotaUsage
from recording_operator.processmetrics import ProcessMetrics
from recording_operator.reportmetrics import ReportMetrics

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Outcome = Literal["Stored", "Failed"]
Direction = Literal["read", "stored"]
_UNFINISHED: Final = ("Pending", "Uploading")
_PHASES: Final = (*_UNFINISHED, "Complete", "Failed")
_TRANSFER_BUCKETS_S: Final = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600)


def _kind_and_name(quota: Quota) -> tuple[str, str]:
    return ("org", quota.org) if quota.org else ("namespace", quota.namespace)


class Metrics(ProcessMetrics):
    """All metrics of the operator. Thread-safe."""

    def __init__(self, *, version: str, registry: CollectorRegistry | None = None) -> None:
        super().__init__(kind="build", of="operator", version=version, registry=registry)
        self._recordings = self._gauge("recordings", "Recordings in the memory of this operator, by phase.", "phase")
        self._expiring = self._gauge(
            "recordings_expiring_soon",
            "Unfinished Recordings whose first source URL expires within 30 minutes, by phase.",
            "phase",
        )
        self._held = self._gauge(
            "recordings_held",
            "Recordings that wait because the budget of a StorageReport holds new uploads, by StorageReport.",
            "report",
        )
        # A label `namespace` would be replaced by that of the pod.
        owner = ("location", "kind", "owner")
        self._quota_used = self._gauge(
            "quota_used_ratio",
            "Used share of a quota of a StorageLocation (of bytes or Recordings, whichever is larger), by owner.",
            *owner,
        )
        self._quota_exceeded = self._gauge(
            "quota_exceeded", "1 while a quota has no room for a Recording that needs it, otherwise 0.", *owner
        )
        self._quota_waiting = self._gauge(
            "recordings_waiting_for_quota", "Recordings that wait because of a quota of a StorageLocation.", *owner
        )
        self._quotas: set[tuple[str, str, str]] = set()
        self._finished = self._counter(
            "artifacts_finished",
            "Artifacts that were stored or failed permanently, by outcome and reason.",
            "outcome",
            "reason",
        )
        self._bytes = self._counter(
            "transfer_bytes", "Bytes read from sources and stored in stores, by direction.", "direction"
        )
        self._waited = self._counter(
            "bandwidth_wait_seconds",
            "Seconds that connections of transfers waited for a bandwidth limit, by its scope.",
            "scope",
        )
        self._in_flight = self._gauge("transfers_in_flight", "Transfers running now.")
        self._duration = Histogram(
            **self._named("transfer_duration_seconds", "Duration of transfers of artifacts, by outcome."),
            labelnames=("outcome",),
            buckets=_TRANSFER_BUCKETS_S,
        )
        self._retries = self._counter("retries", "Failed attempts that are retried, by reason.", "reason")
        self._queue = self._gauge("queue_depth", "Artifacts that wait for a free transfer slot.")
        self._left = self._counter(
            "objects_left",
            "Objects that stay in the store after Recordings with deletionPolicy Delete were removed, by reason.",
            "reason",
        )
        self._objects_expired = self._counter(
            "objects_expired",
            "Objects that lifecycle rules have deleted, as far as the operator looked for them, by who deletes them.",
            "enforced_by",
        )
        self._notifications = self._counter(
            "notifications",
            "Attempts to announce an event to an EventSink; failed: it is not sent again.",
            "event",
            "result",
        )
        self._pending = self._gauge("notifications_pending", "Events that wait to be delivered to an EventSink.")
        self._sinks = self._gauge(
            "event_sinks", "EventSinks that are not suspended, by whether they are Ready.", "ready"
        )
        self._manifests_failed = self._counter(
            "manifests_failed", "Manifests of Recordings that could not be written, each try, by reason.", "reason"
        )
        self._provider_requests = self._counter(
            "provider_requests",
            "Requests to the APIs of providers for the files of recordings, by provider and result.",
            "provider",
            "result",
        )
        self._fresh_urls = self._counter(
            "fresh_urls", "URLs that providers gave, expired ones replaced included, by provider.", "provider"
        )
        self._status_writes = self._counter("status_writes", "Status writes, by outcome.", "outcome")
        self._expired = self._counter("source_expired", "Source URLs found expired.")
        self._leader = self._gauge("leader", "1 while this process holds the Lease, otherwise 0.")
        self._silence = self._gauge(
            "watch_seconds_since_last_byte", "Seconds since the watch of a resource received a byte.", "resource"
        )
        self._location = self._gauge(
            "location_ready", "1 while the check of a StorageLocation succeeds, otherwise 0.", "location"
        )
        self._orphaned = self._gauge(
            "location_orphaned_bytes",
            "Bytes in a StorageLocation that neither a Recording nor a manifest knows.",
            "location",
        )
        self._counted = self._gauge(
            "location_counted_timestamp_seconds", "Time of the newest usage sample of a StorageLocation.", "location"
        )
        self._dropped = self._counter("events_dropped", "Kubernetes Events that were dropped.")
        self._holding: set[str] = set()
        self.reports = ReportMetrics(self._registry)
        self.set_recordings({}, expiring={})
        for direction in ("read", "stored"):
            self._bytes.labels(direction)

    # Recordings and artifacts

    def set_recordings(self, by_phase: Mapping[str, int], *, expiring: Mapping[str, int]) -> None:
        """Set the number of Recordings in each phase, and of those that are `expiring`. Other phases are set to 0."""
        for phase in _PHASES:
            self._recordings.labels(phase).set(by_phase.get(phase, 0))
        for phase in _UNFINISHED:
            self._expiring.labels(phase).set(expiring.get(phase, 0))

    def set_held(self, by_report: Mapping[str, int]) -> None:
        """Set the number of Recordings that each StorageReport holds. Other reports hold none."""
        for report in self._holding - by_report.keys():
            self._held.remove(report)
        self._holding = set(by_report)
        for report, recordings in by_report.items():
            self._held.labels(report).set(recordings)

    def set_quotas(self, usages: Sequence[QuotaUsage]) -> None:
        """Set the usage of these quotas, and remove the others."""
        shown = {(usage.location, *_kind_and_name(usage.quota)): usage for usage in usages}
        gauges = (self._quota_used, self._quota_exceeded, self._quota_waiting)
        for owner in self._quotas - shown.keys():
            for gauge in gauges:
                gauge.remove(*owner)
        self._quotas = set(shown)
        for owner, usage in shown.items():
            self._quota_used.labels(*owner).set(usage.used_ratio)
            self._quota_exceeded.labels(*owner).set(int(usage.exceeded))
            self._quota_waiting.labels(*owner).set(usage.waiting)

    def set_queue_depth(self, artifacts: int) -> None:
        """Set the number of waiting artifacts."""
        self._queue.set(artifacts)

    def artifact_finished(self, *, outcome: Outcome, reason: Reason) -> None:
        """An artifact is stored, or failed permanently."""
        self._finished.labels(outcome, reason.value).inc()

    def retried(self, *, reason: Reason) -> None:
        """An attempt failed and is retried."""
        self._retries.labels(reason.value).inc()

    def source_expired(self) -> None:
        """A source URL was found expired."""
        self._expired.inc()

    def objects_left(self, count: int, *, reason: Reason) -> None:
        """A deleted Recording is removed, and its objects stay."""
        self._left.labels(reason.value).inc(count)

    def objects_expired(self, count: int, *, enforced_by: str) -> None:
        """Objects have expired: the bucket or the operator has deleted them."""
        self._objects_expired.labels(enforced_by).inc(count)

    def manifest_failed(self, *, reason: Reason) -> None:
        """A manifest could not be written this time."""
        self._manifests_failed.labels(reason.value).inc()

    # EventSinks

    def notification(self, *, event: str, result: str) -> None:
        """An attempt to send an event ended: `delivered`, `retried` (another one follows) or `failed`."""
        self._notifications.labels(event, result).inc()

    def set_sinks(self, readiness: Mapping[bool, int], *, pending: int) -> None:
        """How many EventSinks are Ready, and how many events wait."""
        for ready, count in readiness.items():
            self._sinks.labels(str(ready).lower()).set(count)
        self._pending.set(pending)

    # Providers

    def provider_asked(self, *, provider: str, result: str) -> None:
        """The API of a provider was queried for the files of a recording."""
        self._provider_requests.labels(provider, result).inc()

    def fresh_url(self, *, provider: str) -> None:
        """A provider gave the URL of a file."""
        self._fresh_urls.labels(provider).inc()

    # Transfers

    def transfer_started(self) -> None:
        """A transfer has started."""
        self._in_flight.inc()

    def transfer_ended(self, *, outcome: Outcome | Literal["Stopped"], seconds: float) -> None:
        """A transfer ended after `seconds`."""
        self._in_flight.dec()
        self._duration.labels(outcome).observe(seconds)

    def bytes_moved(self, *, direction: Direction, size_bytes: int) -> None:
        """Bytes were read from a source (`read`) or written to a store (`stored`)."""
        self._bytes.labels(direction).inc(size_bytes)

    def waited_for_bandwidth(self, seconds: float, *, scope: str) -> None:
        """A connection of a transfer waited; `scope` is `Operator` or `StorageLocation`."""
        self._waited.labels(scope).inc(seconds)

    # The API server

    def status_written(self, *, outcome: str) -> None:
        """A status write ended with `outcome`: `Success` or the class of a KubeError."""
        self._status_writes.labels(outcome).inc()

    def set_leader(self, *, leading: bool) -> None:
        """Whether this process holds the Lease."""
        self._leader.set(int(leading))

    def watch_silence_from(self, resource: str, seconds: Callable[[], float]) -> None:
        """At each scrape, call `seconds` for the time since the last byte of `resource`."""
        self._silence.labels(resource).set_function(seconds)

    def event_dropped(self) -> None:
        """A Kubernetes Event was not posted."""
        self._dropped.inc()

    # StorageLocations

    def set_location_ready(self, location: str, *, ready: bool) -> None:
        """The outcome of the check of a StorageLocation."""
        self._location.labels(location).set(int(ready))

    def forget_location(self, location: str) -> None:
        """The StorageLocation was deleted."""
        try:
            self._location.remove(location)
        except KeyError:
            return

    def set_location_orphans(self, location: str, size_bytes: int | None) -> None:
        """The bytes of orphans in a StorageLocation by its newest sample, or None if it was deleted."""
        if size_bytes is not None:
            self._orphaned.labels(location).set(size_bytes)
        else:
            self._orphaned.remove_by_labels({"location": location})

    def set_location_counted(self, location: str, at: datetime | None) -> None:
        """The time of the newest usage sample of a StorageLocation, or None if it was deleted."""
        if at is not None:
            self._counted.labels(location).set(at.timestamp())
        else:
            self._counted.remove_by_labels({"location": location})
