"""The end of an upload: the client says that it has sent everything, or that it gives up."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording
from recording_operator.console.api.caller_rights import in_name_of
from recording_operator.console.auth.callers import Caller
from recording_operator.console.parts import ConsoleParts
from recording_operator.console.problems import Problem
from recording_operator.console.uploads.finding import ClientUpload, WantedUpload, unknown_upload, wanted_in
from recording_operator.errors import TransferError
from recording_operator.kube.errors import Conflict
from recording_operator.kube.resources import RECORDINGS
from recording_operator.stores.store import StoredPart
from recording_operator.user_actions import controls
from recording_operator.user_actions.uploads import finish_of, finishing

_TRIES: Final = 10
_MOST_NAMED: Final = 100


def sent_parts(parts: ConsoleParts, upload: ClientUpload) -> Sequence[StoredPart]:
    """The parts that the store has, by number. Raises Problem."""
    with parts.stores.request(upload.location.metadata.name), upload.stored.opened() as store:
        try:
            return store.sent_parts(upload.key, upload.upload_id)
        except TransferError as error:
            if error.reason is Reason.STORE_UPLOAD_LOST:
                raise unknown_upload() from None
            raise


def sent_bytes(parts: ConsoleParts, upload: ClientUpload, *, size_bytes: int | None) -> int:
    """The size of the file, after a check that all its parts are in the store. Raises Problem.

    `size_bytes` is what the client says. `finish` can be set only once, so what is wrong is found before.
    """
    found = sent_parts(parts, upload)
    if size_bytes is None:
        size_bytes = sum(part.size_bytes for part in found)
    if not found or size_bytes < 1:
        raise Problem(HTTPStatus.CONFLICT, "No part was sent.")
    upload.check_size(size_bytes)
    plan = upload.plan(size_bytes)
    count = plan.count or 0
    right = {part.part_number for part in found if plan.fits(part.part_number, part.size_bytes)}
    missing = [number for number in range(1, count + 1) if number not in right]
    if missing:
        raise Problem(
            HTTPStatus.CONFLICT,
            f"{len(missing)} of {count} parts are missing or have another size than expected.",
            missing=missing[:_MOST_NAMED],
        )
    if len(found) > count:
        total = sum(part.size_bytes for part in found)
        raise Problem(
            HTTPStatus.CONFLICT, f"The store has {total} bytes in {len(found)} parts, but the file has {size_bytes}."
        )
    return size_bytes


def is_finished_as(wanted: WantedUpload, *, size_bytes: int | None, checksum: str | None) -> bool:
    """Whether the client has said this already. Raises Problem if it has said something else."""
    finish = wanted.upload.finish
    if finish is None:
        return False
    if size_bytes in (None, finish.size) and checksum in (None, finish.checksum):
        return True
    with_checksum = f" and the checksum {finish.checksum}" if finish.checksum else ""
    raise Problem(
        HTTPStatus.CONFLICT,
        f"The upload was finished already, with {finish.size} bytes{with_checksum}. That cannot be changed.",
    )


def finish(
    parts: ConsoleParts, caller: Caller, wanted: WantedUpload, *, size_bytes: int, checksum: str | None
) -> Recording:
    """Set `finish` in the spec, with the caller's own token. Returns the Recording. Raises Problem, KubeError."""
    said = {"size": size_bytes, **({"checksum": checksum} if checksum is not None else {})}
    meta, artifact = wanted.recording.metadata, wanted.artifact.name
    with in_name_of(parts, caller, what=f"Recording {meta.namespace}/{meta.name}") as resources:
        for attempt in range(1, _TRIES + 1):
            current = resources.get(RECORDINGS, meta.name, namespace=meta.namespace)
            _check_same(current, wanted)
            if finish_of(current, artifact) is not None:
                recording = Recording.model_validate(current)
                is_finished_as(wanted_in(recording, artifact), size_bytes=size_bytes, checksum=checksum)
                return recording
            try:
                merge = finishing(current, artifact, said)
                return Recording.model_validate(resources.patch(RECORDINGS, meta.name, merge, namespace=meta.namespace))
            except Conflict:
                if attempt == _TRIES:
                    raise
    raise AssertionError("the last attempt returns or raises")


def give_up(parts: ConsoleParts, caller: Caller, wanted: WantedUpload) -> Recording:
    """Cancel the Recording, which aborts the upload. Raises Problem if that would end other files, too."""
    meta = wanted.recording.metadata
    with in_name_of(parts, caller, what=f"Recording {meta.namespace}/{meta.name}") as resources:
        current = resources.get(RECORDINGS, meta.name, namespace=meta.namespace)
        _check_same(current, wanted)
        others = _unfinished_others(current, wanted.artifact.name)
        if others:
            raise Problem(
                HTTPStatus.CONFLICT,
                f"Cancelling ends all files of the Recording, and {', '.join(others)} would end, too. If that is "
                f"intended: POST /api/v1/recordings/{meta.namespace}/{meta.name}/cancel",
            )
        try:
            merge = controls.merge_of(current, controls.cancelled(current))
        except controls.NothingToDo as reason:
            raise Problem(HTTPStatus.CONFLICT, str(reason)) from None
        return Recording.model_validate(resources.patch(RECORDINGS, meta.name, merge, namespace=meta.namespace))


def _check_same(current: Mapping[str, Any], wanted: WantedUpload) -> None:
    """Raise Problem if a namesake was created meanwhile."""
    if current["metadata"]["uid"] != wanted.recording.metadata.uid:
        raise Problem(HTTPStatus.CONFLICT, "The Recording was created again meanwhile.")


def _unfinished_others(recording: Mapping[str, Any], artifact: str) -> list[str]:
    states = {one["name"]: one.get("phase") for one in (recording.get("status") or {}).get("artifacts") or ()}
    names = [str(one["name"]) for one in recording["spec"]["artifacts"] if one["name"] != artifact]
    return [name for name in names if states.get(name) not in ("Complete", "Failed")]
