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
from typing import Any, Final, Protocol

from recording_operator.api.names import GROUP
from recording_operator.kube.errors import Forbidden, KubeError, NotFound
from recording_operator.kube.resources import RECORDINGS, SECRETS, ResourceKind, Resources
from recording_operator.user_actions.drafting import OwnedSecretDraft
from recording_operator.user_actions.rights import NamedRight
from recording_operator.user_actions.settling import contains, is_rejected, look_again

_ACCESS_REVIEWS: Final = ResourceKind(
    api_version="authorization.k8s.io/v1", plural="selfsubjectaccessreviews", namespaced=False
)
_SUSPENDED: Final = {"suspend": True}
_CALL: Final = f"{GROUP}/created-by-call"


class RightMissing(Exception):  # noqa: N818 - the field's word
    """The caller may not do what a later step needs."""

    def __init__(self, right: NamedRight) -> None:
        super().__init__(str(right))
        self.right = right


class CreationObserver(Protocol):
    """Learns of a creation that did not go as planned. `recording` has at least a name and a namespace."""

    def unknown(self, recording: Mapping[str, Any], *, is_suspended: bool) -> None:
        """There was no response, and it is not known whether the Recording was created."""

    def created(self, recording: Mapping[str, Any]) -> None:
        """It was created, but the user has ended the call."""

    def taken_back(self, recording: Mapping[str, Any]) -> None:
        """It was deleted again, because it could not be completed."""

    def left(self, recording: Mapping[str, Any], error: KubeError) -> None:
        """It could not be deleted again, and is suspended."""


def check_writes(
    resources: Resources,
    recording: Mapping[str, Any],
    secrets: Sequence[OwnedSecretDraft],
    *,
    is_strict: bool = False,
) -> dict[str, Any]:
    """Let the API server check all objects. Returns the Recording as it would be stored.

    Raises KubeError, RightMissing.
    """
    namespace = recording["metadata"]["namespace"]
    checked = resources.create(RECORDINGS, recording, namespace=namespace, dry_run=True, is_strict=is_strict)
    for secret in secrets:
        resources.create(SECRETS, secret.manifest(namespace=namespace, owner=None), namespace=namespace, dry_run=True)
    if secrets:
        for verb in ("patch", "delete"):
            check_right(resources, recording, verb)
    return checked


def check_right(resources: Resources, recording: Mapping[str, Any], verb: str) -> None:
    """Raise RightMissing if the caller may not do this with the Recording, which may not exist yet."""
    namespace, name = recording["metadata"]["namespace"], recording["metadata"]["name"]
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
        raise RightMissing(
            NamedRight(verb=verb, resource=RECORDINGS.plural, group=GROUP, namespace=namespace, name=None)
        )


def create_all(
    resources: Resources,
    recording: Mapping[str, Any],
    secrets: Sequence[OwnedSecretDraft],
    *,
    observer: CreationObserver,
) -> dict[str, Any]:
    """Create the Recording and its Secrets. Returns the stored Recording. Raises KubeError, KeyboardInterrupt."""
    namespace = recording["metadata"]["namespace"]
    if not secrets:
        return _create(resources, recording, observer, is_marked=False)
    spec, metadata = recording["spec"], recording["metadata"]
    mark = {**(metadata.get("annotations") or {}), _CALL: randomness.token_hex(8)}
    first = {**recording, "metadata": {**metadata, "annotations": mark}, "spec": {**spec, **_SUSPENDED}}
    stored = _create(resources, first, observer, is_marked=True)
    try:
        for secret in secrets:
            resources.create(SECRETS, secret.manifest(namespace=namespace, owner=stored), namespace=namespace)
        return _finish(resources, stored, is_suspended=bool(spec.get("suspend")))
    except BaseException:
        _take_back(resources, stored, observer)
        raise


def _create(
    resources: Resources, recording: Mapping[str, Any], observer: CreationObserver, *, is_marked: bool
) -> dict[str, Any]:
    """Create the Recording, or find out that it was created although there was no response.

    `is_marked`: if the user ends it, it is deleted again.
    """
    try:
        return resources.create(RECORDINGS, recording, namespace=recording["metadata"]["namespace"])
    except BaseException as error:
        if is_rejected(error):
            raise
        stored = look_again(resources, recording, lambda found: contains(found, recording))
        if stored is not None and isinstance(error, KubeError):
            return stored
        if stored is None:
            observer.unknown(recording, is_suspended=is_marked)
        elif is_marked:
            _take_back(resources, stored, observer)
        else:
            observer.created(recording)
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


def _take_back(resources: Resources, stored: Mapping[str, Any], observer: CreationObserver) -> None:
    """Delete the Recording; Kubernetes deletes its Secrets."""
    metadata = stored["metadata"]
    try:
        resources.delete(RECORDINGS, metadata["name"], uid=metadata["uid"], namespace=metadata["namespace"])
    except NotFound:
        return
    except KubeError as error:
        observer.left(stored, error)
        return
    observer.taken_back(stored)
