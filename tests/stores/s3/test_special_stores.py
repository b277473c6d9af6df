"""Stores with special rules: archive classes, equal parts, Object Lock, wrong checksums of joined objects."""

import hashlib
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation_store import ChecksumUse
from recording_operator.errors import LocationError
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.probe.ownership import claim_prefix
from recording_operator.stores.s3.probe.prober import probe
from recording_operator.transfer.upload.part_plan import MIB, MOST_PARTS, plan_equal_parts, plan_parts
from tests.support.lying_source import Behaviour, Serve
from tests.support.strict_bucket import ARCHIVED_CLASSES
from tests.support.strict_dialect import DIALECTS, Dialect
from tests.support.strict_faults import ErrorResponse, Fault, Misjoin
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    Observed,
    an_object,
    check_stored,
    fails,
    pattern,
    run_transfer,
    store_of,
)

PART = 256 * KIB
BODY = pattern(3 * PART + 12_345)
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
KNOWN = Joins()


def not_ready(store: S3Store, *, joins: Joins | None = KNOWN) -> LocationError:
    """What the probe ends with."""
    with pytest.raises(LocationError) as caught:
        probe(store, joins=joins)
    return caught.value


def with_options(store: S3Store, **more: object) -> S3Store:
    """The same client with other attributes of objects."""
    return store.writing(replace(store.options, **more))  # type: ignore[arg-type]


@pytest.fixture
def archived(store: S3Store) -> S3Store:
    """A location whose objects cannot be read."""
    return with_options(store, storage_class="DEEP_ARCHIVE")


def joined_classes(strict: StrictStore) -> set[str | None]:
    """Classes of all objects that the store ever held."""
    versions = [version for kept in strict.bucket.versions.values() for version in kept]
    return {version.attributes.headers.get("x-amz-storage-class") for version in versions}


# T25


@pytest.mark.parametrize("name", ["GLACIER", "DEEP_ARCHIVE"])
def test_t25_a_probe_writes_no_archived_object(strict: StrictStore, store: S3Store, name: str) -> None:
    strict.denied = {"DeleteObject"}  # all that was ever written is still there
    found = probe(with_options(store, storage_class=name))
    assert found == Capabilities(reads_back=False)
    assert joined_classes(strict) == {None}
    assert strict.open_uploads() == []


def test_t25_the_owner_marker_is_neither_archived_nor_read(strict: StrictStore, archived: S3Store) -> None:
    assert claim_prefix(archived, owner_id="cluster-1") == "cluster-1"
    assert claim_prefix(archived, owner_id="cluster-2") == "cluster-1"
    assert joined_classes(strict) == {None}
    assert strict.count("GetObject") == 0


def test_t25_a_marker_archived_by_an_earlier_operator_is_recognised_by_head(
    strict: StrictStore, archived: S3Store
) -> None:
    claim_prefix(archived, owner_id="cluster-1")
    (version,) = strict.bucket.versions[".recording-operator/owner"]
    version.attributes.headers["x-amz-storage-class"] = "GLACIER"
    assert "GLACIER" in ARCHIVED_CLASSES
    assert claim_prefix(archived, owner_id="cluster-2") == "cluster-1"


def test_t25_a_class_that_the_store_does_not_have_is_named(strict: StrictStore, store: S3Store) -> None:
    error = not_ready(with_options(store, storage_class="COLD"))
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "spec.s3.storageClass, COLD" in error.message
    assert "InvalidStorageClass" in error.message
    assert strict.keys() == []
    assert strict.open_uploads() == []


def test_t25_an_archive_class_that_only_reading_back_could_verify_is_rejected(strict: StrictStore) -> None:
    strict.bucket.dialect = DIALECTS["nothing"]
    error = not_ready(store_of(strict, storage_class="GLACIER"))
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "cannot be read back" in error.message


def test_t25_an_archived_object_is_verified_without_being_read(
    serve: Serve, strict: StrictStore, archived: S3Store
) -> None:
    archived = archived.adapted(probe(archived, joins=KNOWN))
    strict.requests.clear()
    stored = run_transfer(serve(BODY).url, archived, checksum=SHA256)
    check_stored(stored, BODY, strict)
    assert stored.proved_checksum == "sha256"
    assert strict.count("GetObject") == 0
    assert joined_classes(strict) == {"DEEP_ARCHIVE"}


