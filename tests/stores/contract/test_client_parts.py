"""The contract of uploads whose parts a client sends: by presigned URLs where the kind has them."""

import hashlib

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.stores.errors import StoreError
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.presigning import PresignedPart
from tests.stores.contract.kinds import Kind
from tests.support.client_uploads import HOUR, put_part, send_file
from tests.support.transfers import KEY, MIB, an_object, pattern

PART = 5 * MIB
BODY = pattern(PART + 1234)


def created(store: LocationStore) -> str:
    return store.create_upload(an_object(), part_size_bytes=PART, by_client=True)


def presigned(
    kind: Kind, store: LocationStore, upload_id: str, body: bytes, *, with_md5: bool = False
) -> PresignedPart:
    """A URL of the first part."""
    md5 = hashlib.md5(body, usedforsecurity=False).digest() if with_md5 else None
    if not kind.presigns:
        with pytest.raises(StoreError) as caught:
            store.presign_part(KEY, upload_id, part_number=1, size_bytes=len(body), expires=HOUR)
        assert caught.value.reason is Reason.STORE_UNSUPPORTED
        pytest.skip("this kind has no URLs")
    return store.presign_part(KEY, upload_id, part_number=1, size_bytes=len(body), expires=HOUR, md5=md5)


def test_parts_of_a_client_are_listed_and_become_the_object(store: LocationStore) -> None:
    upload_id = created(store)
    send_file(store, KEY, upload_id, BODY, part_size=PART)
    parts = store.list_parts(KEY, upload_id)
    assert [(part.part_number, part.size_bytes) for part in parts] == [(1, PART), (2, 1234)]
    assert store.sent_parts(KEY, upload_id) == parts
    written = store.complete(an_object(), upload_id, parts, size_bytes=len(BODY), crc64nvme=None)
    seen = store.head(KEY)
    assert seen is not None
    assert written.is_at_key(seen.stored)
    assert (seen.recording_uid, seen.artifact) == ("uid-1", "video")
    assert b"".join(store.read(seen.stored)) == BODY
    assert list(store.uploads(KEY)) == []


def test_a_part_is_accepted_without_any_checksum(kind: Kind, store: LocationStore) -> None:
    upload_id = created(store)
    made = presigned(kind, store, upload_id, b"a part")
    assert made.url not in repr(made)
    assert put_part(made, b"a part") == 200
    [part] = store.list_parts(KEY, upload_id)
    assert part.size_bytes == 6


def test_a_part_of_another_size_is_rejected(kind: Kind, store: LocationStore) -> None:
    upload_id = created(store)
    made = presigned(kind, store, upload_id, b"a part")
    assert put_part(made, b"a longer part", Content_Length="13") == 403
    assert list(store.list_parts(KEY, upload_id)) == []


def test_other_bytes_than_those_of_the_md5_are_rejected(kind: Kind, store: LocationStore) -> None:
    upload_id = created(store)
    made = presigned(kind, store, upload_id, b"a part", with_md5=True)
    assert put_part(made, b"apart!") == 400
    other = hashlib.md5(b"apart!", usedforsecurity=False).digest()
    assert put_part(made, b"apart!", Content_MD5=other.hex()) in (400, 403)
    assert list(store.list_parts(KEY, upload_id)) == []


def test_a_url_is_of_one_part_of_one_upload(kind: Kind, store: LocationStore) -> None:
    upload_id = created(store)
    made = presigned(kind, store, upload_id, b"a part")
    other = PresignedPart(
        url=made.url.replace("partNumber=1", "partNumber=2"), headers=made.headers, expires_at=made.expires_at
    )
    assert put_part(other, b"a part") == 403
    store.abort(KEY, upload_id)
    assert put_part(made, b"a part") == 404
