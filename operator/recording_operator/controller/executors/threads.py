"""Runs transfers in threads: starts, stops and reports them for the engine."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, Literal

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import SourceFacts
from recording_operator.controller.executors.executor import StoreSource
from recording_operator.controller.executors.order import ClientUploadOrder, CopyOrder, TransferOrder
from recording_operator.controller.identities import confirm, former_times, known_object
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.sources import ResolvedContent, ResolveError, SourceResolver
from recording_operator.egress.dialer import Dialer
from recording_operator.engine.facts import (
    ClientAwaited,
    Fact,
    SizeFound,
    SourceResolved,
    TransferEnded,
    TransferFailed,
    TransferOutcome,
    TransferProgress,
    TransferStopped,
    TransferSucceeded,
    UploadCreated,
)
from recording_operator.engine.identity import FormerRecording
from recording_operator.engine.manifest import Manifest
from recording_operator.errors import LocationError, TransferError
from recording_operator.metrics import Metrics
from recording_operator.stopping import Stopped
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.client_upload import ClientUploadJob, FinishedUpload, PartsMissing
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import ArtifactJob, ContentJob, CopyJob, FetchJob, FindJob, InlineJob, KnownJob
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.options import TransferOptions

REPORT_EVERY_S: Final = 1.0
"""Interval of progress reports to the engine, which writes them less often."""

_logger = logging.getLogger(__name__)
_Key = tuple[str, str]
_OUTCOMES: Final[Mapping[type, Literal["Stored", "Failed", "Stopped"]]] = {
    TransferSucceeded: "Stored",
    TransferFailed: "Failed",
    TransferStopped: "Stopped",
    ClientAwaited: "Stopped",
}


class _Run:
    """A running transfer: two signals from the engine, and reports to the engine."""

    def __init__(self, order: TransferOrder, *, post: Callable[[Fact], None], metrics: Metrics) -> None:
        self._uid = order.uid
        self._artifact = order.artifact
        self._post = post
        self._metrics = metrics
        self._reported_s = 0.0
        self._lock = threading.Lock()
        self.stop = threading.Event()
        self._persisted = threading.Event()
        self._is_admitted = False
        self._rejection: TransferError | None = None
        self._changed = threading.Condition()

    def request_stop(self) -> None:
        """Stop the transfer."""
        self.stop.set()
        with self._changed:
            self._changed.notify_all()

    def upload_is_persisted(self) -> None:
        """The status contains the upload id."""
        self._persisted.set()
        with self._changed:
            self._changed.notify_all()

    def admitted(self) -> None:
        """There is room for the artifact."""
        with self._changed:
            self._is_admitted = True
            self._changed.notify_all()

    def rejected(self, error: TransferError) -> None:
        """There is no room for the artifact."""
        with self._changed:
            self._rejection = error
            self._changed.notify_all()

    def admit(self, size_bytes: int | None) -> None:
        """Report the size, and block until the engine has found room for it. Raises TransferError, Stopped."""
        with self._changed:
            self._is_admitted, self._rejection = False, None
        self._post(SizeFound(uid=self._uid, artifact=self._artifact, size_bytes=size_bytes))
        with self._changed:
            self._changed.wait_for(lambda: self._is_admitted or self._rejection is not None or self.stop.is_set())
            if self._is_admitted:
                return
            raise self._rejection or Stopped

    def upload_created(self, state: UploadState) -> None:
        """Report the upload, and block until the API server has accepted its id in the status. Raises Stopped."""
        self._persisted.clear()
        facts = SourceFacts(size=state.size_bytes, etag=state.etag, last_modified=state.last_modified)
        self._post(
            UploadCreated(
                uid=self._uid,
                artifact=self._artifact,
                upload_id=state.upload_id,
                part_size_bytes=state.part_size_bytes,
                source=facts,
            )
        )
        with self._changed:
            self._changed.wait_for(lambda: self._persisted.is_set() or self.stop.is_set())
        if not self._persisted.is_set():
            raise Stopped

    def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
        """Report the progress to the engine, about once a second."""
        with self._lock:
            now_s = time.monotonic()
            due = now_s - self._reported_s >= REPORT_EVERY_S
            if due:
                self._reported_s = now_s
        if due:
            self._post(
                TransferProgress(uid=self._uid, artifact=self._artifact, sent_bytes=sent_bytes, total_bytes=total_bytes)
            )

    def bytes_moved(self, *, read_bytes: int, stored_bytes: int) -> None:
        """Count them."""
        self._metrics.bytes_moved(direction="read", size_bytes=read_bytes)
        self._metrics.bytes_moved(direction="stored", size_bytes=stored_bytes)


class ThreadExecutor:
    """An Executor with at most `concurrent` threads, one for each transfer."""

    def __init__(
        self,
        *,
        stores: StoreSource,
        resolver: SourceResolver,
        dialer: Dialer,
        post: Callable[[Fact], None],
        metrics: Metrics,
        options: TransferOptions,
        bandwidth: BandwidthLimits,
        concurrent: int,
    ) -> None:
        self._stores = stores
        self._resolver = resolver
        self._dialer = dialer
        self._post = post
        self._metrics = metrics
        self._options = options
        self._bandwidth = bandwidth
        self._pool = ThreadPoolExecutor(max_workers=concurrent, thread_name_prefix="transfer")
        self._runs: dict[_Key, _Run] = {}

    def start(self, order: TransferOrder) -> None:
        """Start a transfer; it ends with a TransferEnded. The control thread calls this and the next two methods."""
        run = _Run(order, post=self._post, metrics=self._metrics)
        self._runs[order.uid, order.artifact] = run
        self._pool.submit(self._run, order, run)

    def stop(self, uid: str, artifact: str) -> None:
        """Stop a transfer."""
        run = self._runs.get((uid, artifact))
        if run is not None:
            run.request_stop()

    def admitted(self, uid: str, artifact: str) -> None:
        """Allow a transfer to upload."""
        run = self._runs.get((uid, artifact))
        if run is not None:
            run.admitted()

    def rejected(self, uid: str, artifact: str, *, message: str, is_final: bool) -> None:
        """End a transfer for which a quota has no room."""
        run = self._runs.get((uid, artifact))
        if run is not None:
            run.rejected(TransferError(Reason.QUOTA_EXCEEDED, message, is_final=is_final))

    def persisted(self, uid: str, artifact: str) -> None:
        """Allow a transfer to send its first part."""
        run = self._runs.get((uid, artifact))
        if run is not None:
            run.upload_is_persisted()

    def _run(self, order: TransferOrder, run: _Run) -> None:
        self._metrics.transfer_started()
        started_s = time.monotonic()
        outcome = self._outcome(order, run)
        self._runs.pop((order.uid, order.artifact), None)
        self._metrics.transfer_ended(outcome=_OUTCOMES[type(outcome)], seconds=time.monotonic() - started_s)
        self._log(order, outcome)
        self._post(TransferEnded(uid=order.uid, artifact=order.artifact, outcome=outcome))

    def _outcome(self, order: TransferOrder, run: _Run) -> TransferOutcome:
        try:
            return self._move(order, run)
        except Stopped:
            return TransferStopped()
        except PartsMissing as result:
            return ClientAwaited(stored_bytes=result.stored_bytes, missing=result.missing)
        except ResolveError as error:
            return error.failure
        except TransferError as error:
            return TransferFailed(
                reason=error.reason,
                message=error.message,
                retry_after_s=error.retry_after_s,
                is_final=error.is_final,
            )
        except LocationError as error:
            return TransferFailed(reason=error.reason, message=error.message)
        except Exception as error:
            _logger.exception("A transfer ended by an unexpected error", extra=_about(order))
            message = f"Unexpected error in the operator ({type(error).__name__}). Its log has the details."
            return TransferFailed(reason=Reason.INTERNAL_ERROR, message=message)

    def _move(self, order: TransferOrder, run: _Run) -> TransferSucceeded:
        store = self._stores.store_named(order.location, uid=order.location_uid)
        manifest = self._confirmed(order.former) if order.former is not None else None
        context = TransferContext(
            store=store,
            obj=order.obj,
            stop=run.stop,
            observer=run,
            options=self._options,
            flow=self._bandwidth.flow(order.location_uid),
            admit=run.admit if order.has_quota else _admit_all,
        )
        if manifest is not None and order.has_no_content:
            job = KnownJob(known=known_object(manifest, order.artifact))
            return replace(_stored(job.run(context)), former=former_times(manifest))
        return _stored(self._job(order).run(context))

    def _confirmed(self, former: FormerRecording) -> Manifest:
        """The manifest that confirms the identity. Raises TransferError, LocationError."""
        return confirm(self._stores.store_named(former.location, uid=former.location_uid), former)

    def _job(self, order: TransferOrder) -> ArtifactJob:
        source, secret = order.source, order.content_secret
        if order.client is not None:
            return self._client_upload(order.client, order)
        if order.find_only:
            expected = source or order.copy
            return FindJob(
                expected_size_bytes=expected.size_bytes if expected else None,
                expected_checksum=expected.checksum if expected else None,
            )
        if order.copy is not None:
            return self._copy(order.copy, order.resume)
        if secret is not None:
            return ContentJob(body=self._resolver.content(secret, namespace=order.namespace))
        if source is None:
            return InlineJob(body=(order.inline or "").encode())
        resolved = self._resolver.resolve(source)
        self._post(SourceResolved(uid=order.uid, artifact=order.artifact, revision=resolved.revision))
        if isinstance(resolved, ResolvedContent):
            return ContentJob(
                body=resolved.content, expected_size_bytes=source.size_bytes, expected_checksum=source.checksum
            )
        return FetchJob(source=resolved.source, dialer=self._dialer, resume=order.resume)

    def _copy(self, copy: CopyOrder, resume: UploadState | None) -> CopyJob:
        try:
            source = self._stores.store_named(copy.location, uid=copy.location_uid)
        except LocationError as error:
            message = f"StorageLocation {copy.location} cannot be read: {error.message}"
            raise TransferError(Reason.SOURCE_UNREACHABLE, message) from None
        return CopyJob(
            source=source,
            place=f"StorageLocation {copy.location}",
            key=copy.key,
            version_id=copy.version_id,
            owner_uid=copy.owner_uid,
            expected_size_bytes=copy.size_bytes,
            expected_checksum=copy.checksum,
            limit_bytes=self._dialer.policy.limits.artifact_bytes if copy.owner_uid is None else None,
            resume=resume,
        )

    def _client_upload(self, client: ClientUploadOrder, order: TransferOrder) -> ClientUploadJob:
        finish = None
        if client.size_bytes is not None:
            finish = FinishedUpload(size_bytes=client.size_bytes, checksum=client.checksum)
        return ClientUploadJob(
            max_size_bytes=client.max_size_bytes,
            content_types=client.content_types,
            finish=finish,
            limit_bytes=self._dialer.policy.limits.artifact_bytes,
            resume=order.resume,
            find_only=order.find_only,
        )

    def _log(self, order: TransferOrder, outcome: TransferOutcome) -> None:
        match outcome:
            case TransferSucceeded():
                _logger.info("Stored %s, %d bytes", outcome.uri, outcome.size_bytes, extra=_about(order))
            case TransferFailed():
                extra = {**_about(order), "reason": outcome.reason}
                _logger.warning("Not stored: %s", outcome.message, extra=extra)
            case ClientAwaited():
                _logger.info("The upload is open. The client has not sent everything", extra=_about(order))
            case TransferStopped():
                _logger.info("Stopped. What is stored so far is kept", extra=_about(order))


def _admit_all(_size_bytes: int | None) -> None:
    """Admit an artifact that no quota concerns."""


def _stored(stored: StoredObject) -> TransferSucceeded:
    return TransferSucceeded(
        size_bytes=stored.size_bytes,
        etag=stored.etag,
        version_id=stored.version_id,
        checksum=stored.checksum,
        content_type=stored.content_type,
        uri=stored.uri,
        integrity=stored.verified_by or Reason.NOT_PROVED,
        proved_checksum=stored.proved_checksum,
    )


def _about(order: TransferOrder) -> dict[str, str]:
    return {"namespace": order.namespace, "recording": order.recording, "uid": order.uid, "artifact": order.artifact}
