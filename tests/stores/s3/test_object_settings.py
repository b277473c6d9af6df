"""How objects are written: ACLs, encryption, and S3 Object Lock, with the strict store, and with versitygw."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from localcluster import S3Server
from recording_operator import checksums
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation_store import S3
from recording_operator.errors import LocationError
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.location import S3LocationStore, open_location
from recording_operator.stores.s3.object_lock import Retention
from recording_operator.stores.s3.probe.ownership import claim_prefix
from recording_operator.stores.s3.probe.prober import probe
from tests.support.lying_source import Serve
from tests.support.strict_bucket import Attributes, Bucket
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, KIB, an_object, check_stored, pattern, run_transfer, store_of

BODY = b"body"
CRC = checksums.crc64nvme(BODY)
LOCK = Retention(mode="Governance", days=3)
COMPLIANCE = Retention(mode="Compliance", days=3)


def with_options(store: S3Store, **more: object) -> S3Store:
    """The same client with other attributes of objects."""
    return store.writing(replace(store.options, **more))  # type: ignore[arg-type]


def locked_bucket(strict: StrictStore, *, days: int = 0) -> None:
    """Give the bucket Object Lock, with a default retention of so many days."""
    strict.bucket = Bucket(least_part_bytes=64 * KIB, object_lock_days=days)


def attributes(strict: StrictStore, key: str = KEY) -> Attributes:
    """The attributes of the one version at the key."""
    (version,) = strict.bucket.versions[key]
    return version.attributes


def every_attribute(strict: StrictStore) -> list[Attributes]:
    """The attributes of all that the store holds."""
    return [version.attributes for kept in strict.bucket.versions.values() for version in kept]


def not_ready(store: S3Store) -> LocationError:
    """What the probe ends with."""
    with pytest.raises(LocationError) as caught:
        probe(store, joins=Joins())
    return caught.value


def deletion(store: S3Store, version_id: str | None) -> StoreError:
    """What the deletion of the object ends with."""
    with pytest.raises(StoreError) as caught:
        store.delete(KEY, version_id=version_id, recording_uid="uid-1")
    return caught.value


# Retention


@pytest.mark.parametrize("size", [100 * KIB, 700 * KIB])
def test_every_object_is_retained_from_its_creation(
    serve: Serve, strict: StrictStore, store: S3Store, size: int
) -> None:
    locked_bucket(strict)
    body = pattern(size)
    before = datetime.now(UTC)
    stored = run_transfer(serve(body).url, with_options(store, lock=LOCK).adapted(Capabilities()))
    check_stored(stored, body, strict)
    retention = attributes(strict).retention
    assert retention is not None
    assert retention.mode == "GOVERNANCE"
    assert timedelta(days=3) - timedelta(seconds=2) <= retention.until - before < timedelta(days=3, minutes=5)


def test_the_probe_leaves_nothing_that_is_retained(strict: StrictStore, store: S3Store) -> None:
    locked_bucket(strict)
    assert probe(with_options(store, lock=LOCK), joins=Joins()) == Capabilities()
    assert strict.keys() == []
    assert strict.open_uploads() == []


def test_documents_and_the_owner_marker_are_not_retained(strict: StrictStore) -> None:
    locked_bucket(strict)
    store = store_of(strict, lock=COMPLIANCE)
    claim_prefix(store, owner_id="cluster-1")
    assert store.create_document("a.json", b"{}", "application/json")
    assert [one.retention for one in every_attribute(strict)] == [None, None]
    store.delete_document("a.json")


def test_a_bucket_without_object_lock_is_found_before_any_object_is_retained(
    strict: StrictStore, store: S3Store
) -> None:
    error = not_ready(with_options(store, lock=LOCK))
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "spec.s3.objectLock is set, and the bucket has no S3 Object Lock" in error.message
    assert strict.open_uploads() == []


@pytest.mark.parametrize(
    ("right", "named"),
    [
        ("PutObjectRetention", "s3:PutObjectRetention"),
        ("GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration"),
    ],
)
def test_a_missing_right_of_object_lock_is_named(strict: StrictStore, store: S3Store, right: str, named: str) -> None:
    locked_bucket(strict)
    strict.denied = {right}
    error = not_ready(with_options(store, lock=LOCK))
    assert error.reason is Reason.ACCESS_DENIED
    assert named in error.message


def test_a_storage_class_is_named_if_the_retention_is_accepted(strict: StrictStore, store: S3Store) -> None:
    locked_bucket(strict)
    assert "spec.s3.storageClass, COLD" in not_ready(with_options(store, lock=LOCK, storage_class="COLD")).message


# ACLs and encryption


def test_an_acl_is_on_every_object_of_a_recording(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.bucket.acls = True
    body = pattern(700 * KIB)
    store = with_options(store, acl="public-read")
    check_stored(run_transfer(serve(body).url, store.adapted(Capabilities())), body, strict)
    assert attributes(strict).acl == "public-read"


@pytest.mark.parametrize(
    ("acl", "expected"),
    [
        ("public-read", "private"),
        ("authenticated-read", "private"),
        ("bucket-owner-full-control", "bucket-owner-full-control"),
    ],
)
def test_the_operators_own_files_are_never_public(strict: StrictStore, acl: str, expected: str) -> None:
    strict.bucket.acls = True
    store = store_of(strict, acl=acl)
    claim_prefix(store, owner_id="cluster-1")
    assert store.create_document("usage.json", b"{}", "application/json")
    assert {one.acl for one in every_attribute(strict)} == {expected}


def test_a_bucket_that_does_not_allow_acls_is_found(store: S3Store) -> None:
    error = not_ready(with_options(store, acl="public-read"))
    assert error.reason is Reason.STORE_UNSUPPORTED
    assert "only without spec.s3.acl" in error.message
    assert "AccessControlListNotSupported" in error.message


def test_a_missing_right_to_set_an_acl_is_named(strict: StrictStore, store: S3Store) -> None:
    strict.denied = {"PutObjectAcl"}
    error = not_ready(with_options(store, acl="bucket-owner-full-control"))
    assert error.reason is Reason.ACCESS_DENIED
    assert "s3:PutObjectAcl" in error.message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"encryption_type": "aws:kms:dsse", "kms_key_id": "k"}, {"": "aws:kms:dsse", "-aws-kms-key-id": "k"}),
        (
            {"encryption_type": "aws:kms", "kms_key_id": "k", "bucket_key_enabled": True},
            {"": "aws:kms", "-aws-kms-key-id": "k", "-bucket-key-enabled": "true"},
        ),
        (
            {"encryption_type": "aws:kms", "kms_key_id": "k", "bucket_key_enabled": False},
            {"": "aws:kms", "-aws-kms-key-id": "k"},
        ),
    ],
)
@pytest.mark.parametrize("size", [100 * KIB, 700 * KIB])
def test_objects_are_encrypted_as_the_location_says(
    serve: Serve,
    strict: StrictStore,
    store: S3Store,
    options: dict[str, object],
    expected: dict[str, str],
    size: int,
) -> None:
    store = with_options(store, **options)
    store = store.adapted(probe(store, joins=Joins()))
    assert not store.capabilities.md5_etags, "an ETag of KMS is no MD5"
    body = pattern(size)
    check_stored(run_transfer(serve(body).url, store), body, strict)
    prefix = "x-amz-server-side-encryption"
    assert attributes(strict).encryption == {f"{prefix}{name}": value for name, value in expected.items()}


def test_a_spec_becomes_options() -> None:
    spec = S3.model_validate(
        {
            "bucket": "recordings",
            "acl": "bucket-owner-full-control",
            "objectLock": {"mode": "Compliance", "retainDays": 30},
            "encryption": {"type": "aws:kms", "bucketKeyEnabled": True},
        }
    )
    options = open_location(spec, StoreCredentials(access_key_id="a", secret_access_key="b")).options
    assert options.lock == Retention(mode="Compliance", days=30)
    assert (options.acl, options.encryption_type, options.bucket_key_enabled) == (
        "bucket-owner-full-control",
        "aws:kms",
        True,
    )


# A real server


@pytest.mark.cluster
def test_versitygw_retains_objects_and_the_deletion_is_rejected_in_words(s3: S3Server) -> None:
    bucket = f"locked-{uuid.uuid4().hex[:8]}"
    s3.client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    spec = S3.model_validate(
        {
            "bucket": bucket,
            "endpoint": s3.endpoint,
            "pathStyle": True,
            "objectLock": {"mode": "Governance", "retainDays": 1},
        }
    )
    keys = StoreCredentials(access_key_id=s3.root.access_key, secret_access_key=s3.root.secret_key)
    store: S3LocationStore = open_location(spec, keys)
    store = store.adapted(store.probe(name="test"))
    assert list(store.objects("")) == []
    receipt = store.put(an_object(), BODY, crc64nvme=CRC)
    error = deletion(store, receipt.version_id)
    assert error.reason is Reason.RETENTION_IN_FORCE
    head = s3.client().head_object(Bucket=bucket, Key=KEY)
    assert head["ObjectLockMode"] == "GOVERNANCE"
    s3.client().delete_object(Bucket=bucket, Key=KEY, VersionId=head["VersionId"], BypassGovernanceRetention=True)


@pytest.mark.cluster
def test_versitygw_names_a_bucket_without_object_lock(s3: S3Server, bucket: str) -> None:
    spec = S3.model_validate(
        {
            "bucket": bucket,
            "endpoint": s3.endpoint,
            "pathStyle": True,
            "objectLock": {"mode": "Compliance", "retainDays": 1},
        }
    )
    keys = StoreCredentials(access_key_id=s3.root.access_key, secret_access_key=s3.root.secret_key)
    with pytest.raises(LocationError, match="has no S3 Object Lock"):
        open_location(spec, keys).probe(name="test")
