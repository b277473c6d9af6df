"""StorageLocations: probed for real, again and again, and their clients kept for whoever moves bytes."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from pydantic import ValidationError

from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation, StorageLocationStatus
from recording_operator.controller.clock import uptime
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.loop import utc_now
from recording_operator.engine.backoff import Backoff
from recording_operator.engine.facts import Fact, LocationGone, LocationSeen, LocationsListed
from recording_operator.errors import LocationError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict, KubeError, NotFound
from recording_operator.kube.outage import level_of
from recording_operator.kube.secrets import SecretError, location_credentials
from recording_operator.kube.status import merge_patch_between
from recording_operator.metrics import Metrics
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.bucket import S3Store

_WRITE_TRIES: Final = 3
_REST_BETWEEN_DOUBTS: Final = timedelta(seconds=10)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a probe found: a client that works, or why there is none."""

    reason: Reason
    message: str
    capabilities: Capabilities | None = None
    retry_after: timedelta = timedelta(0)

    @property
    def ready(self) -> bool:
        """Whether Recordings may go there."""
        return self.reason is Reason.PROBE_SUCCEEDED


class Stores(Protocol):
    """Makes clients and tries them out."""

    def open(self, location: StorageLocation, credentials: StoreCredentials | None) -> S3Store:
        """A client for the location; without credentials with the ambient identity. Raises LocationError."""

    def probe(self, location: StorageLocation, store: S3Store) -> Capabilities:
        """Write, multipart and abort for real; what the store can do. Raises LocationError."""


@dataclass(slots=True)
class _Known:
    """One location: what it says, the client made from that, and when to probe it again."""

    location: StorageLocation
    store: S3Store | None = None
    credentials: StoreCredentials | None = None
    made_from: StorageLocation | None = None
    found: Found | None = None
    probing: bool = False
    again: bool = False
    next_probe: datetime | None = None
    """By the machine's uptime: a clock that was set right must not put it off."""
    backoff: Backoff = field(default_factory=Backoff)
    doubted_at: datetime | None = None


