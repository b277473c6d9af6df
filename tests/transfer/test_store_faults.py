"""Faults of the store, T1 to T24: what comes out, that no byte is wrong and nothing is left behind."""

import hashlib
import threading
import time
import zlib
from collections.abc import Callable
from datetime import timedelta

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.transfer.artifact import abort_uploads, store_inline
from recording_operator.transfer.checksums import crc64nvme
from recording_operator.transfer.errors import Stopped, TransferError
from recording_operator.transfer.job import UploadState
from recording_operator.transfer.stores.client import S3Credentials
from recording_operator.transfer.stores.s3 import S3Store
from tests.support.lying_source import CANARY, Behaviour, LyingSource, SourceRequest
from tests.support.strict_bucket import Attributes
from tests.support.strict_faults import (
    Answer,
    Drop,
    ErrorIn200,
    FalseSuccess,
    Fault,
    FlipBit,
    LoseUpload,
    Operation,
    Stall,
)
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KEY,
    KIB,
    MIB,
    Observed,
    an_object,
    check_stored,
    fast_options,
    pattern,
    run_transfer,
    store_of,
)

Serve = Callable[[bytes], LyingSource]
BODY = pattern(2 * MIB + 12_345)
SMALL = BODY[:20_000]
PART = 256 * KIB
PARTS = -(-len(BODY) // PART)
FOREIGN = Attributes(content_type="text/plain", metadata={}, headers={})


def fails(run: Callable[[], object]) -> TransferError:
    """The error that `run` ends with; it shows no secret."""
    with pytest.raises(TransferError) as caught:
        run()
    assert CANARY not in f"{caught.value!r} {caught.value} {caught.value.message}"
    return caught.value


def test_t1_slow_down_on_a_third_of_the_parts(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.fault(Fault(operation="UploadPart", action=Answer(status=503, code="SlowDown"), every=3, times=100))
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


@pytest.mark.parametrize("done", [True, False])
def test_t2_error_document_in_a_200_to_complete(serve: Serve, strict: StrictStore, store: S3Store, done: bool) -> None:
    strict.fault(Fault(operation="CompleteMultipartUpload", action=ErrorIn200(done=done)))
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


@pytest.mark.parametrize("afterwards", ["OK", "NoSuchUpload", "PreconditionFailed"])
def test_t3_complete_succeeds_and_its_answer_is_lost(
    serve: Serve, strict: StrictStore, store: S3Store, afterwards: str
) -> None:
    strict.bucket.after_complete = afterwards
    strict.fault(Fault(operation="CompleteMultipartUpload", action=Drop(when="after")))
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


def test_t3_put_succeeds_and_its_answer_is_lost(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.fault(Fault(operation="PutObject", action=Drop(when="after")))
    check_stored(run_transfer(serve(SMALL).url, store), SMALL, strict)


def test_t3_crash_between_complete_and_the_status(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    observed = Observed()
    first = run_transfer(source.url, store, observed=observed)
    asked = len(source.served)
    again = run_transfer(source.url, store, resume=observed.states[-1])
    assert again == first
    assert len(source.served) == asked, "the source was read for an object that is already there"
    check_stored(again, BODY, strict)


@pytest.mark.parametrize("operation", ["CompleteMultipartUpload", "PutObject"])
def test_false_200_and_no_object_is_not_believed(
    serve: Serve, strict: StrictStore, store: S3Store, operation: Operation
) -> None:
    body = BODY if operation == "CompleteMultipartUpload" else SMALL
    strict.fault(Fault(operation=operation, action=FalseSuccess(), times=2))
    check_stored(run_transfer(serve(body).url, store), body, strict)
    assert strict.count(operation) == 3


def test_false_200_for_ever_ends_the_attempt_and_keeps_the_parts(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    strict.fault(Fault(operation="CompleteMultipartUpload", action=FalseSuccess(), times=1000))
    error = fails(lambda: run_transfer(serve(BODY).url, store))
    assert error.reason is Reason.TARGET_UNAVAILABLE
    assert strict.open_uploads() == [KEY]
    assert strict.keys() == []


def test_t4_the_upload_is_aborted_by_somebody_in_mid_transfer(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    strict.fault(Fault(operation="UploadPart", action=LoseUpload(), first=4))
    observed = Observed()
    check_stored(run_transfer(serve(BODY).url, store, observed=observed), BODY, strict)
    assert len(observed.states) == 2, "the new upload was not reported"


def test_t4_the_upload_is_gone_at_a_resume(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    gone = UploadState(upload_id="gone", part_size_bytes=PART, size_bytes=len(BODY), etag='"v1"', last_modified=None)
    observed = Observed()
    check_stored(run_transfer(serve(BODY).url, store, observed=observed, resume=gone), BODY, strict)
    assert len(observed.states) == 1


def test_t4_an_upload_that_is_lost_again_and_again_ends_the_attempt(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    strict.fault(Fault(operation="UploadPart", action=LoseUpload(), times=1000))
    assert fails(lambda: run_transfer(serve(BODY).url, store)).reason is Reason.TARGET_UPLOAD_LOST
    assert strict.count("CreateMultipartUpload") == 3
    assert strict.open_uploads() == []


def test_t5_an_upload_that_nobody_wrote_down_is_dropped_with_the_others_at_its_key(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    store.create_upload(an_object())
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


def test_t6_a_part_whose_answer_was_lost_is_not_sent_again_after_a_restart(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source, observed = serve(BODY), Observed()
    source.behave = lambda request: Behaviour(hold_after=3 * PART) if request.number == 2 else Behaviour()
    stop_when(observed, lambda: len(parts_of(strict)) == 3)
    with pytest.raises(Stopped):
        run_transfer(source.url, store, observed=observed, options=fast_options(workers=1))
    fresh = serve(BODY)
    check_stored(run_transfer(fresh.url, store, resume=observed.states[-1]), BODY, strict)
    assert {request.first_byte for request in fresh.served[1:]}.isdisjoint(range(3 * PART))


def test_t8_a_part_that_arrives_wrong_is_sent_again(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.fault(Fault(operation="UploadPart", action=FlipBit(), first=2, times=2))
    check_stored(run_transfer(serve(BODY).url, store, options=fast_options(workers=1)), BODY, strict)
    assert strict.count("UploadPart") == PARTS + 2


def test_t8_bad_digest_is_sent_again(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.fault(Fault(operation="UploadPart", action=Answer(status=400, code="BadDigest"), first=2, times=2))
    check_stored(run_transfer(serve(BODY).url, store, options=fast_options(workers=1)), BODY, strict)


def test_t8_a_part_that_always_arrives_wrong_ends_the_attempt(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source, observed = serve(BODY), Observed()
    strict.fault(Fault(operation="UploadPart", action=FlipBit(), first=3, times=1000))
    error = fails(lambda: run_transfer(source.url, store, observed=observed))
    assert error.reason is Reason.TARGET_INTEGRITY
    assert strict.open_uploads() == [], "the store lists the wrong part with the sum of its wrong bytes"
    strict.heal()
    check_stored(run_transfer(source.url, store, resume=observed.states[-1]), BODY, strict)


def test_t9_a_flipped_bit_in_a_store_that_shows_no_sums_of_parts_is_found_at_the_end(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    strict.bucket.shows_part_checksums = False
    strict.fault(Fault(operation="UploadPart", action=FlipBit(), first=3))
    error = fails(lambda: run_transfer(serve(BODY).url, store))
    assert error.reason is Reason.TARGET_INTEGRITY
    assert strict.keys() == []


def test_t9_a_small_object_with_a_flipped_bit_is_removed(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.fault(Fault(operation="PutObject", action=FlipBit()))
    error = fails(lambda: run_transfer(serve(SMALL).url, store))
    assert error.reason is Reason.TARGET_INTEGRITY
    assert strict.keys() == []


def test_t10_parts_are_never_too_small(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.bucket.least_part_bytes = PART
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


def test_t11_a_store_that_counts_other_bytes_than_we_do(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    # What AWS answers where MpuObjectSize is not the sum of the parts.
    refused = Answer(status=400, code="InvalidRequest")
    strict.fault(Fault(operation="CompleteMultipartUpload", action=refused, times=1000))
    error = fails(lambda: run_transfer(serve(BODY).url, store))
    assert error.reason is Reason.TARGET_INTEGRITY
    assert strict.open_uploads() == []
    assert strict.keys() == []


def test_t12_a_clock_that_is_wrong_is_the_locations_matter(strict: StrictStore, store: S3Store) -> None:
    strict.clock_offset = timedelta(hours=1)
    error = fails(lambda: store_inline(SMALL, an_object(), store=store))
    # HEAD has no body to say why; the probe of the location finds out.
    assert error.reason is Reason.TARGET_DENIED


@pytest.mark.parametrize("operation", ["HeadObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
def test_t13_rights_taken_away_keep_the_upload_and_a_later_attempt_ends_it(
    serve: Serve, strict: StrictStore, store: S3Store, operation: str
) -> None:
    source, observed = serve(BODY), Observed()
    strict.denied = {operation}
    error = fails(lambda: run_transfer(source.url, store, observed=observed))
    assert error.reason is Reason.TARGET_DENIED
    strict.denied = set()
    resume = observed.states[-1] if observed.states else None
    check_stored(run_transfer(source.url, store, resume=resume), BODY, strict)
    assert strict.count("UploadPart") <= PARTS + 4


def test_t13_wrong_keys(serve: Serve, strict: StrictStore) -> None:
    for access_key, secret_key in (("AKIAOTHER", strict.secret_key), (strict.access_key, "wrong-secret-key")):
        keys = S3Credentials(access_key_id=access_key, secret_access_key=secret_key)
        error = fails(lambda keys=keys: run_transfer(serve(BODY).url, store_of(strict, credentials=keys)))  # type: ignore[misc]
        assert error.reason is Reason.TARGET_DENIED
        assert secret_key not in str(error)
        assert access_key not in str(error)


def test_t14_no_such_bucket(strict: StrictStore) -> None:
    store = store_of(strict, bucket="other")
    error = fails(lambda: store.create_upload(an_object()))
    assert error.reason is Reason.BUCKET_NOT_FOUND


@pytest.mark.parametrize("drop", [Drop(when="before"), Drop(when="in body", body_bytes=70_000), Drop(when="after")])
def test_t16_connection_reset(serve: Serve, strict: StrictStore, store: S3Store, drop: Drop) -> None:
    strict.fault(Fault(operation="UploadPart", action=drop, first=2, every=3, times=3))
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


def test_t16_no_store_there_at_all_ends_the_attempt(serve: Serve, strict: StrictStore) -> None:
    store = store_of(strict, endpoint="http://127.0.0.1:9")
    error = fails(lambda: run_transfer(serve(BODY).url, store, options=fast_options(unavailable_s=0.01)))
    assert error.reason is Reason.TARGET_UNAVAILABLE


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload", "CreateMultipartUpload", "HeadObject"])
def test_t17_a_store_that_accepts_and_never_answers(serve: Serve, strict: StrictStore, operation: Operation) -> None:
    strict.fault(Fault(operation=operation, action=Stall()))
    store = store_of(strict, answer_timeout_s=0.3)
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


def test_t17_k8_stop_ends_a_store_that_hangs(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.fault(Fault(operation="UploadPart", action=Stall(), times=1000))
    observed = Observed()
    stop_when(observed, lambda: strict.count("CreateMultipartUpload") == 1 and len(observed.progressed) > 0)
    begun = time.monotonic()
    with pytest.raises(Stopped):
        run_transfer(serve(BODY).url, store, observed=observed)
    assert time.monotonic() - begun < 10
    assert strict.open_uploads() == [KEY]


def test_t23_new_keys_go_on_with_the_same_upload(serve: Serve, strict: StrictStore) -> None:
    source, observed = serve(BODY), Observed()
    old = store_of(strict)

    def rotate(request: SourceRequest) -> Behaviour:
        if request.number == 2:
            strict.secret_key = "rotated-in-mid-upload"
        return Behaviour()

    source.behave = rotate
    assert fails(lambda: run_transfer(source.url, old, observed=observed)).reason is Reason.TARGET_DENIED
    check_stored(run_transfer(source.url, store_of(strict), resume=observed.states[-1]), BODY, strict)
    assert strict.count("CreateMultipartUpload") == 1


@pytest.mark.parametrize("body", [BODY, SMALL], ids=["multipart", "small"])
def test_t19_a_foreign_object_that_was_there_before(
    serve: Serve, strict: StrictStore, store: S3Store, body: bytes
) -> None:
    strict.bucket.put(KEY, b"somebody else's", FOREIGN, if_absent=False)
    source = serve(body)
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.TARGET_KEY_CONFLICT
    assert source.served == []
    assert [version.body for version in strict.bucket.versions[KEY]] == [b"somebody else's"]


@pytest.mark.parametrize("body", [BODY, SMALL], ids=["multipart", "small"])
def test_t19_a_foreign_object_that_comes_in_between(
    serve: Serve, strict: StrictStore, store: S3Store, body: bytes
) -> None:
    source = serve(body)

    def behave(_: object) -> Behaviour:
        if strict.bucket.current(KEY) is None:
            strict.bucket.put(KEY, b"somebody else's", FOREIGN, if_absent=False)
        return Behaviour()

    source.behave = behave
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.TARGET_KEY_CONFLICT
    assert [version.body for version in strict.bucket.versions[KEY]] == [b"somebody else's"]
    assert strict.open_uploads() == []


def test_t19_another_recordings_object_is_foreign(serve: Serve, store: S3Store) -> None:
    run_transfer(serve(SMALL).url, store, obj=an_object(recording_uid="uid-other"))
    error = fails(lambda: run_transfer(serve(BODY).url, store))
    assert error.reason is Reason.TARGET_KEY_CONFLICT


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_t19_a_conflict_that_passes(serve: Serve, strict: StrictStore, store: S3Store, code: str) -> None:
    strict.fault(Fault(operation="CompleteMultipartUpload", action=Answer(status=409, code=code), times=2))
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


def test_k15_two_operators_store_one_object(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    results: list[object] = []

    def run() -> None:
        try:
            results.append(run_transfer(source.url, store))
        except TransferError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    stored = [result for result in results if not isinstance(result, TransferError)]
    assert stored, results
    check_stored(stored[0], BODY, strict)  # type: ignore[arg-type]


@pytest.mark.parametrize(("status", "code"), [(507, "InsufficientStorage"), (403, "QuotaExceeded")])
def test_t22_quota(serve: Serve, strict: StrictStore, store: S3Store, status: int, code: str) -> None:
    strict.fault(Fault(operation="UploadPart", action=Answer(status=status, code=code), times=1000))
    assert fails(lambda: run_transfer(serve(BODY).url, store)).reason is Reason.TARGET_QUOTA


def test_t24_abort_that_is_refused_is_told(strict: StrictStore, store: S3Store) -> None:
    upload_id = store.create_upload(an_object())
    strict.denied = {"AbortMultipartUpload"}
    assert fails(lambda: abort_uploads(KEY, store=store, upload_id=upload_id)).reason is Reason.TARGET_DENIED
    strict.denied = set()
    assert abort_uploads(KEY, store=store, upload_id=upload_id) == 1
    assert abort_uploads(KEY, store=store, upload_id=upload_id) == 0
    assert strict.open_uploads() == []


def test_abort_leaves_uploads_at_other_keys_alone(strict: StrictStore, store: S3Store) -> None:
    store.create_upload(an_object())
    store.create_upload(an_object(key=f"{KEY}.part2"))
    assert abort_uploads(KEY, store=store, upload_id=None) == 1
    assert strict.open_uploads() == [f"{KEY}.part2"]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("size", [len(SMALL), len(BODY)])
@pytest.mark.parametrize("algorithm", ["sha256", "md5", "crc32", "crc64nvme"])
def test_checksum_of_the_spec_is_proved(
    serve: Serve, strict: StrictStore, store: S3Store, algorithm: str, size: int, ranges: bool
) -> None:
    body = BODY[:size]
    source = serve(body)
    source.behave = lambda _: Behaviour(ranges=ranges)
    check_stored(run_transfer(source.url, store, checksum=sum_of(algorithm, body)), body, strict)
    assert strict.count("GetObject") == 0, "the object was read back although its bytes came in order"
    other = an_object(key="other/video.mp4")
    wrong = sum_of(algorithm, body + b"x")
    error = fails(lambda: run_transfer(source.url, store, checksum=wrong, obj=other))
    assert error.reason is Reason.CHECKSUM_MISMATCH
    assert strict.keys() == [KEY]
    assert strict.open_uploads() == []


@pytest.mark.parametrize("right", [True, False])
def test_checksum_of_the_spec_is_proved_after_a_resume(
    serve: Serve, strict: StrictStore, store: S3Store, right: bool
) -> None:
    source, observed = serve(BODY), Observed()
    source.behave = lambda request: Behaviour(hold_after=3 * PART) if request.number == 2 else Behaviour()
    stop_when(observed, lambda: len(parts_of(strict)) == 3)
    checksum = sum_of("sha256", BODY if right else BODY + b"x")
    with pytest.raises(Stopped):
        run_transfer(source.url, store, observed=observed, checksum=checksum)
    source.behave = lambda _: Behaviour()
    if right:
        stored = run_transfer(source.url, store, resume=observed.states[-1], checksum=checksum)
        check_stored(stored, BODY, strict)
        assert strict.count("GetObject") == 1
        return
    error = fails(lambda: run_transfer(source.url, store, resume=observed.states[-1], checksum=checksum))
    assert error.reason is Reason.CHECKSUM_MISMATCH
    assert strict.keys() == []


def test_checksum_of_the_spec_is_proved_after_a_crash_before_the_proof(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    run_transfer(serve(BODY).url, store)
    wrong = sum_of("sha256", BODY + b"x")
    error = fails(lambda: run_transfer(serve(BODY).url, store, checksum=wrong))
    assert error.reason is Reason.CHECKSUM_MISMATCH
    assert strict.keys() == [], "an object with a wrong checksum was left to be believed later"


def test_a_location_with_keys_of_its_own_asks_nobody_else(
    serve: Serve, strict: StrictStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_PROFILE": "no-such-profile",
        "AWS_ACCESS_KEY_ID": "AKIASOMEBODY",
        "AWS_SECRET_ACCESS_KEY": "else",
        "AWS_SESSION_TOKEN": "else",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_REGION": "mars-1",
        "AWS_CONFIG_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    check_stored(run_transfer(serve(BODY).url, store_of(strict)), BODY, strict)


def test_inline_artifacts_are_stored_once(strict: StrictStore, store: S3Store) -> None:
    first = store_inline(SMALL, an_object(), store=store)
    assert store_inline(SMALL, an_object(), store=store) == first
    check_stored(first, SMALL, strict)


def test_attributes_of_the_location_are_on_the_object(serve: Serve, strict: StrictStore) -> None:
    store = store_of(
        strict,
        storage_class="STANDARD_IA",
        encryption_type="aws:kms",
        kms_key_id="key-1",
        tags=(("team", "a b"), ("x", "y&z")),
    )
    for body, key in ((BODY, KEY), (SMALL, "small/a.mp4")):
        obj = an_object(key=key)
        check_stored(run_transfer(serve(body).url, store, obj=obj), body, strict, obj=obj)
        headers = strict.bucket.versions[key][0].attributes.headers
        assert headers["x-amz-storage-class"] == "STANDARD_IA"
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"
        assert headers["x-amz-tagging"] == "team=a+b&x=y%26z"
        assert headers["content-disposition"] == f'inline; filename="{key.rpartition("/")[2]}"'


def test_delete_removes_exactly_our_version(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    stored = run_transfer(serve(SMALL).url, store)
    strict.bucket.put(KEY, b"newer, of somebody else", FOREIGN, if_absent=False)
    assert not store.delete(KEY, version_id=None, recording_uid="uid-1"), "the newest is not ours"
    assert not store.delete(KEY, version_id=stored.version_id, recording_uid="uid-2")
    assert store.delete(KEY, version_id=stored.version_id, recording_uid="uid-1")
    assert not store.delete(KEY, version_id=stored.version_id, recording_uid="uid-1")
    assert [version.body for version in strict.bucket.versions[KEY]] == [b"newer, of somebody else"]


def sum_of(algorithm: str, body: bytes) -> str:
    """The checksum as a spec writes it."""
    if algorithm == "crc64nvme":
        return f"crc64nvme:{crc64nvme(body):016x}"
    if algorithm == "crc32":
        return f"crc32:{zlib.crc32(body):08x}"
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def parts_of(strict: StrictStore) -> set[int]:
    """Part numbers in the open uploads."""
    return {number for upload in list(strict.bucket.uploads.values()) for number in list(upload.parts)}


def stop_when(observed: Observed, holds: Callable[[], bool]) -> None:
    """Stop the transfer as soon as something holds."""

    def watch() -> None:
        while not holds():
            if observed.stop.wait(0.005):
                return
        observed.stop.set()

    threading.Thread(target=watch, daemon=True).start()
