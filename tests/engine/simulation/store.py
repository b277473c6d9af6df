"""The object store of the simulation: open uploads, objects, and which client deleted what."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Address(NamedTuple):
    """Where something is stored."""

    bucket: str
    key: str


def bucket_of(location: str | None) -> str:
    """The bucket of a location."""
    return f"bucket-{location}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUpload:
    """A multipart upload that was neither completed nor aborted."""

    upload_id: str
    at: Address
    uid: str
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredThing:
    """An object and the marks in its metadata; a foreign one has none."""

    at: Address
    uid: str | None
    artifact: str
    version_id: str
    content: str
    """Stands for the bytes: a copy has the same."""
    data: bytes = b""
    """Only of a document."""
    size: int = 0


class UnavailableError(Exception):
    """The store does not respond."""


class UploadLostError(Exception):
    """The store does not know the upload."""


class Store:
    """All buckets together. `down` makes every call fail."""

    def __init__(self) -> None:
        self.down = False
        self.uploads: dict[str, OpenUpload] = {}
        self.parts: Counter[str] = Counter()
        """Parts that clients have sent, by upload."""
        self.objects: dict[Address, StoredThing] = {}
        self.on_stored: Callable[[], None] = lambda: None
        self.on_deleted: Callable[[StoredThing], None] = lambda _: None
        self._numbers = 0

    def create_upload(self, *, at: Address, uid: str, now_s: float) -> str:
        """Open an upload."""
        self.answer()
        upload_id = f"upload-{self._number()}"
        self.uploads[upload_id] = OpenUpload(upload_id=upload_id, at=at, uid=uid, since_s=now_s)
        return upload_id

    def write_part(self, upload_id: str) -> None:
        """Add a part. Raises UploadLostError."""
        self.answer()
        if upload_id not in self.uploads:
            raise UploadLostError

    def complete(
        self, upload_id: str, *, uid: str, artifact: str, size: int, content: str | None = None
    ) -> StoredThing:
        """Join the parts where the key is free, else return what is there. Raises UploadLostError."""
        self.write_part(upload_id)
        upload = self.uploads[upload_id]
        if upload.at in self.objects:
            return self.objects[upload.at]
        del self.uploads[upload_id]
        return self._put(upload.at, uid=uid, artifact=artifact, size=size, content=content)

    def put(
        self, at: Address, *, uid: str | None, artifact: str, size: int = 0, content: str | None = None
    ) -> StoredThing:
        """Store a small object if the key is free. Otherwise the existing object stays and is returned."""
        self.answer()
        return self.objects.get(at) or self._put(at, uid=uid, artifact=artifact, size=size, content=content)

    def write_document(self, at: Address, *, uid: str, name: str, data: bytes, if_match: str | None = None) -> bool:
        """Create a document, or replace the one with this version. False if something else is there."""
        self.answer()
        found = self.objects.get(at)
        if (found.version_id if found is not None else None) != if_match:
            return False
        self._put(at, uid=uid, artifact=name, data=data)
        return True

    def head(self, at: Address) -> StoredThing | None:
        """What is there."""
        self.answer()
        return self.objects.get(at)

    def abort(self, at: Address) -> None:
        """Abort every open upload there."""
        self.answer()
        self.uploads = {upload_id: upload for upload_id, upload in self.uploads.items() if upload.at != at}

    def delete(self, at: Address, *, uid: str, version_id: str | None) -> bool:
        """Delete the object if it carries the uid and is the version named."""
        self.answer()
        found = self.objects.get(at)
        if found is None or found.uid != uid or version_id not in (None, found.version_id):
            return False
        del self.objects[at]
        self.on_deleted(found)
        return True

    def reject(self, thing: StoredThing) -> None:
        """Delete an object that turned out to be another file than the spec wants."""
        self.answer()
        if self.objects.get(thing.at) == thing:
            del self.objects[thing.at]

    def of(self, uid: str) -> list[StoredThing]:
        """All that a Recording has stored."""
        return [thing for thing in self.objects.values() if thing.uid == uid]

    def _put(
        self,
        at: Address,
        *,
        uid: str | None,
        artifact: str,
        size: int = 0,
        content: str | None = None,
        data: bytes = b"",
    ) -> StoredThing:
        number = self._number()
        thing = StoredThing(
            at=at,
            uid=uid,
            artifact=artifact,
            version_id=f"v{number}",
            content=content or f"c{number}",
            data=data,
            size=size,
        )
        self.objects[at] = thing
        self.on_stored()
        return thing

    def answer(self) -> None:
        """Raises UnavailableError."""
        if self.down:
            raise UnavailableError

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
