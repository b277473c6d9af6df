"""Find: an object that is at the key before this process has stored one, and whether it is the artifact.

An earlier process may have ended after it stored the object and before it wrote the status. If the store rejects wrong
checksums, an object with our metadata always has the right bytes. Otherwise its bytes are compared with the spec's
checksum, or with the source, which is read again for this (`compare`).

This attempt has not written the object that is found here, so no function here removes it.
"""

import hashlib
from dataclasses import replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.store import ObjectHead
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.verification.expectations import Expectations
from recording_operator.transfer.verification.verify import verify_checksum

_NOT_OURS: Final = "An object that does not belong to this Recording is at the key"
_LEFT: Final = "It was not changed. If it is not needed, remove it by hand. Otherwise, use another key."


def find(context: TransferContext, expected: Expectations, facts: ContentFacts | None = None) -> StoredObject | None:
    """The object of this artifact, if there is one; with `verified_by` None if only its source can verify it.

    `facts` describe the content of the source, if its first bytes were read. Raises TransferError (StoreKeyConflict if
    the object is not ours, or differs from the spec) and Stopped.
    """
    seen = context.budget().retry(lambda: context.store.head(context.obj.key))
    if seen is None:
        return None
    if not is_ours(context.obj, seen):
        raise key_conflict()
    found = _verified_by_spec(seen.stored, context, expected)
    return found if _is_of_content(seen, found, context, facts) else replace(found, verified_by=None)


def is_ours(obj: ObjectSpec, seen: ObjectHead) -> bool:
    """Whether the object's metadata names this artifact of this Recording."""
    return seen.recording_uid == obj.recording_uid and seen.artifact == obj.artifact


def key_conflict(seen: str = _NOT_OURS) -> TransferError:
    """The error for an unexpected object that this attempt has not written. `seen` describes it."""
    return TransferError(Reason.STORE_KEY_CONFLICT, f"{seen}. {_LEFT}")


def etag_mark(facts: ContentFacts) -> str | None:
    """A hash of the source's strong ETag, for the metadata of objects; None if it has none."""
    if facts.pin is None or facts.pin.etag is None:
        return None
    return hashlib.sha256(facts.pin.etag.encode("utf-8", "replace")).hexdigest()[:32]


def _verified_by_spec(stored: StoredObject, context: TransferContext, expected: Expectations) -> StoredObject:
    """The object with the method that verifies it; `verified_by` is None if only its source could.

    The object is read back if that is the only way to verify the checksum of the spec.
    """
    if expected.size_bytes not in (None, stored.size_bytes):
        seen = f"The object at the key has {stored.size_bytes} bytes"
        raise key_conflict(f"{seen}, the spec expects {expected.size_bytes}")
    if stored.verified_by is None and stored.checksum and context.store.capabilities.existence_verifies_object:
        stored = replace(stored, verified_by=Reason.FULL_OBJECT_CRC64NVME)
    if expected.checksum is None:
        return stored
    verified = verify_checksum(stored, expected.checksum, context)
    if verified is None:
        raise key_conflict("The object at the key does not have the checksum in the spec")
    return expected.mark(verified)


def _is_of_content(seen: ObjectHead, found: StoredObject, context: TransferContext, facts: ContentFacts | None) -> bool:
    """Whether the object has the current content of the source. Always True unless the content is pinned."""
    if not context.obj.pins_content:
        return True
    if facts is None:
        return found.proved_checksum is not None
    mark = etag_mark(facts)
    if mark is None or seen.source_etag != mark or facts.size_bytes not in (None, found.size_bytes):
        return False
    return _begins_with(found, context, facts.head)


def _begins_with(stored: StoredObject, context: TransferContext, head: bytes) -> bool:
    """Compare the beginning of the object with that of the source: some servers keep the ETag when content changes."""
    if not context.store.capabilities.reads_back:
        return True
    begins = b""
    for data in context.store.read(stored):
        begins += data
        if len(begins) >= len(head):
            break
    return begins[: len(head)] == head
