"""Objects that a manifest describes: verified by HEAD, without reading a byte."""

from dataclasses import replace

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.errors import TransferError
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import KnownJob
from recording_operator.transfer.verification.known import KnownObject
from tests.support.strict_store import StrictStore
from tests.support.transfers import Observed, an_object, fast_options

BODY = b"the recording"


def stored(store: S3Store, **more: object) -> KnownObject:
    """Store an object; what a manifest says about it."""
    receipt = store.put(an_object(**more), BODY, crc64nvme=crc64nvme(BODY))
    return KnownObject(
        size_bytes=len(BODY),
        etag=receipt.etag,
        checksum=to_text(crc64nvme(BODY)),
        content_type="video/mp4",
        verified_by=Reason.FULL_OBJECT_CRC64NVME,
        proved_checksum="sha256",
    )


def verified(store: S3Store, known: KnownObject) -> StoredObject:
    """Run the job."""
    observed = Observed()
    context = TransferContext(
        store=store, obj=an_object(), stop=observed.stop, observer=observed, options=fast_options()
    )
    return KnownJob(known=known).run(context)


def test_one_head_is_enough(strict: StrictStore, store: S3Store) -> None:
    known = stored(store)
    strict.requests.clear()
    found = verified(store, known)
    assert [one.operation for one in strict.requests] == ["HeadObject"]
    assert (found.size_bytes, found.etag, found.checksum) == (known.size_bytes, known.etag, known.checksum)
    assert (found.verified_by, found.proved_checksum) == (Reason.FULL_OBJECT_CRC64NVME, "sha256")
    assert found.version_id == strict.bucket.versions[an_object().key][0].version_id


def test_the_etag_is_enough_where_the_manifest_has_no_checksum(store: S3Store) -> None:
    assert verified(store, replace(stored(store), checksum=None)).size_bytes == len(BODY)


@pytest.mark.parametrize(
    "other",
    [{"size_bytes": 14}, {"checksum": "crc64nvme:0000000000000000"}, {"checksum": None, "etag": "e"}, {"etag": None}],
)
def test_other_bytes_are_noticed(store: S3Store, other: dict[str, object]) -> None:
    known = replace(stored(store), **other)  # type: ignore[arg-type]
    if other == {"etag": None}:
        assert verified(store, known).size_bytes == len(BODY)  # its checksum is the same
        return
    with pytest.raises(TransferError) as caught:
        verified(store, known)
    assert caught.value.reason is Reason.STORE_KEY_CONFLICT


@pytest.mark.parametrize("of", [{"recording_uid": "uid-2"}, {"artifact": "audio"}])
def test_the_object_of_another_is_not_accepted(store: S3Store, of: dict[str, object]) -> None:
    known = stored(store, **of)
    with pytest.raises(TransferError) as caught:
        verified(store, known)
    assert caught.value.reason is Reason.STORE_KEY_CONFLICT


def test_an_object_that_is_gone_is_said(store: S3Store) -> None:
    known = stored(store)
    store.delete(an_object().key, version_id=None, recording_uid="uid-1")
    with pytest.raises(TransferError) as caught:
        verified(store, known)
    assert caught.value.reason is Reason.OBJECT_NOT_FOUND
