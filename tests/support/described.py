"""Whether a Recording whose artifacts have ended has a manifest, or says why it has none."""

from collections.abc import Collection, Mapping
from typing import Any

from tests.support.world import World

JsonObject = dict[str, Any]
_TERMINAL = ("Complete", "Failed")


def without_manifest(world: World, locations: Mapping[str, JsonObject], uris: Collection[str]) -> list[str]:
    """Names of the Recordings that lack the manifest that they have to have.

    `locations` are the specs of the StorageLocations, `uris` what is in the bucket and the directories. If an operator
    is running, each Recording has to be settled, or to say why it has no manifest.
    """
    left = [one.live for uid, one in world.expected.items() if uid not in world.removed and one.live.versions()]
    return [live.name for live in left if _lacks_manifest(live.versions()[-1], world, locations, uris)]


def _lacks_manifest(last: JsonObject, world: World, locations: Mapping[str, JsonObject], uris: Collection[str]) -> bool:
    status = last.get("status", {})
    location = locations.get(status.get("storageLocation") or last["spec"].get("storageLocation", ""))
    stored = any(one["phase"] == "Complete" and one.get("reason") != "Expired" for one in status.get("artifacts", []))
    if location is None or not location.get("manifest", {}).get("enabled", True):
        return False
    if status.get("phase") not in _TERMINAL or not stored:
        return False
    # The manifest does not wait for the events.
    announces = any(one["phase"] == "Pending" for one in status.get("notifications", []))
    if status.get("settled") or announces:
        uri = status.get("manifestUri", "")
        return not uri or (uri.startswith(tuple(f"{one.address}/" for one in world.holdings)) and uri not in uris)
    explained = any((one["type"], one["status"]) == ("ManifestWritten", "False") for one in status["conditions"])
    current = status.get("observedGeneration") == last["metadata"]["generation"]
    return bool(world.running) and current and not explained and "deletionTimestamp" not in last["metadata"]
