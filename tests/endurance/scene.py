"""One transfer with one corruption: the true content, the component that corrupts it, and the result."""

import random
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from localcluster.pki import CertificateAuthority
from recording_operator.api.reasons import Reason, Verdict, verdict_of
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.egress.dialer import Dialer
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.upload.open_uploads import abort_uploads
from tests.support.desync import DesyncProxy
from tests.support.dialects_found import FOUND
from tests.support.flipping_proxy import FlippingProxy
from tests.support.lying_source import Behaviour, Content, LyingSource, SourceRequest
from tests.support.strict_bucket import Bucket
from tests.support.strict_dialect import DIALECTS
from tests.support.strict_faults import Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, KIB, Observed, an_object, fast_options, loopback_policy, run_transfer, store_of

PART = 64 * KIB
# Returns afterwards whether the fault occurred.
Met = Callable[[], bool]
_ATTEMPTS = 6
_TIMEOUTS = {"connect": "1s", "headers": "1s", "read": "500ms"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A source and a store of one kind (plain or TLS), and a client of each that goes through the proxies.

    Legs with responses out of order use no TLS. For the others, `lead_to` inserts the proxies.
    """

    source: LyingSource
    strict: StrictStore
    to_source: FlippingProxy
    to_store: FlippingProxy
    desync_source: DesyncProxy
    desync_store: DesyncProxy
    store: S3Store
    dialer: Dialer


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """Servers for many cases, one after the other."""

    plain: Leg
    tls: Leg


@dataclass(slots=True, kw_only=True)
class Scene:
    """What a corruption sets up. `truths` are the contents that may be stored; anything else is wrong.

    `hits` counts corrupted responses of the source; `attempt` counts from 0.
    """

    draw: random.Random
    leg: Leg
    body: bytes
    truths: list[bytes]
    checksum: str | None = None
    size: int | None = None
    ranges: bool = True
    hits: int = 0
    workers: int
    attempt: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def strict(self) -> StrictStore:
        """The store."""
        return self.leg.strict

    def truth(self) -> Behaviour:
        """The correct behaviour of the source."""
        return Behaviour(ranges=self.ranges)

    def lie(
        self, answer: Callable[[SourceRequest, bytes], Behaviour], *, first: int | None = None, times: int | None = None
    ) -> None:
        """Make the source respond with `answer` from request `first` on (1 is the probe).

        It gets the request and the bytes that would be right.
        """
        begin = self.draw.choice((2, 2, 3, 4)) if first is None else first
        end = begin + (self.draw.choice((1, 1, 2, 1000)) if times is None else times)

        def behave(request: SourceRequest) -> Behaviour:
            if not begin <= request.number < end:
                return self.truth()
            with self.lock:
                self.hits += 1
            return answer(request, wanted_of(request, self.body, ranges=self.ranges))

        self.leg.source.behave = behave

    def interrupted(self, request: SourceRequest) -> Behaviour:
        """For the first attempt: each worker gets a bit more than a part, then the operator is stopped."""
        if request.number == 1:
            return self.truth()
        if request.number >= 2 + self.workers:
            self.stop.set()
        return replace(self.truth(), cut_after=PART + 10)

    def fault(self, fault: Fault) -> Fault:
        """Add to the store's script."""
        self.strict.fault(fault)
        return fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it ended: Complete where `stored` is something; `reasons` are those of the attempts that failed."""

    stored: StoredObject | None
    reasons: tuple[Reason, ...]
    wrong: str | None
    """What is wrong about the end; None for a right one."""


def wanted_of(request: SourceRequest, body: bytes, *, ranges: bool) -> bytes:
    """The correct bytes for the request."""
    if not ranges or request.first_byte is None:
        return body
    return body[request.first_byte : (request.last_byte or len(body) - 1) + 1]


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Plain and TLS servers; `folder` keeps the certificate."""
    authority = CertificateAuthority(folder)
    authority.issue("server", user="server", hosts=["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.path("server.crt"), authority.path("server.key"))
    with ExitStack() as stack:
        plain = _leg(stack, None, folder)
        yield Lab(plain=plain, tls=_leg(stack, context, folder))


def _leg(stack: ExitStack, tls: ssl.SSLContext | None, folder: Path) -> Leg:
    source = stack.enter_context(LyingSource(Content(body=b""), tls=tls))
    strict = stack.enter_context(StrictStore(tls=tls))
    to_source = stack.enter_context(FlippingProxy(source.port))
    to_store = stack.enter_context(FlippingProxy(int(strict.endpoint.rpartition(":")[2])))
    desync_source = stack.enter_context(DesyncProxy(source.port))
    desync_store = stack.enter_context(DesyncProxy(int(strict.endpoint.rpartition(":")[2])))
    authority = folder / "ca.crt"
    policy = loopback_policy(timeouts=_TIMEOUTS, **({"tls": {"caFile": str(authority)}} if tls else {}))
    store = store_of(
        strict,
        endpoint=f"{'https' if tls else 'http'}://127.0.0.1:{to_store.port}",
        ca_bundle_pem=authority.read_text() if tls else None,
        response_timeout_s=0.5,
    )
    stack.callback(store.close)
    dialer = Dialer(policy)
    stack.callback(dialer.close)
    return Leg(
        source=source,
        strict=strict,
        to_source=to_source,
        to_store=to_store,
        desync_source=desync_source,
        desync_store=desync_store,
        store=store,
        dialer=dialer,
    )


def begin(leg: Leg, draw: random.Random, body: bytes, *, dialect: str) -> Scene:
    """A scene without faults and with a store of this dialect. What the previous case left is removed."""
    leg.strict.reset(Bucket(least_part_bytes=PART, dialect=DIALECTS[dialect]))
    leg = replace(leg, store=leg.store.adapted(FOUND[dialect]))
    leg.source.content = Content(body=body)
    leg.source.served.clear()
    leg.source.behave = lambda _: Behaviour()
    leg.to_source.heal()
    leg.to_store.heal()
    return Scene(draw=draw, leg=leg, body=body, truths=[body], workers=draw.choice((1, 3)))


def play(scene: Scene) -> Ended:
    """Try as the engine would: again after what may pass, from the upload that is open."""
    leg = scene.leg
    options = fast_options(
        workers=scene.workers,
        smallest_part_bytes=PART,
        largest_part_bytes=PART,
        backoff_base_s=0.001,
        backoff_cap_s=0.005,
    )
    url = f"{leg.source.url.partition('://')[0]}://127.0.0.1:{leg.to_source.port}/video.mp4"
    resume: UploadState | None = None
    reasons: list[Reason] = []
    stored: StoredObject | None = None
    for scene.attempt in range(_ATTEMPTS):
        observed = Observed()
        scene.stop = observed.stop
        try:
            stored = run_transfer(
                url,
                leg.store,
                observed=observed,
                resume=resume,
                options=replace(options, tries_without_progress=4),
                size=scene.size,
                checksum=scene.checksum,
                dialer=leg.dialer,
            )
            break
        except TransferError as error:
            reasons.append(error.reason)
            if verdict_of(error.reason) is Verdict.FINAL:
                break
        except Stopped:
            pass
        resume = observed.states[-1] if observed.states else resume
    leg.strict.heal()
    leg.to_store.heal()
    abort_uploads(KEY, store=leg.store, upload_id=None)
    return Ended(stored=stored, reasons=tuple(reasons), wrong=_wrong(scene, stored))


def _wrong(scene: Scene, stored: StoredObject | None) -> str | None:
    versions = scene.strict.bucket.versions.get(KEY, [])
    ours = [version for version in versions if version.attributes.metadata.get("recording-uid") == "uid-1"]
    if stored is None:
        # A right object that the store lied about may stay: a later attempt finds it.
        return "it failed, but wrong bytes of it stayed" if any(v.body not in scene.truths for v in ours) else None
    if len(ours) != 1 or len(versions) != 1:
        return f"{len(versions)} versions"
    if ours[0].body not in scene.truths:
        return "Complete with other bytes"
    said = (stored.size_bytes, stored.checksum, stored.etag)
    if said != (len(ours[0].body), to_text(crc64nvme(ours[0].body)), ours[0].etag.strip('"')):
        return "Complete, but its status is of another object"
    if ours[0].attributes.metadata.get("recording-artifact") != an_object().artifact:
        return "Complete with other metadata"
    return "an open upload is left" if scene.strict.open_uploads() else None
