"""A directory as a Store: objects are files, which become visible when they are whole and durable."""

import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final, Self

from recording_operator import checksums
from recording_operator.api.names import (
    ARTIFACT_METADATA_KEY,
    ORG_METADATA_KEY,
    SOURCE_ETAG_METADATA_KEY,
    UID_METADATA_KEY,
)
from recording_operator.api.reasons import Reason
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.errors import StoreError
from recording_operator.stores.filesystem import sidecar as sidecars
from recording_operator.stores.filesystem.errors import key_taken, other_bytes, translated
from recording_operator.stores.filesystem.keys import UPLOADS, path_of
from recording_operator.stores.filesystem.listing import listed_objects
from recording_operator.stores.filesystem.no_services import NoServices
from recording_operator.stores.filesystem.sidecar import Sidecar, etag_of, random_time_ns
from recording_operator.stores.filesystem.tree import (
    Tree,
    checksum_of,
    create_file,
    open_file,
    status_of,
    sync_folder,
    write_all,
)
from recording_operator.stores.filesystem.uploads import DATA, OpenedUpload, UploadFolder
from recording_operator.stores.inventory import ListedObject
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.store import (
    ObjectHead,
    OpenUpload,
    PartBody,
    Span,
    StoredPart,
    WriteReceipt,
    metadata_of,
)

CAPABILITIES: Final = Capabilities(md5_etags=False, versioning=False, joins=Joins(etags=False, unequal_parts=False))
"""What every filesystem can do that passes the probe."""
_READ_BYTES: Final = 256 * 2**10
# A folder may be removed with its last object, just before another one is linked there.
_LINKS: Final = 5


