"""The stores of StorageLocations, for verbs that read them with the user's own rights."""

from contextlib import ExitStack

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.kube.client import KubeApi
from recording_operator.kube.secrets import location_credentials
from recording_operator.stores.factory import open_store
from recording_operator.stores.location_store import LocationStore


class OpenedStores:
    """Opens the stores of locations with the credentials that they name, and closes them at the end."""

    def __init__(self, kube: KubeApi, operator_namespace: str) -> None:
        self._kube = kube
        self._namespace = operator_namespace
        self._opened = ExitStack()

    def store(self, location: StorageLocation) -> LocationStore:
        """The store of a location. Raises LocationError, SecretError, KubeError."""
        credentials = location_credentials(self._kube, location, operator_namespace=self._namespace)
        # A directory is read with the rights of the person who runs this, wherever it is.
        store = open_store(location, credentials, roots=(location.store.bucket,))
        self._opened.callback(store.close)
        return store

    def __enter__(self) -> "OpenedStores":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