def test_t25_a_resumed_upload_reads_the_source_for_a_checksum_not_the_archive(
    serve: Serve, strict: StrictStore, archived: S3Store
) -> None:
    archived = archived.adapted(Capabilities(reads_back=False))
    observed = Observed()
    denied = ErrorResponse(status=403, code="AccessDenied")
    strict.fault(Fault(operation="UploadPart", action=denied, first=3, times=1000))
    source = serve(BODY)
    fails(lambda: run_transfer(source.url, archived, observed=observed, checksum=SHA256))
    strict.heal()
    strict.requests.clear()

    stored = run_transfer(source.url, archived, resume=observed.states[-1], checksum=SHA256)

    check_stored(stored, BODY, strict)
    assert stored.proved_checksum == "sha256"
    assert strict.count("GetObject") == 0
    assert strict.count("UploadPart") == 2, "what was stored is not sent again"


def test_t25_an_object_that_only_reading_back_could_verify_is_rejected_before_any_transfer(
    serve: Serve, strict: StrictStore, archived: S3Store
) -> None:
    archived = archived.adapted(Capabilities(reads_back=False))
    source, observed = serve(BODY), Observed()
    run_transfer(source.url, archived, observed=observed)
    strict.requests.clear()
    source.served.clear()
    error = fails(lambda: run_transfer(source.url, archived, resume=observed.states[-1], checksum=SHA256))
    assert error.reason is Reason.INTEGRITY_UNVERIFIABLE
    assert "archive class" in error.message
    assert source.served == []
    assert strict.count("GetObject") == 0
    assert len(strict.keys()) == 1, "it may be right, and is left alone"


# T26


def test_t26_a_store_that_demands_equal_parts_is_found_out(strict: StrictStore, store: S3Store) -> None:
    strict.bucket.dialect = DIALECTS["equal-parts"]
    found = probe(store)
    assert not found.joins.unequal_parts
    assert found.joins.checksums
    assert strict.keys() == []
    assert strict.open_uploads() == []


