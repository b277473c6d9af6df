"""What a store can do, found out step by step by using it: the strongest way first, then the next weaker one.

An error for a feature that not every store has is a result. A transient error is not: it ends the
discovery. Each checksum is tried with a wrong one too, because stores have been seen to take a sum, to show it again,
and never to have computed it.

Rights that are given back while the steps are gone down look like a store that can do less: nothing weaker than what
was known is believed before two looks have found it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from recording_operator import checksums
from recording_operator.api.reasons import Reason, Trait, reasons_with
from recording_operator.api.storagelocation import ChecksumUse
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.capabilities import ARCHIVED_CLASSES, Capabilities, Joins
from recording_operator.stores.etags import etag_of_body, etag_of_parts
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.probe.first_write import blame, write_if_absent
from recording_operator.stores.s3.probe.joins import JoinTrial, trial_keys
from recording_operator.stores.store import ObjectHead, StoredPart

BODY: Final = b"Written by the recording-operator to check this location; safe to delete.\n"
_CRC: Final = checksums.crc64nvme(BODY)
_WRONG: Final = _CRC ^ 1
_MD5: Final = etag_of_body(BODY)
_HOPELESS: Final = reasons_with(Trait.ENDS_PROBE)
_LOOKS: Final = 4
_REFUSALS: Final = reasons_with(Trait.REJECTS_BYTES)


class Discovery:
    """Looks at a store; writes `obj` and keys that begin like it, and removes them as far as it may.

    All are written in the bucket's own storage class: an archive class costs something for each object, for months, and
    cannot be read. Whether the location's class is accepted shows without an object.
    """

    def __init__(self, store: S3Store, obj: ObjectSpec, *, joins: Joins | None) -> None:
        """`joins` is what is known of the store's joins; None has them tried."""
        self._location = store
        self._store = store.writing(replace(store.options, storage_class=None))
        self._plain = self._store.adapted(Capabilities().without_sums())
        self._joins_known = joins
        self._obj = obj
        self._wrong = replace(obj, key=f"{obj.key}-wrong")
        self._joined = replace(obj, key=f"{obj.key}-parts")
        self._wrong_joined = replace(obj, key=f"{obj.key}-wrong-parts")
        self._trial = replace(obj, key=f"{obj.key}-join")
        self._keys = {obj.key, self._wrong.key, self._joined.key, self._wrong_joined.key, *trial_keys(self._trial.key)}
        self._touched: dict[str, ObjectSpec] = {}

    def run(self) -> Capabilities:
        """What works. Raises TransferError for a failure, LocationError for a store that cannot be used at all."""
        found = self._agreed()
        self._accepts_class(found)
        if self._joins_known is not None:
            return found
        return found.limited_to(JoinTrial(self._store, self._trial, found).run())

    def _agreed(self) -> Capabilities:
        """What two looks have found, or one that found all that is hoped for, or what was known."""
        options = self._location.options
        hoped = Capabilities(reads_back=options.storage_class not in ARCHIVED_CLASSES)
        if options.checksums is ChecksumUse.OFF:
            hoped = hoped.without_sums()
        joins = self._joins_known or Joins()
        believed = {hoped, replace(hoped, versioning=False), self._store.capabilities}
        for _ in range(_LOOKS):
            found = self._look(hoped).limited_to(joins)
            if found in believed:
                return found
            believed.add(found)
        raise TransferError(Reason.STORE_UNAVAILABLE, "The store responds differently each time it is checked.")

    def _look(self, hoped: Capabilities) -> Capabilities:
        try:
            return self._joins(self._puts(hoped))
        finally:
            for obj in self._touched.values():
                self._remove(obj)
            self._touched.clear()

    def _accepts_class(self, able: Capabilities) -> None:
        """Whether the location's storage class is one, shown by an upload that never becomes an object."""
        storage_class = self._location.options.storage_class
        if storage_class is None:
            return
        store = self._location.adapted(able)
        try:
            store.abort(self._obj.key, store.create_upload(self._obj))
        except TransferError as error:
            if error.reason in _HOPELESS:
                raise
            raise LocationError(
                Reason.STORE_UNSUPPORTED,
                f"The store does not accept objects in the class of spec.s3.storageClass, {storage_class}. Set one "
                f"that it has, or omit the field. {error.message}",
            ) from None

    # One request

    def _puts(self, able: Capabilities) -> Capabilities:
        """The strongest form of PutObject, and what HEAD says of the object."""
        able = self._first_write(able)
        self._touched[self._obj.key] = self._obj
        store = self._store.adapted(able)
        seen = self._seen(store, self._obj)
        self._tells_absent(store)
        able = replace(able, versioning=seen.stored.version_id not in (None, "null"))
        able = self._judged(able, seen, etag=_MD5)
        if able.request_checksums:
            able = self._wrong_put(able)
        if able.conditional_writes and write_if_absent(store, self._obj, BODY):
            # It was written over: the version before is not the current one any more.
            self._remove(self._obj, version_id=seen.stored.version_id)
            able = replace(able, conditional_writes=False)
        return able

    def _tells_absent(self, store: S3Store) -> None:
        """Check that HEAD of a missing key returns 404. Without the permission to list it returns 403."""
        try:
            absent = store.head(f"{self._obj.key}-absent")
        except TransferError as error:
            if error.reason is not Reason.STORE_DENIED:
                raise
            raise LocationError(
                Reason.ACCESS_DENIED,
                "The store responds to HEAD of a missing key with 403 instead of 404, as it does without the "
                "permission s3:ListBucket. Grant it on the bucket.",
            ) from None
        if absent is not None:
            raise LocationError(Reason.STORE_UNSUPPORTED, "The store returns an object that was never written.")

    def _first_write(self, able: Capabilities) -> Capabilities:
        def writes(able: Capabilities) -> Capabilities:
            write_if_absent(self._store.adapted(able), self._obj, BODY)
            return able

        try:
            return _strongest(able, writes)
        except TransferError as error:
            blamed = None if error.reason in _HOPELESS else blame(self._plain, self._obj, BODY, error)
            if blamed is None:
                raise
            self._touched[self._obj.key] = self._obj
            raise blamed from None

    def _wrong_put(self, able: Capabilities) -> Capabilities:
        store = self._store.adapted(able)
        self._touched[self._wrong.key] = self._wrong
        try:
            store.put(self._wrong, BODY, crc64nvme=_WRONG)
        except TransferError as error:
            if error.reason not in {*_REFUSALS, Reason.STORE_KEY_CONFLICT}:
                raise
            if error.reason in _REFUSALS:
                return able
        return self._took_wrong(able, store.head(self._wrong.key))

    # Parts

    def _joins(self, able: Capabilities) -> Capabilities:
        return _strongest(able, self._multipart)

    def _multipart(self, able: Capabilities) -> Capabilities:
        store, key = self._store.adapted(able), self._joined.key
        self._touched[key] = self._joined
        upload_id = store.create_upload(self._joined)
        try:
            self._lists(store, upload_id)
            able, part = self._parts(able, upload_id)
            able = self._wrong_complete(able)
            store = self._store.adapted(able)
            left = store.head(key)  # where nothing may be deleted, an earlier look's object is still there
            if left is None:
                store.complete(self._joined, upload_id, [part], size_bytes=len(BODY), crc64nvme=_CRC)
                left = self._seen(store, self._joined)
        finally:
            store.abort(key, upload_id)
        able = self._judged(able, left, etag=etag_of_parts([part]))
        return self._overwrites(able, left) if able.conditional_writes else able

    def _lists(self, store: S3Store, upload_id: str) -> None:
        """Check that the upload is listed. Abort others there: they are from probes that were killed."""
        uploads = [upload for upload in store.uploads(self._obj.key) if upload.key in self._keys]
        if upload_id not in [upload.upload_id for upload in uploads]:
            raise LocationError(Reason.STORE_UNSUPPORTED, "The store does not list open multipart uploads.")
        for upload in uploads:
            if upload.upload_id != upload_id:
                with suppress(TransferError):
                    store.abort(upload.key, upload.upload_id)

    def _parts(self, able: Capabilities, upload_id: str) -> tuple[Capabilities, StoredPart]:
        """How a part is sent, and what the store shows of it."""
        if able.checksum_trailers and not self._trailer_works(able, upload_id):
            able = replace(able, checksum_trailers=False)
        store = self._store.adapted(replace(able, md5_etags=False))
        sent = self._first_part(store, upload_id)
        listed = [part for part in store.list_parts(self._joined.key, upload_id) if part.part_number == 1]
        if [part.size_bytes for part in listed] != [len(BODY)]:
            raise LocationError(Reason.STORE_UNSUPPORTED, "The store does not list the parts of an upload as sent.")
        able = replace(
            able,
            part_checksums=able.part_checksums and listed[0].crc64nvme == _CRC,
            md5_etags=able.md5_etags and sent.etag == listed[0].etag == _MD5,
        )
        part = StoredPart(part_number=1, size_bytes=len(BODY), etag=sent.etag, crc64nvme=_CRC)
        return able, part

    def _first_part(self, store: S3Store, upload_id: str) -> StoredPart:
        try:
            return store.upload_part(self._joined.key, upload_id, part_number=1, body=BufferedPart(BODY))
        except TransferError as error:
            if error.reason in _HOPELESS or store.capabilities.checksum_trailers:
                raise
            refusal = error
        with suppress(TransferError):
            store.upload_part_with_md5(self._joined.key, upload_id, part_number=1, body=BODY)
            off = self._store.options.checksums is ChecksumUse.OFF
            raise LocationError(
                Reason.STORE_UNSUPPORTED,
                "The store accepts a part only with a checksum or Content-MD5 in its headers, as buckets with Object "
                "Lock do. Parts are streamed, so their checksums follow them: "
                + ("set spec.s3.checksums to Auto" if off else "the store would have to accept checksum trailers")
                + f", or use a bucket without this requirement. {refusal.message}",
            )
        raise refusal

    def _trailer_works(self, able: Capabilities, upload_id: str) -> bool:
        """Whether the bytes arrive without their frame, and not at all where the sum behind them is wrong."""
        store = self._store.adapted(able)
        if self._refusal(store, upload_id, 1, BufferedPart(BODY)) is not None:
            return False
        if [part.size_bytes for part in store.list_parts(self._joined.key, upload_id)] != [len(BODY)]:
            return False
        return self._refusal(store, upload_id, 2, _WrongSum(BODY)) is Reason.STORE_INTEGRITY

    def _refusal(self, store: S3Store, upload_id: str, part_number: int, body: BufferedPart) -> Reason | None:
        """Why the store does not take a part, as far as that tells what it supports."""
        try:
            store.upload_part(self._joined.key, upload_id, part_number=part_number, body=body)
        except TransferError as error:
            if error.reason in _HOPELESS:
                raise
            return error.reason
        return None

    def _wrong_complete(self, able: Capabilities) -> Capabilities:
        """At a key of its own: an object there is one that a look got with a wrong sum, this one or an earlier."""
        if not able.request_checksums:
            return able
        store, key = self._store.adapted(able), self._wrong_joined.key
        self._touched[key] = self._wrong_joined
        upload_id = store.create_upload(self._wrong_joined)
        try:
            part = self._a_part(store, key, upload_id)
            try:
                store.complete(self._wrong_joined, upload_id, [part], size_bytes=len(BODY), crc64nvme=_WRONG)
            except TransferError as error:
                if error.reason not in {*_REFUSALS, Reason.STORE_KEY_CONFLICT}:
                    raise
        finally:
            store.abort(key, upload_id)
        # The response is not enough: some stores report an error for what they have done.
        seen = store.head(key)
        return able if seen is None else self._took_wrong(able, seen)

    def _overwrites(self, able: Capabilities, left: ObjectHead) -> Capabilities:
        """Whether a second upload takes the place of the object that is there."""
        store, key = self._store.adapted(able), self._joined.key
        upload_id = store.create_upload(self._joined)
        try:
            part = self._a_part(store, key, upload_id)
            try:
                store.complete(self._joined, upload_id, [part], size_bytes=len(BODY), crc64nvme=_CRC)
            except TransferError as error:
                if error.reason is not Reason.STORE_KEY_CONFLICT:
                    raise
                return able
        finally:
            store.abort(key, upload_id)
        self._remove(self._joined, version_id=left.stored.version_id)
        return replace(able, conditional_writes=False)

    @staticmethod
    def _a_part(store: S3Store, key: str, upload_id: str) -> StoredPart:
        sent = store.upload_part(key, upload_id, part_number=1, body=BufferedPart(BODY))
        return StoredPart(part_number=1, size_bytes=len(BODY), etag=sent.etag, crc64nvme=_CRC)

    # What HEAD says

    def _seen(self, store: S3Store, obj: ObjectSpec) -> ObjectHead:
        seen = store.head(obj.key)
        if seen is None:
            raise TransferError(Reason.STORE_UNAVAILABLE, "The store confirmed an object but does not return it.")
        if (seen.recording_uid, seen.artifact) != (obj.recording_uid, obj.artifact):
            raise LocationError(Reason.STORE_UNSUPPORTED, "The store does not keep the metadata of an object.")
        return seen

    def _judged(self, able: Capabilities, seen: ObjectHead, *, etag: str | None) -> Capabilities:
        stored = seen.stored
        if stored.checksum not in ("", checksums.to_text(_CRC)) or stored.size_bytes != len(BODY):
            raise _other_bytes()
        if not stored.checksum and (read := self._read(stored)) != BODY:
            if read is not None:
                raise _other_bytes()
            able = replace(able, reads_back=False)
        return replace(
            able,
            full_object_checksums=able.full_object_checksums and bool(stored.checksum),
            md5_etags=able.md5_etags and stored.etag == etag,
        )

    def _read(self, stored: StoredObject) -> bytes | None:
        """What the store keeps; None where the bucket's own class is an archive."""
        try:
            return b"".join(self._plain.read(stored))
        except TransferError as error:
            if error.reason is not Reason.INTEGRITY_UNVERIFIABLE:
                raise
            return None

    def _took_wrong(self, able: Capabilities, seen: ObjectHead | None) -> Capabilities:
        """The store took an object with a wrong sum; unless it shows the right one, its sums are worth nothing."""
        if seen is None or seen.stored.checksum != checksums.to_text(_CRC):
            return able.without_sums()
        return replace(able, refuses_wrong_checksums=False)

    def _remove(self, obj: ObjectSpec, *, version_id: str | None = None) -> None:
        with suppress(TransferError):
            self._plain.delete(obj.key, version_id=version_id, recording_uid=obj.recording_uid)


class _WrongSum(BufferedPart):
    """Claims another sum than that of its bytes."""

    @property
    def crc64nvme(self) -> int:
        """A wrong one."""
        return super().crc64nvme ^ 1


def _strongest(able: Capabilities, way: Callable[[Capabilities], Capabilities]) -> Capabilities:
    """What comes of the first way that the store does not refuse, from what is hoped for to the least that will do.

    Stores are reported to call a checksum that they do not know forbidden (https://github.com/aws/aws-cli/issues/9274);
    a way without one is a matter of rights.
    """
    weaker = [able, able.without_sums(), replace(able, conditional_writes=False)]
    weaker.append(replace(able, conditional_writes=False).without_sums())
    refusals = []
    for candidate in dict.fromkeys(weaker):
        try:
            return way(candidate)
        except TransferError as error:
            refusals.append(error)
            denied = error.reason is Reason.STORE_DENIED and not candidate.request_checksums
            if denied or error.reason in _HOPELESS:
                break
    raise refusals[-1] if refusals[-1].reason in _HOPELESS else refusals[0]


def _other_bytes() -> LocationError:
    return LocationError(Reason.STORE_UNSUPPORTED, "The bytes in the store differ from those sent.")
