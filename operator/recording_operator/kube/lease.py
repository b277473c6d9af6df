"""Leadership by a `coordination.k8s.io` Lease: one operator works, others stand by.

The rules are those of client-go's leaderelection, whose Leases this one can share: the holder renews every `retry_s`;
whoever else sees no change for `duration_s` takes over; a holder that could not renew for `renew_s` holds still before
that: it writes nothing. Unlike client-go's, it does not end then. While the API server is unavailable no process can
take over, and bytes that flow meanwhile do no harm (objects are stored under a condition, statuses under a version);
the next answer decides whether it goes on or ends. What the Lease says about times is never compared with a clock:
expiry is judged by when this process last saw the Lease change, on a clock that no one sets (and that runs on while
the machine sleeps).
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
    """Seconds since the machine started, sleep included (`time.monotonic` stands still in a suspend)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimings:
    """How long a Lease holds unseen, how long its holder tries to renew it, and how often both sides look. Seconds.

    Raises ValueError unless retry_s < renew_s < duration_s: a holder must give up before another may take over.
    """

    duration_s: int = 15
    renew_s: float = 10.0
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.retry_s < self.renew_s < self.duration_s:
            raise ValueError("lease timings: write retry < renew < duration, for example 2, 10 and 15 seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A Lease as last seen, and when (local clock) it was first seen like this."""

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
    """The right to work. Not for reuse: one object acquires once, then keeps or loses.

    `identity` must be unique among processes (and their restarts): any process with this identity counts as this
    process. `on_lost` is called once, from the renewing thread, when the Lease was seen in other hands; it has to end
    the process at once, because another operator works from then on. It is not called after `release`.
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
        self._seen: _Seen | None = None
        self._renewed_s: float | None = None  # when the last successful write of ours was sent
        self._epoch: int | None = None
        self._throttle = LogThrottle()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()  # who releases may be another thread than the one that acquires

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
        """The last known holder of the Lease; None if there is none or it was not read yet."""
        return (self._seen.holder or None) if self._seen else None

    def held(self) -> bool:
        """True while no other process can have taken over, judged locally. Cheap: call it before each write.

        False does not mean that somebody has: it becomes True again when the Lease, still ours, can be renewed.
        """
        renewed_s = self._renewed_s
        return renewed_s is not None and self._clock() - renewed_s < self._timings.renew_s

    def confirm(self) -> bool:
        """Ask the API server whether this process still holds the Lease of its epoch. Raises KubeError."""
        try:
            spec = self._rest.request("GET", self._path).get("spec") or {}
        except NotFound:
            return False
        return spec.get("holderIdentity") == self.identity and spec.get("leaseTransitions", 0) == self._epoch

    def acquire(self, stop: threading.Event) -> bool:
        """Stand by until the Lease is ours, then keep renewing it. False when `stop` was set before that."""
        while not stop.is_set():
            try:
                if self._try_to_hold() and self.held():
                    self._lead()
                    return True
            except KubeError as error:
                self._complain("Cannot read the Lease", error)
            # Twice as often as the holder renews: what counts is when the last renewal was seen, not when it was made.
            stop.wait(jittered_s(self._timings.retry_s / 2, least_share=0.8))  # keeps contenders out of step
        return False

    def release(self) -> None:
        """Stop renewing and free the Lease if it is still ours, so that another takes over at once. Never raises."""
        self._stop.set()
        with self._starting:
            renewing = self._thread
        if renewing is not None:
            renewing.join()
        if self._seen is None or not self.held():
            return
        self._renewed_s = None  # another process may lead before the response arrives
        spec = {**self._spec(transitions=self._seen.transitions), "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            self._write(self._seen.lease, spec)
        except KubeError as error:
            _logger.warning("The Lease %s/%s could not be released: %s", self._namespace, self._name, error)

    def _lead(self) -> None:
        self._epoch = self._seen.transitions if self._seen else 0
        _logger.info("Leading as %s, epoch %s", self.identity, self._epoch)
        with self._starting:
            self._thread = threading.Thread(target=self._keep_renewing, name="lease", daemon=True)
            self._thread.start()

    def _keep_renewing(self) -> None:
        still = False
        while not self._stop.wait(self._timings.retry_s):
            why = self._renew()
            if why is not None:
                self._lose(why)
                return
            if still != (not self.held()):
                still = not still
                word = "could not be renewed in time; nothing is written" if still else "is renewed again"
                _logger.warning("The Lease %s/%s %s", self._namespace, self._name, word)

    def _lose(self, why: str) -> None:
        self._renewed_s = None
        if self._stop.is_set():
            return
        _logger.error("The Lease %s/%s is lost: %s", self._namespace, self._name, why)
        self._on_lost(why)

    def _renew(self) -> str | None:
        """One try to renew. None while the Lease is (as far as one can know) ours, else why it is not."""
        try:
            if self._try_to_hold() or self._seen is None or self._is_ours(self._seen):
                return None
        except KubeError as error:
            self._complain("Cannot renew the Lease", error)
            return None  # the next response decides
        except Exception as error:  # without this thread the process would stand still for good
            level = self._throttle.level(type(error).__name__, logging.ERROR)
            _logger.log(level, "Cannot renew the Lease because of an unexpected error", exc_info=error)
            return None
        return f"it is held by {self._seen.holder or 'nobody'}"

    def _complain(self, what: str, error: KubeError) -> None:
        level = self._throttle.level(f"{what} {type(error).__name__}", level_of(error))
        _logger.log(level, "%s %s/%s: %s", what, self._namespace, self._name, error)

    def _try_to_hold(self) -> bool:
        """Create, take or renew the Lease; False if another holds it, or was quicker. Raises KubeError."""
        sent_s = self._clock()
        try:
            seen = self._look()
            lease = self._create() if seen is None else self._take(seen)
        except Conflict:
            return False
        if lease is None:
            return False
        self._seen = _Seen(lease=lease, since_s=self._clock())
        self._renewed_s = sent_s
        return True

    def _take(self, seen: _Seen) -> dict[str, Any] | None:
        if not self._may_take(seen):
            return None
        transitions = seen.transitions + (0 if self._is_ours(seen) else 1)
        return self._write(seen.lease, self._spec(transitions=transitions, previous=seen.spec))

    def _is_ours(self, seen: _Seen) -> bool:
        return seen.holder == self.identity and (self._epoch is None or seen.transitions == self._epoch)

    def _may_take(self, seen: _Seen) -> bool:
        if self._epoch is not None:
            return self._is_ours(seen)  # once led, only kept: a Lease lost meanwhile is not taken back
        if not seen.holder or seen.holder == self.identity:
            return True
        # The longer of both durations: the holder may have been started with other timings than ours.
        duration_s = max(self._timings.duration_s, int(seen.spec.get("leaseDurationSeconds") or 0))
        return self._clock() - seen.since_s >= duration_s

    def _look(self) -> _Seen | None:
        try:
            lease = self._rest.request("GET", self._path, read_timeout_s=self._patience_s())
        except NotFound:
            return None
        seen = self._seen
        if seen is None or _version(seen.lease) != _version(lease):
            seen = self._seen = _Seen(lease=lease, since_s=self._clock())
        return seen

    def _create(self) -> dict[str, Any]:
        """Make the Lease, with the same epoch if somebody deleted it while it was ours. Raises Conflict."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": self._namespace, "name": self._name},
            "spec": self._spec(transitions=self._epoch or 0),
        }
        return self._rest.request("POST", self._folder, body=body, read_timeout_s=self._patience_s())

    def _write(self, lease: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
        body = {**lease, "spec": dict(spec)}  # metadata.resourceVersion in it is the guard
        return self._rest.request("PUT", self._path, body=body, read_timeout_s=self._patience_s())

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

    def _patience_s(self) -> float:
        """A request that takes longer than half of the renewal time helps no one: ask again."""
        return self._timings.renew_s / 2


def _version(lease: Mapping[str, Any]) -> str:
    return str(lease["metadata"]["resourceVersion"])
