"""Files and their metadata: whose they are, what was changed by hand, what listings show."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from tests.stores.filesystem.directories import UPLOADS, begun, complete, files_in, opened, put, sent
from tests.support.transfers import KEY, an_object, fails


def test_metadata_is_read_back_by_another_process(store: FilesystemLocationStore, directory: Path) -> None:
    put(store, b"body", org="Acme & Söhne", content_encoding="gzip", source_etag="0123")
    head = opened(directory).head(KEY)
    assert head is not None
    assert (head.recording_uid, head.artifact, head.source_etag) == ("uid-1", "video", "0123")
    assert head.org is not None
    assert head.stored.uri == f"file://{directory}/{KEY}"
    assert (head.stored.content_type, head.stored.checksum) == ("video/mp4", to_text(crc64nvme(b"body")))


def test_nothing_but_the_file_and_its_metadata_is_left(store: FilesystemLocationStore, directory: Path) -> None:
    put(store, b"small", "small")
    upload_id = begun(store, 4)
    complete(store, upload_id, [sent(store, upload_id, 1, b"four"), sent(store, upload_id, 2, b"e")], b"foure")
    found = files_in(directory)
    assert [name for name in found if "metadata" not in name] == [KEY, "small"]
    assert len(found) == 4
    assert (directory / KEY).stat().st_nlink == 1
    for key in (KEY, "small"):
        assert store.delete(key, version_id=None, recording_uid="uid-1")
    assert files_in(directory) == []
    assert [path.name for path in directory.iterdir()] == [".recording-operator"], "empty folders are left"


@pytest.mark.parametrize("change", ["bytes", "replaced", "touched", "metadata"])
def test_a_file_that_was_changed_by_hand_belongs_to_nobody(
    store: FilesystemLocationStore, directory: Path, change: str
) -> None:
    put(store, b"body")
    path = directory / KEY
    match change:
        case "bytes":
            path.write_bytes(b"evil")
        case "replaced":
            path.unlink()
            path.write_bytes(b"evil")
        case "touched":
            os.utime(path)
        case _:
            next((directory / ".recording-operator/metadata").rglob("*.json")).write_text('{"key"')
    head = store.head(KEY)
    assert head is not None
    assert (head.recording_uid, head.stored.checksum) == (None, "")
    assert not store.delete(KEY, version_id=None, recording_uid="uid-1")
    assert path.exists()


def test_a_file_with_its_time_can_be_restored_from_a_backup(store: FilesystemLocationStore, directory: Path) -> None:
    put(store, b"body")
    before, status = store.head(KEY), (directory / KEY).stat()
    (directory / KEY).unlink()
    (directory / KEY).write_bytes(b"body")
    os.utime(directory / KEY, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.head(KEY) == before


def test_a_file_that_was_replaced_is_not_read_as_the_one_that_was_stored(
    store: FilesystemLocationStore, directory: Path
) -> None:
    put(store, b"body")
    head = store.head(KEY)
    assert head is not None
    (directory / KEY).write_bytes(b"evil")
    assert fails(lambda: next(store.read(head.stored))).message == "The file was replaced by another one."


def test_a_longer_earlier_reading_does_not_lengthen_the_object(store: FilesystemLocationStore, directory: Path) -> None:
    upload_id = begun(store, 4)
    parts = [sent(store, upload_id, number, body) for number, body in ((1, b"abcd"), (2, b"efgh"), (3, b"ijkl"))]
    complete(store, upload_id, parts[:2], b"abcdefgh")
    assert (directory / KEY).read_bytes() == b"abcdefgh"


@pytest.mark.parametrize("chosen", [[2], [1, 3], [2, 1], [1, 1]], ids=["no first", "a gap", "another order", "twice"])
def test_parts_that_are_not_the_whole_are_rejected(store: FilesystemLocationStore, chosen: list[int]) -> None:
    upload_id = begun(store, 4)
    parts = {number: sent(store, upload_id, number, b"abcd") for number in (1, 2, 3)}
    listed = [parts[number] for number in chosen]
    error = fails(lambda: complete(store, upload_id, listed, b"abcd" * len(chosen)))
    assert error.reason is Reason.STORE_INTEGRITY
    assert store.head(KEY) is None


def test_a_part_larger_than_the_plan_would_overwrite_the_next_one(store: FilesystemLocationStore) -> None:
    upload_id = begun(store, 4)
    assert fails(lambda: sent(store, upload_id, 1, b"abcde")).reason is Reason.STORE_INTEGRITY
    assert store.list_parts(KEY, upload_id) == []


def test_objects_are_listed_in_the_order_of_their_keys(store: FilesystemLocationStore, directory: Path) -> None:
    keys = ["a/b", "a.txt", "a-b/c", "b", "a/a/a", "a0", "a/c.d/e", "a/c/e"]
    for key in keys:
        put(store, key.encode(), key)
    begun(store, 4)
    (directory / "link").symlink_to(directory / "b")
    (directory / "foreign").write_bytes(b"by hand")
    (directory / os.fsdecode(b"\xff")).write_bytes(b"no UTF-8")
    listed = list(store.objects(""))
    assert [found.key for found in listed] == sorted([*keys, "foreign", "\ufffd"])
    assert [found.key for found in store.objects("a/c")] == ["a/c.d/e", "a/c/e"]
    assert [found.key for found in store.objects("a/../")] == []
    assert list(store.objects("nothing/here/")) == []
    for found in listed:
        assert abs((datetime.now(UTC) - found.last_modified).total_seconds()) < 600
        head = store.head(found.key) if found.key != "\ufffd" else None
        assert head is None or head.stored.etag == found.etag


def test_what_a_killed_process_left_is_removed_after_a_day(store: FilesystemLocationStore, directory: Path) -> None:
    kept = begun(store, 4)
    uploads = directory / UPLOADS
    for name in ("put-old", "put-new", "removed-old/data", f"{'a' * 32}/data"):
        (uploads / name).parent.mkdir(exist_ok=True)
        (uploads / name).write_bytes(b"x")
    for path in [*uploads.iterdir(), uploads / kept]:
        if path.name != "put-new":
            os.utime(path, (0, 0))
    store.probe(name="probe")
    assert sorted(path.name for path in uploads.iterdir()) == sorted(["put-new", kept])


def test_metadata_without_a_file_is_removed_after_a_day(store: FilesystemLocationStore, directory: Path) -> None:
    """As a process leaves it that is killed before a link, or after a deletion."""
    folder = directory / ".recording-operator/metadata"

    def metadata_of(key: str) -> Path:
        known = set(folder.glob("*/*"))
        put(store, b"x", key)
        [made] = set(folder.glob("*/*")) - known
        return made

    old = {key: metadata_of(key) for key in ("kept", "gone", "replaced", "touched", "uploading", "not ours")}
    young = metadata_of("young")
    for key in ("gone", "replaced", "uploading", "young"):
        (directory / key).unlink()
    put(store, b"another", "replaced")
    begun(store, 4, an_object(key="uploading"))
    os.utime(directory / "touched")
    old["not ours"].write_text(old["not ours"].read_text().replace("not ours", "../outside"))
    empty = folder / "00" / "empty.json"
    empty.parent.mkdir(exist_ok=True)
    empty.touch()
    for path in [*old.values(), empty]:
        os.utime(path, (0, 0))

    store.probe(name="probe")

    left = {key for key, path in old.items() if path.exists()}
    assert left == {"kept", "touched", "uploading", "not ours"}
    assert young.exists()
    assert not empty.exists()
    head = store.head("replaced")
    assert head is not None
    assert head.recording_uid == "uid-1"


def test_downloads_are_not_counted(store: FilesystemLocationStore) -> None:
    now = datetime.now(UTC)
    assert fails(lambda: store.downloads("x", begin=now, end=now)).reason is Reason.STORE_UNSUPPORTED


def test_a_document_that_another_process_replaced_is_left(store: FilesystemLocationStore, directory: Path) -> None:
    assert store.create_document("a/metadata.json", b"1", "application/json")
    first = store.head("a/metadata.json")
    assert first is not None
    assert store.replace_document("a/metadata.json", b"2", "application/json", if_match=first.stored.etag)
    assert not opened(directory).replace_document(
        "a/metadata.json", b"3", "application/json", if_match=first.stored.etag
    )
    assert not store.replace_document("a/nothing", b"3", "application/json", if_match=first.stored.etag)
    assert store.read_document("a/metadata.json", 9) == b"2"
    assert len(list((directory / ".recording-operator/metadata").rglob("*.json"))) == 1


def test_an_object_of_another_kind_is_not_replaced_by_an_upload(store: FilesystemLocationStore) -> None:
    upload_id = begun(store, 4, an_object())
    part = sent(store, upload_id, 1, b"abcd")
    put(store, b"first")
    assert fails(lambda: complete(store, upload_id, [part], b"abcd")).reason is Reason.STORE_KEY_CONFLICT
    assert [upload.upload_id for upload in store.uploads(KEY)] == [upload_id]