@pytest.fixture
def growing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of an unknown length double after two, so that few bytes show it."""
    monkeypatch.setattr("recording_operator.stores.capabilities.Joins.most_parts", 20)


@pytest.mark.usefixtures("growing")
@pytest.mark.parametrize("name", ["equal-parts", "aws"])
def test_t26_a_stream_of_unknown_length_is_stored(serve: Serve, strict: StrictStore, store: S3Store, name: str) -> None:
    strict.bucket.dialect = DIALECTS[name]
    joins = Joins(unequal_parts=name == "aws")
    body = pattern(9 * PART + 5)
    source = serve(body)
    source.behave = lambda _: Behaviour(ranges=False, framing="chunked")
    stored = run_transfer(source.url, store.adapted(Capabilities(joins=joins)))
    check_stored(stored, body, strict)
    sizes = Counter(seen.body_bytes for seen in strict.requests if seen.operation == "UploadPart")
    assert len(sizes) == (2 if name == "equal-parts" else 3)


@pytest.mark.usefixtures("growing")
def test_t26_without_equal_parts_such_a_store_rejects_the_stream(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    strict.bucket.dialect = DIALECTS["equal-parts"]
    source = serve(pattern(9 * PART + 5))
    source.behave = lambda _: Behaviour(ranges=False, framing="chunked")
    assert fails(lambda: run_transfer(source.url, store.adapted(Capabilities()))).reason is Reason.STORE_INTEGRITY


@pytest.mark.usefixtures("growing")
def test_t26_the_error_of_a_stream_too_long_for_equal_parts_names_the_remedy(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    strict.bucket.dialect = DIALECTS["equal-parts"]
    source = serve(pattern(20 * PART + 5))
    source.behave = lambda _: Behaviour(ranges=False, framing="chunked")
    error = fails(lambda: run_transfer(source.url, store.adapted(Capabilities(joins=Joins(unequal_parts=False)))))
    assert error.reason is Reason.SOURCE_TOO_LARGE
    assert "limits.maxArtifactSize" in error.message


@pytest.mark.parametrize(
    ("most_bytes", "part_bytes"),
    [
        (None, 8 * MIB),
        (1, 8 * MIB),
        (80_000 * MIB, 8 * MIB),
        (80_001 * MIB, 9 * MIB),
        (640_000 * MIB, 64 * MIB),
        (2**42, 64 * MIB),
    ],
)
def test_t26_equal_parts_are_as_large_as_what_is_expected_asks_for(most_bytes: int | None, part_bytes: int) -> None:
    plan = plan_equal_parts(most_bytes, smallest_bytes=8 * MIB, largest_bytes=64 * MIB)
    assert plan.part_size_bytes == part_bytes
    assert {plan.length(number) for number in (1, 1001, MOST_PARTS)} == {part_bytes}
    assert plan.offset(MOST_PARTS) == (MOST_PARTS - 1) * part_bytes
    assert plan.is_legal(smallest_bytes=5 * MIB)


@pytest.mark.parametrize("size", [1, 8 * MIB, 100 * MIB, 57 * 2**30, 2**40, 4 * 2**40])
def test_t18_a_store_that_takes_a_thousand_parts_gets_no_more(size: int) -> None:
    plan = plan_parts(size, workers=4, smallest_bytes=8 * MIB, largest_bytes=64 * MIB, most_parts=1_000)
    assert (plan.count or 0) <= 1_000
    assert plan.is_legal(smallest_bytes=5 * MIB)
    unknown = plan_parts(None, workers=4, smallest_bytes=8 * MIB, largest_bytes=64 * MIB, most_parts=1_000)
    assert unknown.is_legal(smallest_bytes=5 * MIB)
    assert unknown.offset(1_000) > 700 * 2**30
    assert not unknown.fits(1_001, unknown.length(1_001))


def test_t18_a_store_that_takes_a_thousand_parts_is_found_out(strict: StrictStore, store: S3Store) -> None:
    strict.bucket.dialect = DIALECTS["thousand-parts"]
    found = probe(store)
    assert found.joins == Joins(ten_thousand_parts=False)
    assert strict.open_uploads() == []


# T27


@pytest.mark.parametrize("sums", [ChecksumUse.AUTO, ChecksumUse.OFF])
def test_t27_a_bucket_with_object_lock_uses_trailers_or_the_message_says_what_to_do(
    strict: StrictStore, sums: ChecksumUse
) -> None:
    strict.bucket.dialect = Dialect(sums_needed=True)
    store = store_of(strict, checksums=sums)
    if sums is ChecksumUse.AUTO:
        assert probe(store) == Capabilities()
        return
    error = not_ready(store)
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "Object Lock" in error.message
    assert "set spec.s3.checksums to Auto" in error.message
    assert strict.open_uploads() == []
    assert strict.keys() == []


def test_t27_a_store_without_trailers_that_requires_checksums_of_parts_is_reported(
    strict: StrictStore, store: S3Store
) -> None:
    strict.bucket.dialect = Dialect(sums_needed=True, trailers="refused")
    error = not_ready(store)
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "Object Lock" in error.message
    assert "trailers. The store rejects them." in error.message


# T28


@pytest.mark.parametrize("name", ["sums-of-joins-wrong", "sums-of-joins-wrong-and-unchecked"])
def test_t28_wrong_checksums_of_joined_objects_are_found_by_the_probe(
    serve: Serve, strict: StrictStore, store: S3Store, name: str
) -> None:
    strict.bucket.dialect = DIALECTS[name]
    found = probe(store)
    assert not found.joins.checksums
    assert found.verified_by is Reason.ETAG_MD5
    assert probe(store.adapted(found)) == found, "it is remembered"
    stored = run_transfer(serve(BODY).url, store.adapted(found))
    check_stored(stored, BODY, strict)
    assert stored.verified_by is Reason.ETAG_MD5


def test_t28_joins_are_tried_once(strict: StrictStore, store: S3Store) -> None:
    found = probe(store)
    assert sum(seen.body_bytes for seen in strict.requests) > 10 * MIB
    strict.requests.clear()
    assert probe(store.adapted(found)) == found
    assert sum(seen.body_bytes for seen in strict.requests) < 10 * KIB
    strict.requests.clear()
    assert Joins.of_status(found.as_status()) == found.joins
    assert Joins.of_status({"versioning": True}) is None, "written by an earlier operator"


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "HeadObject"])
def test_t28_rights_that_fail_during_the_trial_weaken_nothing(
    strict: StrictStore, store: S3Store, operation: str
) -> None:
    probe(store, joins=KNOWN)
    before = strict.count(operation)
    for number in range(before + 1, before + 4):
        strict.fault(Fault(operation=operation, action=ErrorResponse(status=403, code="AccessDenied"), first=number))  # type: ignore[arg-type]
        with suppress(LocationError):
            assert probe(store) == Capabilities()
        strict.heal()


def test_t28_a_store_that_joins_to_other_bytes_cannot_be_used(strict: StrictStore, store: S3Store) -> None:
    probe(store, joins=KNOWN)
    strict.fault(Fault(operation="CompleteMultipartUpload", action=Misjoin(fault="swap parts"), times=1000))
    error = not_ready(store, joins=None)
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "differ from those sent" in error.message


def test_t28_uploads_of_a_trial_that_was_killed_are_aborted(store: S3Store) -> None:
    for end in ("-join", "-join-equal", "-join-unequal"):
        store.create_upload(an_object(key=f".recording-operator/probe{end}"))
    neighbour = store.create_upload(an_object(key=".recording-operator/probe-of-another-cluster-join"))
    probe(store, joins=KNOWN)
    assert [upload.upload_id for upload in store.uploads("")] == [neighbour]
