"""The stores of StorageLocations, for verbs that read them with the user's own rights."""

from contextlib import ExitStack

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.cli.administration.installation import secrets_namespace
from recording_operator.cli.caller import Cluster
from recording_operator.kube.client import KubeApi
from recording_operator.kube.secrets import location_credentials
from recording_operator.stores.factory import open_store
from recording_operator.stores.location_store import LocationStore


class OpenedStores:
    """Opens the stores of locations with the credentials that they name, and closes them at the end."""

    def __init__(self, cluster: Cluster, *, operator_namespace: str | None) -> None:
        """`operator_namespace`: the one that the user named. None: it is looked for when a Secret is needed."""
        self._cluster = cluster
        self._namespace = operator_namespace
        self._opened = ExitStack()

    def store(self, location: StorageLocation) -> LocationStore:
        """The store of a location. Raises LocationError, SecretError, SeveralOperatorsError, KubeError."""
        kube, namespace = KubeApi(self._cluster.rest), self._namespace or ""
        if _needs_secret(location):
            self._namespace = namespace = secrets_namespace(self._cluster, self._namespace)
        credentials = location_credentials(kube, location, operator_namespace=namespace)
        # A directory is read with the rights of the person who runs this, wherever it is.
        store = open_store(location, credentials, roots=(location.store.bucket,))
        self._opened.callback(store.close)
        return store

    def __enter__(self) -> "OpenedStores":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()


def _needs_secret(location: StorageLocation) -> bool:
    credentials = location.store.credentials
    return credentials is not None and credentials.key_secret is not None
