"""Changes of a Recording, in the name of the caller: retry, cancel, suspend, resume and deletion."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from pydantic import ValidationError

from recording_operator.api.recording import Recording
from recording_operator.catalog.entries import entry_of
from recording_operator.console.api.addresses import Address, DryRun, ExpectedUid, RecordingAddress
from recording_operator.console.api.caller_rights import in_name_of
from recording_operator.console.api.models import RecordingDocument, document_of
from recording_operator.console.auth.callers import Caller
from recording_operator.console.openapi import problems
from recording_operator.console.parts import Authenticated, ConsoleParts, Parts, check_uid
from recording_operator.console.problems import Problem
from recording_operator.kube.resources import RECORDINGS
from recording_operator.user_actions import controls

_UNREADABLE: Final[dict[str, Any]] = {"owner": {"org": ""}, "artifacts": []}
_FACE: Final = "console"
_PROBLEMS: Final = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
_Change = Callable[[Mapping[str, Any]], dict[str, Any]]

router = APIRouter(prefix="/api/v1/recordings", tags=["changes"])


@router.post("/{namespace}/{name}/retry", responses=_PROBLEMS)
def retry_recording(
    parts: Parts, caller: Authenticated, address: Address, uid: ExpectedUid = None, dry_run: DryRun = False
) -> RecordingDocument:
    """Have failed artifacts tried again, with all their attempts. A cancelled Recording starts again."""

    def change(recording: Mapping[str, Any]) -> dict[str, Any]:
        token = controls.new_token(parts.now(), face=_FACE)
        return controls.retried(recording, token=token, restarts_cancelled=True)

    return _changed(parts, caller, address, change, uid=uid, dry_run=dry_run)


@router.post("/{namespace}/{name}/cancel", responses=_PROBLEMS)
def cancel_recording(
    parts: Parts, caller: Authenticated, address: Address, uid: ExpectedUid = None, dry_run: DryRun = False
) -> RecordingDocument:
    """Abort the upload. The Recording ends as Failed with reason Cancelled."""
    return _changed(parts, caller, address, controls.cancelled, uid=uid, dry_run=dry_run)


@router.post("/{namespace}/{name}/suspend", responses=_PROBLEMS)
def suspend_recording(
    parts: Parts, caller: Authenticated, address: Address, uid: ExpectedUid = None, dry_run: DryRun = False
) -> RecordingDocument:
    """Pause the upload. What is stored so far is kept."""
    return _changed(parts, caller, address, controls.suspended, uid=uid, dry_run=dry_run)


@router.post("/{namespace}/{name}/resume", responses=_PROBLEMS)
def resume_recording(
    parts: Parts, caller: Authenticated, address: Address, uid: ExpectedUid = None, dry_run: DryRun = False
) -> RecordingDocument:
    """Let a paused upload go on."""
    return _changed(parts, caller, address, controls.resumed, uid=uid, dry_run=dry_run)


@router.delete("/{namespace}/{name}", status_code=HTTPStatus.ACCEPTED, responses=_PROBLEMS)
def delete_recording(
    parts: Parts, caller: Authenticated, address: Address, uid: ExpectedUid = None
) -> RecordingDocument:
    """Delete the Recording. Its deletionPolicy says what happens to the stored objects: with Delete, they go first."""
    with in_name_of(parts, caller, what=f"Recording {address}") as resources:
        found = resources.get(RECORDINGS, address.name, namespace=address.namespace)
        check_uid(found["metadata"]["uid"], uid, recording=str(address))
        resources.delete(RECORDINGS, address.name, uid=found["metadata"]["uid"], namespace=address.namespace)
    return document_of_stored(found)


def document_of_stored(stored: Mapping[str, Any]) -> RecordingDocument:
    """The document of an object as the API server stores it.

    If its CRD has another version than the console, only its metadata: the change was made.
    """
    try:
        return document_of(entry_of(Recording.model_validate(stored)))
    except (ValidationError, ValueError):
        metadata = {"metadata": stored["metadata"], "spec": _UNREADABLE}
        return document_of(entry_of(Recording.model_validate(metadata)))


def _changed(
    parts: ConsoleParts,
    caller: Caller,
    address: RecordingAddress,
    change: _Change,
    *,
    uid: str | None,
    dry_run: bool,
) -> RecordingDocument:
    with in_name_of(parts, caller, what=f"Recording {address}") as resources:
        found = resources.get(RECORDINGS, address.name, namespace=address.namespace)
        check_uid(found["metadata"]["uid"], uid, recording=str(address))
        try:
            merge = controls.merge_of(found, change(found))
        except controls.NothingToDo as reason:
            raise Problem(HTTPStatus.CONFLICT, str(reason)) from None
        stored = resources.patch(RECORDINGS, address.name, merge, namespace=address.namespace, dry_run=dry_run)
    return document_of_stored(stored)
