"""Move one artifact into a store, once, whatever happened before: the entry of the data path.

The object at the key decides, not what somebody remembers: one that carries the Recording's uid and the artifact's name
and was proved is the result (`existing`).
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.egress.dialer import Dialer
from recording_operator.errors import TransferError
from recording_operator.stopping import StopSignal
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.store import Store
from recording_operator.transfer.content.check import check_content, stated_type
from recording_operator.transfer.content.text_detection import text_of
from recording_operator.transfer.existing import Existing, cannot_compare
from recording_operator.transfer.expectations import Expectations
from recording_operator.transfer.limits.bandwidth import Flow
from recording_operator.transfer.observer import TransferObserver, UploadState
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.source.client import SizesDiffer, SourceClient
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.publication import PublicationWait
from recording_operator.transfer.source.refusal_words import says_not_ready
from recording_operator.transfer.source.refusals import NotYetThere, not_ready_page
from recording_operator.transfer.source.spec import SourceSpec
from recording_operator.transfer.upload.artifact_upload import ArtifactUpload, is_small
from recording_operator.transfer.upload.commit import StoredMeanwhile, commit_small, key_conflict
from recording_operator.transfer.upload.in_order import too_large
from recording_operator.transfer.upload.part_plan import largest_object_bytes

_UNLIMITED: Final = Flow()
_INLINE_TYPE: Final = "text/plain; charset=utf-8"
_LONGEST_NOTE_BYTES: Final = 4096
# Content that changes during the upload, and an upload that somebody aborts, are met with a new upload this often.
_RESTARTS: Final = {Reason.SOURCE_CHANGED: 1, Reason.STORE_UPLOAD_LOST: 2}


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
    existing = Existing(obj=obj, expected=expected, store=store, stop=stop, options=options, flow=flow)
    # An upload was begun: it may have ended well, and then the source need not be asked.
    found = existing.look() if resume is not None else None
    if found is not None and found.proof is not None:
        _drop_leftovers(obj.key, store=store)
        return found
    limit = min(dialer.policy.limits.artifact_bytes, obj.max_size_bytes or largest_object_bytes())
    asker = SourceClient(source, dialer=dialer, stop=stop)
    wait = PublicationWait(options, stop, published_at=source.published_at)
    try:
        facts = _probed(asker, asker.probe, obj, expected, limit_bytes=limit, wait=wait)
    except TransferError as error:
        found = found or existing.look()
        if found is None:
            raise
        if found.proof is None:
            raise cannot_compare(error) from None
        return found
    # A conditional write finds by itself what is there; before many parts are moved for nothing, the store is asked.
    if found is None and not is_small(facts, options):
        found = existing.look(facts)
    if found is not None:
        return existing.compare(found, asker, facts)
    move = ArtifactUpload(
        source=asker,
        obj=replace(obj, content_type=obj.content_type or stated_type(facts)),
        expected=expected,
        store=store,
        stop=stop,
        observer=observer,
        options=options,
        limit_bytes=limit,
        flow=flow,
    )

    def probe(request: Callable[[], ContentFacts]) -> ContentFacts:
        return _probed(asker, request, obj, expected, limit_bytes=limit, wait=wait)

    stored = _moved(move, facts, resume, source=asker, probe=probe, existing=existing)
    if move.made_uploads or resume is not None:  # small content of a fresh URL needs no upload
        _drop_leftovers(obj.key, store=store)
    return stored


def _moved(
    move: ArtifactUpload,
    facts: ContentFacts,
    resume: UploadState | None,
    *,
    source: SourceClient,
    probe: Callable[[Callable[[], ContentFacts]], ContentFacts],
    existing: Existing,
) -> StoredObject:
    restarts: dict[Reason, int] = {}
    while True:
        try:
            return move.run(facts, resume)
        except TransferError as error:
            reason, met = error.reason, isinstance(error, StoredMeanwhile)
            restarts[error.reason] = restarts.get(error.reason, 0) + 1
            if restarts[error.reason] > _RESTARTS.get(error.reason, int(met)):
                raise
        found = existing.look()
        if found is not None and met:
            # It is not what was just read: it is compared with the source, whatever the store says of it.
            found = replace(found, proof=None)
        if found is not None and found.proof is not None:
            return found
        # What changed once is read by one request: nothing that the source says of ranges is believed then.
        before = facts
        facts = probe(source.probe_anew if reason is Reason.SOURCE_CHANGED else source.probe)
        if facts.contradicts(before):
            # Final: a later attempt would see one of the two only, and could not tell that it is the wrong one.
            raise TransferError(
                Reason.SOURCE_CHANGED,
                f"{facts.host} sent one ETag with different Content-Encodings, expected one ETag for one content. "
                "Ask the provider, because a proxy may compress some responses; then change spec.retryToken.",
            )
        if found is not None:
            return existing.compare(found, source, facts)
        resume = None
        move.abandon()


def look_up(
    obj: ObjectSpec, *, size_bytes: int | None, checksum: str | None, store: Store, stop: StopSignal, flow: Flow
) -> StoredObject | None:
    """What an earlier process has stored of this artifact, or None; also where only its source could prove it.

    Raises TransferError, as a transfer that finds the object.
    """
    spec = SourceSpec(url="", expected_size_bytes=size_bytes, expected_checksum=checksum)
    expected, options = Expectations.of(spec), TransferOptions()
    existing = Existing(obj=obj, expected=expected, store=store, stop=stop, options=options, flow=flow)
    found = existing.look()
    return found if found is not None and found.proof is not None else None


def store_inline(body: bytes, obj: ObjectSpec, *, store: Store) -> StoredObject:
    """Store the small text of an inline artifact and return the object, proved. Raises TransferError."""
    never, options = threading.Event(), TransferOptions()
    obj = replace(obj, content_type=obj.content_type or _INLINE_TYPE)
    try:
        return commit_small(body, obj, store=store, stop=never, options=options, flow=_UNLIMITED).stored
    except StoredMeanwhile:
        raise key_conflict("The object at the key does not have the artifact's text") from None


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


def _probed(
    source: SourceClient,
    request: Callable[[], ContentFacts],
    obj: ObjectSpec,
    expected: Expectations,
    *,
    limit_bytes: int,
    wait: PublicationWait,
) -> ContentFacts:
    def check(facts: ContentFacts, *, vouched: bool = False) -> None:
        try:
            check_content(facts, obj, vouched=vouched)
        except TransferError as error:
            raise source.unexpected(error, facts) from None

    def probe() -> ContentFacts:
        try:
            facts = request()
        except SizesDiffer as error:
            check(error.whole)  # a page has another size, of course
            raise
        if facts.is_empty and expected.size_bytes != 0:
            raise NotYetThere(Reason.SOURCE_EMPTY, f"{facts.host} has no bytes for this artifact.")
        if _says_not_ready(facts):
            try:
                check(facts)
            except TransferError as error:
                raise not_ready_page(facts.host) if error.reason is Reason.UNEXPECTED_CONTENT else error from None
        if expected.size_bytes is not None and facts.size_bytes is not None and facts.size_bytes < expected.size_bytes:
            expected.check_size(facts.size_bytes)  # it may still grow
        return facts

    facts = wait.until_published(probe)
    expected.check_facts(facts)
    facts = expected.bounded(facts)
    if facts.size_bytes is not None and facts.size_bytes > limit_bytes:
        raise too_large(facts.host, limit_bytes)
    check(facts, vouched=expected.size_bytes is not None or expected.checksum is not None)
    return facts


def _says_not_ready(facts: ContentFacts) -> bool:
    """Whether it is a short note of content that is still being made, such as `{"status": "processing"}` with 200."""
    is_short = (facts.size_bytes or len(facts.head)) <= _LONGEST_NOTE_BYTES
    text = text_of(facts.head) if is_short else None
    return text is not None and says_not_ready(text)
