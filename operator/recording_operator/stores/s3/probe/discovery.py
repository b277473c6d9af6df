"""Finds out what a store supports, by trying: the strongest method first, then the next weaker one.

An error for a feature that not every store has is a result. A transient error is not a result: it ends the discovery.
Each checksum is also tried with a wrong value, because some stores accept a checksum and return it without computing
it.

If permissions are restored during a run, the store seems to support less than it does. So a result that is weaker than
the known one counts only after two runs have found it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from recording_operator import checksums
from recording_operator.api.reasons import Reason, Trait, reasons_with
from recording_operator.api.storagelocation_store import ChecksumUse
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.capabilities import ARCHIVED_CLASSES, Capabilities, Joins
from recording_operator.stores.etags import etag_of_body, etag_of_parts
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.probe.first_write import rejected_setting, write_if_absent
from recording_operator.stores.s3.probe.joins import JoinTrial, trial_keys
from recording_operator.stores.store import ObjectHead, StoredPart

BODY: Final = b"Written by the recording-operator to check this location; safe to delete.\n"
_CRC: Final = checksums.crc64nvme(BODY)
_WRONG: Final = _CRC ^ 1
_MD5: Final = etag_of_body(BODY)
_ENDS_PROBE: Final = reasons_with(Trait.ENDS_PROBE)
_MOST_RUNS: Final = 4
_REJECTIONS: Final = reasons_with(Trait.REJECTS_BYTES)


class Discovery:
    """Tests a store with `obj` and other objects whose keys begin like its key, and removes them if that is permitted.

    All of them have the bucket's default storage class and retention: objects in an archive class cannot be read, and
    each is billed for months; retained ones cannot be removed. What the location sets is tested without an object.
    """

    def __init__(self, store: S3Store, obj: ObjectSpec, *, joins: Joins | None) -> None:
        """`joins` is a known result about joined objects; if it is None, joins are tested."""
        self._location = store
        self._store = store.writing(store.options.of_probe)
        self._plain = self._store.adapted(Capabilities().without_checksums())
        self._joins_known = joins
        self._obj = obj
        self._wrong = replace(obj, key=f"{obj.key}-wrong")
        self._joined = replace(obj, key=f"{obj.key}-parts")
        self._wrong_joined = replace(obj, key=f"{obj.key}-wrong-parts")
        self._trial = replace(obj, key=f"{obj.key}-join")
        self._keys = {obj.key, self._wrong.key, self._joined.key, self._wrong_joined.key, *trial_keys(self._trial.key)}
        self._touched: dict[str, ObjectSpec] = {}

    def run(self) -> Capabilities:
        """Return what works. Raises TransferError for a failure, LocationError if the store cannot be used at all."""
        found = self._agreed()
        self._accepts_settings(found)
        if self._joins_known is not None:
            return found
        return found.limited_to(JoinTrial(self._store, self._trial, found).run())

    def _agreed(self) -> Capabilities:
        """The result of two runs; of one run, if it found everything that is expected or what was known before."""
        options = self._location.options
        expected = Capabilities(reads_back=options.storage_class not in ARCHIVED_CLASSES)
        if options.checksums is ChecksumUse.OFF:
            expected = expected.without_checksums()
        joins = self._joins_known or Joins()
        confirmed = {expected, replace(expected, versioning=False), self._store.capabilities}
        for _ in range(_MOST_RUNS):
            found = self._run_once(expected).limited_to(joins)
            if found in confirmed:
                return found
            confirmed.add(found)
        raise TransferError(Reason.STORE_UNAVAILABLE, "The store responds differently each time it is checked.")

    def _run_once(self, expected: Capabilities) -> Capabilities:
        try:
            return self._joins(self._puts(expected))
        finally:
            for obj in self._touched.values():
                self._remove(obj)
            self._touched.clear()

    def _accepts_settings(self, found: Capabilities) -> None:
        """Check the location's storage class and retention with uploads that are aborted. Raises LocationError.

        So nothing is archived or retained. A retention may be ignored by a store: the bucket must state Object Lock.
        """
        store = self._location.adapted(found)
        options = store.options
        if options.lock is not None:
            store.check_object_lock()
        if options.storage_class is not None:
            self._accepts(
                store.writing(replace(options, lock=None)),
                f"objects in the class of spec.s3.storageClass, {options.storage_class}. Set one that it has, or omit "
                "the field",
            )
        if options.lock is not None:
            self._accepts(store, "objects with spec.s3.objectLock. Grant s3:PutObjectRetention, or omit the field")

    def _accepts(self, store: S3Store, what: str) -> None:
        try:
            store.abort(self._obj.key, store.create_upload(self._obj))
        except TransferError as error:
            if error.reason in _ENDS_PROBE:
                raise
            denied = error.reason is Reason.STORE_DENIED and store.options.lock is not None
            reason = Reason.ACCESS_DENIED if denied else Reason.STORE_UNSUPPORTED
            raise LocationError(reason, f"The store does not accept {what}. {error.message}") from None

    # One request

    def _puts(self, found: Capabilities) -> Capabilities:
        """The strongest form of PutObject that works, and what HEAD returns about the object."""
        found = self._first_write(found)
        self._touched[self._obj.key] = self._obj
        store = self._store.adapted(found)
        seen = self._seen(store, self._obj)
        self._check_missing_key(store)
        found = replace(found, versioning=seen.stored.version_id not in (None, "null"))
        found = self._evaluated(found, seen, etag=_MD5)
        if found.request_checksums:
            found = self._wrong_put(found)
        if found.conditional_writes and write_if_absent(store, self._obj, BODY):
            # The object was overwritten: the earlier version is no longer the current one.
            self._remove(self._obj, version_id=seen.stored.version_id)
            found = replace(found, conditional_writes=False)
        return found

    def _check_missing_key(self, store: S3Store) -> None:
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

    def _first_write(self, found: Capabilities) -> Capabilities:
        def writes(found: Capabilities) -> Capabilities:
            write_if_absent(self._store.adapted(found), self._obj, BODY)
            return found

        try:
            return _strongest(found, writes)
        except TransferError as error:
            location_error = (
                None if error.reason in _ENDS_PROBE else rejected_setting(self._plain, self._obj, BODY, error)
            )
            if location_error is None:
                raise
            self._touched[self._obj.key] = self._obj
            raise location_error from None

    def _wrong_put(self, found: Capabilities) -> Capabilities:
        store = self._store.adapted(found)
        self._touched[self._wrong.key] = self._wrong
        try:
            store.put(self._wrong, BODY, crc64nvme=_WRONG)
        except TransferError as error:
            if error.reason not in {*_REJECTIONS, Reason.STORE_KEY_CONFLICT}:
                raise
            if error.reason in _REJECTIONS:
                return found
        return self._accepted_wrong(found, store.head(self._wrong.key))

    # Parts

    def _joins(self, found: Capabilities) -> Capabilities:
        return _strongest(found, self._multipart)

    def _multipart(self, found: Capabilities) -> Capabilities:
        store, key = self._store.adapted(found), self._joined.key
        self._touched[key] = self._joined
        upload_id = store.create_upload(self._joined)
        try:
            self._check_listing(store, upload_id)
            found, part = self._parts(found, upload_id)
            found = self._wrong_complete(found)
            store = self._store.adapted(found)
            left = store.head(key)  # the object of an earlier run, if the credentials do not permit deleting it
            if left is None:
                store.complete(self._joined, upload_id, [part], size_bytes=len(BODY), crc64nvme=_CRC)
                left = self._seen(store, self._joined)
        finally:
            store.abort(key, upload_id)
        found = self._evaluated(found, left, etag=etag_of_parts([part]))
        return self._overwrites(found, left) if found.conditional_writes else found

    def _check_listing(self, store: S3Store, upload_id: str) -> None:
        """Check that the upload is listed. Abort other uploads of test keys: they are from probes that were killed."""
        uploads = [upload for upload in store.uploads(self._obj.key) if upload.key in self._keys]
        if upload_id not in [upload.upload_id for upload in uploads]:
            raise LocationError(Reason.STORE_UNSUPPORTED, "The store does not list open multipart uploads.")
        for upload in uploads:
            if upload.upload_id != upload_id:
                with suppress(TransferError):
                    store.abort(upload.key, upload.upload_id)

    def _parts(self, found: Capabilities, upload_id: str) -> tuple[Capabilities, StoredPart]:
        """How a part can be sent, and what the store returns about it."""
        if found.checksum_trailers and not self._trailer_works(found, upload_id):
            found = replace(found, checksum_trailers=False)
        store = self._store.adapted(replace(found, md5_etags=False))
        sent = self._first_part(store, upload_id)
        listed = [part for part in store.list_parts(self._joined.key, upload_id) if part.part_number == 1]
        if [part.size_bytes for part in listed] != [len(BODY)]:
            raise LocationError(Reason.STORE_UNSUPPORTED, "The store does not list the parts of an upload as sent.")
        found = replace(
            found,
            part_checksums=found.part_checksums and listed[0].crc64nvme == _CRC,
            md5_etags=found.md5_etags and sent.etag == listed[0].etag == _MD5,
        )
        part = StoredPart(part_number=1, size_bytes=len(BODY), etag=sent.etag, crc64nvme=_CRC)
        return found, part

    def _first_part(self, store: S3Store, upload_id: str) -> StoredPart:
        try:
            return store.upload_part(self._joined.key, upload_id, part_number=1, body=BufferedPart(BODY))
        except TransferError as error:
            if error.reason in _ENDS_PROBE or store.capabilities.checksum_trailers:
                raise
            rejection = error
        with suppress(TransferError):
            store.upload_part_with_md5(self._joined.key, upload_id, part_number=1, body=BODY)
            off = self._store.options.checksums is ChecksumUse.OFF
            raise LocationError(
                Reason.STORE_UNSUPPORTED,
                "The store accepts a part only with a checksum or Content-MD5 in its headers, as buckets with Object "
                "Lock do. Parts are streamed, so their checksums can only be sent as trailers. "
                + ("To send them, set spec.s3.checksums to Auto, or use" if off else "The store rejects them. Use")
                + f" a bucket without this requirement. {rejection.message}",
            )
        raise rejection

    def _trailer_works(self, found: Capabilities, upload_id: str) -> bool:
        """Whether the store removes the framing of a part, and rejects the part if its trailer is wrong."""
        store = self._store.adapted(found)
        if self._rejection(store, upload_id, 1, BufferedPart(BODY)) is not None:
            return False
        if [part.size_bytes for part in store.list_parts(self._joined.key, upload_id)] != [len(BODY)]:
            return False
        return self._rejection(store, upload_id, 2, _WrongChecksum(BODY)) is Reason.STORE_INTEGRITY

    def _rejection(self, store: S3Store, upload_id: str, part_number: int, body: BufferedPart) -> Reason | None:
        """The reason why the store rejects a part; None if it accepts it. Raises errors that end the probe."""
        try:
            store.upload_part(self._joined.key, upload_id, part_number=part_number, body=body)
        except TransferError as error:
            if error.reason in _ENDS_PROBE:
                raise
            return error.reason
        return None

    def _wrong_complete(self, found: Capabilities) -> Capabilities:
        """Complete an upload with a wrong checksum. Its key is used only for this, so any object there is a result."""
        if not found.request_checksums:
            return found
        store, key = self._store.adapted(found), self._wrong_joined.key
        self._touched[key] = self._wrong_joined
        upload_id = store.create_upload(self._wrong_joined)
        try:
            part = self._a_part(store, key, upload_id)
            try:
                store.complete(self._wrong_joined, upload_id, [part], size_bytes=len(BODY), crc64nvme=_WRONG)
            except TransferError as error:
                if error.reason not in {*_REJECTIONS, Reason.STORE_KEY_CONFLICT}:
                    raise
        finally:
            store.abort(key, upload_id)
        # The response is not enough: some stores return an error and create the object.
        seen = store.head(key)
        return found if seen is None else self._accepted_wrong(found, seen)

    def _overwrites(self, found: Capabilities, left: ObjectHead) -> Capabilities:
        """Check whether a second upload replaces the existing object."""
        store, key = self._store.adapted(found), self._joined.key
        upload_id = store.create_upload(self._joined)
        try:
            part = self._a_part(store, key, upload_id)
            try:
                store.complete(self._joined, upload_id, [part], size_bytes=len(BODY), crc64nvme=_CRC)
            except TransferError as error:
                if error.reason is not Reason.STORE_KEY_CONFLICT:
                    raise
                return found
        finally:
            store.abort(key, upload_id)
        self._remove(self._joined, version_id=left.stored.version_id)
        return replace(found, conditional_writes=False)

    @staticmethod
    def _a_part(store: S3Store, key: str, upload_id: str) -> StoredPart:
        sent = store.upload_part(key, upload_id, part_number=1, body=BufferedPart(BODY))
        return StoredPart(part_number=1, size_bytes=len(BODY), etag=sent.etag, crc64nvme=_CRC)

    # The response to HEAD

    def _seen(self, store: S3Store, obj: ObjectSpec) -> ObjectHead:
        seen = store.head(obj.key)
        if seen is None:
            raise TransferError(Reason.STORE_UNAVAILABLE, "The store confirmed an object but does not return it.")
        if (seen.recording_uid, seen.artifact) != (obj.recording_uid, obj.artifact):
            raise LocationError(Reason.STORE_UNSUPPORTED, "The store does not keep the metadata of an object.")
        return seen

    def _evaluated(self, found: Capabilities, seen: ObjectHead, *, etag: str | None) -> Capabilities:
        stored = seen.stored
        if stored.checksum not in ("", checksums.to_text(_CRC)) or stored.size_bytes != len(BODY):
            raise _other_bytes()
        if not stored.checksum and (read := self._read(stored)) != BODY:
            if read is not None:
                raise _other_bytes()
            found = replace(found, reads_back=False)
        return replace(
            found,
            full_object_checksums=found.full_object_checksums and bool(stored.checksum),
            md5_etags=found.md5_etags and stored.etag == etag,
        )

    def _read(self, stored: StoredObject) -> bytes | None:
        """The stored bytes; None if the bucket's default class is an archive class."""
        try:
            return b"".join(self._plain.read(stored))
        except TransferError as error:
            if error.reason is not Reason.INTEGRITY_UNVERIFIABLE:
                raise
            return None

    def _accepted_wrong(self, found: Capabilities, seen: ObjectHead | None) -> Capabilities:
        """The store accepted a wrong checksum. If HEAD does not return the correct one, its checksums are not used."""
        if seen is None or seen.stored.checksum != checksums.to_text(_CRC):
            return found.without_checksums()
        return replace(found, rejects_wrong_checksums=False)

    def _remove(self, obj: ObjectSpec, *, version_id: str | None = None) -> None:
        with suppress(TransferError):
            self._plain.delete(obj.key, version_id=version_id, recording_uid=obj.recording_uid)


class _WrongChecksum(BufferedPart):
    """A part with a wrong checksum."""

    @property
    def crc64nvme(self) -> int:
        """The wrong checksum."""
        return super().crc64nvme ^ 1


def _strongest(found: Capabilities, way: Callable[[Capabilities], Capabilities]) -> Capabilities:
    """The result of the first method that the store accepts, from the strongest to the weakest.

    Some stores respond with AccessDenied to a checksum that they do not support
    (https://github.com/aws/aws-cli/issues/9274). If a request without a checksum is denied, a permission is missing.
    """
    weaker = [found, found.without_checksums(), replace(found, conditional_writes=False)]
    weaker.append(replace(found, conditional_writes=False).without_checksums())
    rejections = []
    for candidate in dict.fromkeys(weaker):
        try:
            return way(candidate)
        except TransferError as error:
            rejections.append(error)
            denied = error.reason is Reason.STORE_DENIED and not candidate.request_checksums
            if denied or error.reason in _ENDS_PROBE:
                break
    raise rejections[-1] if rejections[-1].reason in _ENDS_PROBE else rejections[0]


def _other_bytes() -> LocationError:
    return LocationError(Reason.STORE_UNSUPPORTED, "The bytes in the store differ from those sent.")
