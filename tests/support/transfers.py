"""Helpers of transfer tests: a source, a store, a run, and the checks after every run."""

import hashlib
import random
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from recording_operator.checksums import crc64nvme, to_text
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.policy import SourcePolicy
from recording_operator.errors import TransferError
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from recording_operator.stores.store import Store
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import FetchJob, InlineJob
from recording_operator.transfer.limits.bandwidth import Flow
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.source.spec import SourceSpec
from tests.support.lying_source import CANARY, Behaviour, SourceRequest
from tests.support.strict_store import StrictStore

KIB = 2**10
MIB = 2**20
KEY = "meetings/acme/u-1/uid-1/video.mp4"


def pattern(size_bytes: int, *, seed: int = 1) -> bytes:
    """Bytes without a period, so that any two parts differ."""
    return random.Random(seed).randbytes(size_bytes)


def sum_of(algorithm: str, body: bytes) -> str:
    """The checksum as a spec writes it."""
    if algorithm == "crc64nvme":
        return f"crc64nvme:{crc64nvme(body):016x}"
    if algorithm == "crc32":
        return f"crc32:{zlib.crc32(body):08x}"
    return f"{algorithm}:{hashlib.new(algorithm, body, usedforsecurity=False).hexdigest()}"


def fails(run: Callable[[], object]) -> TransferError:
    """The error that `run` ends with; it shows no secret."""
    with pytest.raises(TransferError) as caught:
        run()
    assert CANARY not in f"{caught.value!r} {caught.value} {caught.value.message}"
    assert caught.value.__cause__ is None
    return caught.value


def nth(number: int, behaviour: Behaviour) -> Callable[[SourceRequest], Behaviour]:
    """The truth but for one request."""
    return lambda request: behaviour if request.number == number else Behaviour()


def after_probe(behaviour: Behaviour) -> Callable[[SourceRequest], Behaviour]:
    """The truth for the probe only."""
    return lambda request: Behaviour() if request.number == 1 else behaviour


def parts_of(strict: StrictStore) -> set[int]:
    """Part numbers in the open uploads."""
    return {number for upload in list(strict.bucket.uploads.values()) for number in list(upload.parts)}


def stop_when(observed: "Observed", holds: Callable[[], bool]) -> None:
    """Stop the transfer as soon as something holds."""

    def watch() -> None:
        while not holds():
            if observed.stop.wait(0.005):
                return
        observed.stop.set()

    threading.Thread(target=watch, daemon=True).start()


def loopback_policy(**more: object) -> SourcePolicy:
    """The product's policy with a hole for the loopback address."""
    blocks: dict[str, object] = {
        "schemes": ["https", "http"],
        "ports": [],
        "allowPrivateCIDRs": ["127.0.0.0/8"],
        "timeouts": {"connect": "2s", "headers": "5s", "read": "5s"},
    }
    return SourcePolicy.model_validate({**blocks, **more})


def fast_options(**more: object) -> TransferOptions:
    """Small parts and short waits."""
    given: dict[str, object] = {
        "first_workers": 64,  # all at once: a busy machine shall not decide what is tested
        "single_put_bytes": 128 * KIB,
        "smallest_part_bytes": 256 * KIB,
        "largest_part_bytes": 256 * KIB,
        "backoff_base_s": 0.01,
        "backoff_cap_s": 0.05,
        "publishing_s": 0.0,
    }
    return TransferOptions(**{**given, **more})  # type: ignore[arg-type]


def an_object(**more: object) -> ObjectSpec:
    """The object to create."""
    given: dict[str, object] = {
        "key": KEY,
        "content_type": "video/mp4",
        "kind": "Video",
        "recording_uid": "uid-1",
        "artifact": "video",
    }
    return ObjectSpec(**{**given, **more})  # type: ignore[arg-type]


def store_of(strict: StrictStore, **more: object) -> S3LocationStore:
    """A store client with the strict store's own keys."""
    given: dict[str, object] = {
        "bucket": strict.bucket_name,
        "endpoint": strict.endpoint,
        "path_style": True,
        "credentials": StoreCredentials(access_key_id=strict.access_key, secret_access_key=strict.secret_key),
    }
    return S3LocationStore(S3Options(**{**given, **more}))  # type: ignore[arg-type]


@dataclass(slots=True)
class Observed:
    """Remembers all reports."""

    states: list[UploadState] = field(default_factory=list)
    progressed: list[tuple[int, int | None]] = field(default_factory=list)
    read_bytes: int = 0
    stored_bytes: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def upload_created(self, state: UploadState) -> None:
        """Keep the state."""
        self.states.append(state)

    def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
        """Keep the figures."""
        self.progressed.append((sent_bytes, total_bytes))

    def bytes_moved(self, *, read_bytes: int, stored_bytes: int) -> None:
        """Add them up."""
        self.read_bytes += read_bytes
        self.stored_bytes += stored_bytes


def run_transfer(
    url: str,
    store: Store,
    *,
    observed: Observed | None = None,
    resume: UploadState | None = None,
    policy: SourcePolicy | None = None,
    options: TransferOptions | None = None,
    obj: ObjectSpec | None = None,
    headers: Mapping[str, str] | None = None,
    size: int | None = None,
    checksum: str | None = None,
    expires_at: datetime | None = None,
    dialer: Dialer | None = None,
    flow: Flow | None = None,
) -> StoredObject:
    """One transfer with a policy and options fit for tests."""
    observed = observed or Observed()
    return FetchJob(
        source=SourceSpec(
            url=url,
            headers=headers or {},
            expected_size_bytes=size,
            expected_checksum=checksum,
            expires_at=expires_at,
        ),
        dialer=dialer or Dialer(policy or loopback_policy()),
        resume=resume,
    ).run(
        TransferContext(
            store=store,
            obj=obj or an_object(),
            stop=observed.stop,
            observer=observed,
            options=options or fast_options(),
            flow=flow or Flow(),
        )
    )


def store_text(body: bytes, obj: ObjectSpec, *, store: Store) -> StoredObject:
    """Store an inline artifact."""
    observed = Observed()
    return InlineJob(body=body).run(TransferContext(store=store, obj=obj, stop=observed.stop, observer=observed))


def check_stored(stored: StoredObject, body: bytes, strict: StrictStore, *, obj: ObjectSpec | None = None) -> None:
    """I1 bytes equal, I2 no open upload, I3 the result equals the object, I4 one version; marks on the object."""
    obj = obj or an_object()
    versions = strict.bucket.versions.get(obj.key, [])
    assert stored.verified_by is not None, "stored without a proof"
    assert len(versions) == 1, f"I4: {len(versions)} versions"
    assert versions[0].body == body, "I1: other bytes"
    assert strict.open_uploads() == [], "I2: an open upload is left"
    assert stored.size_bytes == len(body)
    assert stored.checksum == to_text(crc64nvme(body)), "I3: other checksum"
    assert stored.etag == versions[0].etag.strip('"'), "I3: other ETag"
    assert stored.version_id in (versions[0].version_id, None), "I3: other version"
    assert versions[0].attributes.metadata == {
        "recording-uid": obj.recording_uid,
        "recording-artifact": obj.artifact,
    }
    assert versions[0].attributes.content_type == obj.content_type
