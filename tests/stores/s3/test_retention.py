"""Object Lock: a protected object is not deleted, and the error says until when."""

from datetime import UTC, datetime, timedelta

import pytest

from localcluster import S3Server
from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.strict_bucket import Bucket
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, an_object

BODY = b"the recording"


def put(store: S3Store) -> str | None:
    return store.put(an_object(), BODY, crc64nvme=crc64nvme(BODY)).version_id


def error_of(store: S3Store, version: str | None) -> StoreError:
    with pytest.raises(StoreError) as caught:
        store.delete(KEY, version_id=version, recording_uid="uid-1")
    return caught.value


@pytest.mark.parametrize("named", [True, False])
def test_t63_a_locked_object_is_named_as_such(strict: StrictStore, store: S3Store, named: bool) -> None:
    strict.reset(Bucket(object_lock_days=30))
    version = put(store)
    error = error_of(store, version if named else None)
    assert error.reason is Reason.RETENTION_IN_FORCE
    assert "protected by Object Lock" in error.message
    assert strict.keys() == [KEY]


def test_t63_a_denied_deletion_of_an_object_that_is_not_locked_is_another_reason(
    strict: StrictStore, store: S3Store
) -> None:
    version = put(store)
    strict.denied = {"DeleteObjectVersion"}
    assert error_of(store, version).reason is Reason.STORE_DENIED


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        ("AccessDenied", "Object is WORM protected and cannot be overwritten", Reason.RETENTION_IN_FORCE),
        ("InvalidRequest", "Object is WORM protected and cannot be overwritten", Reason.RETENTION_IN_FORCE),
        ("AccessDenied", "The object is under a legal hold", Reason.RETENTION_IN_FORCE),
        ("AccessDenied", "Access Denied", Reason.STORE_DENIED),
        ("InternalError", "The object lock could not be read", Reason.STORE_UNAVAILABLE),
    ],
)
def test_t63_words_of_other_stores(
    strict: StrictStore, store: S3Store, code: str, message: str, reason: Reason
) -> None:
    version = put(store)
    status = 500 if code == "InternalError" else 403
    action = ErrorResponse(status=status, code=code, message=message)
    strict.fault(Fault(operation="DeleteObject", action=action, times=99))
    assert error_of(store, version).reason is reason


@pytest.mark.cluster
def test_t63_a_real_server_says_until_when(s3: S3Server) -> None:
    client, bucket = s3.client(), f"locked-{datetime.now(UTC):%H%M%S%f}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = StoreCredentials(access_key_id=s3.root.access_key, secret_access_key=s3.root.secret_key)
    store = S3LocationStore(S3Options(bucket=bucket, endpoint=s3.endpoint, path_style=True, credentials=keys))
    version = put(store)
    until = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    client.put_object_retention(
        Bucket=bucket, Key=KEY, VersionId=version, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until}
    )

    error = error_of(store, version)

    assert error.reason is Reason.RETENTION_IN_FORCE
    assert f"(GOVERNANCE) until {until:%Y-%m-%d %H:%M} UTC" in error.message
    assert store.head(KEY) is not None
    store.close()