class LocationKeeper:
    """Knows every StorageLocation. Methods are thread-safe; probes run in `pool`."""

    def __init__(
        self,
        *,
        kube: KubeApi,
        stores: Stores,
        post: Callable[[Fact], None],
        pool: Executor,
        metrics: Metrics,
        bandwidth: BandwidthLimits,
        operator_namespace: str,
        probe_interval: timedelta,
        retry_interval: timedelta,
        register_secret: Callable[[str], None],
        now: Callable[[], datetime] = utc_now,
        uptime: Callable[[], datetime] = uptime,
    ) -> None:
        self._kube = kube
        self._stores = stores
        self._post = post
        self._pool = pool
        self._metrics = metrics
        self._bandwidth = bandwidth
        self._namespace = operator_namespace
        self._probe_interval = probe_interval
        self._retry_interval = retry_interval
        self._register_secret = register_secret
        self._now = now
        self._uptime = uptime
        self._known: dict[str, _Known] = {}
        self._listed = False
        self._announced = False
        self._lock = threading.RLock()

    # What the watch brings

    def seen(self, raw: dict[str, Any]) -> None:
        """A StorageLocation as stored. Probes it when it is new or its spec has changed."""
        try:
            location = StorageLocation.model_validate(raw)
        except ValidationError:
            name = str(raw.get("metadata", {}).get("name"))
            _log.error("The StorageLocation cannot be read: its CRD is not this operator's", extra={"location": name})
            return
        name = location.metadata.name
        self._bandwidth.seen(location)
        with self._lock:
            known = self._known.get(name)
            if known is not None and known.location.metadata.uid == location.metadata.uid:
                changed = known.location.metadata.generation != location.metadata.generation
                known.location = location
            else:
                changed = True
                self._known[name] = _Known(location=location)
                # It exists: Recordings that came together with it must not be told otherwise while the probe runs.
                self._post(LocationSeen(location=location, ready=False, checked=False))
        if changed:
            self.probe(name)

    def gone(self, name: str) -> None:
        """The StorageLocation was deleted; transfers under way keep their client."""
        with self._lock:
            known = self._known.pop(name, None)
            if known is None:
                return
        self._bandwidth.gone(known.location)
        self._metrics.forget_location(name)
        self._post(LocationGone(name=name))
        self._announce()

    def listed(self, uids: frozenset[str]) -> None:
        """A complete list was handed over: whoever is not in it is gone."""
        with self._lock:
            lost = [name for name, known in self._known.items() if known.location.metadata.uid not in uids]
            self._listed = True
        for name in lost:
            self.gone(name)
        self._announce()

    # Clients

    def store(self, location: StorageLocation) -> S3Store:
        """The client for a location, with the credentials of its last probe. Raises LocationError."""
        with self._lock:
            known = self._known.get(location.metadata.name)
            if known is not None and known.store is not None:
                return known.store
        raise LocationError(Reason.LOCATION_NOT_READY, "the StorageLocation has not been checked yet")

    @property
    def checked(self) -> bool:
        """Whether all locations that there were at start have been probed."""
        with self._lock:
            return self._announced

    def locations(self) -> list[tuple[StorageLocation, S3Store]]:
        """Every location that works."""
        with self._lock:
            return [
                (known.location, known.store)
                for known in self._known.values()
                if known.store is not None and known.found is not None and known.found.ready
            ]

    # Probes

    def tick(self) -> None:
        """Probe what is due. Called about once a second."""
        now = self._uptime()
        with self._lock:
            due = [
                name
                for name, known in self._known.items()
                if known.next_probe is not None and known.next_probe <= now and not known.probing
            ]
        for name in due:
            self.probe(name)

    def doubted(self, name: str) -> None:
        """A transfer met a fault of the location: probe it now, or soon where that was just done for the same reason.

        A fault that only transfers meet would have the location probed without end.
        """
        now = self._uptime()
        with self._lock:
            known = self._known.get(name)
            if known is None:
                return
            asked = timedelta(seconds=known.store.asked_wait_s if known.store is not None else 0.0)
            due = now + asked
            if known.doubted_at is not None:
                due = max(due, known.doubted_at + _REST_BETWEEN_DOUBTS)
            if due > now:
                known.next_probe = min(known.next_probe or due, due)
                return
            known.doubted_at = now
        self.probe(name)

    def probe(self, name: str) -> None:
        """Probe a location now, or once more right after the probe that is running."""
        with self._lock:
            known = self._known.get(name)
            if known is None:
                return
            if known.probing:
                known.again = True
                return
            known.probing = True
        self._pool.submit(self._probe_and_report, name)

    def _probe_and_report(self, name: str) -> None:
        while True:
            with self._lock:
                known = self._known.get(name)
                if known is None:
                    return
                known.again = False
                location = known.location
            found = self._probe(known, location)
            with self._lock:
                if self._known.get(name) is not known:
                    return
                known.found = found
                known.next_probe = self._next_probe(known, found)
                known.probing = known.again
                again = known.again
            if again:
                continue
            self._report(location, found)
            return

    def _probe(self, known: _Known, location: StorageLocation) -> Found:
        try:
            store = self._client(known, location)
            capabilities = self._stores.probe(location, store)
        except SecretError as error:
            return Found(reason=error.reason, message=error.message)
        except LocationError as error:
            wait = timedelta(seconds=error.retry_after_s or 0)
            return Found(reason=error.reason, message=error.message, retry_after=wait)
        except KubeError:
            message = "the credentials Secret could not be read: the API server did not answer"
            return Found(reason=Reason.LOCATION_NOT_READY, message=message)
        except Exception as error:
            _log.exception("The probe failed in a way that nobody foresaw", extra={"location": location.metadata.name})
            message = f"the operator failed ({type(error).__name__}); its log has more"
            return Found(reason=Reason.INTERNAL_ERROR, message=message)
        with self._lock:
            if known.store is store and store.capabilities != capabilities:
                known.store = store.adapted(capabilities)  # transfers under way go on as they began
        message = _summary(capabilities)
        return Found(reason=Reason.PROBE_SUCCEEDED, message=message, capabilities=capabilities)

    def _client(self, known: _Known, location: StorageLocation) -> S3Store:
        """The client for this spec and these credentials; a new one only when one of them has changed."""
        reference = location.store.credentials
        credentials = None
        if reference is not None:
            credentials = location_credentials(
                self._kube, operator_namespace=self._namespace, name=reference.secret_name
            )
            for value in (credentials.access_key_id, credentials.secret_access_key, credentials.session_token):
                self._register_secret(value or "")
        made_from = known.made_from
        same = made_from is not None and made_from.spec == location.spec and known.credentials == credentials
        if known.store is None or not same:
            store = self._stores.open(location, credentials)
            with self._lock:
                if known.store is not None and made_from is not None and made_from.store == location.store:
                    # Until it is probed it is taken for what it was: new keys do not change a store.
                    store = store.adapted(known.store.capabilities)
                known.store, known.credentials, known.made_from = store, credentials, location
        assert known.store is not None  # noqa: S101 - set a line above, or before
        return known.store

    def _next_probe(self, known: _Known, found: Found) -> datetime:
        if found.ready:
            known.backoff = Backoff()
            return self._uptime() + self._probe_interval
        again = min(known.backoff.again(self._uptime()), self._uptime() + self._retry_interval)
        return max(again, self._uptime() + found.retry_after)

    def _report(self, location: StorageLocation, found: Found) -> None:
        name = location.metadata.name
        self._metrics.set_location_ready(name, ready=found.ready)
        self._post(LocationSeen(location=location, ready=found.ready, message=found.message, reason=found.reason))
        self._announce()
        self._write_status(name, found)

    def _announce(self) -> None:
        """Once all locations that there were at start have been probed, a missing one does not exist."""
        with self._lock:
            waiting = any(known.found is None for known in self._known.values())
            if self._announced or not self._listed or waiting:
                return
            self._announced = True
        self._post(LocationsListed())

    # Status

    def _write_status(self, name: str, found: Found) -> None:
        for _ in range(_WRITE_TRIES):
            try:
                raw = self._kube.get_location(name)
                self._patch(raw, found)
                return
            except Conflict:
                continue
            except NotFound:
                return
            except KubeError as error:
                _log.log(level_of(error), "The status was not written: %s", error, extra={"location": name})
                return

    def _patch(self, raw: dict[str, Any], found: Found) -> None:
        location = StorageLocation.model_validate(raw)
        wanted = _status(location, found, self._now()).model_dump(mode="json", by_alias=True, exclude_none=True)
        patch = merge_patch_between(raw.get("status") or {}, wanted)
        if not patch:
            return
        meta = location.metadata
        self._kube.patch_location_status(meta.name, resource_version=meta.resource_version, status=patch)
        old = _ready(location)
        if old is None or old.reason != found.reason:
            level = logging.INFO if found.ready else logging.WARNING
            _log.log(level, "%s: %s", found.reason, found.message, extra={"location": meta.name})


