"""The invariants that hold after every end-to-end test.

    check_invariants(world)

I1 bytes equal · I2 no open upload of a finished Recording · I3 status equals HEAD · I4 one version per artifact ·
I5 a finished Recording changes only with a new generation, and no older leader writes after a newer one ·
I6 no secret anywhere · I7 a control Recording completes · I8 memory · I9 no connection to a blocked address ·
I10 no restart · I11 usage samples can be read, were written once, and are alone in their folder ·
I12 every settled Recording has a manifest that says what its status says, and there are no other manifests ·
I13 no quota was ever passed by more than one artifact of unknown length ·
I14 an object that a Recording was copied from is as it was ·
I15 of a settled Recording, nothing is left of a move · I16 killed writers leave nothing in a directory ·
I17 the end of every settled Recording was announced, always with the same id.
A failure names its invariant.
"""

import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from awscrt.checksums import crc64nvme
from botocore.exceptions import ClientError

from localcluster import OperatorProcess
from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.controller.usage.samples import load
from recording_operator.engine.manifest import decode
from recording_operator.kube.errors import TooManyRequests
from recording_operator.usage.codec import usage_file
from tests.support.announced import not_announced
from tests.support.described import without_manifest
from tests.support.prometheus import metrics_of
from tests.support.quota_replay import passed
from tests.support.recordings import Bytes, Live, path_of
from tests.support.waiting import eventually
from tests.support.world import LOCATIONS, World

JsonObject = dict[str, Any]
_USAGE: Final = f"{RESERVED_FOLDER}/usage/"
_PROBED_WITHIN_S: Final = 15.0
_TERMINAL: Final = ("Complete", "Failed")
_ABORTED_WITHIN_S: Final = 60.0
_LEFT_WITHIN_S: Final = 30.0
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


class InvariantError(AssertionError):
    """An invariant does not hold; the message begins with its name."""


def check_invariants(world: World) -> None:
    """Raises InvariantError for the first invariant that does not hold."""
    check_operators(world)
    check_uploads(world)
    check_objects(world)
    check_histories(world)
    check_control(world)
    check_usage(world)
    check_manifests(world)
    check_quotas(world)
    check_source_objects(world)
    check_moves(world)
    check_left_over(world)
    check_announcements(world)
    check_secrets(world)
    if world.forbidden.connections:
        raise InvariantError(f"I9: {world.forbidden.connections} connections to a blocked address")


def check_operators(world: World) -> None:
    """I10, I8."""
    for operator in world.running:
        if not operator.process.running:
            ended = f"ended by itself with status {operator.process.returncode}"
            raise InvariantError(f"I10: an operator {ended}:\n{operator.process.log_tail()}")
        peak_bytes = peak_memory(operator)
        if peak_bytes > world.rss_limit_bytes:
            raise InvariantError(f"I8: an operator took {peak_bytes / 2**20:.0f} MiB of memory")


