"""A storm of deliveries: of all providers, some doubled, some forged, while receivers and the API server are killed."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from localcluster import API_SERVER, ControlPlane
from localcluster.receiverprocess import ReceiverProcess
from tests.e2e.webhooks.sources import JsonObject, Source, a_meeting
from tests.support.fake_providers.recordings import ProviderRecording
from tests.support.fake_providers.signing import SignedDelivery, forgeries, send, signed
from tests.support.waiting import eventually

_SENDERS: Final = 12
_DOUBLED_SHARE: Final = 0.3
_FORGED_SHARE: Final = 0.1
_AGAIN: Final = frozenset({429, 503})
_REJECTED: Final = frozenset({401, 404})
_GIVEN_UP_S: Final = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery. Each attempt has the same id and body, and a signature of its own time."""

    source: Source
    payload: JsonObject = field(repr=False)
    id: str

    def attempt(self) -> SignedDelivery:
        """What is sent now."""
        return signed(
            self.source.scheme, self.payload, secret=self.source.secret, delivery_id=self.id, at_s=time.time()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A recording, and the deliveries about it."""

    source: Source
    recording: ProviderRecording
    deliveries: tuple[Delivery, ...]


@dataclass(slots=True, kw_only=True)
class Storm:
    """Sends, and kills. `counts` says what has happened."""

    namespace: str
    receivers: Sequence[ReceiverProcess]
    cluster: ControlPlane
    random: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def rage(self, meetings: Sequence[Meeting], *, api_server_kills: int, halfway: Callable[[], None]) -> None:
        """Send everything until it is accepted or rejected. Raises AssertionError for a wrong response."""
        tasks = list(self._tasks(meetings))
        self.random.shuffle(tasks)
        kills = sorted(self.random.uniform(0.1, 0.9) for _ in range(api_server_kills))
        happened = False
        with ThreadPoolExecutor(_SENDERS) as pool:
            futures: list[Future[None]] = [pool.submit(task) for task in tasks]
            try:
                while (share := _done(futures)) < 1.0:
                    self._strike()
                    if kills and share > kills[0]:
                        kills.pop(0)
                        self._kill_api_server()
                    if not happened and share > 0.5:
                        halfway()
                        happened = True
            finally:
                self._stopped.set()
            for future in futures:
                future.result()

    def _tasks(self, meetings: Sequence[Meeting]) -> Iterator[Callable[[], None]]:
        for meeting in meetings:
            for delivery in meeting.deliveries:
                doubled = self.random.random() < _DOUBLED_SHARE
                self.counts["doubled"] += doubled
                for _ in range(2 if doubled else 1):
                    yield partial(self._deliver, delivery)
                if self.random.random() < _FORGED_SHARE:
                    self.counts["forged"] += 1
                    yield partial(self._forge, _forged(delivery))

    def _deliver(self, delivery: Delivery) -> None:
        """Repeat it until it is accepted, as a provider does."""
        status = self._until_final(delivery.source, delivery.attempt)
        assert status == 200, f"a genuine delivery of {delivery.source.provider} got {status}"
        self.counts["genuine"] += 1

    def _forge(self, delivery: Delivery) -> None:
        """No form of it may be accepted."""
        kind = self.random.choice(sorted(forgeries(delivery.attempt())))
        status = self._until_final(delivery.source, lambda: forgeries(delivery.attempt())[kind])
        assert status in _REJECTED, f"a forged delivery of {delivery.source.provider} ({kind}) got {status}"

    def _until_final(self, source: Source, attempt: Callable[[], SignedDelivery]) -> int:
        deadline_s = time.monotonic() + _GIVEN_UP_S
        while time.monotonic() < deadline_s and not self._stopped.is_set():
            receiver = self.random.choice(list(self.receivers))
            try:
                status = send(f"{receiver.url}/v1/sources/{self.namespace}/{source.name}", attempt()).status
            except (OSError, ValueError):  # it was killed before or while it responded
                status = 0
            if status and status not in _AGAIN:
                return status
            self.counts["repeated"] += 1
            self._stopped.wait(self.random.uniform(0.05, 0.5))
        raise AssertionError(f"no response to a delivery of {source.provider} within {_GIVEN_UP_S:g} s")

    def _strike(self) -> None:
        """Kill a receiver a random while after it became ready, and start it again."""
        victim = self.random.choice(list(self.receivers))
        eventually(lambda: _is_ready(victim), within_s=60, what="a receiver is ready")
        pause_s = self.random.uniform(0.0, 1.5)
        end_s = time.monotonic() + pause_s
        eventually(lambda: time.monotonic() >= end_s, within_s=pause_s + 60)
        victim.kill()
        victim.process.start()
        self.counts["receivers killed"] += 1

    def _kill_api_server(self) -> None:
        self.cluster.kill_component(API_SERVER)
        self.cluster.start_component(API_SERVER)
        self.counts["API servers killed"] += 1


def meetings_of(sources: Sequence[Source], count: int) -> list[Meeting]:
    """About `count` deliveries, of all sources in turn."""
    made: list[Meeting] = []
    deliveries = 0
    while deliveries < count:
        source = sources[len(made) % len(sources)]
        recording = a_meeting(source, len(made))
        if source.api is not None:
            source.api.add(recording)
        sent = tuple(
            Delivery(source=source, payload=payload, id=f"msg-{recording.id}-{number}")
            for number, payload in enumerate(source.payloads(recording))
        )
        made.append(Meeting(source=source, recording=recording, deliveries=sent))
        deliveries += len(sent)
    return made


def _forged(delivery: Delivery) -> Delivery:
    """A delivery about a recording that does not exist: if it is accepted, there is a Recording too many."""
    payload = _renamed(delivery.payload)
    return Delivery(source=delivery.source, payload=payload, id=f"{delivery.id}-forged")


def _renamed(payload: JsonObject) -> JsonObject:
    ids = ("bot_id", "uuid", "meeting_id", "egressId", "id")
    return {
        name: _renamed(value) if isinstance(value, dict) else f"forged-{value}" if name in ids else value
        for name, value in payload.items()
    }


def _is_ready(receiver: ReceiverProcess) -> bool:
    try:
        return receiver.is_ready()
    except OSError:
        return False


def _done(futures: Sequence[Future[None]]) -> float:
    return sum(future.done() for future in futures) / len(futures)
