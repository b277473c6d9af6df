"""The invariants about what is stored: objects, manifests, usage samples. `invariants.py` explains their names."""

import hashlib
from collections import Counter
from typing import Any, Final

from awscrt.checksums import crc64nvme

from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.controller.usage.samples import load
from recording_operator.engine.manifest import decode
from recording_operator.kube.errors import TooManyRequests
from recording_operator.usage.codec import usage_file
from tests.support.described import without_manifest
from tests.support.recordings import Bytes, Live
from tests.support.waiting import eventually
from tests.support.world import LOCATIONS, World

JsonObject = dict[str, Any]
_USAGE: Final = f"{RESERVED_FOLDER}/usage/"
_PROBED_WITHIN_S: Final = 15.0


class InvariantError(AssertionError):
    """An invariant does not hold; the message begins with its name."""


def check_objects(world: World) -> None:
    """I1, I3, I4 for everything in the bucket and the directories."""
    left = {uri: versions for uri, versions in world.holdings.versions().items() if not _is_bookkeeping(uri)}
    foreign = {uri for key in world.foreign_keys for uri in world.holdings.uris(key)}
    for uid, expected in world.expected.items():
        last = expected.live.versions()[-1] if expected.live.versions() else {}
        for artifact in last.get("status", {}).get("artifacts", []):
            wanted = expected.artifacts.get(artifact["name"])
            gone = artifact["phase"] != "Complete" or artifact.get("reason") == "Expired"
            if gone or uid in world.removed:
                if stored := world.holdings.uris(artifact.get("key", "")) & left.keys() - foreign:
                    raise InvariantError(
                        f"I1: {artifact['name']} is {artifact['phase']}, {artifact.get('reason')} or removed, but "
                        f"stored: {stored}"
                    )
                continue
            if wanted is None:
                raise InvariantError(f"I1: {artifact['name']} must not be stored, but is Complete")
            uri = artifact.get("uri", "")
            found = left.pop(uri, [])
            if len(found) != 1 and uri not in foreign:
                raise InvariantError(f"I4: {len(found)} versions of {uri}")
            _check_head(world, expected.live, artifact)
            _check_bytes(world, artifact, wanted)
    strange = set(left) - foreign - named_manifests(world).keys()
    markers = set(world.holdings.markers()) - foreign
    if strange or any(not _is_bookkeeping(uri) for uri in markers):
        raise InvariantError(f"I4: nobody expects these objects {sorted(strange)}, these delete markers {markers}")


def _check_head(world: World, live: Live, artifact: JsonObject) -> None:
    holding, key = world.holdings.at(artifact["uri"])
    head = holding.head(key, artifact.get("versionId"))
    if head is None:
        raise InvariantError(f"I3: {artifact['uri']} is Complete, and not there")
    metadata = head.pop("metadata")
    specs = {one["name"]: one for one in live.versions()[-1]["spec"]["artifacts"]}
    source = specs[artifact["name"]].get("source", {})
    others = {"ETagMD5"} if "object" in source else set()  # it may have another checksum than CRC64NVME
    others |= {"ETagMD5", "ReadBack"} if "upload" in source else set()  # the parts of clients have none
    proof = artifact["integrity"] if artifact.get("integrity") in others else world.proof
    facts = {
        "bytesDone": head["bytesTotal"],
        "uri": f"{holding.address}/{artifact['key']}",
        "reason": "Stored",
        "integrity": proof,
        "uploadId": None,
        **head,
    }
    if facts["integrity"] != "FullObjectCRC64NVME":
        facts.pop("checksum", None)
    said = {name: artifact.get(name) for name in facts}
    if said != facts:
        raise InvariantError(f"I3: the status says {said}, HEAD {facts}")
    org = live.versions()[-1]["spec"]["owner"]["org"]
    wanted = {"recording-uid": _uid_in_store(live), "recording-artifact": artifact["name"], "recording-org": org}
    if {name: metadata.get(name) for name in wanted} != wanted:
        raise InvariantError(f"I3: metadata of {artifact['uri']} is {metadata}, not {wanted}")


def _uid_in_store(live: Live) -> str:
    """The uid that its objects belong to: of a Recording that was rebuilt, that of the lost one."""
    return str((live.spec.get("identity") or {}).get("uid") or live.uid)


