"""Manifests in a strict store: created, replaced conditionally, never over anything else, and deleted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.controller.recordings.manifests import ManifestWriter, manifest_failed
from recording_operator.controller.recordings.removal import Removal
from recording_operator.engine.actions import CleanUp, WriteManifest
from recording_operator.engine.facts import CleanupEnded, ManifestFailed, ManifestWritten, RecordingRef
from recording_operator.errors import TransferError
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.s3.location import S3LocationStore
from tests.engine.builders import a_location, uid_of
from tests.support.strict_bucket import Bucket
from tests.support.strict_dialect import DIALECTS
from tests.support.strict_faults import Drop, ErrorResponse, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import an_object, store_of

UID = uid_of(1)
REF = RecordingRef(namespace="team-a", name="rec-1", uid=UID)
KEY = f"p/acme/{UID}/metadata.json"
LOCATION = a_location()
WRITTEN = [ManifestWritten(uid=UID, uri="s3://b/k", revision="r")]


class Stores:
    """The store of the only location."""

    def __init__(self, store: S3LocationStore) -> None:
        self.store = store

    def store_named(self, location: str, *, uid: str) -> LocationStore:
        assert (location, uid) == (LOCATION.metadata.name, LOCATION.metadata.uid)
        return self.store


@pytest.fixture
def stores(strict: StrictStore) -> Stores:
    """A store as after its probe."""
    return Stores(store_of(strict))


def an_order(data: bytes = b"{}\n", *, is_first: bool = True, org: str = "acme") -> WriteManifest:
    """Write these bytes."""
    return WriteManifest(
        ref=REF, location=LOCATION, org=org, key=KEY, uri="s3://b/k", data=data, revision="r", is_first=is_first
    )


def write(stores: Stores, order: WriteManifest) -> None:
    """Execute the action."""
    assert list(ManifestWriter(stores).write(order)) == WRITTEN


@contextmanager
def failing(reason: Reason) -> Iterator[None]:
    """The action fails for this reason."""
    with pytest.raises(TransferError) as caught:
        yield
    assert caught.value.reason is reason


def requests(strict: StrictStore) -> list[str]:
    """The operations so far, which are forgotten here."""
    made = [one.operation for one in strict.requests]
    strict.requests.clear()
    return made


def test_the_first_manifest_takes_one_request_and_names_its_recording(strict: StrictStore, stores: Stores) -> None:
    write(stores, an_order(org="acme/1"))
    assert requests(strict) == ["PutObject"]
    [version] = strict.bucket.versions[KEY]
    assert version.attributes.content_type == "application/json"
    assert version.attributes.metadata == {
        "recording-uid": UID,
        "recording-artifact": "metadata.json",
        "recording-org": "acme=2F1",
    }


def test_a_later_one_replaces_it(strict: StrictStore, stores: Stores) -> None:
    write(stores, an_order(b"first"))
    write(stores, an_order(b"second", is_first=False))
    assert stores.store.read_document(KEY, 100) == b"second"
    assert requests(strict)[:3] == ["PutObject", "HeadObject", "PutObject"]


def test_the_same_bytes_are_not_written_again(strict: StrictStore, stores: Stores) -> None:
    write(stores, an_order(b"first"))
    requests(strict)
    write(stores, an_order(b"first", is_first=False))
    assert requests(strict) == ["HeadObject"]


def test_after_a_crash_the_first_one_is_found(strict: StrictStore, stores: Stores) -> None:
    write(stores, an_order(b"before the crash"))
    write(stores, an_order(b"after it"))
    assert stores.store.read_document(KEY, 100) == b"after it"
    assert len(strict.bucket.versions[KEY]) <= 2


def test_one_that_was_deleted_by_hand_is_created_again(stores: Stores) -> None:
    write(stores, an_order(b"second", is_first=False))
    assert stores.store.read_document(KEY, 100) == b"second"


@pytest.mark.parametrize("is_first", [True, False])
def test_the_object_of_anybody_else_is_kept(stores: Stores, *, is_first: bool) -> None:
    foreign = an_object(key=KEY)
    stores.store.put(foreign, b"foreign", crc64nvme=crc64nvme(b"foreign"))
    with failing(Reason.STORE_KEY_CONFLICT):
        write(stores, an_order(is_first=is_first))
    assert stores.store.read_document(KEY, 100) == b"foreign"


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_response_is_no_failure(strict: StrictStore, stores: Stores, when: str, *, is_first: bool) -> None:
    if not is_first:
        write(stores, an_order(b"before"))
    strict.fault(Fault(operation="PutObject", action=Drop(when=when)))  # type: ignore[arg-type]
    write(stores, an_order(b"now", is_first=is_first))
    assert stores.store.read_document(KEY, 100) == b"now"


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("AccessDenied", 403, Reason.STORE_DENIED),
        ("NoSuchBucket", 404, Reason.BUCKET_NOT_FOUND),
        ("QuotaExceeded", 400, Reason.STORE_QUOTA),
    ],
)
def test_a_failure_has_a_reason_and_leaves_what_was_there(
    strict: StrictStore, stores: Stores, code: str, status: int, reason: Reason
) -> None:
    write(stores, an_order(b"before"))
    strict.fault(Fault(operation="PutObject", action=ErrorResponse(status=status, code=code), times=9))
    with failing(reason):
        write(stores, an_order(b"now", is_first=False))
    assert stores.store.read_document(KEY, 100) == b"before"


def test_of_two_writers_the_later_one_reads_again(
    strict: StrictStore, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(stores, an_order(b"first"))
    head, seen = S3LocationStore.head, list[str]()

    def raced(store: S3LocationStore, key: str) -> object:
        found = head(store, key)
        if not seen:
            seen.append(key)
            assert found is not None
            store.replace_document(key, b"other", "application/json", if_match=found.stored.etag)
            strict.bucket.versions[KEY][-1] = replace(
                strict.bucket.versions[KEY][-1], attributes=strict.bucket.versions[KEY][0].attributes
            )
        return found

    monkeypatch.setattr(S3LocationStore, "head", raced)
    write(stores, an_order(b"second", is_first=False))
    assert stores.store.read_document(KEY, 100) == b"second"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_in_every_kind_of_store(strict: StrictStore, stores: Stores, dialect: str) -> None:
    strict.bucket = Bucket(dialect=DIALECTS[dialect])
    stores.store = stores.store.adapted(stores.store.probe(name="test"))
    for data, is_first in ((b"first", True), (b"second", False), (b"second", False), (b"third", True)):
        write(stores, an_order(data, is_first=is_first))
        assert stores.store.read_document(KEY, 100) == data


@pytest.mark.parametrize("versioned", [True, False])
def test_it_is_deleted_with_all_its_versions(strict: StrictStore, stores: Stores, *, versioned: bool) -> None:
    strict.bucket = Bucket(versioned=versioned)
    for number in range(3):
        write(stores, an_order(b"%d" % number, is_first=number == 0))
    clean = CleanUp(ref=REF, location=LOCATION, artifacts=(), manifest_key=KEY)
    assert list(Removal(stores).clean_up(clean)) == [CleanupEnded(uid=UID, ok=True)]
    assert list(stores.store.versions("")) == []
    assert list(Removal(stores).clean_up(clean)) == [CleanupEnded(uid=UID, ok=True)]


def test_the_object_of_anybody_else_is_not_deleted(stores: Stores) -> None:
    stores.store.put(an_object(key=KEY), b"foreign", crc64nvme=crc64nvme(b"foreign"))
    list(Removal(stores).clean_up(CleanUp(ref=REF, location=LOCATION, artifacts=(), manifest_key=KEY)))
    assert stores.store.read_document(KEY, 100) == b"foreign"


def test_an_unexpected_error_is_told_by_its_class_only() -> None:
    failed = manifest_failed(an_order(), ValueError("https://h/?sig=1"))
    message = "An unexpected error in the operator (ValueError)."
    assert failed == ManifestFailed(uid=UID, reason=Reason.INTERNAL_ERROR, message=message)


def test_each_failure_is_counted(strict: StrictStore, stores: Stores) -> None:
    counted: list[Reason] = []
    strict.fault(Fault(operation="PutObject", action=ErrorResponse(status=403, code="AccessDenied"), times=9))
    with failing(Reason.STORE_DENIED):
        ManifestWriter(stores, on_failure=counted.append).write(an_order())
    assert counted == [Reason.STORE_DENIED]
