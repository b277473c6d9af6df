"""Secrets of a Recording that exists: one is added, or a value of it is replaced."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from recording_operator.kube.errors import Conflict, Forbidden, KubeError, NotFound
from recording_operator.kube.resources import SECRETS, Resources
from recording_operator.user_actions.drafting import OwnedSecretDraft

_TRIES: Final = 5


def add_secret(
    resources: Resources, recording: Mapping[str, Any], secret: OwnedSecretDraft, *, dry_run: bool
) -> dict[str, Any]:
    """Create a Secret that is deleted with the Recording. Raises AlreadyExists."""
    namespace = recording["metadata"]["namespace"]
    manifest = secret.manifest(namespace=namespace, owner=recording)
    return resources.create(SECRETS, manifest, namespace=namespace, dry_run=dry_run)


def remove_secret(resources: Resources, secret: Mapping[str, Any]) -> None:
    """Delete a Secret that nothing names. If that fails, it is deleted with its Recording."""
    metadata = secret["metadata"]
    try:
        resources.delete(SECRETS, metadata["name"], uid=metadata["uid"], namespace=metadata["namespace"])
    except KubeError:
        return


def replace_value(
    resources: Resources, recording: Mapping[str, Any], name: str, *, key: str, value: str, dry_run: bool
) -> bool:
    """Replace a value in a Secret that belongs to this Recording alone.

    Returns False if the Secret is missing, belongs to something else, or may not be read or changed: then a new one is
    needed.
    """
    namespace, uid = recording["metadata"]["namespace"], recording["metadata"]["uid"]
    for _ in range(_TRIES):
        try:
            stored = resources.get(SECRETS, name, namespace=namespace)
            owners = [one.get("uid") for one in stored["metadata"].get("ownerReferences") or ()]
            if owners != [uid] or stored.get("immutable"):
                return False
            metadata = {"resourceVersion": stored["metadata"]["resourceVersion"]}
            change = {"metadata": metadata, "data": {key: base64.b64encode(value.encode()).decode()}}
            resources.patch(SECRETS, name, change, namespace=namespace, dry_run=dry_run)
        except Conflict:
            continue
        except (NotFound, Forbidden):
            return False
        else:
            return True
    return False
