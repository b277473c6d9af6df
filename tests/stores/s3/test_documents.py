"""Documents and versions in S3: storage classes, buckets without versions, delete markers, pages, errors."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.listing import listed_versions
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.strict_bucket import Attributes, Bucket
from tests.support.strict_dialect import Dialect
from tests.support.strict_faults import Drop, ErrorResponse, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

KEY = "p/.recording-operator/usage/a/2026/11/28T000007Z.json.gz"
PLAIN = Attributes(content_type="text/plain", metadata={}, headers={})


@pytest.fixture
def documents(strict: StrictStore) -> S3LocationStore:
    """A location whose objects are archived."""
    store = store_of(strict)
    return store.writing(replace(store.options, storage_class="GLACIER"))


def test_a_document_is_not_archived(strict: StrictStore, documents: S3LocationStore) -> None:
    documents.create_document(KEY, b"data", "application/gzip")
    [version] = strict.bucket.versions[KEY]
    assert version.attributes.storage_class == "STANDARD"
    assert version.attributes.metadata["recording-uid"] == "recording-operator"
    assert documents.read_document(KEY, 100) == b"data"


def test_a_bucket_with_object_lock_takes_documents(strict: StrictStore, documents: S3LocationStore) -> None:
    strict.bucket = Bucket(object_lock_days=1)
    assert documents.create_document(KEY, b"data", "application/gzip")
    with pytest.raises(StoreError) as caught:
        documents.delete_document(KEY)
    assert caught.value.location_reason is Reason.ACCESS_DENIED


def test_without_conditional_writes_the_key_is_checked_first(strict: StrictStore, documents: S3LocationStore) -> None:
    strict.bucket = Bucket(dialect=Dialect(conditions="refused"))
    plain = documents.adapted(replace(documents.capabilities, conditional_writes=False))
    assert plain.create_document(KEY, b"first", "application/gzip")
    assert not plain.create_document(KEY, b"second", "application/gzip")
    assert plain.read_document(KEY, 100) == b"first"


def test_a_lost_response_leaves_the_document(strict: StrictStore, documents: S3LocationStore) -> None:
    strict.fault(Fault(operation="PutObject", action=Drop(when="after")))
    documents.create_document(KEY, b"data", "application/gzip")
    assert documents.read_document(KEY, 100) == b"data"


@pytest.mark.parametrize("versioned", [True, False])
def test_deletion_leaves_no_version_and_no_marker(
    strict: StrictStore, documents: S3LocationStore, versioned: bool
) -> None:
    strict.bucket = Bucket(versioned=versioned)
    documents.create_document(KEY, b"data", "application/gzip")
    documents.delete_document(KEY)
    documents.delete_document(KEY)
    assert strict.bucket.versions == {}


@pytest.mark.parametrize(
    ("operation", "right"),
    [("GetObject", "read"), ("PutObject", "create"), ("ListObjectVersions", "versions"), ("DeleteObject", "delete")],
)
def test_missing_permissions_are_told(
    strict: StrictStore, documents: S3LocationStore, operation: str, right: str
) -> None:
    documents.create_document(KEY, b"data", "application/gzip")
    strict.denied = {operation}
    actions: dict[str, Callable[[], object]] = {
        "read": lambda: documents.read_document(KEY, 100),
        "create": lambda: documents.create_document(f"{KEY}2", b"", "text/plain"),
        "versions": lambda: list(documents.versions("")),
        "delete": lambda: documents.delete_document(KEY),
    }
    with pytest.raises(StoreError) as caught:
        actions[right]()
    assert caught.value.location_reason is Reason.ACCESS_DENIED


def test_a_missing_bucket_is_not_a_missing_document(strict: StrictStore, documents: S3LocationStore) -> None:
    strict.fault(Fault(operation="GetObject", action=ErrorResponse(status=404, code="NoSuchBucket")))
    with pytest.raises(StoreError) as caught:
        documents.read_document(KEY, 100)
    assert caught.value.location_reason is Reason.BUCKET_NOT_FOUND


# Versions


@pytest.mark.parametrize("page_size", [1, 2, 3, 1000])
def test_versions_and_markers_over_pages(strict: StrictStore, documents: S3LocationStore, page_size: int) -> None:
    for size in (1, 2, 3):
        strict.bucket.put("a", b"x" * size, PLAIN)
    strict.bucket.put("b ü", b"xx", replace(PLAIN, storage_class="GLACIER"))
    strict.bucket.delete("b ü", None)
    strict.bucket.put("c", b"x", PLAIN)
    strict.bucket.put("other", b"x", PLAIN)
    strict.page_size = page_size
    found = [one for prefix in ("a", "b", "c") for one in documents.versions(prefix)]
    facts = sorted((one.key, one.size_bytes, one.storage_class, one.is_latest, one.is_delete_marker) for one in found)
    assert facts == [
        ("a", 1, "STANDARD", False, False),
        ("a", 2, "STANDARD", False, False),
        ("a", 3, "STANDARD", True, False),
        ("b ü", 0, None, True, True),
        ("b ü", 2, "GLACIER", False, False),
        ("c", 1, "STANDARD", True, False),
    ]
    assert all(one.last_modified.tzinfo for one in found)
    assert {one.etag == "" for one in found if one.is_delete_marker} == {True}
    assert len(list(documents.versions(""))) == 7


def test_a_bucket_without_versions_lists_its_objects(strict: StrictStore, documents: S3LocationStore) -> None:
    strict.bucket = Bucket(versioned=False)
    strict.bucket.put("a", b"old", PLAIN)
    strict.bucket.put("a", b"x", PLAIN)
    [only] = documents.versions("")
    assert (only.key, only.size_bytes, only.is_latest, only.is_delete_marker) == ("a", 1, True, False)


def test_a_store_that_lists_no_versions_says_so(strict: StrictStore, documents: S3LocationStore) -> None:
    strict.fault(Fault(operation="any", action=ErrorResponse(status=501, code="NotImplemented")))
    with pytest.raises(StoreError) as caught:
        list(documents.versions(""))
    assert caught.value.location_reason is Reason.STORE_UNSUPPORTED


class _EndlessVersions:
    """Says that there is more, and hands out the same markers."""

    def __init__(self, markers: dict[str, str]) -> None:
        self._markers = markers

    def list_object_versions(self, **_: Any) -> dict[str, Any]:
        return {"IsTruncated": True, "Versions": [], **self._markers}


@pytest.mark.parametrize(
    "markers", [{}, {"NextKeyMarker": ""}, {"NextKeyMarker": "a"}, {"NextKeyMarker": "a", "NextVersionIdMarker": "1"}]
)
def test_half_a_listing_of_versions_is_an_error(markers: dict[str, str]) -> None:
    with pytest.raises(StoreError) as caught:
        list(listed_versions(_EndlessVersions(markers), bucket="b", prefix=""))
    assert caught.value.location_reason is Reason.STORE_UNAVAILABLE


def test_a_replacement_is_not_archived_either(strict: StrictStore, documents: S3LocationStore) -> None:
    documents.create_document(KEY, b"first", "application/json")
    assert documents.replace_document(KEY, b"second", "application/json", if_match=_etag(documents))
    assert strict.bucket.versions[KEY][-1].attributes.storage_class == "STANDARD"


@pytest.mark.parametrize("probed", [True, False])
def test_a_store_without_conditions_is_checked_before_a_replacement(
    strict: StrictStore, documents: S3LocationStore, *, probed: bool
) -> None:
    documents.create_document(KEY, b"first", "application/json")
    first = _etag(documents)
    strict.bucket.dialect = Dialect(conditions="refused")
    plain = documents.adapted(replace(documents.capabilities, conditional_writes=not probed))
    assert plain.replace_document(KEY, b"second", "application/json", if_match=first)
    assert not plain.replace_document(KEY, b"third", "application/json", if_match=first)
    assert plain.read_document(KEY, 100) == b"second"


def test_a_replacement_that_fails_changes_nothing(strict: StrictStore, documents: S3LocationStore) -> None:
    documents.create_document(KEY, b"first", "application/json")
    strict.fault(Fault(operation="PutObject", action=ErrorResponse(status=403, code="AccessDenied"), times=1))
    with pytest.raises(StoreError) as caught:
        documents.replace_document(KEY, b"second", "application/json", if_match=_etag(documents))
    assert caught.value.location_reason is Reason.ACCESS_DENIED
    assert documents.read_document(KEY, 100) == b"first"


def _etag(store: S3LocationStore) -> str:
    head = store.head(KEY)
    assert head is not None
    return head.stored.etag
