"""Writes the Secrets of Recordings: URLs, headers and content."""

from collections.abc import Iterable, Mapping
from typing import Any

from recording_operator.api.names import API_VERSION, RECORDING_KIND, RECORDING_SOURCE_LABEL
from recording_operator.kube.errors import AlreadyExists, NotFound
from recording_operator.kube.receiving import OwnedSecret, ReceiverApi
from recording_operator.receiver.drafting import SecretDraft, encoded


class SecretTaken(Exception):  # noqa: N818 - the field's word
    """A Secret of another origin has the name."""


class SecretWriter:
    """Writes Secrets. Thread-safe. All methods raise SecretTaken and KubeError."""

    def __init__(self, api: ReceiverApi) -> None:
        self._api = api

    def create(self, namespace: str, secret: SecretDraft, *, owner: Mapping[str, str]) -> None:
        """Create a Secret of a new Recording, or complete the one that another receiver has created."""
        try:
            self._api.create_secret(namespace, secret.manifest(namespace=namespace, owner=owner))
        except AlreadyExists:
            self.complete(namespace, secret, owner=owner, renewed=frozenset())

    def complete(
        self, namespace: str, secret: SecretDraft, *, owner: Mapping[str, str], renewed: frozenset[str]
    ) -> frozenset[str]:
        """Add what the Secret lacks, and replace what it has of the artifacts `renewed`.

        Returns the artifacts of which something was written.
        Raises Conflict if it was changed meanwhile.
        """
        manifest = secret.manifest(namespace=namespace, owner=owner)
        try:
            stored = self._api.get_owned_secret(namespace, secret.name)
        except NotFound:
            self._api.create_secret(namespace, manifest)
            return _artifacts(secret, secret.data)
        if owner["uid"] not in stored.owner_uids:
            self._take_over(namespace, secret, stored, manifest)
            return _artifacts(secret, secret.data)
        changed = {
            key: value
            for key, value in encoded(secret.data).items()
            if key not in stored.data or (stored.data[key] != value and (secret.artifact or key) in renewed)
        }
        if changed:
            self._change(namespace, secret, stored, {"data": changed, **_annotations(secret)})
        return _artifacts(secret, changed)

    def _take_over(self, namespace: str, secret: SecretDraft, stored: OwnedSecret, manifest: Mapping[str, Any]) -> None:
        """Replace what a deleted Recording of the same name has left. Raises SecretTaken."""
        if stored.labels.get(RECORDING_SOURCE_LABEL) != secret.labels[RECORDING_SOURCE_LABEL]:
            raise SecretTaken(f"The Secret {secret.name} belongs to something else.")
        removed = dict.fromkeys(stored.data.keys() - secret.data.keys())
        metadata = {key: manifest["metadata"][key] for key in ("labels", "annotations", "ownerReferences")}
        self._change(namespace, secret, stored, {"metadata": metadata, "data": {**removed, **manifest["data"]}})

    def _change(self, namespace: str, secret: SecretDraft, stored: OwnedSecret, body: Mapping[str, Any]) -> None:
        version = stored.resource_version
        self._api.change_secret(namespace, secret.name, resource_version=version, body=body)


def reference_to(recording: Mapping[str, Any]) -> dict[str, str]:
    """The ownerReference to a stored Recording."""
    metadata = recording["metadata"]
    return {"apiVersion": API_VERSION, "kind": RECORDING_KIND, "name": metadata["name"], "uid": metadata["uid"]}


def _artifacts(secret: SecretDraft, keys: Iterable[str]) -> frozenset[str]:
    return frozenset(secret.artifact or key for key in keys)


def _annotations(secret: SecretDraft) -> dict[str, Any]:
    """The hosts that may see replaced headers: the new URL may have another one."""
    return {"metadata": {"annotations": dict(secret.annotations)}} if secret.annotations else {}
