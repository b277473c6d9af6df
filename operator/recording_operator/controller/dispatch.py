"""Carries out what the engine asks for, and tells it how that went."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from recording_operator.api.names import API_VERSION, RECORDING_KIND, STORAGE_LOCATION_KIND
from recording_operator.api.recording import Recording
from recording_operator.controller.fairpool import FairPool
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.sources import ResolveError, SourceResolver
from recording_operator.controller.transfers import TransferRunner
from recording_operator.engine.actions import (
    AbortUpload,
    Action,
    ArtifactToClean,
    CleanUp,
    ConfirmLeadership,
    DeleteRecording,
    EmitEvent,
    EmitLocationEvent,
    ProbeLocation,
    ReadNamespace,
    ReadRecording,
    ReportFault,
    ResolveSource,
    StartTransfer,
    StopTransfer,
    Tallied,
    Tally,
    UploadPersisted,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.facts import (
    CleanedUp,
    DeleteAccepted,
    Fact,
    LeadershipConfirmed,
    NamespaceSeen,
    RecordingRead,
    RecordingSeen,
    Ref,
    SourceResolved,
    UploadAborted,
    WriteRefused,
    Written,
)
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict, KubeError, NotFound, TooManyRequests
from recording_operator.kube.events import EventRecorder, EventType
from recording_operator.kube.lease import Leadership
from recording_operator.kube.outage import Sparingly
from recording_operator.kube.status import merge_patch_between
from recording_operator.metrics import Metrics
from recording_operator.stores.store import Store
from recording_operator.transfer.artifact import abort_uploads

_AGAIN_S: Final = 2.0
_CHANGES: Final = (WriteStatus, WriteFinalizers, DeleteRecording, AbortUpload, CleanUp)
_log = logging.getLogger(__name__)


class Dispatcher:
    """One call for each kind of action. Returns at once; calls that wait run in `pool`, the namespaces in turn."""

    def __init__(
        self,
        *,
        kube: KubeApi,
        leadership: Leadership,
        events: EventRecorder,
        transfers: TransferRunner,
        resolver: SourceResolver,
        locations: LocationKeeper,
        post: Callable[[Fact], None],
        pool: FairPool,
        metrics: Metrics,
        on_deposed: Callable[[str], None],
    ) -> None:
        self._kube = kube
        self._leadership = leadership
        self._events = events
        self._transfers = transfers
        self._resolver = resolver
        self._locations = locations
        self._post = post
        self._pool = pool
        self._metrics = metrics
        self._on_deposed = on_deposed
        self._refusals = Sparingly()

    def __call__(self, action: Action) -> None:
        """Carry out one action."""
        match action:
            case StartTransfer():
                self._transfers.start(action)
            case StopTransfer(uid=uid, artifact=artifact):
                self._transfers.stop(uid, artifact)
            case UploadPersisted(uid=uid, artifact=artifact):
                self._transfers.persisted(uid, artifact)
            case EmitEvent():
                self._emit(action)
            case EmitLocationEvent():
                self._emit_about_location(action)
            case ProbeLocation(name=name):
                self._locations.doubted(name)
            case Tally():
                self._count(action)
            case ReportFault():
                extra = {"namespace": action.ref.namespace, "recording": action.ref.name, "uid": action.ref.uid}
                _log.error("The engine failed at this Recording: %s", action.detail, extra=extra)
            case _:
                self._submit(action)

    def _submit(self, action: Action) -> None:
        self._pool.submit(namespace_of(action), partial(self._blocking, action))

    def _count(self, tally: Tally) -> None:
        match tally.what:
            case Tallied.STORED:
                self._metrics.artifact_finished(outcome="Stored", reason=tally.reason)
            case Tallied.FAILED:
                self._metrics.artifact_finished(outcome="Failed", reason=tally.reason)
            case Tallied.RETRIED:
                self._metrics.retried(reason=tally.reason)
            case Tallied.EXPIRED:
                self._metrics.source_expired()

    def _blocking(self, action: Action) -> None:
        if isinstance(action, _CHANGES) and not self._leadership.held():
            # The Lease could not be renewed in time: another operator may work. Hold still until that is known.
            self._unanswered(action)
            return
        try:
            match action:
                case WriteStatus() | WriteFinalizers():
                    self._write(action)
                case ReadRecording(ref=ref):
                    self._read(ref)
                case DeleteRecording():
                    self._delete(action)
                case ReadNamespace(namespace=namespace):
                    self._read_namespace(namespace)
                case ConfirmLeadership(uid=uid):
                    self._confirm(uid)
                case ResolveSource():
                    self._resolve(action)
                case AbortUpload():
                    self._abort(action)
                case CleanUp():
                    self._clean_up(action)
        except Exception:
            _log.exception("%s failed in a way that nobody foresaw", type(action).__name__)
            self._unanswered(action)

    def _unanswered(self, action: Action) -> None:
        """Whatever happened, the engine waits for an answer."""
        match action:
            case WriteStatus(ref=ref) | WriteFinalizers(ref=ref) | ReadRecording(ref=ref) | DeleteRecording(ref=ref):
                self._post(WriteRefused(uid=ref.uid, detail="not sent"))
            case AbortUpload(uid=uid, artifact=artifact):
                self._post(UploadAborted(uid=uid, artifact=artifact, ok=False))
            case CleanUp(ref=ref):
                self._post(CleanedUp(uid=ref.uid, ok=False))
            case _:
                self._later(action)

    def _later(self, action: Action) -> None:
        """The API server did not answer: ask again in a moment."""
        timer = threading.Timer(_AGAIN_S, self._submit, (action,))
        timer.daemon = True
        timer.start()

    # The API server

    def _write(self, action: WriteStatus | WriteFinalizers) -> None:
        ref, outcome = action.ref, "Success"
        try:
            raw = self._patch(action)
            self._post(Written(uid=ref.uid, recording=Recording.model_validate(raw)))
        except Conflict:
            outcome = "Conflict"
            self._post(WriteRefused(uid=ref.uid, conflict=True))
        except NotFound:
            outcome = "NotFound"
            self._post(WriteRefused(uid=ref.uid, gone=True))
        except KubeError as error:
            outcome = type(error).__name__
            wait_s = error.retry_after_s if isinstance(error, TooManyRequests) else None
            level = self._refusals.level_of(error)
            _log.log(level, "The API server did not take a write: %s", error, extra=_about(ref))
            self._post(WriteRefused(uid=ref.uid, retry_after_s=wait_s, detail=outcome))
        if isinstance(action, WriteStatus):
            self._metrics.status_written(outcome=outcome)

    def _patch(self, action: WriteStatus | WriteFinalizers) -> dict[str, Any]:
        ref, version = action.ref, action.resource_version
        if isinstance(action, WriteFinalizers):
            return self._kube.patch_recording_finalizers(
                ref.namespace, ref.name, resource_version=version, finalizers=action.finalizers
            )
        patch = merge_patch_between(action.previous, action.status)
        return self._kube.patch_recording_status(ref.namespace, ref.name, resource_version=version, status=patch)

    def _read(self, ref: Ref) -> None:
        try:
            recording = Recording.model_validate(self._kube.get_recording(ref.namespace, ref.name))
        except NotFound:
            self._post(WriteRefused(uid=ref.uid, gone=True))
            return
        except KubeError:
            self._post(WriteRefused(uid=ref.uid, detail="the API server did not answer"))
            return
        if recording.metadata.uid == ref.uid:
            self._post(RecordingRead(uid=ref.uid, recording=recording))
            return
        self._post(WriteRefused(uid=ref.uid, gone=True))
        self._post(RecordingSeen(recording=recording))

    def _delete(self, action: DeleteRecording) -> None:
        ref = action.ref
        try:
            self._kube.delete_recording(ref.namespace, ref.name, uid=ref.uid, resource_version=action.resource_version)
            _log.info("ttlAfterFinished is over: the Recording was removed, its objects stay", extra=_about(ref))
            self._post(DeleteAccepted(uid=ref.uid))
        except NotFound:
            self._post(WriteRefused(uid=ref.uid, gone=True))
        except Conflict:
            self._post(WriteRefused(uid=ref.uid, conflict=True))
        except KubeError as error:
            self._post(WriteRefused(uid=ref.uid, detail=type(error).__name__))

    def _read_namespace(self, namespace: str) -> None:
        try:
            labels = self._kube.namespace_labels(namespace)
        except NotFound:
            labels = {}
        except KubeError:
            self._later(ReadNamespace(namespace=namespace))
            return
        self._post(NamespaceSeen(namespace=namespace, labels=labels))

    def _confirm(self, uid: str) -> None:
        try:
            confirmed = self._leadership.confirm()
        except KubeError:
            self._later(ConfirmLeadership(uid=uid))
            return
        if confirmed:
            self._post(LeadershipConfirmed(uid=uid))
        else:
            self._on_deposed("another operator holds the Lease")

    def _resolve(self, action: ResolveSource) -> None:
        recording = action.recording
        artifact = next(spec for spec in recording.spec.artifacts if spec.name == action.artifact)
        uid = recording.metadata.uid
        try:
            revision = self._resolver.resolve(recording, artifact).revision
            self._post(SourceResolved(uid=uid, artifact=action.artifact, revision=revision))
        except ResolveError as error:
            self._post(SourceResolved(uid=uid, artifact=action.artifact, revision=None, failure=error.failure))

    def _emit(self, action: EmitEvent) -> None:
        ref = action.ref
        regarding = {
            "apiVersion": API_VERSION,
            "kind": RECORDING_KIND,
            "metadata": {"namespace": ref.namespace, "name": ref.name, "uid": ref.uid},
        }
        event_type = EventType.WARNING if action.warning else EventType.NORMAL
        self._events.emit(
            regarding, reason=action.reason, action=action.action, note=action.note, event_type=event_type
        )

    def _emit_about_location(self, action: EmitLocationEvent) -> None:
        meta = action.location.metadata
        regarding = {
            "apiVersion": API_VERSION,
            "kind": STORAGE_LOCATION_KIND,
            "metadata": {"name": meta.name, "uid": meta.uid},
        }
        self._events.emit(
            regarding, reason=action.reason, action=action.action, note=action.note, event_type=EventType.WARNING
        )
        _log.warning("%s: %s", action.reason, action.note, extra={"location": meta.name})

    # Stores

    def _abort(self, action: AbortUpload) -> None:
        try:
            store = self._locations.store(action.location)
            abort_uploads(action.key, store=store, upload_id=action.upload_id)
            ok = True
        except (TransferError, LocationError):
            ok = False
        self._post(UploadAborted(uid=action.uid, artifact=action.artifact, ok=ok))

    def _clean_up(self, action: CleanUp) -> None:
        try:
            store = self._locations.store(action.location)
            for artifact in action.artifacts:
                abort_uploads(artifact.key, store=store, upload_id=artifact.upload_id)
                if artifact.delete_object:
                    self._remove(action, artifact, store)
            self._post(CleanedUp(uid=action.ref.uid, ok=True))
        except (TransferError, LocationError) as error:
            _log.warning("Cleaning up is tried again: %s", error.message, extra=_about(action.ref))
            self._post(CleanedUp(uid=action.ref.uid, ok=False, reason=error.reason, detail=error.message))

    def _remove(self, action: CleanUp, artifact: ArtifactToClean, store: Store) -> None:
        # A version that nobody wrote down before the end is the one that is there now.
        if store.delete(artifact.key, version_id=artifact.version_id, recording_uid=action.ref.uid):
            _log.info("Removed the stored object", extra={**_about(action.ref), "artifact": artifact.name})


def namespace_of(action: Action) -> str:
    """The namespace that a call is made for; other calls count as one tenant of their own kind."""
    match action:
        case ReadNamespace(namespace=namespace):
            return namespace
        case ResolveSource(recording=recording):
            return recording.metadata.namespace
        case (
            WriteStatus(ref=ref)
            | WriteFinalizers(ref=ref)
            | ReadRecording(ref=ref)
            | DeleteRecording(ref=ref)
            | CleanUp(ref=ref)
        ):
            return ref.namespace
        case _:
            return f"/{type(action).__name__}"


def _about(ref: Ref) -> dict[str, str]:
    return {"namespace": ref.namespace, "recording": ref.name, "uid": ref.uid}
