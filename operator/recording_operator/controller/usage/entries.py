"""The binary entries of a ConfigMap in the operator's namespace, which one writer at a time changes."""

from collections.abc import Callable, Mapping
from typing import Final

from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import AlreadyExists, Conflict, NotFound

MOST_BYTES: Final = 900_000
"""Kubernetes accepts 1 MiB in a ConfigMap."""
_ATTEMPTS: Final = 3
Entries = Mapping[str, bytes]


class MapEntries:
    """The entries of ConfigMaps. Every method may raise KubeError."""

    def __init__(self, *, kube: KubeApi, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace

    def read(self, name: str) -> Entries:
        """All entries; none if there is no ConfigMap."""
        try:
            return self._kube.read_binary_config_map(self._namespace, name).data
        except NotFound:
            return {}

    def change(self, name: str, changed: Callable[[Entries], Entries]) -> None:
        """Replace the entries by what `changed` makes of them. The ConfigMap is created if it has to be."""
        for attempt in range(_ATTEMPTS):
            try:
                self._change(name, changed)
            except (Conflict, NotFound):
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _change(self, name: str, changed: Callable[[Entries], Entries]) -> None:
        try:
            found = self._kube.read_binary_config_map(self._namespace, name)
        except NotFound:
            if wanted := changed({}):
                self._create(name, wanted)
            return
        wanted = changed(found.data)
        patch: dict[str, bytes | None] = dict.fromkeys(found.data.keys() - wanted.keys())
        patch |= {key: data for key, data in wanted.items() if found.data.get(key) != data}
        if patch:
            self._kube.patch_binary_config_map(
                self._namespace, name, resource_version=found.resource_version, data=patch
            )

    def _create(self, name: str, entries: Entries) -> None:
        try:
            self._kube.create_binary_config_map(self._namespace, name, entries)
        except AlreadyExists:
            raise Conflict("The ConfigMap was created meanwhile.", status=409) from None
