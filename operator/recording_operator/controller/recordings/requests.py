"""Actions that are requests to the API server about Recordings."""

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
    """Knows whether this process is the leader."""

    def held(self) -> bool:
        """Whether, by the local clock, no other process can have taken over."""

    def confirm(self) -> bool:
        """Read the Lease from the API server. Raises KubeError."""


class WriteObserver(Protocol):
    """Is notified of the outcome of each status write: `Success`, or the class of a KubeError."""

    def status_written(self, *, outcome: str) -> None: ...


class RecordingRequests:
    """One method for each action. They return the resulting facts, and raise KubeError."""

    def __init__(
        self, kube: KubeApi, *, lease: LeaseHolder, observer: WriteObserver, on_deposed: Callable[[str], None]
    ) -> None:
        self._kube = kube
        self._lease = lease
        self._observer = observer
        self._on_deposed = on_deposed

    def write_status(self, action: WriteStatus) -> Iterable[Fact]:
        """Patch the fields that differ from the previous status."""
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
        """Read the Recording. Another one may have the same name now."""
        ref = action.ref
        recording = Recording.model_validate(self._kube.get_recording(ref.namespace, ref.name))
        if recording.metadata.uid == ref.uid:
            return [RecordingRead(uid=ref.uid, recording=recording)]
        return [WriteRejected(uid=ref.uid, gone=True), RecordingSeen(recording=recording)]

    def delete(self, action: DeleteRecording) -> Iterable[Fact]:
        """Delete the Kubernetes object after ttlAfterFinished."""
        ref = action.ref
        self._kube.delete_recording(ref.namespace, ref.name, uid=ref.uid, resource_version=action.resource_version)
        extra = {"namespace": ref.namespace, "recording": ref.name, "uid": ref.uid}
        _logger.info("ttlAfterFinished has passed. The Recording was deleted, its objects stay", extra=extra)
        return [DeleteAccepted(uid=ref.uid)]

    def read_namespace(self, action: ReadNamespace) -> Iterable[Fact]:
        """Read the labels of a namespace. A deleted namespace has none."""
        try:
            labels = self._kube.namespace_labels(action.namespace)
        except NotFound:
            labels = {}
        return [NamespaceSeen(namespace=action.namespace, labels=labels)]

    def confirm_leadership(self, action: ConfirmLeadership) -> Iterable[Fact]:
        """Read the Lease. If another process holds it, this process exits."""
        if self._lease.confirm():
            return [LeadershipConfirmed(uid=action.uid)]
        self._on_deposed("another operator holds the Lease")
        return []


def request_failure(
    action: WriteStatus | WriteFinalizers | ReadRecording | DeleteRecording, error: Exception | None
) -> WriteRejected:
    """The fact that a request about a Recording failed."""
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
