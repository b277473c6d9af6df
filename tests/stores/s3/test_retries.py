"""Stores that reject, redirect or request a pause: clear messages, and few requests."""

import time
from dataclasses import replace

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, HTTPClientError, SSLError

from recording_operator.api.reasons import Reason
from recording_operator.egress.errors import BlockedError
from recording_operator.errors import LocationError
from recording_operator.stores.capabilities import Joins
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.probe.prober import probe
from recording_operator.stores.s3.retries import StoreRetries
from recording_operator.transfer.upload.part_plan import MIB
from tests.support.lying_source import Serve
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    an_object,
    check_stored,
    fails,
    fast_options,
    pattern,
    run_transfer,
    store_of,
)

PART = 256 * KIB
BODY = pattern(3 * PART + 12_345)
KNOWN = Joins()


def not_ready(store: S3Store, *, joins: Joins | None = KNOWN) -> LocationError:
    """What the probe ends with."""
    with pytest.raises(LocationError) as caught:
        probe(store, joins=joins)
    return caught.value


def with_options(store: S3Store, **more: object) -> S3Store:
    """The same client with other attributes of objects."""
    return store.writing(replace(store.options, **more))  # type: ignore[arg-type]


# T29


def test_t29_a_limit_of_a_proxy_is_named(strict: StrictStore, store: S3Store) -> None:
    strict.largest_body_bytes = MIB
    error = not_ready(store, joins=None)
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "proxy" in error.message
    assert "413" in error.message
    assert sum(seen.status == 413 for seen in strict.requests) == 1, "nothing smaller would be a part"


@pytest.mark.parametrize("body", [BODY, BODY[: 100 * KIB]], ids=["multipart", "small"])
def test_t29_a_limit_that_only_a_transfer_met_makes_the_location_not_ready(
    serve: Serve, strict: StrictStore, body: bytes
) -> None:
    store = store_of(strict)
    store = store.adapted(probe(store, joins=KNOWN))
    strict.largest_body_bytes = 64 * KIB
    error = fails(lambda: run_transfer(serve(body).url, store))
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "proxy" in error.message
    assert not_ready(store).reason is Reason.STORE_UNSUPPORTED
    strict.largest_body_bytes = MIB
    assert probe(store).full_object_checksums
    strict.requests.clear()
    probe(store)
    assert max(seen.body_bytes for seen in strict.requests) < 10 * KIB, "it is not sent again for ever"
    check_stored(run_transfer(serve(body).url, store, options=fast_options()), body, strict)


# T30


def test_t30_a_missing_right_to_tag_is_named(strict: StrictStore, store: S3Store) -> None:
    strict.denied = {"PutObjectTagging"}
    error = not_ready(with_options(store, tags=(("team", "video"),)))
    assert error.reason is Reason.ACCESS_DENIED
    assert "s3:PutObjectTagging" in error.message
    assert "spec.s3.tags" in error.message
    assert strict.keys() == []


def test_t30_a_missing_right_to_list_is_named(strict: StrictStore, store: S3Store) -> None:
    strict.denied = {"ListBucket"}
    error = not_ready(store)
    assert error.reason is Reason.ACCESS_DENIED
    assert "s3:ListBucket" in error.message
    assert "403 instead of 404" in error.message


@pytest.mark.parametrize("code", ["KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException"])
def test_t30_a_key_that_cannot_be_used_is_the_locations_matter(
    serve: Serve, strict: StrictStore, store: S3Store, code: str
) -> None:
    strict.fault(Fault(operation="CreateMultipartUpload", action=ErrorResponse(status=400, code=code), times=1000))
    error = not_ready(store)
    assert error.reason is Reason.ENCRYPTION_KEY_NOT_USABLE
    assert code in error.message
    assert fails(lambda: run_transfer(serve(BODY).url, store)).reason is Reason.ENCRYPTION_KEY_NOT_USABLE


# T31


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_t31_a_store_that_redirects_everything_gets_a_handful_of_requests(
    strict: StrictStore, store: S3Store, status: int
) -> None:
    redirect = ErrorResponse(status=status, code="TemporaryRedirect", headers={"Location": strict.endpoint})
    strict.fault(Fault(operation="any", action=redirect, times=10_000))
    error = not_ready(store)
    assert error.reason is Reason.WRONG_REGION
    assert "spec.s3.endpoint" in error.message
    assert len(strict.requests) <= 4


