"""Open uploads: one folder each, with the file that becomes the object, and what is known of its parts.

    .recording-operator/uploads/<id>/upload.json    the key, and the size of the parts
                                     data           every part at its offset
                                     parts          see journal.py

A writer of a part holds a shared lock of `data`, and who completes the upload holds it alone. A process that was
replaced, and does not know it yet, can therefore not change bytes of an object that is visible.
"""

import errno
import fcntl
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from recording_operator.checksums import crc64nvme
from recording_operator.stores.filesystem import journal
from recording_operator.stores.filesystem.errors import other_bytes, upload_lost
from recording_operator.stores.filesystem.keys import UPLOADS
from recording_operator.stores.filesystem.sidecar import LEFT_OVER_S, random_time_ns
from recording_operator.stores.filesystem.sidecar import remove_left_over as remove_metadata
from recording_operator.stores.filesystem.tree import (
    FOLDER,
    Tree,
    checksum_of,
    create_file,
    names_in,
    open_file,
    read_small,
    status_of,
    write_all,
)
from recording_operator.stores.store import OpenUpload, PartBody, StoredPart

DATA: Final = "data"
_MANIFEST: Final = "upload.json"
_PARTS: Final = "parts"
_REMOVED: Final = "removed-"
_ID: Final = re.compile(r"[0-9a-f]{32}")
_MOST_MANIFEST_BYTES: Final = 16 * 2**10
_MOST_JOURNAL_BYTES: Final = 64 * 2**20


class UploadManifest(BaseModel):
    """What an upload is for. `time_ns` becomes the modification time of the object."""

    model_config = ConfigDict(frozen=True)

    key: str
    part_size_bytes: int
    initiated_at: datetime
    time_ns: int


