"""Archived objects of S3: what HEAD says about them, and RestoreObject. Of moto: that the request has its form."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from recording_operator.checksums import crc64nvme
from recording_operator.stores.archive import ArchiveState, NotRestorableError, RestoreOutcome, RestoreTier
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_restores import end_restores, finish_restores, requested
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, an_object, store_of

BODY = b"the recording"


def archived(strict: StrictStore, storage_class: str | None = "GLACIER", **headers: str) -> S3LocationStore:
    """A store with one object of this class."""
    store = store_of(strict, storage_class=storage_class)
    store.put(an_object(), BODY, crc64nvme=crc64nvme(BODY))
    [version] = strict.bucket.versions[KEY]
    attributes = replace(version.attributes, kept={**version.attributes.kept, **headers})
    strict.bucket.versions[KEY] = [replace(version, attributes=attributes)]
    return store


def restore(store: S3LocationStore, days: int = 7, tier: RestoreTier = RestoreTier.STANDARD) -> RestoreOutcome:
    return store.restore(KEY, version_id=version_of(store), days=days, tier=tier)


def version_of(store: S3LocationStore) -> str | None:
    head = store.head(KEY)
    assert head is not None
    return head.stored.version_id


def state_of(store: S3LocationStore) -> ArchiveState:
    state = store.archive_state(KEY, version_id=version_of(store))
    assert state is not None
    return state


def read(store: S3LocationStore) -> bytes:
    head = store.head(KEY)
    assert head is not None
    return b"".join(store.read(head.stored, span=(0, len(BODY))))


def test_a_restore_from_its_request_to_its_end(strict: StrictStore) -> None:
    store = archived(strict)
    assert state_of(store) == ArchiveState(archive="GLACIER")
    with pytest.raises(StoreError, match="archived and must be restored"):
        read(store)

    assert restore(store, 3, RestoreTier.BULK) is RestoreOutcome.STARTED
    assert requested(strict.bucket) == [(KEY, 3, "Bulk")]
    assert state_of(store) == ArchiveState(archive="GLACIER", is_restoring=True)
    assert restore(store, 4) is RestoreOutcome.IN_PROGRESS

    finish_restores(strict.bucket)
    state = state_of(store)
    assert state.is_restored
    assert state.is_readable
    assert state.restored_until is not None
    assert timedelta(days=3) <= state.restored_until - datetime.now(UTC) <= timedelta(days=4)
    assert read(store) == BODY
    assert restore(store, 30) is RestoreOutcome.EXTENDED
    longer = state_of(store).restored_until
    assert longer is not None
    assert longer - datetime.now(UTC) >= timedelta(days=30)

    end_restores(strict.bucket)
    assert state_of(store) == ArchiveState(archive="GLACIER")
    store.close()


def test_what_is_not_archived_or_not_there(strict: StrictStore) -> None:
    store = archived(strict, None)
    assert state_of(store) == ArchiveState()
    with pytest.raises(NotRestorableError, match="is not archived"):
        restore(store)
    assert store.archive_state("prod/other", version_id=None) is None
    store.close()


def test_deep_archive_is_never_restored_expeditedly(strict: StrictStore) -> None:
    store = archived(strict, "DEEP_ARCHIVE")
    with pytest.raises(NotRestorableError, match="Use standard"):
        restore(store, tier=RestoreTier.EXPEDITED)
    assert restore(store) is RestoreOutcome.STARTED
    store.close()


def test_no_capacity_for_expedited_restores(strict: StrictStore) -> None:
    store = archived(strict)
    refusal = ErrorResponse(status=503, code="GlacierExpeditedRetrievalNotAvailable")
    strict.fault(Fault(operation="RestoreObject", action=refusal, times=9))
    with pytest.raises(NotRestorableError, match="no capacity for expedited restores"):
        restore(store, tier=RestoreTier.EXPEDITED)
    store.close()


def test_intelligent_tiering_is_restored_without_days(strict: StrictStore) -> None:
    store = archived(strict, "INTELLIGENT_TIERING", **{"x-amz-archive-status": "ARCHIVE_ACCESS"})
    assert state_of(store).archive == "ARCHIVE_ACCESS"
    assert restore(store) is RestoreOutcome.STARTED
    assert requested(strict.bucket) == [(KEY, 0, "Standard")]
    store.close()


def test_a_missing_permission_is_named(strict: StrictStore) -> None:
    store = archived(strict)
    message = "User: x is not authorized to perform: s3:RestoreObject on resource y"
    refusal = ErrorResponse(status=403, code="AccessDenied", message=message)
    strict.fault(Fault(operation="RestoreObject", action=refusal))
    with pytest.raises(StoreError, match="The missing permission is s3:RestoreObject"):
        restore(store)
    store.close()


def test_moto_understands_the_request() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        options: dict[str, Any] = {"endpoint": f"http://{host}:{port}", "path_style": True, "region": "us-east-1"}
        keys = StoreCredentials(access_key_id="test", secret_access_key="test")
        store = S3LocationStore(S3Options(bucket="recordings", storage_class="GLACIER", credentials=keys, **options))
        client = boto3.client(
            "s3",
            endpoint_url=options["endpoint"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_bucket(Bucket="recordings")
        client.put_object(Bucket="recordings", Key=KEY, Body=BODY, StorageClass="GLACIER")
        assert store.restore(KEY, version_id=None, days=2, tier=RestoreTier.BULK) is RestoreOutcome.STARTED
        state = store.archive_state(KEY, version_id=None)
        assert state is not None
        assert state.archive == "GLACIER"
        assert state.is_restored  # moto restores at once
        assert store.restore(KEY, version_id=None, days=2, tier=RestoreTier.BULK) is RestoreOutcome.EXTENDED
        store.close()
    finally:
        server.stop()
