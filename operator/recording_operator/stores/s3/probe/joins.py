"""Tests how a store joins parts. Runs once for each spec of a location, because it takes 10 MiB.

Some stores are reported to return a wrong CRC64NVME for joined objects only, and Cloudflare R2 requires that all parts
except the last have the same size. Without this test, either would only be noticed at the end of a large transfer.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from recording_operator import checksums
from recording_operator.api.reasons import Reason, Trait, reasons_with
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.errors import StoreError
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.store import ObjectHead

_PART_BYTES: Final = 5 * 2**20  # S3's minimum for every part except the last
_MORE_BYTES: Final = 64 * 2**10
_UNEQUAL, _EQUAL = "-unequal", "-equal"
_LAST: Final = b"The last of three parts.\n"
# Reasons with which a store rejects a join itself, other than permissions or temporary errors.
_REJECTIONS: Final = reasons_with(Trait.REJECTS_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ProbeContent:
    """Three parts; the second is as long as the first, or longer."""

    unequal: bool

    @property
    def parts(self) -> tuple[bytes, bytes, bytes]:
        return b"1" * _PART_BYTES, b"2" * (_PART_BYTES + _MORE_BYTES * self.unequal), _LAST

    @property
    def size_bytes(self) -> int:
        return 2 * _PART_BYTES + _MORE_BYTES * self.unequal + len(_LAST)

    @property
    def crc64nvme(self) -> int:
        return checksums.combine_parts((checksums.crc64nvme(part), len(part)) for part in self.parts)

    @property
    def etag(self) -> str:
        md5s = [hashlib.md5(part, usedforsecurity=False).digest() for part in self.parts]
        return f"{hashlib.md5(b''.join(md5s), usedforsecurity=False).hexdigest()}-{len(md5s)}"


class JoinTrial:
    """Joins three parts at keys that begin like `obj.key`, and removes the objects if that is permitted."""

    def __init__(self, store: S3Store, obj: ObjectSpec, capabilities: Capabilities) -> None:
        self._store = store
        self._obj = obj
        self._capabilities = capabilities

    def run(self) -> Joins:
        """Return what the store supports. If that is not everything, the test runs twice and the results must agree.

        Raises TransferError for a failure, LocationError for a store that cannot join parts at all.
        """
        found = self._found()
        if found != Joins() and found != self._found():
            raise TransferError(Reason.STORE_UNAVAILABLE, "The store responds differently each time it is checked.")
        return found

    def _found(self) -> Joins:
        return replace(self._try_all(), ten_thousand_parts=self._numbers_parts_as_s3())

    def _numbers_parts_as_s3(self) -> bool:
        """Whether a part may have the number 10,000. Scaleway allows 1,000. No store with a lower limit is known."""
        store = self._store.adapted(self._capabilities)
        upload_id = store.create_upload(self._obj)
        try:
            for number in (10_000, 1_000):
                try:
                    store.upload_part(self._obj.key, upload_id, part_number=number, body=BufferedPart(_LAST))
                except TransferError as error:
                    if error.reason not in _REJECTIONS:
                        raise
                    rejection = error
                else:
                    return number == 10_000  # noqa: PLR2004 - the number of two lines above
            raise rejection
        finally:
            with suppress(TransferError):
                store.abort(self._obj.key, upload_id)

    def _try_all(self) -> Joins:
        rejections: list[TransferError] = []
        for joins in self._candidates():
            try:
                if (found := self._try(joins)) is not None:
                    return found
            except TransferError as error:
                if error.reason not in _REJECTIONS or (isinstance(error, StoreError) and error.body_too_large):
                    raise
                rejections.append(error)
        if rejections:
            raise rejections[0]
        raise LocationError(Reason.STORE_UNSUPPORTED, "The store returns wrong checksums of joined objects.")

    def _candidates(self) -> Iterator[Joins]:
        """The methods to try, from the strongest to the weakest."""
        for checksums_right in (True, False) if self._capabilities.request_checksums else (True,):
            for unequal in (True, False):
                yield Joins(checksums=checksums_right, unequal_parts=unequal)

    def _try(self, joins: Joins) -> Joins | None:
        """The result of one method; None if the store returns a checksum that does not match the stored bytes."""
        store, content = (
            self._store.adapted(self._capabilities.limited_to(joins)),
            _ProbeContent(unequal=joins.unequal_parts),
        )
        obj = replace(self._obj, key=f"{self._obj.key}{_UNEQUAL if content.unequal else _EQUAL}")
        try:
            # If the credentials do not permit deletion, the object of an earlier trial still exists.
            seen = store.head(obj.key) or self._joined(store, obj, content)
            return self._evaluated(store, joins, content, seen)
        finally:
            with suppress(TransferError):
                store.delete(obj.key, version_id=None, recording_uid=obj.recording_uid)

    @staticmethod
    def _joined(store: S3Store, obj: ObjectSpec, content: _ProbeContent) -> ObjectHead:
        upload_id = store.create_upload(obj)
        try:
            parts = []
            for number, body in enumerate(content.parts, start=1):
                part = store.upload_part(obj.key, upload_id, part_number=number, body=BufferedPart(body))
                parts.append(replace(part, crc64nvme=checksums.crc64nvme(body)))
            store.complete(obj, upload_id, parts, size_bytes=content.size_bytes, crc64nvme=content.crc64nvme)
        finally:
            with suppress(TransferError):
                store.abort(obj.key, upload_id)
        seen = store.head(obj.key)
        if seen is None:
            raise TransferError(Reason.STORE_UNAVAILABLE, "The store confirmed an object but does not return it.")
        return seen

    def _evaluated(self, store: S3Store, joins: Joins, content: _ProbeContent, seen: ObjectHead) -> Joins | None:
        stored, right = seen.stored, checksums.to_text(content.crc64nvme)
        if stored.size_bytes != content.size_bytes:
            raise _other_bytes()
        if stored.checksum != right and self._checksum_of(store, stored) not in (None, content.crc64nvme):
            raise _other_bytes()
        if store.capabilities.full_object_checksums and stored.checksum != right:
            return None
        return replace(joins, etags=not self._capabilities.md5_etags or stored.etag == content.etag)

    @staticmethod
    def _checksum_of(store: S3Store, stored: StoredObject) -> int | None:
        """The CRC64NVME of the stored bytes; None if the bucket's default class is an archive class."""
        crc = 0
        try:
            for data in store.read(stored):
                crc = checksums.crc64nvme(data, crc)
        except TransferError as error:
            if error.reason is not Reason.INTEGRITY_UNVERIFIABLE:
                raise
            return None
        return crc


def trial_keys(key: str) -> Iterator[str]:
    """Keys of the uploads that a trial at this key creates."""
    yield from (key, key + _UNEQUAL, key + _EQUAL)


def _other_bytes() -> LocationError:
    return LocationError(
        Reason.STORE_UNSUPPORTED,
        "The bytes of joined parts differ from those sent. Objects of several parts would be wrong.",
    )