class VerifiedParts:
    """Parts whose bytes this process has read back. Thread-safe; shared by all stores of a location."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._etags: dict[str, set[str]] = {}

    def add(self, upload_id: str, etag: str) -> None:
        """A part was read back."""
        with self._lock:
            self._etags.setdefault(upload_id, set()).add(etag)

    def has(self, upload_id: str, etag: str) -> bool:
        """Whether it was read back."""
        with self._lock:
            return etag in self._etags.get(upload_id, ())

    def forget(self, upload_id: str) -> None:
        """The upload is gone."""
        with self._lock:
            self._etags.pop(upload_id, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedUpload:
    """An upload that is locked, with its open files."""

    upload_id: str
    manifest: UploadManifest
    folder: int
    data: int
    verified: VerifiedParts = field(repr=False)

    def parts(self) -> dict[int, StoredPart]:
        """The parts according to the journal. Raises OSError, StoreError."""
        return journal.parts_in(self._journal())

    def verified_parts(self) -> list[StoredPart]:
        """The parts whose bytes have their checksum. Bytes that another process has written are read first.

        A part with other bytes leaves the journal, so that the client sees that it is missing.
        """
        parts = self.parts()
        wrong = [number for number, part in parts.items() if not self._is_right(part)]
        for number in wrong:
            if self.parts().get(number) == parts.pop(number):
                self._append(journal.begun(number))
        return list(parts.values())

    def check_often_begun(self) -> None:
        """Read the parts again that were begun more than once. Only who is alone may call it.

        A writer may have written over a part after another writer was done with it, and then have stopped. Such a part
        leaves the journal. Raises StoreError(StoreIntegrity), OSError.
        """
        often, parts = journal.begun_often(self._journal()), self.parts()
        wrong = [number for number in often & parts.keys() if not self._has_its_bytes(parts[number])]
        for number in wrong:
            self._append(journal.begun(number))
        if wrong:
            raise other_bytes("Another writer has written over a part.")

    def write(self, part_number: int, body: PartBody) -> StoredPart:
        """Write a part at its offset, and read it back. Raises OSError, StoreError, BodyAborted."""
        offset = (part_number - 1) * self.manifest.part_size_bytes
        size_bytes, crc = len(body), 0
        if size_bytes > self.manifest.part_size_bytes:
            raise other_bytes("The part is larger than the parts of this upload.")
        self._append(journal.begun(part_number))
        written = 0
        while window := body.read():
            if written + len(window) > size_bytes:
                raise other_bytes("The part has more bytes than it states.")
            write_all(self.data, window, offset + written)
            crc = crc64nvme(window, crc)
            written += len(window)
        if written < size_bytes or body.crc64nvme != crc or checksum_of(self.data, offset, size_bytes) != crc:
            raise other_bytes()
        # Starts writing to the disk now, so that the fsync at the end has little left to do.
        with suppress(OSError):
            os.posix_fadvise(self.data, offset, size_bytes, os.POSIX_FADV_DONTNEED)
        part = StoredPart(
            part_number=part_number,
            size_bytes=size_bytes,
            etag=secrets.token_hex(16),
            crc64nvme=crc,
            uploaded_at=datetime.now(UTC),
        )
        self.verified.add(self.upload_id, part.etag)
        self._append(journal.done(part))
        return part

    def _journal(self) -> bytes:
        listed = read_small(self.folder, _PARTS, _MOST_JOURNAL_BYTES)
        if listed is None:
            raise upload_lost()
        return listed

    def _append(self, line: bytes) -> None:
        file = open_file(self.folder, _PARTS, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.write(file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(file)

    def _is_right(self, part: StoredPart) -> bool:
        if not self.verified.has(self.upload_id, part.etag):
            if not self._has_its_bytes(part):
                return False
            self.verified.add(self.upload_id, part.etag)
        return True

    def _has_its_bytes(self, part: StoredPart) -> bool:
        offset = (part.part_number - 1) * self.manifest.part_size_bytes
        return checksum_of(self.data, offset, part.size_bytes) == part.crc64nvme


class UploadFolder:
    """The open uploads of a location. Methods raise OSError and StoreError."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._verified = VerifiedParts()

    def create(self, key: str, *, part_size_bytes: int) -> str:
        """A new upload; its id."""
        upload_id = secrets.token_hex(16)
        manifest = UploadManifest(
            key=key, part_size_bytes=part_size_bytes, initiated_at=datetime.now(UTC), time_ns=random_time_ns()
        )
        with self._tree.folder((*UPLOADS, upload_id), make=True) as folder:
            for name, content in ((_PARTS, b""), (DATA, b""), (_MANIFEST, manifest.model_dump_json().encode())):
                file = create_file(folder, name)
                try:
                    write_all(file, content, 0)
                finally:
                    os.close(file)
        return upload_id

    @contextmanager
    def opened(self, key: str, upload_id: str, *, alone: bool = False) -> Iterator[OpenedUpload]:
        """The upload, locked. Raises StoreError(StoreUploadLost) if it does not exist or is complete.

        `alone`: no part is being written, in any process. Raises BlockingIOError if one is.
        """
        if _ID.fullmatch(upload_id) is None:
            raise upload_lost()
        try:
            with self._tree.folder((*UPLOADS, upload_id)) as folder:
                data = open_file(folder, DATA, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(data, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
                    yield self._checked(key, upload_id, folder=folder, data=data)
                finally:
                    os.close(data)
        except FileNotFoundError:
            raise upload_lost() from None

    def remove(self, key: str, upload_id: str) -> bool:
        """Remove an upload. False if there is none at this key."""
        if _ID.fullmatch(upload_id) is None:
            return False
        self._verified.forget(upload_id)
        try:
            with self._tree.folder(UPLOADS) as uploads:
                if self._manifest(uploads, upload_id, key) is None:
                    return False
                # In one step, so that half of it is never seen.
                os.rename(upload_id, _REMOVED + upload_id, src_dir_fd=uploads, dst_dir_fd=uploads)
                _remove_folder(uploads, _REMOVED + upload_id)
        except FileNotFoundError:
            return False
        return True

    def listed(self, prefix: str) -> list[OpenUpload]:
        """Every open upload whose key begins with `prefix`, in the order of keys."""
        try:
            with self._tree.folder(UPLOADS) as uploads:
                manifests = [(name, self._manifest(uploads, name)) for name in names_in(uploads) if _ID.fullmatch(name)]
        except FileNotFoundError:
            return []
        found = [
            OpenUpload(key=manifest.key, upload_id=name, initiated_at=manifest.initiated_at)
            for name, manifest in manifests
            if manifest is not None and manifest.key.startswith(prefix)
        ]
        return sorted(found, key=lambda upload: (upload.key, upload.initiated_at))

    def remove_left_over(self) -> None:
        """Remove what a killed process left: files of small objects, halves of uploads, and metadata without a file."""
        oldest = time.time() - LEFT_OVER_S
        with suppress(FileNotFoundError), self._tree.folder(UPLOADS) as uploads:
            for name in names_in(uploads):
                with suppress(FileNotFoundError):
                    status = status_of(uploads, name)
                    if status.st_mtime > oldest:
                        continue
                    if not stat.S_ISDIR(status.st_mode):
                        os.unlink(name, dir_fd=uploads)
                    elif self._manifest(uploads, name) is None or name.startswith(_REMOVED):
                        _remove_folder(uploads, name)
        remove_metadata(self._tree, open_keys={upload.key for upload in self.listed("")})

    def _checked(self, key: str, upload_id: str, *, folder: int, data: int) -> OpenedUpload:
        manifest = _read_manifest(folder)
        status = os.fstat(data)
        # Under the lock: is this still the file of the upload, and not one that is visible already?
        if manifest is None or manifest.key != key or status.st_nlink > 1:
            raise upload_lost()
        if not os.path.samestat(status, status_of(folder, DATA)):
            raise upload_lost()
        return OpenedUpload(upload_id=upload_id, manifest=manifest, folder=folder, data=data, verified=self._verified)

    @staticmethod
    def _manifest(uploads: int, name: str, key: str | None = None) -> UploadManifest | None:
        try:
            folder = os.open(name, FOLDER, dir_fd=uploads)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            manifest = _read_manifest(folder)
        finally:
            os.close(folder)
        return manifest if manifest is not None and key in {None, manifest.key} else None


def _read_manifest(folder: int) -> UploadManifest | None:
    try:
        return UploadManifest.model_validate_json(read_small(folder, _MANIFEST, _MOST_MANIFEST_BYTES) or b"")
    except ValidationError:
        return None


def _remove_folder(parent: int, name: str) -> None:
    folder = os.open(name, FOLDER, dir_fd=parent)
    try:
        for inner in names_in(folder):
            os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=parent)
