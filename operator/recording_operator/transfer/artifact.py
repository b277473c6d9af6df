"""Move one artifact into a store, once, whatever happened before: the entry of the data path.

The object at the key decides, not what somebody remembers: one that carries the Recording's uid and the artifact's name
is whole (an object appears only by an atomic, conditional write that its checksum guarded) and therefore is the result.
"""

import threading
from contextlib import suppress
from dataclasses import replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.transfer.bandwidth import Flow
from recording_operator.transfer.commit import commit_small, is_of, key_conflict
from recording_operator.transfer.dialer import Dialer
from recording_operator.transfer.errors import TransferError
from recording_operator.transfer.expectations import Expectations
from recording_operator.transfer.inorder import too_large
from recording_operator.transfer.job import (
    ObjectSpec,
    SourceSpec,
    StopSignal,
    StoredObject,
    TransferObserver,
    TransferOptions,
    UploadState,
)
from recording_operator.transfer.move import Move
from recording_operator.transfer.patience import Patience, patiently
from recording_operator.transfer.plan import largest_object_bytes
from recording_operator.transfer.sniff import check_content, stated_type
from recording_operator.transfer.source import ConditionRefused, Source, SourceFacts
from recording_operator.transfer.source_status import NotYetThere
from recording_operator.transfer.stores.store import Store

# A provider may publish a moment late (fault S18).
_NOT_FOUND_TRIES: Final = 3
_UNLIMITED: Final = Flow()
_INLINE_TYPE: Final = "text/plain; charset=utf-8"
# Content that changes during the upload, and an upload that somebody aborts, are met with a new upload this often.
_RESTARTS: Final = {Reason.SOURCE_CHANGED: 1, Reason.TARGET_UPLOAD_LOST: 2}


def transfer_source(
    source: SourceSpec,
    obj: ObjectSpec,
    *,
    store: Store,
    dialer: Dialer,
    stop: StopSignal,
    observer: TransferObserver,
    resume: UploadState | None,
    options: TransferOptions,
    flow: Flow = _UNLIMITED,
) -> StoredObject:
    """Bring the source's bytes to the object's key and return what HEAD shows there.

    `resume` is what `observer.upload_created` was given last, if anything; `flow` holds the limits of its bandwidth.
    Blocks; moves bytes in `options.workers` threads. Raises TransferError and Stopped; both leave the open upload as it
    is, to be resumed or to be aborted by `abort_uploads`.
    """
    expected = Expectations.of(source)
    found = _already_stored(obj, expected, store=store, stop=stop, options=options)
    if found is not None:
        if resume is not None:
            _drop_leftovers(obj.key, store=store)
        return found
    limit = min(dialer.policy.limits.artifact_bytes, obj.max_size_bytes or largest_object_bytes())
    asker = Source(source, dialer=dialer, stop=stop)
    facts = _probed(asker, obj, expected, limit_bytes=limit, stop=stop, options=options)
    obj = replace(obj, content_type=obj.content_type or stated_type(facts))
    move = Move(
        source=asker,
        obj=obj,
        expected=expected,
        store=store,
        stop=stop,
        observer=observer,
        options=options,
        limit_bytes=limit,
        flow=flow,
    )
    restarts: dict[Reason, int] = {}
    had_upload = resume is not None  # small content of a fresh URL needs none
    while True:
        try:
            stored = move.run(facts, resume)
            break
        except TransferError as error:
            failure = error
            restarts[error.reason] = restarts.get(error.reason, 0) + 1
            if restarts[error.reason] > _RESTARTS.get(error.reason, 0):
                error.bytes_done = move.stored_bytes
                raise
        found = _already_stored(obj, expected, store=store, stop=stop, options=options)
        if found is not None:
            stored = found
            break
        again = _probed(asker, obj, expected, limit_bytes=limit, stop=stop, options=options)
        # A source that refuses its own ETag as a condition has not changed; it is asked without.
        misjudged = isinstance(failure, ConditionRefused) and again.same_content(
            size_bytes=facts.size_bytes, etag=facts.etag, last_modified=facts.last_modified
        )
        resume = move.state if misjudged else None
        if not misjudged:
            move.abandon()
        facts = replace(again, conditional=facts.conditional and not misjudged)
    if move.made_uploads or had_upload:
        _drop_leftovers(obj.key, store=store)
    return stored


def look_up(
    obj: ObjectSpec, *, size_bytes: int | None, checksum: str | None, store: Store, stop: StopSignal
) -> StoredObject | None:
    """What an earlier process has stored of this artifact, proved as far as `size_bytes` and `checksum` go, or None.

    Raises TransferError, as a transfer that finds the object.
    """
    spec = SourceSpec(url="", expected_size_bytes=size_bytes, expected_checksum=checksum)
    return _already_stored(obj, Expectations.of(spec), store=store, stop=stop, options=TransferOptions())


def store_inline(body: bytes, obj: ObjectSpec, *, store: Store) -> StoredObject:
    """Store the small text of an inline artifact and return what HEAD shows. Raises TransferError."""
    never, options = threading.Event(), TransferOptions()
    obj = replace(obj, content_type=obj.content_type or _INLINE_TYPE)
    found = _already_stored(obj, Expectations.none(), store=store, stop=never, options=options)
    return found or commit_small(body, obj, store=store, stop=never, options=options)


def abort_uploads(obj_key: str, *, store: Store, upload_id: str | None) -> int:
    """Abort the given upload and every other open one at exactly this key; how many there were.

    Raises TransferError where the store does not let us.
    """
    aborted = 0
    if upload_id is not None:
        aborted += store.abort(obj_key, upload_id)
    for upload in store.uploads(obj_key):
        if upload.key == obj_key and upload.upload_id != upload_id:
            aborted += store.abort(obj_key, upload.upload_id)
    return aborted


def _drop_leftovers(key: str, *, store: Store) -> None:
    with suppress(TransferError):
        abort_uploads(key, store=store, upload_id=None)


def _already_stored(
    obj: ObjectSpec, expected: Expectations, *, store: Store, stop: StopSignal, options: TransferOptions
) -> StoredObject | None:
    seen = patiently(lambda: store.head(obj.key), Patience(options, stop))
    if seen is None:
        return None
    if not is_of(obj, seen):
        raise key_conflict()
    expected.prove_stored(seen.stored, store=store, obj=obj, stop=stop)
    return seen.stored


def _probed(
    source: Source,
    obj: ObjectSpec,
    expected: Expectations,
    *,
    limit_bytes: int,
    stop: StopSignal,
    options: TransferOptions,
) -> SourceFacts:
    patience = Patience(options, stop)
    absent = 0
    while True:
        try:
            facts = source.probe()
            break
        except NotYetThere as error:
            absent += 1
            if absent >= _NOT_FOUND_TRIES:
                raise
            patience.pause(TransferError(Reason.SOURCE_UNAVAILABLE, error.message))
        except TransferError as error:
            patience.pause(error)
    if facts.is_empty and expected.size_bytes != 0:
        raise TransferError(Reason.SOURCE_EMPTY, f"{facts.host} has no bytes for this artifact.")
    expected.check_facts(facts)
    if facts.size_bytes is not None and facts.size_bytes > limit_bytes:
        raise too_large(facts.host, limit_bytes)
    check_content(facts, obj)
    return facts
