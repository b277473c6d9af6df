"""Lists the StorageLocations that are counted and reported."""

from pydantic import ValidationError

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.kube.client import KubeApi


class UnreadableLocationError(Exception):
    """A stored StorageLocation does not have the fields of this version. The message names it."""


def stored_locations(kube: KubeApi) -> list[StorageLocation]:
    """All StorageLocations in the order of their names. Raises UnreadableLocationError, KubeError."""
    locations = []
    for raw in kube.list_locations():
        try:
            locations.append(StorageLocation.model_validate(raw))
        except ValidationError:
            raise UnreadableLocationError(f"StorageLocation {raw['metadata']['name']} cannot be read.") from None
    return sorted(locations, key=lambda location: location.metadata.name)
