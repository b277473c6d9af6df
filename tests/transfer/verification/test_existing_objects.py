"""An object that exists before anything is written is not changed, and its description is correct."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.cli.files.copying import object_of
from recording_operator.errors import TransferError
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.store import metadata_of
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import FindJob
from tests.support.dialects_found import FOUND
from tests.support.lying_source import Behaviour, Content, LyingSource, Serve
from tests.support.strict_bucket import Attributes, Bucket, Upload
from tests.support.strict_dialect import DIALECTS
from tests.support.strict_faults import Drop, ErrorResponse, Fault, FlipBit, Misjoin, Operation
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, KIB, Observed, an_object, fails, pattern, run_transfer, store_text, sum_of

Change = Literal["nothing", "signature", "query", "path", "content", "length"]
BODIES = {"small": pattern(1_000), "large": pattern(600_000)}
TARGET = ("recordings", KEY)
LONGER = b"and more"
# The store's capabilities. They are unknown to a copy without --probe.
STORES = ("aws", "aws unprobed", "no-conditions", "no-sums unprobed", "nothing", "opaque-etags")
CHANGES: tuple[Change, ...] = ("nothing", "signature", "query", "path", "content", "length")
CHECKSUMS = ("none", "that of the first", "that of the second", "another")


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """What differs in the second run."""

    query: str
    path: str
    content: Content


def second(change: Change, body: bytes, *, etag: str | None) -> Second:
    """A second run that differs from the first in one thing."""
    other = {"content": pattern(len(body), seed=2), "length": body + LONGER}.get(change, body)
    return Second(
        query={"signature": "?X-Amz-Signature=another&id=1", "query": "?X-Amz-Signature=one&id=2"}.get(
            change, "?X-Amz-Signature=one&id=1"
        ),
        path="/other.mp4" if change == "path" else "/video.mp4",
        content=Content(body=other, etag=etag if other is body or etag is None else '"v2"'),
    )


def copied(source: LyingSource, way: Second, store: S3Store, *, checksum: str | None = None) -> StoredObject:
    """One copy as the command line makes it."""
    source.content = way.content
    url = f"http://127.0.0.1:{source.port}{way.path}{way.query}"
    return run_transfer(url, store, obj=object_of(url, TARGET, content_type="video/mp4"), checksum=checksum)


def at(name: str, strict: StrictStore, store: S3Store, *, versioned: bool) -> S3Store:
    """A store of this dialect, and its capabilities as a copy sees them."""
    dialect, _, unprobed = name.partition(" ")
    strict.bucket = Bucket(least_part_bytes=64 * KIB, dialect=DIALECTS[dialect], versioned=versioned)
    return store if unprobed else store.adapted(FOUND[dialect])


def given(checksum: str, first: bytes, second: bytes) -> str | None:
    """What the second run gives as --checksum."""
    body = {"that of the first": first, "that of the second": second, "another": b"another"}.get(checksum)
    return None if body is None else sum_of("sha256", body)


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("size", BODIES)
@pytest.mark.parametrize("change", CHANGES)
def test_t37_the_first_object_is_unchanged_and_the_second_copy_reports_it(
    serve: Serve, strict: StrictStore, store: S3Store, name: str, size: str, change: Change
) -> None:
    """Versions and ETags take turns, so that each meets each change, size and checksum with some store."""
    body, source = BODIES[size], serve(b"")
    for number, checksum in enumerate(CHECKSUMS, start=STORES.index(name)):
        versioned, etag = number % 2 == 0, '"v1"' if number % 4 < 2 else None
        site = at(name, strict, store, versioned=versioned)
        first = copied(source, second("nothing", body, etag=etag), site)
        kept = list(strict.bucket.versions[KEY])
        way = second(change, body, etag=etag)
        same = change in ("nothing", "signature") and checksum != "another"
        case = f"{checksum=} {versioned=} {etag=}"
        again: StoredObject | None = None
        error: TransferError | None = None
        try:
            again = copied(source, way, site, checksum=given(checksum, body, way.content.body))
        except TransferError as refused:
            error = refused
        if error is not None:
            assert not same, f"{case}: {error}"
            assert error.reason in (Reason.STORE_KEY_CONFLICT, Reason.CHECKSUM_MISMATCH), case
            if checksum in ("none", "that of the second"):
                assert error.reason is Reason.STORE_KEY_CONFLICT, case
                assert "It was not changed" in error.message, case
        if again is not None:
            assert same, f"{case}: another source's object was called stored"
            assert (again.etag, again.version_id, again.size_bytes) == (first.etag, first.version_id, len(body)), case
            assert again.checksum == to_text(crc64nvme(body)), case
        assert strict.bucket.versions[KEY] == kept, f"{case}: the first object was touched"
        assert strict.count("DeleteObject") == 0, case


@pytest.mark.parametrize("size", BODIES)
def test_t37_other_content_under_the_etag_of_the_first_is_a_conflict(
    serve: Serve, strict: StrictStore, store: S3Store, size: str
) -> None:
    body = BODIES[size]
    source, way = serve(body), second("nothing", body, etag='"v1"')
    first = copied(source, way, store)
    other = Content(body=pattern(len(body), seed=2), etag='"v1"')
    assert fails(lambda: copied(source, replace(way, content=other), store)).reason is Reason.STORE_KEY_CONFLICT
    (kept,) = strict.bucket.versions[KEY]
    assert (kept.body, kept.etag.strip('"')) == (body, first.etag)


def test_t37_the_same_content_by_a_strong_etag_is_not_read_again(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    body = BODIES["large"]
    source = serve(body)
    copied(source, second("nothing", body, etag='"v1"'), store)
    asked = len(source.served)
    copied(source, second("signature", body, etag='"v1"'), store)
    assert sum(request.sent_bytes for request in source.served[asked:]) <= 64 * KIB
    assert strict.count("GetObject") == 1  # its beginning is compared


@pytest.mark.parametrize("size", BODIES)
def test_t37_a_source_that_cannot_be_read_proves_nothing(
    serve: Serve, strict: StrictStore, store: S3Store, size: str
) -> None:
    body = BODIES[size]
    source, way = serve(body), second("nothing", body, etag='"v1"')
    copied(source, way, store)
    source.behave = lambda _: Behaviour(status=410)
    error = fails(lambda: copied(source, way, store))
    assert error.reason is Reason.SOURCE_NOT_FOUND
    assert "already in the store" in error.message
    assert copied(source, way, store, checksum=sum_of("sha256", body)).proved_checksum == "sha256"
    assert len(strict.bucket.versions[KEY]) == 1


class Racing(dict[str, Upload]):
    """The open uploads of a bucket. When one is opened, another client stores `theirs`."""

    def __init__(self, theirs: Callable[[], None]) -> None:
        super().__init__()
        self._theirs = theirs

    def __setitem__(self, upload_id: str, upload: Upload) -> None:
        self._theirs()
        super().__setitem__(upload_id, upload)


@pytest.mark.parametrize("name", ["aws", "no-sums", "no-conditions"])
@pytest.mark.parametrize("size", BODIES)
def test_t37_an_object_that_appears_during_the_copy_stays(
    serve: Serve, strict: StrictStore, store: S3Store, name: str, size: str
) -> None:
    """The same copy runs twice at once, and its source has changed between the two."""
    body, other = BODIES[size], pattern(len(BODIES[size]), seed=2)
    bucket = strict.bucket = Bucket(least_part_bytes=64 * KIB, dialect=DIALECTS[name])
    source = serve(body)
    url = f"http://127.0.0.1:{source.port}/video.mp4"
    marks = Attributes(content_type="video/mp4", metadata=dict(metadata_of(object_of(url, TARGET))), headers={})

    def theirs() -> None:
        if bucket.current(KEY) is None:
            bucket.put(KEY, other, marks, if_absent=False)

    def behave(_: object) -> Behaviour:
        if size == "small":
            theirs()
        return Behaviour()

    bucket.uploads, source.behave = Racing(theirs), behave
    error = fails(lambda: run_transfer(url, store.adapted(FOUND[name]), obj=object_of(url, TARGET)))
    assert error.reason is Reason.STORE_KEY_CONFLICT
    assert [version.body for version in bucket.versions[KEY]] == [other]
    assert strict.count("DeleteObject") == 0


@pytest.mark.parametrize("size", BODIES)
@pytest.mark.parametrize("name", ["aws", "no-sums", "nothing"])
def test_t39_an_object_of_an_earlier_attempt_with_wrong_bytes_stays(
    serve: Serve, strict: StrictStore, store: S3Store, name: str, size: str
) -> None:
    """The marks of this Recording are on it, the bytes are others: only a person may remove it."""
    site, body = at(name, strict, store, versioned=True), BODIES[size]
    obj = an_object()
    marks = Attributes(content_type="video/mp4", metadata=dict(metadata_of(obj)), headers={})
    strict.bucket.put(KEY, body[:-1] + b"!", marks, if_absent=False)
    error = fails(lambda: run_transfer(serve(body).url, site, checksum=sum_of("sha256", body)))
    assert error.reason is Reason.STORE_KEY_CONFLICT
    assert "It was not changed" in error.message
    assert fails(lambda: store_text(body, obj, store=site)).reason is Reason.STORE_KEY_CONFLICT
    found = fails(
        lambda: FindJob(expected_checksum=sum_of("sha256", body)).run(
            TransferContext(store=site, obj=obj, stop=Observed().stop, observer=Observed())
        )
    )
    assert found.reason is Reason.STORE_KEY_CONFLICT
    assert [version.body for version in strict.bucket.versions[KEY]] == [body[:-1] + b"!"]
    assert strict.count("DeleteObject") == 0


@pytest.mark.parametrize("operation", ["PutObject", "CompleteMultipartUpload"])
def test_t39_an_object_left_by_a_lost_response_is_kept(
    serve: Serve, strict: StrictStore, store: S3Store, operation: Operation
) -> None:
    """A lost response and damaged bytes at once: nothing shows that this attempt wrote the object."""
    body = BODIES["small" if operation == "PutObject" else "large"]
    damage = FlipBit() if operation == "PutObject" else Misjoin(fault="swap parts")
    strict.fault(Fault(operation=operation, action=damage))
    source = serve(body)
    looks = 1 if operation == "PutObject" else 2
    strict.fault(Fault(operation="HeadObject", action=ErrorResponse(status=403, code="AccessDenied"), first=looks))
    with pytest.raises(TransferError):  # the process ends without knowing what it stored
        run_transfer(source.url, store.adapted(FOUND["aws"]))
    strict.heal()
    (wrong,) = strict.bucket.versions[KEY]
    assert wrong.body != body
    checksum = sum_of("sha256", body)
    error = fails(lambda: run_transfer(source.url, store.adapted(FOUND["aws"]), checksum=checksum))
    assert error.reason is Reason.STORE_KEY_CONFLICT
    assert strict.bucket.versions[KEY] == [wrong]


@pytest.mark.parametrize("operation", ["PutObject", "CompleteMultipartUpload"])
def test_t3_a_lost_response_is_recognised_by_marks_and_bytes(
    serve: Serve, strict: StrictStore, store: S3Store, operation: Operation
) -> None:
    body = BODIES["small" if operation == "PutObject" else "large"]
    strict.fault(Fault(operation=operation, action=Drop(when="after")))
    source = serve(body)
    stored = copied(source, second("nothing", body, etag='"v1"'), store)
    assert stored.checksum == to_text(crc64nvme(body))
    assert [version.body for version in strict.bucket.versions[KEY]] == [body]
