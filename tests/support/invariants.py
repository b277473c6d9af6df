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
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from localcluster import OperatorProcess
from localcluster.install import OPERATOR_NAMESPACE
from tests.support.announced import not_announced
from tests.support.prometheus import metrics_of
from tests.support.quota_replay import passed
from tests.support.recordings import path_of
from tests.support.stored_invariants import (
    InvariantError,
    check_manifests,
    check_objects,
    check_usage,
    items_of,
    named_manifests,
    usage_files,
)
from tests.support.waiting import eventually
from tests.support.world import LOCATIONS, World

JsonObject = dict[str, Any]
_TERMINAL: Final = ("Complete", "Failed")
_ABORTED_WITHIN_S: Final = 60.0
_LEFT_WITHIN_S: Final = 30.0
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


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
            for recording in items_of(world, path_of(world.namespace))
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


def check_quotas(world: World) -> None:
    """I13, for the quotas that the test's locations have now. A test may only raise them."""
    versions = [version for expected in world.expected.values() for version in expected.live.versions()]
    for location in items_of(world, LOCATIONS):
        name = location["metadata"]["name"]
        for quota in location["spec"].get("quotas", []):
            found = passed(quota, versions, location=name, unsized_bytes=world.unsized_bytes)
            if found is not None:
                raise InvariantError(f"I13: {found} were stored in {name}, its quota is {quota}")


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
        for item in items_of(world, f"/apis/recordings.dev/v1alpha1/{plural}"):
            yield f"{plural} {item['metadata']['name']}", json.dumps(item)
    for uri in named_manifests(world):
        yield f"the manifest {uri}", world.holdings.body(uri).decode()
    for uri in usage_files(world):
        yield f"the usage sample {uri}", gzip.decompress(world.holdings.body(uri)).decode()
    for holding in world.holdings:
        yield from holding.texts()
    for name, sink in world.sinks.items():
        yield f"an event for {name}", "\n".join(sink.app.bodies)
