"""Errors of a store: each has a reason and a message with cause and remedy, and none is an InternalError."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from botocore.exceptions import ClientError

from recording_operator.api.reasons import Reason, Trait, Verdict
from recording_operator.errors import TransferError
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.errors import translated

# Every code of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html that a request of ours can meet, and
# what other stores were reported to say.
REFUSALS = [
    (403, "AccessDenied", Reason.ACCESS_DENIED),
    (403, "AllAccessDisabled", Reason.ACCESS_DENIED),
    (403, "AccountProblem", Reason.ACCESS_DENIED),
    (403, "NotSignedUp", Reason.ACCESS_DENIED),
    (403, "InvalidPayer", Reason.ACCESS_DENIED),
    (400, "UserProjectMissing", Reason.ACCESS_DENIED),
    (403, "InvalidAccessKeyId", Reason.CREDENTIALS_INVALID),
    (403, "SignatureDoesNotMatch", Reason.CREDENTIALS_INVALID),
    (400, "ExpiredToken", Reason.CREDENTIALS_INVALID),
    (400, "InvalidToken", Reason.CREDENTIALS_INVALID),
    (403, "RequestTimeTooSkewed", Reason.CLOCK_SKEW),
    (403, "RequestExpired", Reason.CLOCK_SKEW),
    (404, "NoSuchBucket", Reason.BUCKET_NOT_FOUND),
    (400, "InvalidBucketName", Reason.BUCKET_NOT_FOUND),
    (404, "NoSuchUpload", Reason.STORE_UPLOAD_LOST),
    (404, "NoSuchKey", Reason.STORE_UNAVAILABLE),
    (404, "NoSuchVersion", Reason.STORE_UNAVAILABLE),
    (301, "PermanentRedirect", Reason.WRONG_REGION),
    (307, "TemporaryRedirect", Reason.WRONG_REGION),
    (307, "307", Reason.WRONG_REGION),
    (302, "", Reason.WRONG_REGION),
    (400, "AuthorizationHeaderMalformed", Reason.WRONG_REGION),
    (400, "IllegalLocationConstraintException", Reason.WRONG_REGION),
    (400, "InvalidRegionName", Reason.WRONG_REGION),
    (400, "KMS.DisabledException", Reason.ENCRYPTION_KEY_NOT_USABLE),
    (400, "KMS.NotFoundException", Reason.ENCRYPTION_KEY_NOT_USABLE),
    (400, "KMS.KMSInvalidStateException", Reason.ENCRYPTION_KEY_NOT_USABLE),
    (400, "KMS.InvalidKeyUsageException", Reason.ENCRYPTION_KEY_NOT_USABLE),
    (400, "KMS.AccessDeniedException", Reason.ENCRYPTION_KEY_NOT_USABLE),
    (400, "KMS.ThrottlingException", Reason.STORE_UNAVAILABLE),
    (500, "KMS.KMSInternalException", Reason.STORE_UNAVAILABLE),
    (500, "KMS.DependencyTimeoutException", Reason.STORE_UNAVAILABLE),
    (503, "KMS.KeyUnavailableException", Reason.STORE_UNAVAILABLE),
    (403, "InvalidObjectState", Reason.INTEGRITY_UNVERIFIABLE),
    (413, "413", Reason.STORE_UNSUPPORTED),
    (400, "EntityTooLarge", Reason.STORE_UNSUPPORTED),
    (400, "BadDigest", Reason.STORE_INTEGRITY),
    (400, "InvalidDigest", Reason.STORE_INTEGRITY),
    (400, "XAmzContentSHA256Mismatch", Reason.STORE_INTEGRITY),
    (400, "InvalidPart", Reason.STORE_INTEGRITY),
    (409, "OperationAborted", Reason.STORE_UNAVAILABLE),
    (409, "ConditionalRequestConflict", Reason.STORE_UNAVAILABLE),
    (400, "RequestTimeout", Reason.STORE_UNAVAILABLE),
    (400, "IncompleteBody", Reason.STORE_UNAVAILABLE),
    (503, "SlowDown", Reason.STORE_UNAVAILABLE),
    (503, "ServiceUnavailable", Reason.STORE_UNAVAILABLE),
    (429, "TooManyRequests", Reason.STORE_UNAVAILABLE),
    (408, "", Reason.STORE_UNAVAILABLE),
    (425, "", Reason.STORE_UNAVAILABLE),
    (500, "InternalError", Reason.STORE_UNAVAILABLE),
    (502, "502", Reason.STORE_UNAVAILABLE),
    (520, "", Reason.STORE_UNAVAILABLE),
    (507, "XMinioStorageFull", Reason.STORE_QUOTA),
    (400, "XMinioAdminBucketQuotaExceeded", Reason.STORE_QUOTA),
    (403, "QuotaExceeded", Reason.STORE_QUOTA),
    (403, "StorageQuotaExceeded", Reason.STORE_QUOTA),
    *[
        (status, code, Reason.STORE_UNSUPPORTED)
        for status, code in (
            (400, "InvalidStorageClass"), (400, "InvalidTag"), (400, "InvalidArgument"), (400, "InvalidRequest"),
            (400, "InvalidEncryptionAlgorithmError"), (400, "KeyTooLongError"), (400, "MetadataTooLarge"),
            (400, "MalformedXML"), (405, "MethodNotAllowed"), (411, "MissingContentLength"), (501, "NotImplemented"),
            (400, "UnsupportedArgument"), (400, "XNobodyEverHeardOfThis"), (404, "404"), (410, "410"), (418, ""),
            (403, "InvalidChunkSizeError"), (431, ""), (451, ""),
        )
    ],
]  # fmt: skip


def refused(
    status: int, code: str | None, *, message: str = "", doing: str = "UploadPart", **more: object
) -> StoreError:
    """What a response with this status and code becomes."""
    headers = more.pop("headers", {})
    response = {
        "Error": {"Code": code, "Message": message, **more},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    with pytest.raises(StoreError) as caught, translated(doing):
        raise ClientError(response, doing)
    return caught.value


@pytest.mark.parametrize(("status", "code", "reason"), REFUSALS)
def test_t30_each_code_has_its_reason(status: int, code: str, reason: Reason) -> None:
    error = refused(status, code)
    assert error.location_reason is reason
    assert f"(UploadPart: {code or status})." in error.message


@pytest.mark.parametrize("status", range(300, 600))
def test_t30_no_response_of_a_store_is_an_internal_error(status: int) -> None:
    for code in ("", str(status), "Surprise"):
        error = refused(status, code)
        assert error.reason is not Reason.INTERNAL_ERROR
        assert error.reason.verdict is not Verdict.RETRY
        assert Trait.RECHECKS_LOCATION in error.reason.traits


@pytest.mark.parametrize("doing", ["PutObject", "CompleteMultipartUpload"])
def test_t30_412_tells_of_another_object_where_a_condition_was_sent(doing: str) -> None:
    assert refused(412, "PreconditionFailed", doing=doing).reason is Reason.STORE_KEY_CONFLICT


@pytest.mark.parametrize("doing", ["HeadObject", "CreateMultipartUpload", "UploadPart", "ListParts", "GetObject"])
def test_t30_412_to_a_request_without_a_condition_fails_no_recording(doing: str) -> None:
    error = refused(412, "PreconditionFailed", doing=doing)
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert Trait.RECHECKS_LOCATION in error.reason.traits


@pytest.mark.parametrize("code", ["", None])
def test_t30_without_a_code_the_http_status_is_reported(code: str | None) -> None:
    assert "(UploadPart: 403)." in refused(403, code).message


def test_t31_the_region_that_the_store_names_is_reported() -> None:
    by_body = refused(400, "AuthorizationHeaderMalformed", Region="eu-west-2")
    by_header = refused(301, "PermanentRedirect", headers={"x-amz-bucket-region": "eu-west-2"})
    assert "eu-west-2" in by_body.message
    assert "eu-west-2" in by_header.message
    assert "spec.s3.region" in by_body.message
    forged = refused(301, "PermanentRedirect", headers={"x-amz-bucket-region": "https://evil.test/?key=1"})
    assert "evil" not in forged.message
    assert "spec.s3.endpoint" in forged.message


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("AuthorizationHeaderMalformed", {"message": "The region 'us-east-1' is wrong; expecting 'eu-west-2'"}),
        ("PermanentRedirect", {"Endpoint": "recordings.s3.eu-west-2.amazonaws.com"}),
        ("TemporaryRedirect", {"Endpoint": "recordings.s3-eu-west-2.amazonaws.com"}),
        ("IllegalLocationConstraintException", {
            "message": "The eu-west-2 location constraint is incompatible for the region specific endpoint"}),
    ],
)  # fmt: skip
def test_t31_a_region_in_a_message_or_an_endpoint_is_found(code: str, more: dict[str, str]) -> None:
    assert "is in region eu-west-2." in refused(400, code, **more).message


@pytest.mark.parametrize(
    ("right", "reason"),
    [
        ("s3:PutObjectTagging", Reason.ACCESS_DENIED),
        ("s3:AbortMultipartUpload", Reason.ACCESS_DENIED),
        ("kms:GenerateDataKey", Reason.ENCRYPTION_KEY_NOT_USABLE),
        ("kms:Decrypt", Reason.ENCRYPTION_KEY_NOT_USABLE),
    ],
)
def test_t30_the_permission_that_aws_names_is_reported(right: str, reason: Reason) -> None:
    text = (
        f"User: arn:aws:iam::111122223333:user/jo is not authorized to perform: {right} on resource: "
        '"arn:aws:kms:eu-west-2:111122223333:key/1" because no identity-based policy allows the action'
    )
    error = refused(403, "AccessDenied", message=text)
    assert error.location_reason is reason
    assert right in error.message
    assert "arn:" not in error.message


def test_t30_an_unknown_permission_is_not_repeated() -> None:
    error = refused(403, "AccessDenied", message="not authorized to perform: s3:SecretsOfThePlatform on resource")
    assert "SecretsOfThePlatform" not in error.message


NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "86400"}, 900.0),
        ({"retry-after": "9" * 40}, 900.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "3, 40"}, 40.0),  # of the store, and of a gateway before it
        ({"retry-after": "3, soon"}, None),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=30), usegmt=True),
          "date": format_datetime(NOW, usegmt=True)}, 30.0),
        # The two are from the same clock, which may differ from ours.
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": format_datetime(NOW, usegmt=True)}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:30 GMT"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_t32_the_wait_that_a_store_asks_for(headers: dict[str, str], wait_s: float | None) -> None:
    error = refused(503, "SlowDown", headers=headers)
    assert error.retry_after_s == wait_s


def test_t32_a_date_without_the_stores_own_time_is_held_against_our_clock() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    wait_s = refused(503, "SlowDown", headers={"retry-after": at}).retry_after_s
    assert wait_s is not None
    assert 50 < wait_s <= 60


@pytest.mark.parametrize("failure", [KeyError("UploadId"), ValueError("no number"), TypeError("None")])
def test_t30_a_response_that_cannot_be_read_is_not_an_internal_error(failure: Exception) -> None:
    with pytest.raises(TransferError) as caught, translated("ListParts"):
        raise failure
    assert caught.value.reason is Reason.STORE_UNAVAILABLE
    assert "cannot be read" in caught.value.message
    assert caught.value.__cause__ is None