class FilesystemStore(NoServices):
    """One directory. Safe for many threads. Raises the errors that `Store` describes."""

    def __init__(
        self, tree: Tree, *, capabilities: Capabilities = CAPABILITIES, uploads: UploadFolder | None = None
    ) -> None:
        self.capabilities: Final = capabilities
        self._tree: Final = tree
        self._uploads: Final = uploads or UploadFolder(tree)

    def adapted(self, capabilities: Capabilities) -> Self:
        """The same directory, with these capabilities. `self` does not change."""
        return type(self)(self._tree, capabilities=capabilities, uploads=self._uploads)

    @property
    def retry_after_s(self) -> float:
        """A filesystem never says when to try again."""
        return 0.0

    def close(self) -> None:
        """Nothing is kept open."""

    def head(self, key: str, *, version_id: str | None = None) -> ObjectHead | None:
        """The file at the key, or None. What is not a regular file belongs to no Recording."""
        names = path_of(key)
        if version_id is not None:
            return None
        with translated("read attributes"):
            try:
                with self._tree.folder(names[:-1]) as folder:
                    status = status_of(folder, names[-1])
            except FileNotFoundError:
                return None
            is_file = stat.S_ISREG(status.st_mode)
            sidecar = sidecars.read(self._tree, key, status) if is_file else None
        return self._head(key, status, sidecar)

    def put(self, obj: ObjectSpec, body: bytes, *, crc64nvme: int) -> WriteReceipt:
        """Store a small object if the key is free."""
        with translated("write a file"):
            self._check_free(obj.key)
            with self._small_file(obj, body, crc64nvme=crc64nvme) as (source, status):
                return self._publish(obj, status, partial(self._link, source), crc64nvme=crc64nvme)

    def replace(self, obj: ObjectSpec, body: bytes, *, crc64nvme: int, if_match: str) -> bool:
        """Store a small object in place of the one with this ETag. False if that is not at the key any more."""
        names = path_of(obj.key)
        with (
            translated("replace a file"),
            suppress(FileNotFoundError),
            self._tree.folder(names[:-1]) as folder,
            _only_writer(folder, names[-1], etag=if_match) as before,
            self._small_file(obj, body, crc64nvme=crc64nvme) as (source, status),
        ):

            def place(_: str, __: os.stat_result) -> None:
                os.rename(source[1], names[-1], src_dir_fd=source[0], dst_dir_fd=folder)
                sync_folder(folder)

            self._publish(obj, status, place, crc64nvme=crc64nvme)
            sidecars.remove(self._tree, obj.key, before)
            return True
        return False

    def create_upload(self, obj: ObjectSpec, *, part_size_bytes: int, by_client: bool = False) -> str:  # noqa: ARG002 - every part gets a checksum
        """Create an upload. All of its parts but the last have this size."""
        path_of(obj.key)
        with translated("create an upload"):
            return self._uploads.create(obj.key, part_size_bytes=part_size_bytes)

    def upload_part(self, key: str, upload_id: str, *, part_number: int, body: PartBody) -> StoredPart:
        """Write one part at its offset, and read it back."""
        with translated("write a part"), self._uploads.opened(key, upload_id) as upload:
            return upload.write(part_number, body)

    def list_parts(self, key: str, upload_id: str) -> Sequence[StoredPart]:
        """Every part whose bytes have their checksum. What another process has written is read first."""
        with translated("read parts"), self._uploads.opened(key, upload_id) as upload:
            return upload.verified_parts()

    def sent_parts(self, key: str, upload_id: str) -> Sequence[StoredPart]:
        """Every part according to the journal."""
        with translated("list parts"), self._uploads.opened(key, upload_id) as upload:
            return list(upload.parts().values())

    def complete(
        self, obj: ObjectSpec, upload_id: str, parts: Sequence[StoredPart], *, size_bytes: int, crc64nvme: int | None
    ) -> WriteReceipt:
        """Make the file of the upload visible if the key is free, after its bytes are durable."""
        crc64nvme = _combined(parts) if crc64nvme is None else crc64nvme
        with translated("complete an upload"), self._uploads.opened(obj.key, upload_id, alone=True) as upload:
            _check_parts(upload, parts, size_bytes=size_bytes, crc64nvme=crc64nvme)
            upload.check_often_begun()
            self._check_free(obj.key)
            os.ftruncate(upload.data, size_bytes)
            os.utime(upload.data, ns=2 * (upload.manifest.time_ns,))
            try:
                os.fsync(upload.data)
            except OSError:
                # After a failed fsync, the next one succeeds although bytes are lost.
                self._uploads.remove(obj.key, upload_id)
                raise
            place = partial(self._link, (upload.folder, DATA))
            receipt = self._publish(obj, os.fstat(upload.data), place, crc64nvme=crc64nvme)
            with suppress(OSError):  # otherwise it is aborted later, like any that is left open
                self._uploads.remove(obj.key, upload_id)
        return receipt

    def abort(self, key: str, upload_id: str) -> bool:
        """Remove an open upload. False if it did not exist."""
        with translated("abort an upload"):
            return self._uploads.remove(key, upload_id)

    def uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """Every open upload whose key begins with `prefix`."""
        with translated("list uploads"):
            return iter(self._uploads.listed(prefix))

    def read(
        self, stored: StoredObject, *, span: Span | None = None, allow: Callable[[int], int] = int
    ) -> Iterator[bytes]:
        """Read exactly this file: one with another size or time is another object."""
        names = path_of(stored.key)
        with translated("read a file"):
            try:
                with self._tree.folder(names[:-1]) as folder:
                    file = os.fdopen(open_file(folder, names[-1]), "rb", buffering=0)
            except FileNotFoundError:
                raise StoreError(Reason.STORE_UNAVAILABLE, "The file no longer exists.", code="ENOENT") from None
        with file:
            if etag_of(os.fstat(file.fileno())) != stored.etag:
                raise _replaced()
            position, end = span or (0, stored.size_bytes)
            while position < end and (
                data := self._window(file.fileno(), position, min(allow(_READ_BYTES), end - position))
            ):
                position += len(data)
                yield data

    def delete(self, key: str, *, version_id: str | None, recording_uid: str) -> bool:
        """Delete the file if its metadata names the Recording, and folders that are then empty."""
        head = self.head(key)
        if head is None or head.recording_uid != recording_uid or version_id is not None:
            return False
        self._unlink(key, etag=head.stored.etag)
        return True

    # Inventory

    def may_list(self, prefix: str) -> None:
        """Open the folder of the prefix."""
        next(self.objects(prefix), None)

    def objects(self, prefix: str) -> Iterator[ListedObject]:
        """Every file whose key begins with `prefix`, in the order of keys."""
        return listed_objects(self._tree, prefix)

    def versions(self, prefix: str) -> Iterator[ListedObject]:
        """The same files: a filesystem keeps no other versions."""
        return self.objects(prefix)

    # Steps

    @contextmanager
    def _small_file(
        self, obj: ObjectSpec, body: bytes, *, crc64nvme: int
    ) -> Iterator[tuple[tuple[int, str], os.stat_result]]:
        """A durable file with these bytes: its folder and name, and its attributes. It is removed afterwards."""
        path_of(obj.key)
        if checksums.crc64nvme(body) != crc64nvme:
            raise other_bytes()
        name = f"put-{secrets.token_hex(16)}"
        with self._tree.folder(UPLOADS, make=True) as folder:
            file = create_file(folder, name)
            try:
                write_all(file, body, 0)
                if checksum_of(file, 0, len(body)) != crc64nvme:
                    raise other_bytes()
                os.utime(file, ns=2 * (random_time_ns(),))
                os.fsync(file)
                yield (folder, name), os.fstat(file)
            finally:
                os.close(file)
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)

    def _publish(
        self, obj: ObjectSpec, status: os.stat_result, place: Callable[[str, os.stat_result], None], *, crc64nvme: int
    ) -> WriteReceipt:
        """Write the metadata of a durable file, and then `place` it at the key. Raises OSError, StoreError."""
        sidecar = Sidecar(
            key=obj.key,
            size_bytes=status.st_size,
            crc64nvme=f"{crc64nvme:016x}",
            content_type=obj.content_type,
            content_encoding=obj.content_encoding,
            metadata=dict(metadata_of(obj)),
        )
        sidecars.write(self._tree, sidecar, status)
        try:
            place(obj.key, status)
        except BaseException:
            with suppress(OSError, StoreError):
                sidecars.remove(self._tree, obj.key, status)
            raise
        return WriteReceipt(etag=etag_of(status), version_id=None)

    def _link(self, source: tuple[int, str], key: str, status: os.stat_result) -> None:
        names = path_of(key)
        for left in reversed(range(_LINKS)):
            try:
                with self._tree.folder(names[:-1], make=True) as folder:
                    _link_into(folder, names[-1], source, status)
            except FileNotFoundError:
                if not left:
                    raise
            else:
                return

    def _check_free(self, key: str) -> None:
        names = path_of(key)
        with suppress(FileNotFoundError), self._tree.folder(names[:-1]) as folder:
            status_of(folder, names[-1])
            raise key_taken()

    def _unlink(self, key: str, *, etag: str) -> None:
        names = path_of(key)
        with translated("delete a file"):
            with suppress(FileNotFoundError), self._tree.folder(names[:-1]) as folder:
                status = status_of(folder, names[-1])
                if etag_of(status) != etag:
                    raise _replaced()
                os.unlink(names[-1], dir_fd=folder)
                sync_folder(folder)
                sidecars.remove(self._tree, key, status)
            self._tree.remove_empty(names[:-1])

    def _head(self, key: str, status: os.stat_result, sidecar: Sidecar | None) -> ObjectHead:
        metadata = {} if sidecar is None else sidecar.metadata
        is_known = sidecar is not None and self.capabilities.full_object_checksums
        return ObjectHead(
            stored=StoredObject(
                key=key,
                uri=f"file://{self._tree.path}/{key}",
                size_bytes=status.st_size,
                etag=etag_of(status),
                version_id=None,
                checksum=f"crc64nvme:{sidecar.crc64nvme}" if sidecar is not None and is_known else "",
                content_type="" if sidecar is None else sidecar.content_type,
                content_encoding=None if sidecar is None else sidecar.content_encoding,
            ),
            recording_uid=metadata.get(UID_METADATA_KEY),
            artifact=metadata.get(ARTIFACT_METADATA_KEY),
            org=metadata.get(ORG_METADATA_KEY),
            source_etag=metadata.get(SOURCE_ETAG_METADATA_KEY),
        )

    @staticmethod
    def _window(file: int, position: int, most_bytes: int) -> bytes:
        with translated("read a file"):
            return os.pread(file, most_bytes, position)


