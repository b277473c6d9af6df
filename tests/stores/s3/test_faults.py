"""Faults of the store while bytes move, T1 to T11: the results, correct bytes, and nothing left behind."""

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.stopping import Stopped
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.observer import UploadState
from tests.support.lying_source import Behaviour, Serve, SourceRequest
from tests.support.strict_bucket import Attributes
from tests.support.strict_faults import (
    Drop,
    ErrorIn200,
    ErrorResponse,
    FalseSuccess,
    Fault,
    FlipBit,
    LoseUpload,
    Operation,
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
)

BODY = pattern(2 * MIB + 12_345)
SMALL = BODY[:20_000]
PART = 256 * KIB
PARTS = -(-len(BODY) // PART)
FOREIGN = Attributes(content_type="text/plain", metadata={}, headers={})


def test_t1_slow_down_on_a_third_of_the_parts(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.fault(Fault(operation="UploadPart", action=ErrorResponse(status=503, code="SlowDown"), every=3, times=100))
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


@pytest.mark.parametrize("done", [True, False])
def test_t2_error_document_in_a_200_to_complete(serve: Serve, strict: StrictStore, store: S3Store, done: bool) -> None:
    strict.fault(Fault(operation="CompleteMultipartUpload", action=ErrorIn200(done=done)))
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


@pytest.mark.parametrize("afterwards", ["OK", "NoSuchUpload", "PreconditionFailed"])
def test_t3_complete_succeeds_and_its_response_is_lost(
    serve: Serve, strict: StrictStore, store: S3Store, afterwards: str
) -> None:
    strict.bucket.after_complete = afterwards
    strict.fault(Fault(operation="CompleteMultipartUpload", action=Drop(when="after")))
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


def test_t3_put_succeeds_and_its_response_is_lost(serve: Serve, strict: StrictStore, store: S3Store) -> None:
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
def test_false_200_without_an_object_does_not_count(
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
    assert error.reason is Reason.STORE_UNAVAILABLE
    assert strict.open_uploads() == [KEY]
    assert strict.keys() == []


def test_t4_the_upload_is_aborted_by_another_client_during_the_transfer(
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
    assert fails(lambda: run_transfer(serve(BODY).url, store)).reason is Reason.STORE_UPLOAD_LOST
    assert strict.count("CreateMultipartUpload") == 3
    assert strict.open_uploads() == []


def test_t5_an_upload_missing_from_the_status_is_aborted_with_the_others_at_its_key(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    store.create_upload(an_object())
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


def test_t6_a_part_whose_response_was_lost_is_not_sent_again_after_a_restart(
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
    strict.fault(Fault(operation="UploadPart", action=ErrorResponse(status=400, code="BadDigest"), first=2, times=2))
    check_stored(run_transfer(serve(BODY).url, store, options=fast_options(workers=1)), BODY, strict)


def test_t8_a_part_that_always_arrives_wrong_ends_the_attempt(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source, observed = serve(BODY), Observed()
    strict.fault(Fault(operation="UploadPart", action=FlipBit(), first=3, times=1000))
    error = fails(lambda: run_transfer(source.url, store, observed=observed))
    assert error.reason is Reason.STORE_INTEGRITY
    assert strict.open_uploads() == [], "the store lists the wrong part with the sum of its wrong bytes"
    strict.heal()
    check_stored(run_transfer(source.url, store, resume=observed.states[-1]), BODY, strict)


def test_t8_stopped_while_the_store_holds_a_wrong_part(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source, observed = serve(BODY), Observed()
    strict.fault(Fault(operation="UploadPart", action=FlipBit(), first=3))

    def behave(request: SourceRequest) -> Behaviour:
        if request.number == 3:  # the wrong part is read again
            observed.stop.set()
        return Behaviour()

    source.behave = behave
    with pytest.raises(Stopped):
        run_transfer(source.url, store, observed=observed, options=fast_options(workers=1))
    source.behave = lambda _: Behaviour()
    check_stored(run_transfer(source.url, store, resume=observed.states[-1]), BODY, strict)


def test_t9_a_flipped_bit_in_a_store_without_part_checksums_is_found_at_the_end(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    strict.bucket.shows_part_checksums = False
    strict.fault(Fault(operation="UploadPart", action=FlipBit(), first=3))
    error = fails(lambda: run_transfer(serve(BODY).url, store))
    assert error.reason is Reason.STORE_INTEGRITY
    assert strict.keys() == []


def test_t9_a_small_object_with_a_flipped_bit_is_removed(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.fault(Fault(operation="PutObject", action=FlipBit()))
    error = fails(lambda: run_transfer(serve(SMALL).url, store))
    assert error.reason is Reason.STORE_INTEGRITY
    assert strict.keys() == []


def test_t10_parts_are_never_too_small(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.bucket.least_part_bytes = PART
    check_stored(run_transfer(serve(BODY).url, store), BODY, strict)


def test_t10_a_store_that_calls_a_part_too_small_kept_less_than_it_was_sent(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    refused = ErrorResponse(status=400, code="EntityTooSmall")
    strict.fault(Fault(operation="CompleteMultipartUpload", action=refused, times=1000))
    error = fails(lambda: run_transfer(serve(BODY).url, store))
    assert error.reason is Reason.STORE_INTEGRITY
    assert strict.open_uploads() == []
    assert strict.keys() == []


def test_t11_a_store_that_counts_other_bytes_than_we_do(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    # The response of AWS if MpuObjectSize is not the sum of the parts.
    refused = ErrorResponse(status=400, code="InvalidRequest")
    strict.fault(Fault(operation="CompleteMultipartUpload", action=refused, times=1000))
    error = fails(lambda: run_transfer(serve(BODY).url, store))
    assert error.reason is Reason.STORE_INTEGRITY
    assert strict.open_uploads() == []
    assert strict.keys() == []
