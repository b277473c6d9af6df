"""The object store of the simulation: open uploads, objects, and which client deleted what."""

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUpload:
    """A multipart upload that was neither completed nor aborted."""

    upload_id: str
    key: str
    uid: str
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredThing:
    """An object and the marks in its metadata; a foreign one has none."""

    key: str
    uid: str | None
    artifact: str
    version_id: str
    data: bytes = b""
    """Only of a document."""
    size: int = 0


class UnavailableError(Exception):
    """The store does not respond."""


class UploadLostError(Exception):
    """The store does not know the upload."""


class Store:
    """All buckets together; keys are unique by construction. `down` makes every call fail."""

    def __init__(self) -> None:
        self.down = False
        self.uploads: dict[str, OpenUpload] = {}
        self.objects: dict[str, StoredThing] = {}
        self.deleted: list[StoredThing] = []
        self.on_stored: Callable[[], None] = lambda: None
        self._numbers = 0

    def create_upload(self, *, key: str, uid: str, now_s: float) -> str:
        """Open an upload."""
        self.answer()
        upload_id = f"upload-{self._number()}"
        self.uploads[upload_id] = OpenUpload(upload_id=upload_id, key=key, uid=uid, since_s=now_s)
        return upload_id

    def write_part(self, upload_id: str) -> None:
        """Add a part. Raises UploadLostError."""
        self.answer()
        if upload_id not in self.uploads:
            raise UploadLostError

    def complete(self, upload_id: str, *, uid: str, artifact: str, size: int) -> StoredThing:
        """Join the parts where the key is free, else return what is there. Raises UploadLostError."""
        self.write_part(upload_id)
        upload = self.uploads[upload_id]
        if upload.key in self.objects:
            return self.objects[upload.key]
        del self.uploads[upload_id]
        return self._put(upload.key, uid=uid, artifact=artifact, size=size)

    def put(self, key: str, *, uid: str | None, artifact: str, size: int = 0) -> StoredThing:
        """Store a small object if the key is free. Otherwise the existing object stays and is returned."""
        self.answer()
        return self.objects.get(key) or self._put(key, uid=uid, artifact=artifact, size=size)

    def write_document(self, key: str, *, uid: str, name: str, data: bytes, if_match: str | None = None) -> bool:
        """Create a document, or replace the one with this version. False if something else is there."""
        self.answer()
        found = self.objects.get(key)
        if (found.version_id if found is not None else None) != if_match:
            return False
        self.objects[key] = replace(self._put(key, uid=uid, artifact=name, size=0), data=data)
        return True

    def head(self, key: str) -> StoredThing | None:
        """What is at the key."""
        self.answer()
        return self.objects.get(key)

    def abort(self, key: str) -> None:
        """Abort every open upload at the key."""
        self.answer()
        self.uploads = {upload_id: upload for upload_id, upload in self.uploads.items() if upload.key != key}

    def delete(self, key: str, *, uid: str, version_id: str | None) -> None:
        """Delete the object if it carries the uid and is the version named."""
        self.answer()
        found = self.objects.get(key)
        if found is not None and found.uid == uid and version_id in (None, found.version_id):
            self.deleted.append(self.objects.pop(key))

    def _put(self, key: str, *, uid: str | None, artifact: str, size: int) -> StoredThing:
        thing = StoredThing(key=key, uid=uid, artifact=artifact, version_id=f"v{self._number()}", size=size)
        self.objects[key] = thing
        self.on_stored()
        return thing

    def answer(self) -> None:
        """Raises UnavailableError."""
        if self.down:
            raise UnavailableError

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
