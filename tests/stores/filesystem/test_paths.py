"""No key leads out of the directory, and nothing but regular files is read, written or listed."""

import contextlib
import os
import socket
import stat
from pathlib import Path

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.objects import StoredObject
from tests.stores.filesystem.directories import UPLOADS, begun, files_in, put, sent
from tests.support.transfers import KEY, an_object, fails


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("../outside", "has an empty folder, '.' or '..'"),
        ("a/../../outside", "has an empty folder, '.' or '..'"),
        ("a/./b", "has an empty folder, '.' or '..'"),
        ("/etc/passwd", "has an empty folder, '.' or '..'"),
        ("a//b", "has an empty folder, '.' or '..'"),
        ("a/", "has an empty folder, '.' or '..'"),
        ("", "has an empty folder, '.' or '..'"),
        ("a/b\0c", "has a character that cannot be printed"),
        ("a/b\nc", "has a character that cannot be printed"),
        (f"a/{'b' * 256}", "has a name of more than 255 bytes between two slashes"),
        (f"a/{'é' * 128}", "has a name of more than 255 bytes between two slashes"),
        ("/".join(["abc"] * 300), "is longer than 1024 bytes"),
        (".recording-operator/uploads/x", "begins with a folder of the operator"),
        (".recording-operator/metadata/x", "begins with a folder of the operator"),
    ],
)
def test_a_key_that_is_no_path_below_the_directory_fails_for_good(
    store: FilesystemLocationStore, tmp_path: Path, key: str, why: str
) -> None:
    for error in (fails(lambda: put(store, b"x", key)), fails(lambda: begun(store, 9, an_object(key=key)))):
        assert (error.reason, error.is_final) == (Reason.STORE_UNSUPPORTED, True)
        assert f"The key cannot be a path of the filesystem: it {why}" in error.message
    with pytest.raises(TransferError):
        store.head(key)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("key", [f"a/{'b' * 255}", f"a/{'é' * 127}", "a/b c/~$&.mp4", "a/..b/...c"])
def test_any_other_key_is_a_path(store: FilesystemLocationStore, directory: Path, key: str) -> None:
    put(store, b"x", key)
    assert (directory / key).read_bytes() == b"x"
    assert [found.key for found in store.objects("a/")] == [key]


def test_a_folder_that_is_a_symbolic_link_is_not_followed(
    store: FilesystemLocationStore, directory: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "video.mp4").write_bytes(b"theirs")
    (directory / "meetings").mkdir(parents=True)
    (directory / "meetings" / "acme").symlink_to(outside)
    key = "meetings/acme/video.mp4"

    for run in (lambda: put(store, b"x", key), lambda: store.head(key), lambda: store.read(_stored(key)).__next__()):
        error = fails(run)
        assert error.reason is Reason.STORE_DENIED
        assert "A folder of the location is a symbolic link. The operator follows none" in error.message
    assert list(store.objects("")) == []
    assert files_in(outside) == ["video.mp4"]


def test_the_directory_itself_may_not_be_a_link(
    store: FilesystemLocationStore, directory: Path, tmp_path: Path
) -> None:
    directory.symlink_to(tmp_path / "elsewhere")
    assert fails(lambda: put(store, b"x")).reason is Reason.STORE_DENIED


@pytest.mark.parametrize(
    "folder", [".recording-operator", ".recording-operator/uploads", ".recording-operator/metadata"]
)
def test_a_folder_of_the_operator_may_not_be_a_link(
    store: FilesystemLocationStore, directory: Path, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (directory / folder).parent.mkdir(parents=True)
    (directory / folder).symlink_to(tmp_path / "elsewhere")
    assert fails(lambda: put(store, b"x")).reason is Reason.STORE_DENIED
    assert files_in(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder", "socket", "device"])
def test_what_is_not_a_regular_file_belongs_to_nobody(
    store: FilesystemLocationStore, directory: Path, tmp_path: Path, kind: str
) -> None:
    path = directory / KEY
    path.parent.mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    match kind:
        case "link":
            path.symlink_to(tmp_path / "secret")
        case "dangling link":
            path.symlink_to(tmp_path / "nothing")
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as bound, contextlib.chdir(path.parent):
                bound.bind(path.name)
        case "device":
            make_device(path)
        case _:
            path.mkdir()

    head = store.head(KEY)

    assert head is not None
    assert (head.recording_uid, head.stored.checksum) == (None, "")
    assert fails(lambda: put(store, b"x")).reason is Reason.STORE_KEY_CONFLICT
    assert fails(lambda: next(store.read(head.stored))).reason is Reason.STORE_UNAVAILABLE
    assert not store.delete(KEY, version_id=None, recording_uid="uid-1")
    assert list(store.objects("")) == []
    assert (tmp_path / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("name", ["data", "parts", "upload.json"])
@pytest.mark.parametrize("kind", ["link", "device"])
def test_a_file_of_an_upload_that_was_replaced_is_not_written(
    store: FilesystemLocationStore, directory: Path, tmp_path: Path, name: str, kind: str
) -> None:
    """Another pod can write to the volume."""
    upload_id = begun(store, 9)
    (tmp_path / "theirs").write_bytes(b"theirs")
    path = directory / UPLOADS / upload_id / name
    path.unlink()
    if kind == "link":
        path.symlink_to(tmp_path / "theirs")
    else:
        make_device(path)

    error = fails(lambda: sent(store, upload_id, 1, b"x"))

    assert error.reason is Reason.STORE_UPLOAD_LOST
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    store.abort(KEY, upload_id)
    store.probe(name="probe")
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_a_file_where_a_key_has_a_folder_is_a_conflict(store: FilesystemLocationStore, directory: Path) -> None:
    directory.mkdir()
    (directory / "meetings").write_bytes(b"theirs")
    for run in (lambda: put(store, b"x"), lambda: store.head(KEY)):
        assert fails(run).reason is Reason.STORE_KEY_CONFLICT


@pytest.mark.parametrize("upload_id", ["", "..", "../../acme", "0" * 31, "0" * 33, "G" * 32, "a/b"])
def test_the_id_of_an_upload_is_not_a_path(store: FilesystemLocationStore, upload_id: str) -> None:
    assert not store.abort(KEY, upload_id)
    assert fails(lambda: store.list_parts(KEY, upload_id)).reason is Reason.STORE_UPLOAD_LOST


def test_an_upload_belongs_to_its_key(store: FilesystemLocationStore) -> None:
    upload_id = begun(store, 9)
    assert not store.abort("other", upload_id)
    assert fails(lambda: store.list_parts("other", upload_id)).reason is Reason.STORE_UPLOAD_LOST
    assert store.abort(KEY, upload_id)


def make_device(path: Path) -> None:
    """A device that takes everything (/dev/null)."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root can make devices")


def _stored(key: str) -> StoredObject:
    return StoredObject(key=key, uri="", size_bytes=0, etag="", version_id=None, checksum="", content_type="")
