"""Stores that lack features of S3. With every kind of verification, wrong bytes are never accepted as stored."""

import hashlib
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped, StopSignal
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.limits.bandwidth import Flow, RateLimiter
from recording_operator.transfer.limits.fair_bucket import Share
from tests.support.dialects_found import FOUND
from tests.support.lying_source import Behaviour, LyingSource, Serve
from tests.support.strict_bucket import Attributes, Bucket
from tests.support.strict_dialect import DIALECTS, Dialect
from tests.support.strict_faults import Drop, ErrorResponse, FalseSuccess, Fault, FlipBit, Misjoin, Operation
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KEY,
    KIB,
    Observed,
    an_object,
    check_stored,
    fast_options,
    pattern,
    run_transfer,
    store_text,
)
from tests.support.waiting import eventually

PART = 256 * KIB
PARTS = 4
BODY = pattern(3 * PART + 12_345)
SMALL = BODY[:20_000]
DENIED = ErrorResponse(status=403, code="AccessDenied")
OPTIONS = fast_options(workers=1)
# Each is adapted to in another way; the rest of the dialects differ from these in how that is found out.
ADAPTED = ("aws", "sums-of-parts-only", "no-trailers", "no-sums", "no-conditions", "opaque-etags", "nothing")
PROOFS = {
    "sums-of-parts-only": Reason.ETAG_MD5,
    "no-sums": Reason.ETAG_MD5,
    "sums-refused": Reason.ETAG_MD5,
    "sums-echoed": Reason.ETAG_MD5,
    "sums-of-joins-wrong": Reason.ETAG_MD5,
    "sums-of-joins-wrong-and-unchecked": Reason.ETAG_MD5,
    "conditions-refused": Reason.ETAG_MD5,
    "opaque-etags": Reason.READ_BACK,
    "nothing": Reason.READ_BACK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A strict store of a dialect, and a client with its capabilities."""

    name: str
    strict: StrictStore
    store: S3Store

    @property
    def verified_by(self) -> Reason:
        """What objects are proved by here."""
        return PROOFS.get(self.name, Reason.FULL_OBJECT_CRC64NVME)

    def sent(self) -> list[int]:
        """Numbers of the parts that the store has responded to."""
        return [
            seen.part_number or 0 for seen in self.strict.requests if seen.operation == "UploadPart" and seen.status
        ]


@pytest.fixture(params=ADAPTED)
def site(request: pytest.FixtureRequest, strict: StrictStore, store: S3Store) -> Site:
    """Each test runs in every dialect that needs its own adaptation."""
    return at(request.param, strict, store)


def at(name: str, strict: StrictStore, store: S3Store) -> Site:
    """The strict store in this dialect, and a client with the capabilities found by its probe (see test_probe.py)."""
    strict.bucket = Bucket(least_part_bytes=64 * KIB, dialect=DIALECTS[name])
    return Site(name=name, strict=strict, store=store.adapted(FOUND[name]))


def move(source: LyingSource, site: Site, **more: object) -> StoredObject:
    """One transfer by one worker."""
    return run_transfer(source.url, site.store, **{"options": OPTIONS, **more})  # type: ignore[arg-type]


def refuses(run: Callable[[], object]) -> Reason:
    """The reason that `run` ends with."""
    with pytest.raises(TransferError) as caught:
        run()
    return caught.value.reason


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("body", [BODY, SMALL], ids=["multipart", "small"])
def test_t21_a_transfer_ends_with_the_strongest_proof(
    serve: Serve, strict: StrictStore, store: S3Store, name: str, body: bytes
) -> None:
    site = at(name, strict, store)
    stored = move(serve(body), site)
    check_stored(stored, body, strict)
    assert stored.verified_by is site.verified_by
    assert ("GetObject" in {seen.operation for seen in strict.requests}) == (site.verified_by is Reason.READ_BACK)


class Counting(RateLimiter):
    """No limit; counts what moves."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0

    def take(self, share: Share, size_bytes: int, stop: StopSignal) -> int:
        self.moved += size_bytes
        return super().take(share, size_bytes, stop)

    def give_back(self, share: Share, size_bytes: int) -> None:
        self.moved -= size_bytes
        super().give_back(share, size_bytes)


def test_bytes_read_back_count_against_the_limits(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    moved = {}
    for name in ("aws", "opaque-etags"):
        link = Counting()
        body = serve(BODY)
        stored = move(body, at(name, strict, store), flow=Flow([link]))
        check_stored(stored, BODY, strict)
        moved[stored.verified_by] = link.moved
    assert moved[Reason.READ_BACK] == moved[Reason.FULL_OBJECT_CRC64NVME] + len(BODY)


def test_t9_a_bit_that_flips_in_a_part_is_found(serve: Serve, site: Site) -> None:
    site.strict.fault(Fault(operation="UploadPart", action=FlipBit(), first=2))
    source = serve(BODY)
    if site.verified_by is Reason.READ_BACK:
        assert refuses(lambda: move(source, site)) is Reason.STORE_INTEGRITY
        assert site.strict.keys() == []
        assert site.strict.open_uploads() == []
    check_stored(move(source, site), BODY, site.strict)


def test_t9_a_bit_that_flips_in_a_small_object_is_found(serve: Serve, site: Site) -> None:
    site.strict.fault(Fault(operation="PutObject", action=FlipBit()))
    source = serve(SMALL)
    assert refuses(lambda: move(source, site)) is Reason.STORE_INTEGRITY
    assert site.strict.keys() == []
    check_stored(move(source, site), SMALL, site.strict)


def test_parts_that_are_joined_in_another_order_are_found(serve: Serve, site: Site) -> None:
    site.strict.fault(Fault(operation="CompleteMultipartUpload", action=Misjoin(fault="swap parts")))
    source = serve(BODY)
    assert refuses(lambda: move(source, site)) is Reason.STORE_INTEGRITY
    assert site.strict.keys() == []
    check_stored(move(source, site), BODY, site.strict)


@pytest.mark.parametrize("operation", ["CompleteMultipartUpload", "PutObject"])
def test_false_200_does_not_count(serve: Serve, site: Site, operation: Operation) -> None:
    body = SMALL if operation == "PutObject" else BODY
    site.strict.fault(Fault(operation=operation, action=FalseSuccess(), times=2))
    check_stored(move(serve(body), site), body, site.strict)
    assert site.strict.count(operation) == 3


@pytest.mark.parametrize("operation", ["CompleteMultipartUpload", "PutObject"])
def test_t3_a_lost_response_stores_once(serve: Serve, site: Site, operation: Operation) -> None:
    body = SMALL if operation == "PutObject" else BODY
    site.strict.bucket.after_complete = "OK"
    site.strict.fault(Fault(operation=operation, action=Drop(when="after")))
    stored = move(serve(body), site)
    assert stored.verified_by is site.verified_by
    versions = site.strict.bucket.versions[KEY]
    if operation == "PutObject" and not site.store.capabilities.conditional_writes:
        # The client's own second try: without a condition nothing keeps it from writing the same bytes again.
        assert {version.body for version in versions} == {body}
        return
    check_stored(stored, body, site.strict)


def cut_part_two(site: Site, source: LyingSource) -> Observed:
    """A transfer that ends while part 2 is sent; a store that keeps cut parts keeps this one, padded."""
    observed = Observed()
    source.behave = lambda request: Behaviour(hold_after=PART + 70_000) if request.number == 2 else Behaviour()

    def stop_in_part_two() -> None:
        eventually(lambda: site.sent() == [1], poll_s=0.005, what="part 1 is stored")
        observed.stop.set()

    stopper = threading.Thread(target=stop_in_part_two)
    stopper.start()
    with pytest.raises(Stopped):
        move(source, site, observed=observed)
    stopper.join()
    eventually(lambda: site.strict.requests[-1].status == 0, poll_s=0.005, what="the store sees the end of part 2")
    (upload,) = site.strict.bucket.uploads.values()
    padded = DIALECTS[site.name].cut_parts == "padded"
    assert sorted(upload.parts) == ([1, 2] if padded else [1])
    assert not padded or upload.parts[2].body != BODY[PART : 2 * PART]
    site.strict.requests.clear()
    return observed


def test_a_part_that_was_cut_and_kept_is_found_at_the_resume(serve: Serve, site: Site) -> None:
    observed = cut_part_two(site, serve(BODY))
    stored = move(serve(BODY), site, resume=observed.states[-1])
    check_stored(stored, BODY, site.strict)
    assert stored.verified_by is site.verified_by
    by_nothing = site.verified_by is Reason.READ_BACK
    assert site.sent() == ([1, 2, 3, 4] if by_nothing else [2, 3, 4]), "part 1 was there, and can be known"


def test_a_part_that_was_cut_and_kept_is_found_without_ranges(serve: Serve, site: Site) -> None:
    observed = cut_part_two(site, serve(BODY))
    fresh = serve(BODY)
    fresh.behave = lambda _: Behaviour(ranges=False)
    stored = move(fresh, site, resume=observed.states[-1])
    check_stored(stored, BODY, site.strict)
    assert stored.verified_by is site.verified_by


@pytest.mark.parametrize("name", [name for name in ADAPTED if not FOUND[name].listing_verifies_parts])
def test_s11_parts_of_other_content_are_found_at_the_resume(
    serve: Serve, strict: StrictStore, store: S3Store, name: str
) -> None:
    """Same size, same validators, other bytes: only a comparison with the source shows it.

    Where listings verify parts, their bytes were verified on arrival, and the validators of the source count.
    """
    site = at(name, strict, store)
    observed = cut_part_two(site, serve(BODY))
    other = pattern(len(BODY), seed=7)
    check_stored(move(serve(other), site, resume=observed.states[-1]), other, site.strict)


@pytest.mark.parametrize("algorithm", ["sha256", "md5", "crc32", "crc64nvme"])
@pytest.mark.parametrize("name", ["aws", "no-sums", "nothing"])
def test_the_specs_checksum_is_verified_and_named(
    serve: Serve, strict: StrictStore, store: S3Store, name: str, algorithm: str
) -> None:
    site = at(name, strict, store)
    right = f"{algorithm}:{hex_of(algorithm, BODY)}"
    observed = cut_part_two(site, serve(BODY))
    stored = move(serve(BODY), site, resume=observed.states[-1], checksum=right)
    check_stored(stored, BODY, strict)
    assert stored.proved_checksum == algorithm


@pytest.mark.parametrize("algorithm", ["sha256", "crc64nvme"])
def test_a_wrong_checksum_of_the_spec_is_found(serve: Serve, site: Site, algorithm: str) -> None:
    wrong = f"{algorithm}:{hex_of(algorithm, SMALL)}"
    assert refuses(lambda: move(serve(BODY), site, checksum=wrong)) is Reason.CHECKSUM_MISMATCH
    assert site.strict.keys() == []


def stored_before(site: Site, source: LyingSource) -> Observed:
    """A transfer that ended well, and whose status was never written."""
    observed = Observed()
    move(source, site, observed=observed)
    site.strict.requests.clear()
    return observed


def test_t3_an_object_of_a_process_that_was_killed_is_verified_again(serve: Serve, site: Site) -> None:
    observed = stored_before(site, serve(BODY))
    source = serve(BODY)
    stored = move(source, site, resume=observed.states[-1])
    check_stored(stored, BODY, site.strict)
    assert stored.verified_by is not None
    assert (source.served == []) == site.store.capabilities.existence_verifies_object
    assert site.sent() == []


@pytest.mark.parametrize("name", [name for name in ADAPTED if not FOUND[name].existence_verifies_object])
def test_t39_an_object_that_became_wrong_is_not_accepted_and_stays(
    serve: Serve, strict: StrictStore, store: S3Store, name: str
) -> None:
    site = at(name, strict, store)
    site.strict.fault(Fault(operation="CompleteMultipartUpload", action=Misjoin(fault="swap parts")))
    observed = Observed()
    # HEAD is rejected once the object exists: the process ends without knowing about the object.
    looks = 1 + (not site.store.capabilities.conditional_writes)
    site.strict.fault(Fault(operation="HeadObject", action=DENIED, first=looks + 1, times=1000))
    assert refuses(lambda: move(serve(BODY), site, observed=observed)) is Reason.STORE_DENIED
    site.strict.heal()
    (wrong,) = site.strict.bucket.versions[KEY]
    assert wrong.body != BODY
    assert refuses(lambda: move(serve(BODY), site, resume=observed.states[-1])) is Reason.STORE_KEY_CONFLICT
    assert site.strict.bucket.versions[KEY] == [wrong], "this attempt did not write it"


@pytest.mark.parametrize("name", ["no-sums", "nothing"])
def test_an_object_that_only_its_source_could_prove_waits_for_the_source(
    serve: Serve, strict: StrictStore, store: S3Store, name: str
) -> None:
    site = at(name, strict, store)
    observed, source = stored_before(site, serve(BODY)), serve(BODY)
    source.behave = lambda _: Behaviour(status=410)
    with pytest.raises(TransferError) as caught:
        move(source, site, resume=observed.states[-1])
    assert caught.value.reason is Reason.SOURCE_NOT_FOUND
    assert "already in the store" in caught.value.message
    assert strict.keys() == [KEY]
    digest = f"sha256:{hex_of('sha256', BODY)}"
    stored = move(source, site, resume=observed.states[-1], checksum=digest)
    assert (stored.verified_by, stored.proved_checksum) == (Reason.READ_BACK, "sha256")


@pytest.mark.parametrize("name", ["no-conditions", "nothing"])
@pytest.mark.parametrize("body", [BODY, SMALL], ids=["multipart", "small"])
def test_t19_a_foreign_object_is_not_written_over_without_conditions(
    serve: Serve, strict: StrictStore, store: S3Store, name: str, body: bytes
) -> None:
    site, source = at(name, strict, store), serve(body)

    def behave(_: object) -> Behaviour:
        if strict.bucket.current(KEY) is None:
            foreign = Attributes(content_type="text/plain", metadata={}, headers={})
            strict.bucket.put(KEY, b"somebody else's", foreign, if_absent=False)
        return Behaviour()

    source.behave = behave
    assert refuses(lambda: move(source, site)) is Reason.STORE_KEY_CONFLICT
    assert [version.body for version in strict.bucket.versions[KEY]] == [b"somebody else's"]


@pytest.mark.parametrize("body", [BODY, SMALL], ids=["multipart", "small"])
def test_a_store_that_was_not_probed_is_not_relied_on(
    serve: Serve, strict: StrictStore, store: S3Store, body: bytes
) -> None:
    """`recording-operator copy` makes no probe."""
    strict.bucket.dialect = Dialect(shown="parts", etags="opaque", conditions="ignored")
    foreign = Attributes(content_type="text/plain", metadata={}, headers={})
    strict.bucket.put(KEY, b"somebody else's", foreign, if_absent=False)
    assert refuses(lambda: run_transfer(serve(body).url, store, options=OPTIONS)) is Reason.STORE_KEY_CONFLICT
    assert [version.body for version in strict.bucket.versions[KEY]] == [b"somebody else's"]
    del strict.bucket.versions[KEY]
    stored = run_transfer(serve(body).url, store, options=OPTIONS)
    check_stored(stored, body, strict)
    assert stored.verified_by is Reason.READ_BACK


def test_inline_text_that_was_damaged_is_stored_again(site: Site) -> None:
    site.strict.fault(Fault(operation="PutObject", action=FlipBit()))
    assert refuses(lambda: store_text(SMALL, an_object(), store=site.store)) is Reason.STORE_INTEGRITY
    stored = store_text(SMALL, an_object(), store=site.store)
    check_stored(stored, SMALL, site.strict)
    assert store_text(SMALL, an_object(), store=site.store) == stored


CALLS = {
    "aws": ["PutObject", "HeadObject"],
    "no-sums": ["PutObject", "HeadObject"],
    "opaque-etags": ["PutObject", "HeadObject", "GetObject"],
    "no-conditions": ["HeadObject", "PutObject", "HeadObject"],
}


@pytest.mark.parametrize("name", CALLS)
def test_the_requests_of_a_small_object(serve: Serve, strict: StrictStore, store: S3Store, name: str) -> None:
    site = at(name, strict, store)
    move(serve(SMALL), site)
    assert [seen.operation for seen in strict.requests] == CALLS[name]
    strict.requests.clear()
    store_text(b"text", an_object(key=f"{KEY}.txt"), store=site.store)
    assert [seen.operation for seen in strict.requests] == CALLS[name]


def test_a_small_object_without_checksums_has_its_md5(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    site = at("no-sums", strict, store)
    move(serve(SMALL), site)
    headers = strict.bucket.versions[KEY][0].attributes.headers
    assert "content-md5" in headers
    assert not [name for name in headers if "checksum" in name]


def hex_of(algorithm: str, body: bytes) -> str:
    """As the spec writes it."""
    if algorithm == "crc64nvme":
        return f"{crc64nvme(body):016x}"
    return f"{zlib.crc32(body):08x}" if algorithm == "crc32" else hashlib.new(algorithm, body).hexdigest()
