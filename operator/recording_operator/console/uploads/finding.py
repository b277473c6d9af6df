"""Finds the upload that the operator has opened for an artifact, and knows which parts belong to it."""

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Final

from pydantic import ValidationError

from recording_operator.api.meta import format_time
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Phase, Recording, SourceUpload
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.console.auth.access import Action
from recording_operator.console.auth.callers import Caller
from recording_operator.console.parts import ConsoleParts, check_uid, not_found, require
from recording_operator.console.problems import Problem
from recording_operator.engine.client_uploads import is_awaited, upload_of
from recording_operator.engine.placement import key_of
from recording_operator.kube.errors import NotFound
from recording_operator.transfer.upload.part_plan import PartPlan
from recording_operator.user_actions.stored_objects import StoredRecording

PATCH: Final = "patch"
"""Who may change the Recording may send its files."""
_ASK_AGAIN_S: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTarget:
    """The artifact whose file a client sends."""

    namespace: str
    name: str
    artifact: str
    uid: str | None = None
    """Of the Recording that is meant, not of a namesake that was created since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedUpload:
    """A Recording with an artifact that a client sends. It need not be open (yet, or any more)."""

    recording: Recording
    artifact: ArtifactSpec
    upload: SourceUpload
    status: ArtifactStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientUpload:
    """An upload that is open. The key is the one of the location's template, whatever the status says."""

    stored: StoredRecording = field(repr=False)
    artifact: str
    key: str
    upload_id: str
    part_size_bytes: int
    most_bytes: int
    """The largest file that the spec and the location allow."""
    finished_bytes: int | None
    """The size of the file, if the client has said that it has sent everything."""
    expires_at: datetime

    @property
    def address(self) -> str:
        """Namespace and name of the Recording, for messages."""
        meta = self.stored.recording.metadata
        return f"{meta.namespace}/{meta.name}"

    @property
    def location(self) -> StorageLocation:
        """Where the file is stored."""
        return self.stored.location

    @property
    def bucket(self) -> str:
        """The bucket, or the directory."""
        return self.location.store.bucket

    def plan(self, size_bytes: int) -> PartPlan:
        """The parts of a file of this size."""
        return PartPlan(part_size_bytes=self.part_size_bytes, size_bytes=size_bytes)

    def check_size(self, size_bytes: int) -> None:
        """Raise Problem if a file of this size is not allowed."""
        if size_bytes > self.most_bytes:
            raise _wrong(f"The file has {size_bytes} bytes, allowed are {self.most_bytes}.")

    def length_in(self, size_bytes: int, number: int) -> int:
        """The size of a part of a file of this size. Raises Problem."""
        self.check_size(size_bytes)
        plan = self.plan(size_bytes)
        if number > (plan.count or 0):
            raise _wrong(f"Part {number} is beyond the file, which has {plan.count} parts.")
        return plan.length(number)

    def part_bytes(self, number: int, size_bytes: int | None) -> int:
        """The size of a part that may be sent. `size_bytes` is the one that the client wants. Raises Problem."""
        largest = self.plan(self.finished_bytes or self.most_bytes)
        if number > (largest.count or 0):
            raise _wrong(f"Part {number} is beyond the largest file, which has {largest.count} parts.")
        if size_bytes is None:
            return largest.length(number)
        if size_bytes > self.part_size_bytes:
            raise _wrong(
                f"The part has {size_bytes} bytes. Every part but the last has exactly {self.part_size_bytes} bytes."
            )
        if self.finished_bytes is not None and size_bytes != largest.length(number):
            raise _wrong(
                f"Part {number} of the file with {self.finished_bytes} bytes has {largest.length(number)} bytes, not "
                f"{size_bytes}."
            )
        self.check_size(largest.offset(number) + size_bytes)
        return size_bytes


