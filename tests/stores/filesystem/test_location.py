"""Which directories a location may have, and what its check says."""

import errno
import os
from pathlib import Path

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.errors import LocationError
from recording_operator.stores.factory import open_store
from recording_operator.stores.location_store import LocationStore
from tests.stores.filesystem.directories import as_nobody, opened
from tests.support.transfers import KEY


def open_at(path: str, *roots: str) -> LocationStore:
    """The store of a StorageLocation of this directory."""
    spec = {"filesystem": {"path": path, "prefix": "team/"}}
    location = StorageLocation.model_validate({"metadata": {"name": "disk", "uid": "u", "generation": 1}, "spec": spec})
    return open_store(location, None, roots=roots)


def reason_of_probe(store: LocationStore) -> tuple[Reason, str]:
    """What the check of the location ends with."""
    with pytest.raises(LocationError) as caught:
        store.probe(name="probe")
    return caught.value.reason, caught.value.message


@pytest.mark.parametrize("path", ["/recordings-of-others", "/record", "/other", "/"])
def test_a_path_outside_of_the_roots_is_not_opened(path: str) -> None:
    with pytest.raises(LocationError) as caught:
        open_at(path, "/recordings", "/archive")
    assert caught.value.reason is Reason.PATH_NOT_ALLOWED
    assert "filesystem.roots: /recordings, /archive" in caught.value.message


def test_no_directory_is_permitted_by_default() -> None:
    with pytest.raises(LocationError) as caught:
        open_at("/recordings")
    assert "filesystem.roots: none" in caught.value.message


@pytest.mark.parametrize("below", ["", "/acme", "/acme/eu"])
def test_a_root_and_what_is_below_it_is_made_and_checked(tmp_path: Path, below: str) -> None:
    store = open_at(f"{tmp_path}{below}", str(tmp_path))
    assert store.probe(name="probe") == store.capabilities
    assert store.claim_prefix("cluster-1") == "cluster-1"
    store.create_document("team/x", b"x", "text/plain")
    assert (tmp_path / below.strip("/") / "team/x").read_bytes() == b"x"


def test_a_volume_that_is_not_mounted_is_not_found(tmp_path: Path) -> None:
    root = str(tmp_path / "recordings")
    reason, message = reason_of_probe(open_at(f"{root}/acme", root))
    assert reason is Reason.PATH_NOT_FOUND
    assert "Mount its volume" in message
    assert not (tmp_path / "recordings").exists()


def test_a_directory_without_write_permission_is_denied() -> None:
    with as_nobody() as folder:
        (folder / "acme").mkdir()
        (folder / "acme").chmod(0o500)
        store = opened(folder / "acme")
        reason, message = reason_of_probe(store)
        assert reason is Reason.ACCESS_DENIED
        assert "Check the owner of the directory and the pod's fsGroup (create an upload: EACCES)." in message
        assert store.head(KEY) is None
        assert list((folder / "acme").iterdir()) == []
        (folder / "acme").chmod(0o700)


def test_a_directory_that_may_not_be_read_is_denied() -> None:
    with as_nobody() as folder:
        (folder / "acme" / "a").mkdir(parents=True)
        (folder / "acme" / "a").chmod(0)
        with pytest.raises(Exception, match="StoreDenied"):
            list(opened(folder / "acme").objects(""))
        (folder / "acme" / "a").chmod(0o700)


def test_an_owner_marker_that_a_person_wrote_counts(tmp_path: Path) -> None:
    marker = tmp_path / "team/.recording-operator/owner"
    marker.parent.mkdir(parents=True)
    marker.write_text("cluster-9\n")
    assert open_at(str(tmp_path), str(tmp_path)).claim_prefix("cluster-1") == "cluster-9"


def test_the_mount_is_one_filesystem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", link)
    reason, message = reason_of_probe(opened(tmp_path))
    assert reason is Reason.STORE_UNSUPPORTED
    assert "Mount one filesystem" in message
