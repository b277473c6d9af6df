"""Faults of the store, T12 to T24: permissions, clocks, stalls, objects of other clients, quotas."""

import threading
import time
from datetime import timedelta

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.upload.open_uploads import abort_uploads
from tests.support.lying_source import Behaviour, Serve, SourceRequest
from tests.support.strict_bucket import Attributes
from tests.support.strict_faults import (
    Drop,
    ErrorResponse,
    Fault,
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
    fails,
    fast_options,
    parts_of,
    pattern,
    run_transfer,
    stop_when,
    store_of,
    store_text,
)

BODY = pattern(2 * MIB + 12_345)
SMALL = BODY[:20_000]
PART = 256 * KIB
PARTS = -(-len(BODY) // PART)
FOREIGN = Attributes(content_type="text/plain", metadata={}, headers={})


def test_t12_a_clock_that_is_wrong_is_the_locations_matter(strict: StrictStore, store: S3Store) -> None:
    strict.clock_offset = timedelta(hours=1)
    error = fails(lambda: store_text(SMALL, an_object(), store=store))
    # HEAD has no body to say why; the probe of the location finds out.
    assert error.reason is Reason.STORE_DENIED


@pytest.mark.parametrize("operation", ["HeadObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
def test_t13_rights_taken_away_keep_the_upload_and_a_later_attempt_ends_it(
    serve: Serve, strict: StrictStore, store: S3Store, operation: str
) -> None:
    source, observed = serve(BODY), Observed()
    strict.denied = {operation}
    error = fails(lambda: run_transfer(source.url, store, observed=observed))
    assert error.reason is Reason.STORE_DENIED
    strict.denied = set()
    resume = observed.states[-1] if observed.states else None
    check_stored(run_transfer(source.url, store, resume=resume), BODY, strict)
    assert strict.count("UploadPart") <= PARTS + 4


def test_t13_wrong_keys(serve: Serve, strict: StrictStore) -> None:
    for access_key, secret_key in (("AKIAOTHER", strict.secret_key), (strict.access_key, "wrong-secret-key")):
        keys = StoreCredentials(access_key_id=access_key, secret_access_key=secret_key)
        error = fails(lambda keys=keys: run_transfer(serve(BODY).url, store_of(strict, credentials=keys)))  # type: ignore[misc]
        assert error.reason is Reason.STORE_DENIED
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
    assert error.reason is Reason.STORE_UNAVAILABLE


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload", "CreateMultipartUpload", "HeadObject"])
def test_t17_a_store_that_accepts_and_never_responds(serve: Serve, strict: StrictStore, operation: Operation) -> None:
    strict.fault(Fault(operation=operation, action=Stall()))
    store = store_of(strict, response_timeout_s=0.3)
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
    assert fails(lambda: run_transfer(source.url, old, observed=observed)).reason is Reason.STORE_DENIED
    check_stored(run_transfer(source.url, store_of(strict), resume=observed.states[-1]), BODY, strict)
    assert strict.count("CreateMultipartUpload") == 1


@pytest.mark.parametrize("body", [BODY, SMALL], ids=["multipart", "small"])
def test_t19_a_foreign_object_that_was_there_before(
    serve: Serve, strict: StrictStore, store: S3Store, body: bytes
) -> None:
    strict.bucket.put(KEY, b"somebody else's", FOREIGN, if_absent=False)
    source = serve(body)
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.STORE_KEY_CONFLICT
    assert len(source.served) == 1, "more was read than the source's first bytes"
    assert strict.count("CreateMultipartUpload") == 0
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
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.STORE_KEY_CONFLICT
    assert [version.body for version in strict.bucket.versions[KEY]] == [b"somebody else's"]
    assert strict.open_uploads() == []


def test_t19_another_recordings_object_is_foreign(serve: Serve, store: S3Store) -> None:
    run_transfer(serve(SMALL).url, store, obj=an_object(recording_uid="uid-other"))
    error = fails(lambda: run_transfer(serve(BODY).url, store))
    assert error.reason is Reason.STORE_KEY_CONFLICT


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_t19_a_conflict_that_passes(serve: Serve, strict: StrictStore, store: S3Store, code: str) -> None:
    strict.fault(Fault(operation="CompleteMultipartUpload", action=ErrorResponse(status=409, code=code), times=2))
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
    strict.fault(Fault(operation="UploadPart", action=ErrorResponse(status=status, code=code), times=1000))
    assert fails(lambda: run_transfer(serve(BODY).url, store)).reason is Reason.STORE_QUOTA


def test_t22_parts_stored_before_the_store_was_full_are_kept(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source, observed, options = serve(BODY), Observed(), fast_options(workers=1)
    strict.fault(
        Fault(operation="UploadPart", action=ErrorResponse(status=403, code="QuotaExceeded"), first=3, times=1)
    )
    run = lambda: run_transfer(source.url, store, observed=observed, options=options)  # noqa: E731 - reads as its call
    assert fails(run).reason is Reason.STORE_QUOTA
    assert parts_of(strict) == {1, 2}
    sent = strict.count("UploadPart")
    stored = run_transfer(source.url, store, observed=observed, options=options, resume=observed.states[-1])
    check_stored(stored, BODY, strict)
    assert strict.count("UploadPart") - sent == PARTS - 2


def test_t24_a_rejected_abort_is_reported(strict: StrictStore, store: S3Store) -> None:
    upload_id = store.create_upload(an_object())
    strict.denied = {"AbortMultipartUpload"}
    assert fails(lambda: abort_uploads(KEY, store=store, upload_id=upload_id)).reason is Reason.STORE_DENIED
    strict.denied = set()
    assert abort_uploads(KEY, store=store, upload_id=upload_id) == 1
    assert abort_uploads(KEY, store=store, upload_id=upload_id) == 0
    assert strict.open_uploads() == []
