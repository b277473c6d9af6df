"""Transfers in threads of their own: started, stopped and reported as the engine asks."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, SourceFacts
from recording_operator.controller.executors.executor import StoreSource
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.sources import ResolveError, SourceResolver
from recording_operator.egress.dialer import Dialer
from recording_operator.engine.actions import StartTransfer
from recording_operator.engine.facts import (
    Fact,
    SourceResolved,
    TransferEnded,
    TransferFailed,
    TransferProgress,
    TransferStopped,
    TransferSucceeded,
    UploadCreated,
)
from recording_operator.errors import LocationError, TransferError
from recording_operator.metrics import Metrics
from recording_operator.stopping import Stopped
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import ArtifactJob, FetchJob, FindJob, InlineJob
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.options import TransferOptions

REPORT_EVERY_S: Final = 1.0
"""How often the engine hears of progress; it writes less often than that."""

_log = logging.getLogger(__name__)
_Key = tuple[str, str]


class _Run:
    """One transfer under way: the engine's two signals to it, and its reports to the engine."""

    def __init__(self, action: StartTransfer, *, post: Callable[[Fact], None], metrics: Metrics) -> None:
        self._uid = action.recording.metadata.uid
        self._artifact = action.artifact
        self._post = post
        self._metrics = metrics
        self._reported_s = 0.0
        self._lock = threading.Lock()
        self.stop = threading.Event()
        self._persisted = threading.Event()
        self._changed = threading.Condition()

    def ask_to_stop(self) -> None:
        """End within the next window."""
        self.stop.set()
        with self._changed:
            self._changed.notify_all()

    def upload_is_persisted(self) -> None:
        """The status names the upload."""
        self._persisted.set()
        with self._changed:
            self._changed.notify_all()

    def upload_created(self, state: UploadState) -> None:
        """Have the status name the upload; returns when the API server has accepted it. Raises Stopped."""
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
        """Tell the engine, about once a second."""
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
    """An Executor: at most `concurrent` threads, one for each transfer."""

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

    def start(self, action: StartTransfer) -> None:
        """Begin a transfer; it ends with a TransferEnded. Called by the control thread, as the next two."""
        run = _Run(action, post=self._post, metrics=self._metrics)
        self._runs[action.recording.metadata.uid, action.artifact] = run
        self._pool.submit(self._run, action, run)

    def stop(self, uid: str, artifact: str) -> None:
        """Ask a transfer to end."""
        run = self._runs.get((uid, artifact))
        if run is not None:
            run.ask_to_stop()

    def persisted(self, uid: str, artifact: str) -> None:
        """Let a transfer send its first part."""
        run = self._runs.get((uid, artifact))
        if run is not None:
            run.upload_is_persisted()

    def _run(self, action: StartTransfer, run: _Run) -> None:
        uid, artifact = action.recording.metadata.uid, action.artifact
        self._metrics.transfer_started()
        started_s = time.monotonic()
        outcome = self._outcome(action, run)
        self._runs.pop((uid, artifact), None)
        names = {TransferSucceeded: "Stored", TransferFailed: "Failed", TransferStopped: "Stopped"}
        self._metrics.transfer_ended(
            outcome=names[type(outcome)],  # type: ignore[arg-type]
            seconds=time.monotonic() - started_s,
        )
        self._log(action, outcome)
        self._post(TransferEnded(uid=uid, artifact=artifact, outcome=outcome))

    def _outcome(self, action: StartTransfer, run: _Run) -> TransferSucceeded | TransferFailed | TransferStopped:
        try:
            return _stored(self._move(action, run))
        except Stopped:
            return TransferStopped()
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
            _log.exception("A transfer failed in a way that nobody foresaw", extra=_about(action))
            message = f"the operator failed ({type(error).__name__}); its log has more"
            return TransferFailed(reason=Reason.INTERNAL_ERROR, message=message)

    def _move(self, action: StartTransfer, run: _Run) -> StoredObject:
        artifact = next(spec for spec in action.recording.spec.artifacts if spec.name == action.artifact)
        context = TransferContext(
            store=self._stores.store(action.location),
            obj=_object_spec(action, artifact),
            stop=run.stop,
            observer=run,
            options=self._options,
            flow=self._bandwidth.flow(action.location),
        )
        return self._job(action, artifact).run(context)

    def _job(self, action: StartTransfer, artifact: ArtifactSpec) -> ArtifactJob:
        source = artifact.source
        if action.only_look:
            return FindJob(
                expected_size_bytes=source.size if source else None,
                expected_checksum=source.checksum if source else None,
            )
        if artifact.inline is not None:
            return InlineJob(body=artifact.inline.encode())
        resolved = self._resolver.resolve(action.recording, artifact)
        uid = action.recording.metadata.uid
        self._post(SourceResolved(uid=uid, artifact=artifact.name, revision=resolved.revision))
        return FetchJob(source=resolved.source, dialer=self._dialer, resume=_resume(action))

    def _log(self, action: StartTransfer, outcome: TransferSucceeded | TransferFailed | TransferStopped) -> None:
        match outcome:
            case TransferSucceeded():
                _log.info("Stored %s, %d bytes", outcome.uri, outcome.size_bytes, extra=_about(action))
            case TransferFailed():
                extra = {**_about(action), "reason": outcome.reason}
                _log.warning("Not stored: %s", outcome.message, extra=extra)
            case TransferStopped():
                _log.info("Stopped; what is stored so far is kept", extra=_about(action))


def _object_spec(action: StartTransfer, artifact: ArtifactSpec) -> ObjectSpec:
    return ObjectSpec(
        key=action.key,
        content_type=artifact.content_type,
        kind=artifact.kind,
        recording_uid=action.recording.metadata.uid,
        artifact=artifact.name,
        org=action.recording.spec.owner.org,
        max_size_bytes=action.location.spec.limits.max_artifact_size,
    )


def _resume(action: StartTransfer) -> UploadState | None:
    if action.upload_id is None or not action.part_size_bytes:
        return None
    source = action.source or SourceFacts()
    return UploadState(
        upload_id=action.upload_id,
        part_size_bytes=action.part_size_bytes,
        size_bytes=source.size,
        etag=source.etag,
        last_modified=source.last_modified,
    )


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


def _about(action: StartTransfer) -> dict[str, str]:
    meta = action.recording.metadata
    return {"namespace": meta.namespace, "recording": meta.name, "uid": meta.uid, "artifact": action.artifact}