def wanted_upload(parts: ConsoleParts, caller: Caller, target: UploadTarget) -> WantedUpload:
    """The artifact, if the caller may send its file. Raises Problem, KubeError."""
    require(parts, caller, Action(verb=PATCH, namespace=target.namespace, name=target.name))
    try:
        recording = Recording.model_validate(parts.kube.get_recording(target.namespace, target.name))
    except NotFound:
        raise not_found(target.namespace, target.name) from None
    except ValidationError:
        detail = "The Recording cannot be read. Its CRD has another version than the console."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail) from None
    check_uid(recording.metadata.uid, target.uid, recording=f"{target.namespace}/{target.name}")
    return wanted_in(recording, target.artifact)


def wanted_in(recording: Recording, artifact: str) -> WantedUpload:
    """The artifact of the Recording, if a client sends its file. Raises Problem."""
    spec = next((one for one in recording.spec.artifacts if one.name == artifact), None)
    if spec is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"The Recording has no artifact {artifact}.")
    upload = upload_of(spec)
    if upload is None:
        raise Problem(HTTPStatus.CONFLICT, f"Artifact {artifact} comes from elsewhere: it has no source.upload.")
    status = next((one for one in recording.status.artifacts if one.name == artifact), None)
    return WantedUpload(
        recording=recording,
        artifact=spec,
        upload=upload,
        status=status or ArtifactStatus(name=artifact, phase=Phase.PENDING),
    )


def open_upload(parts: ConsoleParts, wanted: WantedUpload, *, upload_id: str | None = None) -> ClientUpload:
    """The upload, if it is open and has this id. Raises Problem, KubeError."""
    status, name = wanted.status, wanted.artifact.name
    if not is_awaited(wanted.artifact, status):
        raise _not_open(wanted)
    expires_at = status.upload_expires_at
    if status.upload_id is None or status.part_size is None or expires_at is None:
        raise _not_open(wanted)
    if expires_at <= parts.now():
        raise Problem(
            HTTPStatus.CONFLICT,
            f"The time for this upload ended at {format_time(expires_at)}. Retry the Recording to open another.",
        )
    if upload_id not in (None, status.upload_id):
        raise unknown_upload()
    with parts.stores.request(wanted.recording.location or "-"):
        stored = parts.stores.of(wanted.recording)
    limit_bytes = stored.location.spec.limits.max_artifact_size
    most_bytes = wanted.upload.max_size if limit_bytes is None else min(wanted.upload.max_size, limit_bytes)
    finish = wanted.upload.finish
    found = ClientUpload(
        stored=stored,
        artifact=name,
        key=key_of(wanted.recording, name, stored.location),
        upload_id=status.upload_id,
        part_size_bytes=status.part_size,
        most_bytes=most_bytes,
        finished_bytes=None if finish is None else finish.size,
        expires_at=expires_at,
    )
    if not found.plan(most_bytes).is_legal(smallest_bytes=1):
        raise _not_open(wanted)
    return found


def unknown_upload() -> Problem:
    """An id that is not (any more) the one of the open upload."""
    return Problem(
        HTTPStatus.NOT_FOUND, "There is no open upload with this id. POST to …/uploads returns the one that is open."
    )


def _not_open(wanted: WantedUpload) -> Problem:
    """Why there is no open upload. With Retry-After if there will be one."""
    status, name = wanted.status, wanted.artifact.name
    if status.phase is Phase.COMPLETE:
        return Problem(HTTPStatus.CONFLICT, f"Artifact {name} is stored already.")
    if status.phase is Phase.FAILED:
        return Problem(
            HTTPStatus.CONFLICT,
            f"Artifact {name} has failed ({status.reason}). {status.message or ''} Retry the Recording to open another "
            "upload.",
        )
    if status.reason == Reason.SUSPENDED:
        return Problem(HTTPStatus.CONFLICT, "The Recording is suspended. Resume it to go on.")
    if wanted.upload.finish is not None and status.phase is Phase.UPLOADING:
        return Problem(HTTPStatus.CONFLICT, f"The file of artifact {name} is being checked.")
    why = f" ({status.reason}). {status.message or ''}".rstrip() if status.reason else "."
    return Problem(
        HTTPStatus.CONFLICT,
        f"The upload of artifact {name} is not open yet{why} It will be tried again.",
        headers={"Retry-After": str(_ASK_AGAIN_S)},
    )


def _wrong(detail: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
