"""Leader election with a `coordination.k8s.io` Lease: one operator works, the others stand by.

The rules are those of client-go's leaderelection, and the Lease is compatible with it. The holder renews the Lease
every `retry_s`. If a candidate sees no change for `duration_s`, it takes over. If the holder cannot renew the Lease for
`renew_s`, it stops writing to the API server. Unlike client-go, the process does not exit then: while the API server is
unavailable, no candidate can take over, and running transfers are harmless, because objects are written conditionally
and statuses with a resourceVersion. The next response of the API server decides whether the process continues or exits.

The times in the Lease are never compared with the local clock. Expiry is measured from the moment at which this process
last saw the Lease change, on a monotonic clock that includes the time that the machine was suspended.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from recording_operator.backoff import jittered_s
from recording_operator.kube.errors import Conflict, KubeError, NotFound
from recording_operator.kube.outage import level_of
from recording_operator.kube.rest import RestClient
from recording_operator.kube.times import micro_time
from recording_operator.log_throttle import LogThrottle

LEASE_NAME: Final = "recording-operator"

_logger = logging.getLogger(__name__)


def boot_time_s() -> float:
    """Seconds since boot, including time in suspend (`time.monotonic` does not include it)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimings:
    """Seconds until a Lease that is not renewed expires, until its holder stops writing, and between two attempts.

    Raises ValueError unless retry_s < renew_s < duration_s: a holder must stop writing before another may take over.
    """

    duration_s: int = 15
    renew_s: float = 10.0
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.retry_s < self.renew_s < self.duration_s:
            raise ValueError("lease timings: write retry < renew < duration, for example 2, 10 and 15 seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ObservedLease:
    """The Lease as last read, and when (local clock) this version was first read."""

    lease: dict[str, Any]
    since_s: float

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.lease.get("spec") or {}
        return spec

    @property
    def holder(self) -> str:
        return str(self.spec.get("holderIdentity") or "")

    @property
    def transitions(self) -> int:
        return int(self.spec.get("leaseTransitions") or 0)


class Leadership:
    """Acquires the Lease once, and keeps it until it is lost or released. Not reusable.

    `identity` must be unique among processes (and their restarts): any process with this identity counts as this
    process. `on_lost` is called once, from the renewing thread, when another process holds the Lease. It must end this
    process immediately, because the other operator is working already. It is not called after `release`.
    """

    def __init__(
        self,
        rest: RestClient,
        *,
        namespace: str,
        identity: str,
        on_lost: Callable[[str], None],
        timings: LeaseTimings | None = None,
        name: str = LEASE_NAME,
        clock: Callable[[], float] = boot_time_s,
    ) -> None:
        self.identity = identity
        self._rest = rest
        self._namespace = namespace
        self._name = name
        self._on_lost = on_lost
        self._timings = timings or LeaseTimings()
        self._clock = clock
        self._folder = f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace, safe='')}/leases"
        self._path = f"{self._folder}/{quote(name, safe='')}"
        self._observed: _ObservedLease | None = None
        self._renewed_s: float | None = None  # when our last successful write was sent
        self._epoch: int | None = None
        self._throttle = LogThrottle()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()  # `release` may be called from another thread than `acquire`

    @property
    def epoch(self) -> int:
        """`leaseTransitions` of this leadership: a fencing token. Compare for equality; it starts again if the Lease
        is deleted.

        Raises RuntimeError before `acquire` succeeded.
        """
        if self._epoch is None:
            raise RuntimeError("not the leader yet")
        return self._epoch

    @property
    def holder(self) -> str | None:
        """The last known holder of the Lease; None if there is none, or the Lease was not read yet."""
        return (self._observed.holder or None) if self._observed else None

    def held(self) -> bool:
        """Whether, by the local clock, no other process can have taken over. Cheap: call it before each write.

        False does not mean that another process has. It becomes True again when the Lease is renewed.
        """
        renewed_s = self._renewed_s
        return renewed_s is not None and self._clock() - renewed_s < self._timings.renew_s

    def confirm(self) -> bool:
        """Read the Lease, and return whether this process still holds it in the same epoch. Raises KubeError."""
        try:
            spec = self._rest.request("GET", self._path).get("spec") or {}
        except NotFound:
            return False
        return spec.get("holderIdentity") == self.identity and spec.get("leaseTransitions", 0) == self._epoch

    def acquire(self, stop: threading.Event) -> bool:
        """Block until this process holds the Lease, then keep renewing it. False if `stop` was set before that."""
        while not stop.is_set():
            try:
                if self._try_to_hold() and self.held():
                    self._lead()
                    return True
            except KubeError as error:
                self._log_failure("Cannot read the Lease", error)
            # Twice as often as the holder renews, because expiry is measured from when a renewal was observed.
            stop.wait(
                jittered_s(self._timings.retry_s / 2, least_share=0.8)
            )  # jitter, so that candidates do not collide
        return False

    def release(self) -> None:
        """Stop renewing, and release the Lease if it is ours, so that another process takes over. Never raises."""
        self._stop.set()
        with self._starting:
            renewing = self._thread
        if renewing is not None:
            renewing.join()
        if self._observed is None or not self.held():
            return
        self._renewed_s = None  # another process may lead before the response arrives
        spec = {**self._spec(transitions=self._observed.transitions), "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            self._write(self._observed.lease, spec)
        except KubeError as error:
            _logger.warning("The Lease %s/%s could not be released: %s", self._namespace, self._name, error)

    def _lead(self) -> None:
        self._epoch = self._observed.transitions if self._observed else 0
        _logger.info("Leading as %s, epoch %s", self.identity, self._epoch)
        with self._starting:
            self._thread = threading.Thread(target=self._keep_renewing, name="lease", daemon=True)
            self._thread.start()

    def _keep_renewing(self) -> None:
        expired = False
        while not self._stop.wait(self._timings.retry_s):
            why = self._renew()
            if why is not None:
                self._lose(why)
                return
            if expired != (not self.held()):
                expired = not expired
                word = "could not be renewed in time; nothing is written" if expired else "is renewed again"
                _logger.warning("The Lease %s/%s %s", self._namespace, self._name, word)

    def _lose(self, why: str) -> None:
        self._renewed_s = None
        if self._stop.is_set():
            return
        _logger.error("The Lease %s/%s is lost: %s", self._namespace, self._name, why)
        self._on_lost(why)

    def _renew(self) -> str | None:
        """Try once to renew. None if the Lease is ours, or may be; otherwise the reason why it is lost."""
        try:
            if self._try_to_hold() or self._observed is None or self._is_ours(self._observed):
                return None
        except KubeError as error:
            self._log_failure("Cannot renew the Lease", error)
            return None  # the next response decides
        except Exception as error:  # this thread must not end: without it the Lease would never be renewed
            level = self._throttle.level(type(error).__name__, logging.ERROR)
            _logger.log(level, "Cannot renew the Lease because of an unexpected error", exc_info=error)
            return None
        return f"it is held by {self._observed.holder or 'no process'}"

    def _log_failure(self, what: str, error: KubeError) -> None:
        level = self._throttle.level(f"{what} {type(error).__name__}", level_of(error))
        _logger.log(level, "%s %s/%s: %s", what, self._namespace, self._name, error)

    def _try_to_hold(self) -> bool:
        """Create, take or renew the Lease. False if another process holds it or was faster. Raises KubeError."""
        sent_s = self._clock()
        try:
            observed = self._read()
            lease = self._create() if observed is None else self._take(observed)
        except Conflict:
            return False
        if lease is None:
            return False
        self._observed = _ObservedLease(lease=lease, since_s=self._clock())
        self._renewed_s = sent_s
        return True

    def _take(self, observed: _ObservedLease) -> dict[str, Any] | None:
        if not self._may_take(observed):
            return None
        transitions = observed.transitions + (0 if self._is_ours(observed) else 1)
        return self._write(observed.lease, self._spec(transitions=transitions, previous=observed.spec))

    def _is_ours(self, observed: _ObservedLease) -> bool:
        return observed.holder == self.identity and (self._epoch is None or observed.transitions == self._epoch)

    def _may_take(self, observed: _ObservedLease) -> bool:
        if self._epoch is not None:
            return self._is_ours(observed)  # a leader that has lost the Lease does not take it back
        if not observed.holder or observed.holder == self.identity:
            return True
        # The longer of both durations, because the holder may use other timings than ours.
        duration_s = max(self._timings.duration_s, int(observed.spec.get("leaseDurationSeconds") or 0))
        return self._clock() - observed.since_s >= duration_s

    def _read(self) -> _ObservedLease | None:
        try:
            lease = self._rest.request("GET", self._path, read_timeout_s=self._request_timeout_s())
        except NotFound:
            return None
        observed = self._observed
        if observed is None or _version(observed.lease) != _version(lease):
            observed = self._observed = _ObservedLease(lease=lease, since_s=self._clock())
        return observed

    def _create(self) -> dict[str, Any]:
        """Create the Lease, with the same epoch if it was deleted while it was ours. Raises Conflict."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": self._namespace, "name": self._name},
            "spec": self._spec(transitions=self._epoch or 0),
        }
        return self._rest.request("POST", self._folder, body=body, read_timeout_s=self._request_timeout_s())

    def _write(self, lease: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
        body = {
            **lease,
            "spec": dict(spec),
        }  # contains metadata.resourceVersion, so a concurrent write leads to a Conflict
        return self._rest.request("PUT", self._path, body=body, read_timeout_s=self._request_timeout_s())

    def _spec(self, *, transitions: int, previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
        now = micro_time(datetime.now(UTC))
        ours = (previous or {}).get("holderIdentity") == self.identity
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self._timings.duration_s,
            "acquireTime": (previous or {}).get("acquireTime", now) if ours else now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }

    def _request_timeout_s(self) -> float:
        """Half of the renewal time, so that there is time for a retry."""
        return self._timings.renew_s / 2


def _version(lease: Mapping[str, Any]) -> str:
    return str(lease["metadata"]["resourceVersion"])