def _check_bytes(world: World, artifact: JsonObject, wanted: Bytes) -> None:
    holding, key = world.holdings.at(artifact["uri"])
    digest, size_bytes, crc = hashlib.sha256(), 0, 0
    for window in holding.body(key, artifact.get("versionId")):
        digest.update(window)
        crc = crc64nvme(window, crc)
        size_bytes += len(window)
    if artifact["checksum"] != f"crc64nvme:{crc:016x}":
        raise InvariantError(f"I3: {artifact['uri']} has the sum {crc:016x}, not {artifact['checksum']}")
    if (size_bytes, digest.hexdigest()) != (wanted.size_bytes, wanted.sha256()):
        raise InvariantError(f"I1: {artifact['uri']} has {size_bytes} bytes, {wanted.size_bytes} expected, or others")


def check_usage(world: World) -> None:
    """I11: nothing but readable samples in the usage folders, each written once."""
    for uri, versions in usage_files(world).items():
        if versions != 1:
            raise InvariantError(f"I11: {versions} versions of {uri}")
        name = uri[uri.index(_USAGE) :]
        location = name.removeprefix(_USAGE).partition("/")[0]
        file = usage_file(location, name)
        if file is None:
            raise InvariantError(f"I11: {uri} is not the name of a usage sample")
        loaded = load(file, world.holdings.body(uri), location=location)
        if loaded.problem:
            raise InvariantError(f"I11: {uri} cannot be read: {loaded.problem}")


def check_manifests(world: World) -> None:
    """I12."""

    def undescribed() -> list[str]:
        return without_manifest(world, locations, world.holdings.current())

    locations = {one["metadata"]["name"]: one["spec"] for one in items_of(world, LOCATIONS)}
    try:
        eventually(lambda: not undescribed(), within_s=_PROBED_WITHIN_S if world.running else 0.0)
    except AssertionError:
        raise InvariantError(f"I12: no manifest of {undescribed()}") from None
    found = named_manifests(world)
    for uri, live in found.items():
        if live.uid in world.removed:
            raise InvariantError(f"I12: the manifest of a removed Recording is left: {uri}")
        last = live.versions()[-1]
        status, written = last["status"], decode(world.holdings.body(uri))
        if (written.uid, written.name, written.namespace) != (
            _uid_in_store(live),
            live.name,
            last["metadata"]["namespace"],
        ):
            raise InvariantError(f"I12: {uri} is the manifest of {written.namespace}/{written.name} {written.uid}")
        if status.get("settled"):
            said = {one.name: (one.key, one.size, one.checksum, one.version_id) for one in written.artifacts}
            stored = {
                one["name"]: (one["key"], one["bytesTotal"], one["checksum"], one.get("versionId"))
                for one in status["artifacts"]
                if one["phase"] == "Complete" and one.get("reason") != "Expired"
            }
            if (said, written.title) != (stored, last["spec"].get("title", "")):
                raise InvariantError(f"I12: the manifest says {written.title} {said}, the status {stored}")
    others = [uri for uri in world.holdings.current() if f"/{RESERVED_FOLDER}/manifests/" in uri and uri not in found]
    if others:
        raise InvariantError(f"I12: manifests of no Recording: {others}")


def named_manifests(world: World) -> dict[str, Live]:
    """The URIs of the manifests that are stored and that statuses name."""
    named = {}
    for expected in world.expected.values():
        versions = expected.live.versions()
        uri = (versions[-1].get("status", {}) if versions else {}).get("manifestUri")
        if uri:
            named[uri] = expected.live
    there = world.holdings.current()
    return {uri: live for uri, live in named.items() if uri in there}


def usage_files(world: World) -> dict[str, int]:
    """What is in the usage folders, with the number of its versions and delete markers."""
    found = Counter({uri: len(versions) for uri, versions in world.holdings.versions().items()})
    found.update(world.holdings.markers())
    return {uri: number for uri, number in found.items() if f"/{_USAGE}" in uri}


def items_of(world: World, path: str) -> list[JsonObject]:
    """List a resource whose CRD may have been installed just now (429: storage is initializing)."""

    def listed() -> JsonObject | None:
        try:
            return world.admin.request("GET", path)
        except TooManyRequests:
            return None

    return list(eventually(listed, within_s=_PROBED_WITHIN_S, what=path)["items"])


def _is_bookkeeping(uri: str) -> bool:
    return f"/{RESERVED_FOLDER}/" in uri