def _summary(capabilities: Capabilities) -> str:
    """What works, and what is weaker than on a store that does all."""
    said = [f"a test write, a multipart upload and its abort succeeded; objects are proved by {capabilities.proof}"]
    if not capabilities.listing_proves_parts:
        said.append("parts carry no checksum, so a resumed upload compares stored parts with the source")
    if not capabilities.joins.checksums:
        said.append("the store's checksums of joined objects are wrong and not used")
    if not capabilities.joins.unequal_parts:
        most = (
            f"{capabilities.joins.most_parts} parts of 8 to 64 MiB, as limits.maxArtifactSize or source.size asks for"
        )
        said.append(f"parts must have equal sizes: a source that states no length may have {most}")
    if not capabilities.conditional_writes:
        said.append("no conditional writes: a key is looked at just before it is written")
    return "; ".join(said)


def _ready(location: StorageLocation) -> Condition | None:
    return next((condition for condition in location.status.conditions if condition.type == "Ready"), None)


def _status(location: StorageLocation, found: Found, now: datetime) -> StorageLocationStatus:
    status = ConditionStatus.TRUE if found.ready else ConditionStatus.FALSE
    old = _ready(location)
    since = old.last_transition_time if old is not None and old.status is status else now
    generation = location.metadata.generation
    ready = Condition(
        type="Ready",
        status=status,
        observed_generation=generation,
        last_transition_time=since,
        reason=found.reason,
        message=found.message,
    )
    return StorageLocationStatus(
        observed_generation=generation,
        conditions=(ready,),
        capabilities=found.capabilities.as_status() if found.capabilities else location.status.capabilities,
        last_probe_time=now,
    )
