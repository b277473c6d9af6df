"""The contract of copies inside a store, for every kind that can copy, and of reading a part of an object."""

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.stores.errors import StoreError
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.store import StoredPart
from tests.stores.contract.kinds import Kind, Opener
from tests.support.transfers import KEY, MIB, an_object, pattern

PART = 5 * MIB
BODY = pattern(2 * PART + 1234)
OTHER = "elsewhere/acme/u-1/uid-1/video.mp4"


def put(store: LocationStore, body: bytes, **more: object) -> StoredObject:
    """An object, as HEAD returns it."""
    obj = an_object(**more)
    store.put(obj, body, crc64nvme=crc64nvme(body))
    head = store.head(obj.key)
    assert head is not None
    return head.stored


@pytest.fixture
def copying(open_store: Opener) -> tuple[LocationStore, LocationStore]:
    """The stores of two locations in one service."""
    first, second = open_store("meetings/"), open_store("elsewhere/")
    if not second.copies_from(first):
        with pytest.raises(StoreError) as caught:
            second.copy(an_object(key=OTHER), source=first, stored=put(first, b"hello"))
        assert caught.value.reason is Reason.STORE_UNSUPPORTED
        pytest.skip("this kind copies nothing itself")
    return first, second


def test_a_copy_has_the_bytes_and_an_identity_of_its_own(copying: tuple[LocationStore, LocationStore]) -> None:
    first, second = copying
    stored = put(first, b"hello", recording_uid="uid-9", org="old", content_type="text/plain")
    obj = an_object(key=OTHER, org="acme")
    written = second.copy(obj, source=first, stored=stored)
    seen = second.head(OTHER)
    assert seen is not None
    assert written.is_at_key(seen.stored)
    assert (seen.recording_uid, seen.artifact, seen.org) == ("uid-1", "video", "acme")
    assert (seen.stored.content_type, seen.stored.size_bytes) == ("video/mp4", 5)
    assert seen.stored.checksum == to_text(crc64nvme(b"hello"))
    assert b"".join(second.read(seen.stored)) == b"hello"


def test_a_copy_is_of_exactly_one_version(copying: tuple[LocationStore, LocationStore]) -> None:
    first, second = copying
    stored = put(first, b"first")
    assert first.delete(KEY, version_id=stored.version_id, recording_uid="uid-1")
    put(first, b"other")
    with pytest.raises(StoreError):
        second.copy(an_object(key=OTHER), source=first, stored=stored)
    assert second.head(OTHER) is None


def test_parts_are_copied(kind: Kind, copying: tuple[LocationStore, LocationStore]) -> None:
    first, second = copying
    stored, obj = put(first, BODY), an_object(key=OTHER)
    upload_id = second.create_upload(obj, part_size_bytes=PART)
    spans = [(0, PART), (PART, 2 * PART), (2 * PART, len(BODY))]
    parts = [
        second.copy_part(OTHER, upload_id, part_number=number, source=first, stored=stored, span=span)
        for number, span in enumerate(spans, 1)
    ]
    whole = {"size_bytes": len(BODY), "crc64nvme": crc64nvme(BODY)}
    if not kind.sums_copied_parts:
        with pytest.raises(StoreError) as caught:
            second.complete(obj, upload_id, parts, **whole)
        assert caught.value.reason is Reason.STORE_INTEGRITY
        pytest.skip("this kind copies no parts of an object with checksums")
    assert [(part.size_bytes, part.crc64nvme) for part in parts] == [
        (end - start, crc64nvme(BODY[start:end])) for start, end in spans
    ]
    assert [part.crc64nvme for part in second.list_parts(OTHER, upload_id)] == [part.crc64nvme for part in parts]
    written = second.complete(obj, upload_id, parts, **whole)
    seen = second.head(OTHER)
    assert seen is not None
    assert written.is_at_key(seen.stored)
    assert seen.stored.checksum == stored.checksum
    assert list(second.uploads("")) == []


def test_a_part_is_of_exactly_one_version(copying: tuple[LocationStore, LocationStore]) -> None:
    first, second = copying
    stored, obj = put(first, BODY), an_object(key=OTHER)
    upload_id = second.create_upload(obj, part_size_bytes=PART)
    assert first.delete(KEY, version_id=stored.version_id, recording_uid="uid-1")
    put(first, BODY[::-1])

    def copy() -> StoredPart:
        return second.copy_part(OTHER, upload_id, part_number=1, source=first, stored=stored, span=(0, PART))

    with pytest.raises(StoreError):
        copy()
    second.abort(OTHER, upload_id)


def test_a_span_of_an_object_is_read(store: LocationStore) -> None:
    stored = put(store, BODY[:MIB])
    for span in ((0, 1), (10, 300_000), (MIB - 1, MIB)):
        assert b"".join(store.read(stored, span=span)) == BODY[span[0] : span[1]]
    assert next(store.read(stored, span=(0, MIB), allow=lambda most: min(most, 7))) == BODY[:7]


def test_no_span_of_another_object_is_read(store: LocationStore) -> None:
    stored = put(store, b"first")
    store.delete(KEY, version_id=stored.version_id, recording_uid="uid-1")
    put(store, b"other")
    with pytest.raises(StoreError):
        b"".join(store.read(stored, span=(0, 5)))


def test_head_returns_a_version(store: LocationStore) -> None:
    stored = put(store, b"first")
    head = store.head(KEY, version_id=stored.version_id)
    assert head is not None
    assert head.stored == stored
    store.delete(KEY, version_id=stored.version_id, recording_uid="uid-1")
    assert store.head(KEY, version_id=stored.version_id) is None
