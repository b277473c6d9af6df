"""Creates a Recording with its Secrets, so that either all of them exist or none.

1. The API server checks all objects (`dryRun`), and the rights that the last steps need. A missing right or an invalid
   field ends it here.
2. The Recording is created with `spec.suspend`, so that the operator does not look for a Secret that is not there yet.
3. Its Secrets are created. Their ownerReferences name the Recording, so Kubernetes deletes them with it.
4. `spec.suspend` is removed.

If a step after the second fails, or the user presses Ctrl-C, the Recording is deleted. Only a process that is killed
leaves something behind: a suspended Recording. There is never a Secret that nothing deletes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from recording_operator.api.names import GROUP
from recording_operator.cli.recordings.drafting import OwnedSecretDraft
from recording_operator.cli.rights import NamedRight
from recording_operator.cli.screen.text import clean
from recording_operator.cli.verb import Failure, explained, note
from recording_operator.kube.errors import ApiUnavailable, Forbidden, KubeError, NotFound
from recording_operator.kube.resources import RECORDINGS, SECRETS, ResourceKind, Resources

_ACCESS_REVIEWS: Final = ResourceKind(
    api_version="authorization.k8s.io/v1", plural="selfsubjectaccessreviews", namespaced=False
)
_SUSPENDED: Final = {"suspend": True}


def check_writes(
    resources: Resources, recording: Mapping[str, Any], secrets: Sequence[OwnedSecretDraft]
) -> dict[str, Any]:
    """Let the API server check all objects. Returns the Recording as it would be stored. Raises KubeError."""
    namespace = recording["metadata"]["namespace"]
    checked = resources.create(RECORDINGS, recording, namespace=namespace, dry_run=True)
    for secret in secrets:
        resources.create(SECRETS, secret.manifest(namespace=namespace, owner=None), namespace=namespace, dry_run=True)
    if secrets:
        _check_right(resources, "patch", namespace)
        _check_right(resources, "delete", namespace)
    return checked


def _check_right(resources: Resources, verb: str, namespace: str) -> None:
    """Raise Failure if the caller may not do this with Recordings."""
    right = NamedRight(verb=verb, resource=RECORDINGS.plural, group=GROUP, namespace=namespace, name=None)
    wanted = {"verb": verb, "group": GROUP, "resource": RECORDINGS.plural, "namespace": namespace}
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
        raise Failure(
            f"You may not {right}, which is needed to create a Recording together with a Secret. "
            f"To check your rights: {right.check}"
        )


def create_all(
    resources: Resources, recording: Mapping[str, Any], secrets: Sequence[OwnedSecretDraft]
) -> dict[str, Any]:
    """Create the Recording and its Secrets. Returns the stored Recording. Raises KubeError, KeyboardInterrupt."""
    namespace = recording["metadata"]["namespace"]
    if not secrets:
        return resources.create(RECORDINGS, recording, namespace=namespace)
    spec = recording["spec"]
    try:
        stored = resources.create(RECORDINGS, {**recording, "spec": {**spec, **_SUSPENDED}}, namespace=namespace)
    except ApiUnavailable:
        name = f"{namespace}/{recording['metadata']['name']}"
        note(
            f"It is not known whether Recording {name} was created. If it was, it is suspended. "
            "Delete it, and try again."
        )
        raise
    try:
        for secret in secrets:
            resources.create(SECRETS, secret.manifest(namespace=namespace, owner=stored), namespace=namespace)
        return stored if spec.get("suspend") else _let_start(resources, stored)
    except BaseException:
        _take_back(resources, stored)
        raise


def _let_start(resources: Resources, stored: Mapping[str, Any]) -> dict[str, Any]:
    metadata = stored["metadata"]
    change = {"metadata": {"uid": metadata["uid"]}, "spec": {"suspend": False}}
    return resources.patch(RECORDINGS, metadata["name"], change, namespace=metadata["namespace"])


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
