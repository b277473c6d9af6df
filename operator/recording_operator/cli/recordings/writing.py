"""Creates a Recording with its Secrets, so that either all of them exist or none.

1. The API server checks all objects (`dryRun`), and the rights that the last steps need. A missing right or an invalid
   field ends it here.
2. The Recording is created with `spec.suspend`, so that the operator does not look for a Secret that is not there yet.
3. Its Secrets are created. Their ownerReferences name the Recording, so Kubernetes deletes them with it.
4. `spec.suspend` is removed.

If a step after the second fails, or the user presses Ctrl-C, the Recording is deleted. Only a process that is killed
leaves something behind: a suspended Recording. There is never a Secret that nothing deletes.

If the response to a request is lost, the Recording is read again. Until the last step an annotation says which call has
created it, so that only its own Recording is deleted.
"""

import secrets as randomness
from collections.abc import Mapping, Sequence
from typing import Any, Final

from recording_operator.api.names import GROUP
from recording_operator.cli.recordings.drafting import OwnedSecretDraft
from recording_operator.cli.recordings.settling import contains, is_rejected, look_again
from recording_operator.cli.screen.text import clean
from recording_operator.cli.verb import Failure, explained, note, program
from recording_operator.kube.errors import Forbidden, KubeError, NotFound
from recording_operator.kube.resources import RECORDINGS, SECRETS, ResourceKind, Resources
from recording_operator.user_actions.rights import NamedRight

_ACCESS_REVIEWS: Final = ResourceKind(
    api_version="authorization.k8s.io/v1", plural="selfsubjectaccessreviews", namespaced=False
)
_SUSPENDED: Final = {"suspend": True}
_CALL: Final = f"{GROUP}/created-by-call"


def check_writes(
    resources: Resources, recording: Mapping[str, Any], secrets: Sequence[OwnedSecretDraft]
) -> dict[str, Any]:
    """Let the API server check all objects. Returns the Recording as it would be stored. Raises KubeError."""
    namespace = recording["metadata"]["namespace"]
    checked = resources.create(RECORDINGS, recording, namespace=namespace, dry_run=True)
    for secret in secrets:
        resources.create(SECRETS, secret.manifest(namespace=namespace, owner=None), namespace=namespace, dry_run=True)
    if secrets:
        for verb in ("patch", "delete"):
            _check_right(resources, recording, verb, purpose="to create a Recording together with a Secret")
    return checked


def check_waiting(resources: Resources, recording: Mapping[str, Any]) -> None:
    """Raise Failure if the caller may not wait for the Recording, which does not exist yet."""
    for verb in ("list", "watch"):
        _check_right(resources, recording, verb, purpose="for --wait")


def _check_right(resources: Resources, recording: Mapping[str, Any], verb: str, *, purpose: str) -> None:
    """Raise Failure if the caller may not do this with the Recording."""
    namespace, name = recording["metadata"]["namespace"], recording["metadata"]["name"]
    right = NamedRight(verb=verb, resource=RECORDINGS.plural, group=GROUP, namespace=namespace, name=None)
    wanted = {"verb": verb, "group": GROUP, "resource": RECORDINGS.plural, "namespace": namespace, "name": name}
    body = {
        "apiVersion": _ACCESS_REVIEWS.api_version,
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }
    try:
        response = resources.create(_ACCESS_REVIEWS, body)
    except Forbidden:
        return  # it is found out later
    if not (response.get("status") or {}).get("allowed"):
        raise Failure(f"You may not {right}, which is needed {purpose}. To check your rights: {right.check}")


def create_all(
    resources: Resources, recording: Mapping[str, Any], secrets: Sequence[OwnedSecretDraft]
) -> dict[str, Any]:
    """Create the Recording and its Secrets. Returns the stored Recording. Raises KubeError, KeyboardInterrupt."""
    namespace = recording["metadata"]["namespace"]
    if not secrets:
        return _create(resources, recording, is_marked=False)
    spec, metadata = recording["spec"], recording["metadata"]
    mark = {**(metadata.get("annotations") or {}), _CALL: randomness.token_hex(8)}
    first = {**recording, "metadata": {**metadata, "annotations": mark}, "spec": {**spec, **_SUSPENDED}}
    stored = _create(resources, first, is_marked=True)
    try:
        for secret in secrets:
            resources.create(SECRETS, secret.manifest(namespace=namespace, owner=stored), namespace=namespace)
        return _finish(resources, stored, is_suspended=bool(spec.get("suspend")))
    except BaseException:
        _take_back(resources, stored)
        raise


def _create(resources: Resources, recording: Mapping[str, Any], *, is_marked: bool) -> dict[str, Any]:
    """Create the Recording, or find out that it was created although there was no response.

    `is_marked`: if the user ends it, it is deleted again.
    """
    metadata = recording["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    try:
        return resources.create(RECORDINGS, recording, namespace=metadata["namespace"])
    except BaseException as error:
        if is_rejected(error):
            raise
        stored = look_again(resources, recording, lambda found: contains(found, recording))
        if stored is not None and isinstance(error, KubeError):
            return stored
        if stored is None:
            look = f"{program()} status {metadata['name']} -n {metadata['namespace']}"
            what_to_do = "If it was, it is suspended: delete it, and try again." if is_marked else f"To look: {look}"
            note(f"It is not known whether Recording {name} was created. {what_to_do}")
        elif is_marked:
            _take_back(resources, stored)
        else:
            note(f"Recording {name} was created.")
        raise


def _finish(resources: Resources, stored: Mapping[str, Any], *, is_suspended: bool) -> dict[str, Any]:
    """Let it start, if it should, and remove the annotation."""
    metadata = stored["metadata"]
    annotations, spec = {_CALL: None}, {"suspend": is_suspended}
    change = {"metadata": {"uid": metadata["uid"], "annotations": annotations}, "spec": spec}
    try:
        return resources.patch(RECORDINGS, metadata["name"], change, namespace=metadata["namespace"])
    except KubeError as error:
        if is_rejected(error):
            raise
        found = look_again(resources, stored, lambda one: contains(one["spec"], spec) and not _has_mark(one))
        if found is None:
            raise
        return found


def _has_mark(recording: Mapping[str, Any]) -> bool:
    return _CALL in (recording["metadata"].get("annotations") or {})


def _take_back(resources: Resources, stored: Mapping[str, Any]) -> None:
    """Delete the Recording; Kubernetes deletes its Secrets."""
    metadata = stored["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    try:
        resources.delete(RECORDINGS, metadata["name"], uid=metadata["uid"], namespace=metadata["namespace"])
    except NotFound:
        return
    except KubeError as error:
        note(f"Recording {name} was created, is suspended, and could not be deleted again: {clean(explained(error))}")
        return
    note(f"Recording {name} was deleted again, because it could not be completed.")
