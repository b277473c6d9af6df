"""Requests of the engine to the API server about Recordings."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from recording_operator.api.recording import Recording
from recording_operator.engine.actions import (
    ConfirmLeadership,
    DeleteRecording,
    ReadNamespace,
    ReadRecording,
    WriteFinalizers,
    WriteStatus,
)
from recording_operator.engine.facts import (
    DeleteAccepted,
    Fact,
    LeadershipConfirmed,
    NamespaceSeen,
    RecordingRead,
    RecordingRef,
    RecordingSeen,
    WriteAccepted,
    WriteRejected,
)
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict, KubeError, NotFound, TooManyRequests
from recording_operator.kube.status import merge_patch_between

_logger = logging.getLogger(__name__)


class LeaseHolder(Protocol):
    """Knows whether this process leads."""

    def held(self) -> bool:
        """True while no other process can have taken over, judged locally."""

    def confirm(self) -> bool:
        """Ask the API server. Raises KubeError."""


class WriteObserver(Protocol):
    """Hears how each write of a status ended: `Success`, or the class of a KubeError."""

    def status_written(self, *, outcome: str) -> None: ...


class RecordingRequests:
    """One method for each action. They return the facts that came of it, and raise KubeError."""

    def __init__(
        self, kube: KubeApi, *, lease: LeaseHolder, observer: WriteObserver, on_deposed: Callable[[str], None]
    ) -> None:
        self._kube = kube
        self._lease = lease
        self._observer = observer
        self._on_deposed = on_deposed

    def write_status(self, action: WriteStatus) -> Iterable[Fact]:
        """Patch what differs from the previous status."""
        ref, patch = action.ref, merge_patch_between(action.previous, action.status)
        try:
            raw = self._kube.patch_recording_status(
                ref.namespace, ref.name, resource_version=action.resource_version, status=patch
            )
        except KubeError as error:
            self._observer.status_written(outcome=type(error).__name__)
            raise
        self._observer.status_written(outcome="Success")
        return [_written(ref, raw)]

    def write_finalizers(self, action: WriteFinalizers) -> Iterable[Fact]:
        """Replace the finalizers."""
        ref = action.ref
        raw = self._kube.patch_recording_finalizers(
            ref.namespace, ref.name, resource_version=action.resource_version, finalizers=action.finalizers
        )
        return [_written(ref, raw)]

    def read(self, action: ReadRecording) -> Iterable[Fact]:
        """Read it; another one may have its name by now."""
        ref = action.ref
        recording = Recording.model_validate(self._kube.get_recording(ref.namespace, ref.name))
        if recording.metadata.uid == ref.uid:
            return [RecordingRead(uid=ref.uid, recording=recording)]
        return [WriteRejected(uid=ref.uid, gone=True), RecordingSeen(recording=recording)]

    def delete(self, action: DeleteRecording) -> Iterable[Fact]:
        """Delete the object whose time is over."""
        ref = action.ref
        self._kube.delete_recording(ref.namespace, ref.name, uid=ref.uid, resource_version=action.resource_version)
        extra = {"namespace": ref.namespace, "recording": ref.name, "uid": ref.uid}
        _logger.info("ttlAfterFinished has passed. The Recording was deleted, its objects stay", extra=extra)
        return [DeleteAccepted(uid=ref.uid)]

    def read_namespace(self, action: ReadNamespace) -> Iterable[Fact]:
        """Read its labels; a namespace that is gone has none."""
        try:
            labels = self._kube.namespace_labels(action.namespace)
        except NotFound:
            labels = {}
        return [NamespaceSeen(namespace=action.namespace, labels=labels)]

    def confirm_leadership(self, action: ConfirmLeadership) -> Iterable[Fact]:
        """Read the Lease; the process ends where another holds it."""
        if self._lease.confirm():
            return [LeadershipConfirmed(uid=action.uid)]
        self._on_deposed("another operator holds the Lease")
        return []


def write_refused(
    action: WriteStatus | WriteFinalizers | ReadRecording | DeleteRecording, error: Exception | None
) -> WriteRejected:
    """What the engine hears where a request about a Recording failed."""
    uid = action.ref.uid
    match error:
        case None:
            return WriteRejected(uid=uid, detail="not sent")
        case Conflict():
            return WriteRejected(uid=uid, conflict=True)
        case NotFound():
            return WriteRejected(uid=uid, gone=True)
        case _:
            wait_s = error.retry_after_s if isinstance(error, TooManyRequests) else None
            return WriteRejected(uid=uid, retry_after_s=wait_s, detail=type(error).__name__)


def _written(ref: RecordingRef, raw: dict[str, Any]) -> WriteAccepted:
    return WriteAccepted(uid=ref.uid, recording=Recording.model_validate(raw))