def peak_memory(operator: OperatorProcess) -> int:
    """The most memory that a running operator ever had resident, in bytes."""
    found = _PEAK.search(Path(f"/proc/{operator.process.pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def check_uploads(world: World) -> None:
    """I2: an open upload belongs to a Recording that is not at its end, or to the test."""

    def orphans() -> list[tuple[str, str]]:
        live = {
            str(artifact.get("uploadId"))
            for recording in _items(world, path_of(world.namespace))
            for artifact in _in_transfer(recording.get("status", {}))
        }
        opened = [found for one in world.holdings for found in one.uploads()]
        return [found for found in opened if found[1] not in live | world.foreign_uploads]

    try:
        eventually(lambda: not orphans(), within_s=_ABORTED_WITHIN_S if world.running else 0.0)
    except AssertionError:
        raise InvariantError(f"I2: open uploads of ended Recordings: {orphans()}") from None


def _in_transfer(status: JsonObject) -> list[JsonObject]:
    """The artifacts that are uploaded, or copied by a move."""
    copies = (status.get("move") or {}).get("artifacts", [])
    return [one for one in (*status.get("artifacts", []), *copies) if one["phase"] not in _TERMINAL]


def check_moves(world: World) -> None:
    """I15: of a settled Recording, nothing is left of a move, unless the move has failed."""
    for expected in world.expected.values():
        last = expected.live.versions()[-1] if expected.live.versions() else {}
        status, spec = last.get("status", {}), last.get("spec", {})
        if not status.get("settled") or status.get("phase") != "Complete" or status.get("reason") == "MoveFailed":
            continue
        if status.get("observedGeneration") != last["metadata"]["generation"]:
            continue
        wanted = spec.get("storageLocation", status["storageLocation"])
        if status.get("move") or status["storageLocation"] != wanted:
            raise InvariantError(f"I15: {expected.live.name} is settled, and not at {wanted}: {status.get('move')}")


def check_left_over(world: World) -> None:
    """I16: what a killed writer has left in a directory goes with a check of its location, when it is old."""

    def left() -> list[str]:
        return [path for holding in world.directories.values() for path in holding.left_over()]

    for name, holding in world.directories.items():
        if world.running and left():
            holding.age()
            world.edit_location(name, limits={"maxArtifactSize": "1Ti"})  # it is checked
    try:
        eventually(lambda: not left(), within_s=_LEFT_WITHIN_S if world.running else 0.0)
    except AssertionError:
        raise InvariantError(f"I16: a killed writer has left {left()}") from None


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
    strange = set(left) - foreign - _manifests(world).keys()
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


def check_histories(world: World) -> None:
    """I5: a finished Recording changes only with a new generation; no older leader writes after a newer one."""
    for expected in world.expected.values():
        ended_at: int | None = None
        leadership = -1
        for version in expected.live.versions():
            status, generation = version.get("status", {}), int(version["metadata"]["generation"])
            phase, claim = status.get("phase"), status.get("claim")
            if phase in _TERMINAL:
                ended_at = int(status["observedGeneration"])
            elif ended_at is not None and phase is not None:
                if generation <= ended_at:
                    raise InvariantError(f"I5: {expected.live.name} left its end: {expected.live.reasons()}")
                ended_at = None
            if claim is not None:
                if claim["transitions"] < leadership:
                    raise InvariantError(f"I5: {expected.live.name} was claimed by an older leadership: {claim}")
                leadership = claim["transitions"]


def check_source_objects(world: World) -> None:
    """I14."""
    for key, was in world.source_objects.items():
        try:
            now = world.source_head(key)
        except ClientError as error:
            raise InvariantError(f"I14: {key} is gone: {error.response['Error']}") from None
        if now != was:
            raise InvariantError(f"I14: {key} is {now}, it was {was}")


def check_announcements(world: World) -> None:
    """I17: the end of every settled Recording was announced to each sink that selects it."""
    for expected in world.expected.values():
        if left := not_announced(list(expected.live.versions()), world.sinks):
            raise InvariantError(f"I17: {left}")


def check_control(world: World) -> None:
    """I7, if an operator is running."""
    if world.control is None or not world.running:
        return
    try:
        world.control.wait_phase("Complete")
    except AssertionError as error:
        raise InvariantError(f"I7: the control Recording: {error}") from None


def check_usage(world: World) -> None:
    """I11: nothing but readable samples in the usage folders, each written once."""
    for uri, versions in _usage_files(world).items():
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

    locations = {one["metadata"]["name"]: one["spec"] for one in _items(world, LOCATIONS)}
    try:
        eventually(lambda: not undescribed(), within_s=_PROBED_WITHIN_S if world.running else 0.0)
    except AssertionError:
        raise InvariantError(f"I12: no manifest of {undescribed()}") from None
    found = _manifests(world)
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


def check_quotas(world: World) -> None:
    """I13, for the quotas that the test's locations have now. A test may only raise them."""
    versions = [version for expected in world.expected.values() for version in expected.live.versions()]
    for location in _items(world, LOCATIONS):
        name = location["metadata"]["name"]
        for quota in location["spec"].get("quotas", []):
            found = passed(quota, versions, location=name, unsized_bytes=world.unsized_bytes)
            if found is not None:
                raise InvariantError(f"I13: {found} were stored in {name}, its quota is {quota}")


def _manifests(world: World) -> dict[str, Live]:
    """The URIs of the manifests that are stored and that statuses name."""
    named = {}
    for expected in world.expected.values():
        versions = expected.live.versions()
        uri = (versions[-1].get("status", {}) if versions else {}).get("manifestUri")
        if uri:
            named[uri] = expected.live
    there = world.holdings.current()
    return {uri: live for uri, live in named.items() if uri in there}


def check_secrets(world: World) -> None:
    """I6: no secret in logs, events, statuses, annotations, metrics, usage samples, or the metadata of objects."""
    for where, text in _places(world):
        for secret in world.secrets:
            if secret and secret in text:
                at = text.index(secret)
                raise InvariantError(f"I6: a secret in {where}: …{text[max(0, at - 200) : at]}<secret>…")


def _places(world: World) -> Iterator[tuple[str, str]]:
    for number, operator in enumerate(world.everyone):
        yield f"the log of operator {number}", operator.log_text()
        if operator in world.running:
            yield f"the metrics of operator {number}", metrics_of(operator)
    for namespace in (world.namespace, OPERATOR_NAMESPACE, "default"):
        events = world.admin.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")
        yield f"the events of {namespace}", json.dumps(events)
    for expected in world.expected.values():
        for version in expected.live.versions():
            shown = {key: value for key, value in version.items() if key != "spec"}
            yield f"{expected.live.name} outside its spec", json.dumps(shown)
    for plural in ("storagelocations", "storagereports"):
        for item in _items(world, f"/apis/recordings.dev/v1alpha1/{plural}"):
            yield f"{plural} {item['metadata']['name']}", json.dumps(item)
    for uri in _manifests(world):
        yield f"the manifest {uri}", world.holdings.body(uri).decode()
    for uri in _usage_files(world):
        yield f"the usage sample {uri}", gzip.decompress(world.holdings.body(uri)).decode()
    for holding in world.holdings:
        yield from holding.texts()
    for name, sink in world.sinks.items():
        yield f"an event for {name}", "\n".join(sink.app.bodies)


def _items(world: World, path: str) -> list[JsonObject]:
    """List a resource whose CRD may have been installed just now (429: storage is initializing)."""

    def listed() -> JsonObject | None:
        try:
            return world.admin.request("GET", path)
        except TooManyRequests:
            return None

    return list(eventually(listed, within_s=_PROBED_WITHIN_S, what=path)["items"])


def _usage_files(world: World) -> dict[str, int]:
    """What is in the usage folders, with the number of its versions and delete markers."""
    found = Counter({uri: len(versions) for uri, versions in world.holdings.versions().items()})
    found.update(world.holdings.markers())
    return {uri: number for uri, number in found.items() if f"/{_USAGE}" in uri}


def _is_bookkeeping(uri: str) -> bool:
    return f"/{RESERVED_FOLDER}/" in uri
