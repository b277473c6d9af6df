"""The contract of presigned URLs, for every kind of store."""

from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.stores.errors import StoreError
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.presigning import NotPresignableError, PresignedUrl
from tests.stores.contract.kinds import Kind
from tests.support.transfers import KEY, an_object

BODY = b"the recording"
HOUR = timedelta(hours=1)


def stored(store: LocationStore) -> str | None:
    """Store an object. Returns its version."""
    return store.put(an_object(), BODY, crc64nvme=crc64nvme(BODY)).version_id


def presigned(
    kind: Kind, store: LocationStore, version_id: str | None, *, attachment: str | None = None
) -> PresignedUrl:
    """A URL of the object, for an hour."""
    if not kind.presigns:
        with pytest.raises(StoreError) as caught:
            store.presign(KEY, version_id=version_id, recording_uid="uid-1", expires=HOUR)
        assert caught.value.reason is Reason.STORE_UNSUPPORTED
        pytest.skip("this kind has no URLs")
    return store.presign(KEY, version_id=version_id, recording_uid="uid-1", expires=HOUR, attachment=attachment)


def test_the_url_fetches_the_bytes_without_credentials(kind: Kind, store: LocationStore) -> None:
    made = presigned(kind, store, stored(store))
    assert timedelta(0) <= datetime.now(UTC) + HOUR - made.expires_at < timedelta(minutes=1)
    assert made.url not in repr(made)
    with urlopen(made.url) as response:
        assert response.read() == BODY
        assert response.headers["Content-Type"] == "video/mp4"
        assert response.headers["Content-Disposition"].startswith("inline")


def test_a_changed_url_fetches_nothing(kind: Kind, store: LocationStore) -> None:
    made = presigned(kind, store, stored(store))
    with pytest.raises(HTTPError) as caught:
        urlopen(made.url.replace(KEY.rpartition("/")[2], "other.mp4"))
    assert caught.value.code == 403


def test_a_url_names_exactly_the_stored_version(kind: Kind, store: LocationStore) -> None:
    version = stored(store)
    if not kind.capabilities.versioning:
        pytest.skip("this kind has no versions")
    made = presigned(kind, store, version)
    assert store.delete(KEY, version_id=version, recording_uid="uid-1")
    newer = b"of another time"
    store.put(an_object(), newer, crc64nvme=crc64nvme(newer))
    with pytest.raises(HTTPError) as caught:
        urlopen(made.url)
    assert caught.value.code == 404
    with pytest.raises(NotPresignableError, match="no longer exists"):
        store.presign(KEY, version_id=version, recording_uid="uid-1", expires=HOUR)


def test_a_download_has_a_file_name(kind: Kind, store: LocationStore) -> None:
    made = presigned(kind, store, stored(store), attachment="meeting-video.mp4")
    with urlopen(made.url) as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="meeting-video.mp4"'


def test_no_url_of_a_missing_object_or_one_of_another_recording(kind: Kind, store: LocationStore) -> None:
    if not kind.presigns:
        pytest.skip("this kind has no URLs")
    with pytest.raises(NotPresignableError, match="no longer exists"):
        store.presign(KEY, version_id=None, recording_uid="uid-1", expires=HOUR)
    version = stored(store)
    with pytest.raises(NotPresignableError, match="does not belong to this Recording"):
        store.presign(KEY, version_id=version, recording_uid="uid-2", expires=HOUR)