def _replaced() -> StoreError:
    return StoreError(Reason.STORE_UNAVAILABLE, "The file was replaced by another one.", code="PreconditionFailed")


@contextmanager
def _only_writer(folder: int, name: str, *, etag: str) -> Iterator[os.stat_result]:
    """The attributes of the file with this ETag, which no other process replaces meanwhile. Raises OSError.

    FileNotFoundError if there is none, or another process has just replaced it.
    """
    file = open_file(folder, name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        status = os.fstat(file)
        if etag_of(status) != etag or not os.path.samestat(status, status_of(folder, name)):
            raise FileNotFoundError
        yield status
    finally:
        os.close(file)


def _link_into(folder: int, name: str, source: tuple[int, str], status: os.stat_result) -> None:
    source_folder, source_name = source
    try:
        os.link(source_name, name, src_dir_fd=source_folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        # A network filesystem may repeat a request whose response was lost.
        if not os.path.samestat(status_of(folder, name), status):
            raise key_taken() from None
    try:
        sync_folder(folder)
    except OSError:
        os.unlink(name, dir_fd=folder)
        raise


def _combined(parts: Sequence[StoredPart]) -> int:
    return checksums.combine_parts((part.crc64nvme or 0, part.size_bytes) for part in parts)


def _check_parts(upload: OpenedUpload, parts: Sequence[StoredPart], *, size_bytes: int, crc64nvme: int) -> None:
    """Whether these parts, in this order, are the whole file. Raises OSError, StoreError."""
    part_size, written = upload.manifest.part_size_bytes, upload.parts()
    if any(written.get(part.part_number) != part for part in parts):
        raise other_bytes("A part was sent again.")  # by a client, or another process
    numbers = [part.part_number for part in parts]
    sizes = [part.size_bytes for part in parts]
    if numbers != list(range(1, len(parts) + 1)) or any(size != part_size for size in sizes[:-1]):
        raise other_bytes("Parts are missing, or have other sizes than the plan.")
    if (sum(sizes), _combined(parts)) != (size_bytes, crc64nvme) or os.fstat(upload.data).st_size < size_bytes:
        raise other_bytes()
