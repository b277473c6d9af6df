"""The filesystem store of a StorageLocation."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation_store import Filesystem
from recording_operator.checksums import crc64nvme
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.documents import DocumentOwner, DocumentTooLargeError, OwnedDocument
from recording_operator.stores.errors import StoreError
from recording_operator.stores.filesystem import probe as probing
from recording_operator.stores.filesystem.directory import CAPABILITIES, FilesystemStore
from recording_operator.stores.filesystem.errors import translated
from recording_operator.stores.filesystem.tree import Tree
from recording_operator.stores.filesystem.uploads import UploadFolder
from recording_operator.stores.inventory import ListedObject
from recording_operator.stores.objects import ObjectSpec

_WRITER: Final = "recording-operator"
"""What the metadata of a document says instead of a Recording's uid."""
_OWNER_BYTES: Final = 256


class FilesystemLocationStore(FilesystemStore):
    """A directory that can also be probed, and keeps documents. Everything lies below `prefix` in it."""

    def __init__(
        self,
        tree: Tree,
        *,
        prefix: str = "",
        capabilities: Capabilities = CAPABILITIES,
        uploads: UploadFolder | None = None,
    ) -> None:
        super().__init__(tree, capabilities=capabilities, uploads=uploads)
        self._prefix: Final = prefix

    def adapted(self, capabilities: Capabilities) -> "FilesystemLocationStore":
        """The same directory, with these capabilities. `self` does not change."""
        return FilesystemLocationStore(
            self._tree, prefix=self._prefix, capabilities=capabilities, uploads=self._uploads
        )

    def probe(self, *, name: str, joins: Joins | None = None) -> Capabilities:  # noqa: ARG002 - joins need no test
        """As `Prober` says. What a killed process has left is removed, too."""
        obj = self._reserved(name, uid="probe")
        probing.probe(self, obj)
        with suppress(TransferError), translated("remove what is left over"):
            self._uploads.remove_left_over()
        return CAPABILITIES

    def claim_prefix(self, owner_id: str) -> str:
        """As `Prober` says. The owner is in the metadata of a file; of one that a person wrote, it is the content."""
        obj = self._reserved("owner", uid=owner_id)
        try:
            self._write_if_absent(obj, owner_id.encode())
            seen = self.head(obj.key)
            if seen is None:
                raise StoreError(Reason.STORE_UNAVAILABLE, "The owner marker was written and is not there.")
            if seen.recording_uid is not None:
                return seen.recording_uid
            return b"".join(self.read(seen.stored))[:_OWNER_BYTES].decode("utf-8", "replace").strip()
        except TransferError as error:
            raise probing.location_error(error) from None

    def read_document(self, key: str, most_bytes: int) -> bytes | None:
        """As `Documents` says."""
        found = self.read_owned_document(key, most_bytes)
        return None if found is None else found.data

    def read_owned_document(self, key: str, most_bytes: int) -> OwnedDocument | None:
        """As `Documents` says."""
        head = self.head(key)
        if head is None:
            return None
        if head.stored.size_bytes > most_bytes:
            raise DocumentTooLargeError(key, most_bytes)
        data = b"".join(self.read(head.stored))
        return OwnedDocument(data=data, recording_uid=head.recording_uid, name=head.artifact)

    def create_document(self, key: str, data: bytes, content_type: str, owner: DocumentOwner | None = None) -> bool:
        """As `Documents` says."""
        return self._write_if_absent(_document(key, content_type, owner), data)

    def replace_document(
        self, key: str, data: bytes, content_type: str, owner: DocumentOwner | None = None, *, if_match: str
    ) -> bool:
        """As `Documents` says."""
        obj = _document(key, content_type, owner)
        return self.replace(obj, data, crc64nvme=crc64nvme(data), if_match=if_match)

    def list_documents(self, prefix: str) -> Iterator[ListedObject]:
        """As `Documents` says."""
        return self.objects(prefix)

    def delete_document(self, key: str) -> None:
        """As `Documents` says."""
        head = self.head(key)
        if head is not None:
            self._unlink(key, etag=head.stored.etag)

    def _write_if_absent(self, obj: ObjectSpec, body: bytes) -> bool:
        try:
            self.put(obj, body, crc64nvme=crc64nvme(body))
        except StoreError as error:
            if error.reason is Reason.STORE_KEY_CONFLICT:
                return False
            raise
        return True

    def _reserved(self, name: str, *, uid: str) -> ObjectSpec:
        return ObjectSpec(
            key=f"{self._prefix}{RESERVED_FOLDER}/{name}",
            content_type="text/plain",
            kind="Other",
            recording_uid=uid,
            artifact=name,
        )


def _document(key: str, content_type: str, owner: DocumentOwner | None) -> ObjectSpec:
    return ObjectSpec(
        key=key,
        content_type=content_type,
        kind="Other",
        recording_uid=owner.recording_uid if owner else _WRITER,
        artifact=owner.name if owner else "document",
        org=owner.org if owner else None,
    )


def open_location(spec: Filesystem, *, roots: Sequence[str]) -> FilesystemLocationStore:
    """The store of the location's directory. Raises LocationError if it is not below one of the roots."""
    root = next((root for root in roots if spec.path == root or spec.path.startswith(f"{root}/")), None)
    if root is None:
        permitted = ", ".join(roots) or "none"
        raise LocationError(
            Reason.PATH_NOT_ALLOWED,
            "spec.filesystem.path is not below a directory that the operator's settings permit (filesystem.roots: "
            f"{permitted}). Choose another path, or add its volume to filesystem.volumes of the chart.",
        )
    return FilesystemLocationStore(Tree(root=root, path=spec.path), prefix=spec.prefix)