def test_t31_a_region_that_the_store_names_is_tried_once_and_reported(strict: StrictStore, store: S3Store) -> None:
    redirect = ErrorResponse(status=301, code="PermanentRedirect", headers={"x-amz-bucket-region": "eu-west-2"})
    strict.fault(Fault(operation="any", action=redirect, times=10_000))
    error = not_ready(store)
    assert error.reason is Reason.WRONG_REGION
    assert "eu-west-2" in error.message
    assert len(strict.requests) <= 4


@pytest.mark.parametrize(
    ("status", "code", "most"),
    [(400, "Surprise", 24), (403, "AccessDenied", 10), (404, "NoSuchBucket", 4), (404, "", 24), (405, "", 24),
     (500, "InternalError", 4), (503, "SlowDown", 4), (501, "NotImplemented", 24), (400, "InvalidRequest", 24)],
)  # fmt: skip
def test_t31_a_store_that_rejects_everything_gets_a_bounded_number_of_requests(
    strict: StrictStore, store: S3Store, status: int, code: str, most: int
) -> None:
    strict.fault(Fault(operation="any", action=ErrorResponse(status=status, code=code), times=10_000))
    error = not_ready(with_options(store, tags=(("a", "b"),), encryption_type="AES256", storage_class="STANDARD_IA"))
    assert error.reason is not Reason.INTERNAL_ERROR
    assert len(strict.requests) <= most


# T32


@pytest.mark.parametrize("code", ["SlowDown", "ServiceUnavailable"])
def test_t32_a_short_wait_is_kept_before_the_first_repetition(
    serve: Serve, strict: StrictStore, store: S3Store, code: str
) -> None:
    strict.fault(Fault(operation="UploadPart", action=ErrorResponse(status=503, code=code, retry_after="2")))
    begun = time.monotonic()
    check_stored(run_transfer(serve(BODY).url, store, options=fast_options(workers=1)), BODY, strict)
    assert time.monotonic() - begun >= 2.0


def test_t32_a_long_wait_is_left_to_the_caller_who_can_be_stopped(strict: StrictStore, store: S3Store) -> None:
    strict.fault(
        Fault(operation="any", action=ErrorResponse(status=503, code="SlowDown", retry_after="120"), times=1000)
    )
    error = fails(lambda: store.create_upload(an_object()))
    assert error.reason is Reason.STORE_UNAVAILABLE
    assert error.retry_after_s == 120.0
    assert len(strict.requests) == 1
    assert not_ready(store).retry_after_s == 120.0
    assert len(strict.requests) == 2


RETRIES = StoreRetries(uniform=lambda low, high: (low + high) / 2)


def asked(status: int, *, code: str = "", attempts: int = 1, **headers: str) -> float | None:
    """The wait before a repetition."""
    read = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPHeaders": {name.replace("_", "-"): value for name, value in headers.items()}},
    }
    return RETRIES(response=(AWSResponse("", status, {}, None), read), attempts=attempts)


def test_t32_which_requests_are_repeated_and_when() -> None:
    assert [asked(503, attempts=number) for number in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, None]
    assert asked(503, retry_after="3") == 3.0
    assert asked(503, retry_after="Wed, 21 Oct 2015 07:28:04 GMT", date="Wed, 21 Oct 2015 07:28:00 GMT") == 4.0
    assert asked(503, retry_after="Wed, 21 Oct 2015 07:29:00 GMT", date="Wed, 21 Oct 2015 07:28:00 GMT") is None
    assert asked(429, retry_after="0") == 0.5
    assert asked(400, code="RequestTimeout") == 0.5
    assert [asked(status) for status in (200, 204, 301, 400, 403, 404, 409, 412, 413, 501)] == [None] * 10
    assert RETRIES(caught_exception=EndpointConnectionError(endpoint_url="x"), attempts=1) == 0.5
    assert RETRIES(caught_exception=HTTPClientError(error=BlockedError("h")), attempts=1) is None


# S3 Express


def test_a_directory_bucket_is_rejected_with_an_explanation(strict: StrictStore) -> None:
    error = not_ready(store_of(strict, bucket="recordings--use1-az4--x-s3"))
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "Directory buckets" in error.message
    assert strict.requests == []


def test_an_untrusted_certificate_is_not_asked_for_again() -> None:
    def wait(kind: str) -> float | None:
        return StoreRetries()(caught_exception=SSLError(endpoint_url="https://store.test", error=kind), attempts=1)

    assert wait("SSLCertVerificationError") is None
    assert wait("SSLEOFError") is not None
