"""Small documents that the operator keeps in a store for itself and for other readers, beside the objects."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from recording_operator.api.reasons import Reason
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import ListedObject


class DocumentTooLargeError(StoreError):
    """A document is larger than the reader accepts."""

    def __init__(self, key: str, most_bytes: int) -> None:
        message = f"{key} is larger than {most_bytes} bytes, the most that is read."
        super().__init__(Reason.STORE_UNSUPPORTED, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentOwner:
    """The Recording that a document is about. The metadata of the document names it, as that of its objects does.

    `Store.head` returns it, and `Store.delete` deletes the document like an object of the Recording.
    """

    recording_uid: str
    name: str
    """What the metadata says instead of the name of an artifact. No artifact can have it."""
    org: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedDocument:
    """The bytes of a document, and whose it is. Metadata that the operator did not write is None."""

    data: bytes
    recording_uid: str | None
    name: str | None


class Documents(Protocol):
    """Documents by key. Every method may raise `StoreError`.

    They are stored in the store's own class, whatever the class of the location's objects: an archived document could
    not be read.
    """

    def read_document(self, key: str, most_bytes: int) -> bytes | None:
        """The bytes of a document, or None if there is none. Raises DocumentTooLargeError; no more is read then."""

    def read_owned_document(self, key: str, most_bytes: int) -> OwnedDocument | None:
        """The same, with what the metadata says, in one request where the store can."""

    def create_document(self, key: str, data: bytes, content_type: str, owner: DocumentOwner | None = None) -> bool:
        """Create a document by a conditional write. False if there is one at the key already.

        A store without conditional writes is checked by HEAD first: of two writers at the same moment the later one
        overwrites the other. If a response is lost and the write is repeated, False may be returned for a document of
        this call: read it to find out.
        """

    def replace_document(
        self, key: str, data: bytes, content_type: str, owner: DocumentOwner | None = None, *, if_match: str
    ) -> bool:
        """Replace the document whose ETag is `if_match`, by a conditional write. False if it is not there any more.

        A store that does not support the condition is checked by HEAD first, as `create_document` does. A bucket with
        versions keeps the one that was replaced.
        """

    def list_documents(self, prefix: str) -> Iterator[ListedObject]:
        """Every document whose key begins with `prefix`, in the order of their keys."""

    def delete_document(self, key: str) -> None:
        """Delete a document, with the version that is at the key. Nothing happens if there is none."""
