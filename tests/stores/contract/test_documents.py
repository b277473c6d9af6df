"""The contract of stores: documents, and versions of objects."""

from datetime import UTC, datetime, timedelta

import pytest

from recording_operator.checksums import crc64nvme
from recording_operator.stores.documents import DocumentOwner, DocumentTooLargeError
from recording_operator.stores.location_store import LocationStore
from tests.support.transfers import an_object

DOCUMENT = "tenants/.recording-operator/usage/archive/2026/11/28T000007Z.json.gz"


def put(store: LocationStore, key: str, body: bytes) -> None:
    """An object."""
    store.put(an_object(key=key), body, crc64nvme=crc64nvme(body))


def remove(store: LocationStore, key: str) -> None:
    """Delete what is at the key, with its version."""
    assert store.delete(key, version_id=None, recording_uid="uid-1")


def test_a_document_is_created_once_and_read(store: LocationStore) -> None:
    assert store.read_document(DOCUMENT, 100) is None
    assert store.create_document(DOCUMENT, b"first", "application/gzip")
    assert not store.create_document(DOCUMENT, b"second", "application/gzip")
    assert store.read_document(DOCUMENT, 100) == b"first"
    head = store.head(DOCUMENT)
    assert head is not None
    assert head.stored.content_type == "application/gzip"


def test_a_document_is_read_up_to_a_size(store: LocationStore) -> None:
    store.create_document(DOCUMENT, b"x" * 100, "application/gzip")
    assert store.read_document(DOCUMENT, 100) == b"x" * 100
    with pytest.raises(DocumentTooLargeError) as caught:
        store.read_document(DOCUMENT, 99)
    assert caught.value.message == f"{DOCUMENT} is larger than 99 bytes, the most that is read."


def test_an_empty_document_is_not_a_missing_one(store: LocationStore) -> None:
    store.create_document(DOCUMENT, b"", "application/gzip")
    assert store.read_document(DOCUMENT, 0) == b""


def test_documents_are_listed_by_prefix_and_deleted_with_their_version(store: LocationStore) -> None:
    for name in ("b/2", "a/1", "b/1"):
        store.create_document(name, name.encode(), "text/plain")
    assert [(one.key, one.size_bytes) for one in store.list_documents("b/")] == [("b/1", 3), ("b/2", 3)]
    store.delete_document("b/1")
    store.delete_document("b/1")
    assert [one.key for one in store.list_documents("")] == ["a/1", "b/2"]
    assert {one.key for one in store.versions("")} == {"a/1", "b/2"}
    assert store.read_document("b/1", 100) is None
    assert store.create_document("b/1", b"again", "text/plain")


OWNER = DocumentOwner(recording_uid="uid-1", name="metadata.json", org="acme/1")


def etag_of(store: LocationStore, key: str) -> str:
    """The ETag that HEAD returns."""
    head = store.head(key)
    assert head is not None
    return head.stored.etag


def test_a_document_is_replaced_if_nobody_else_has_done_so(store: LocationStore) -> None:
    assert store.create_document(DOCUMENT, b"first", "application/json", OWNER)
    first = etag_of(store, DOCUMENT)
    assert store.replace_document(DOCUMENT, b"second", "application/json", OWNER, if_match=first)
    assert store.read_document(DOCUMENT, 100) == b"second"
    assert not store.replace_document(DOCUMENT, b"third", "application/json", OWNER, if_match=first)
    assert store.read_document(DOCUMENT, 100) == b"second"


def test_a_document_that_was_deleted_is_not_replaced(store: LocationStore) -> None:
    store.create_document(DOCUMENT, b"first", "application/json", OWNER)
    etag = etag_of(store, DOCUMENT)
    store.delete_document(DOCUMENT)
    assert not store.replace_document(DOCUMENT, b"second", "application/json", OWNER, if_match=etag)
    assert store.read_document(DOCUMENT, 100) is None


def test_a_document_of_a_recording_is_deleted_like_its_objects(store: LocationStore) -> None:
    store.create_document(DOCUMENT, b"first", "application/json", OWNER)
    store.replace_document(DOCUMENT, b"second", "application/json", OWNER, if_match=etag_of(store, DOCUMENT))
    head = store.head(DOCUMENT)
    assert head is not None
    assert (head.recording_uid, head.artifact, head.org) == ("uid-1", "metadata.json", "acme=2F1")
    assert not store.delete(DOCUMENT, version_id=None, recording_uid="uid-2")
    while store.delete(DOCUMENT, version_id=None, recording_uid="uid-1"):
        pass  # a bucket with versions shows the one before
    assert list(store.versions("")) == []


def test_every_object_is_a_latest_version(store: LocationStore) -> None:
    assert list(store.versions("")) == []
    for key in ("a/1", "a/2", "b/1"):
        put(store, key, key.encode())
    listed = {one.key: one for one in store.objects("a/")}
    found = {one.key: one for one in store.versions("a/")}
    assert found.keys() == {"a/1", "a/2"}
    for key, one in found.items():
        assert (one.is_latest, one.is_delete_marker) == (True, False)
        assert (one.size_bytes, one.storage_class, one.etag) == (3, listed[key].storage_class, listed[key].etag)
        assert abs(datetime.now(UTC) - one.last_modified) < timedelta(minutes=10)
