"""Quotas of a StorageLocation, with many Recordings at once, and across operators."""

import re
from typing import Any, Final

import pytest

from recording_operator.api.names import MANIFEST_FILE, RESERVED_FOLDER
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.recordings import MIB, Live, from_media, from_source, inline
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

AT_ONCE: Final = 24
FITTING: Final = 8
FREED: Final = 3
PATIENCE_S: Final = 180.0
MANY: Final = 500
SMALL: Final = 10_000
UNSIZED: Final = 30_000
LONG_S: Final = 900.0
ENDED: Final = ("Complete/Stored", "Failed/QuotaExceeded")
_BOOKKEEPING: Final = re.compile(rf"{RESERVED_FOLDER}/|/{MANIFEST_FILE}$")


def with_quota(world: World, **quota: Any) -> None:
    """Make the location, with this quota and deletion."""
    spec = {"deletionPolicies": ["Retain", "Delete"], "quotas": [quota]}
    world.location = world.make_location(spec=spec)


def recordings(world: World, number: int, *, org: str = "acme") -> list[Live]:
    return [
        world.create(
            from_media(world.media, size_bytes=MIB), name=f"{org}-{at}", owner={"org": org}, deletionPolicy="Delete"
        )
        for at in range(number)
    ]


def by_state(some: list[Live]) -> dict[str, list[Live]]:
    """Recordings by phase and reason."""
    found: dict[str, list[Live]] = {}
    for one in some:
        versions = one.versions()
        status = versions[-1].get("status", {}) if versions else {}
        found.setdefault(f"{status.get('phase')}/{status.get('reason')}", []).append(one)
    return found


def wait_for(some: list[Live], **numbers: int) -> dict[str, list[Live]]:
    """Wait until so many Recordings are stored, waiting or failed."""
    states = {"stored": "Complete/Stored", "waiting": "Pending/QuotaExceeded", "failed": "Failed/QuotaExceeded"}
    wanted = {states[name]: number for name, number in numbers.items() if number}

    def reached() -> dict[str, list[Live]] | None:
        found = by_state(some)
        assert len(found.get("Complete/Stored", [])) <= numbers["stored"], "the quota was passed"
        return found if {state: len(those) for state, those in found.items()} == wanted else None

    try:
        return eventually(reached, what=str(numbers), within_s=PATIENCE_S, poll_s=0.5)
    except AssertionError as error:
        raise AssertionError(f"{error}, got { ({state: len(of) for state, of in by_state(some).items()}) }") from None


def quota_status(world: World) -> dict[str, Any]:
    path = f"/apis/recordings.dev/v1alpha1/storagelocations/{world.location}"
    return next(iter(world.admin.request("GET", path).get("status", {}).get("quotas", [])), {})


def test_many_at_once_never_exceed_a_quota_and_continue_when_recordings_are_deleted(own_world: World) -> None:
    world = own_world
    with_quota(world, org="acme", bytes=str(FITTING * MIB + 100_000))
    some = recordings(world, AT_ONCE)
    others = recordings(world, 2, org="globex")
    world.start_operator()

    found = wait_for(some, stored=FITTING, waiting=AT_ONCE - FITTING)
    held = found["Pending/QuotaExceeded"][0].status()
    assert held["attempts"] == 0
    assert "Organisation acme has no room for the 1.0 MB of this artifact in its quota of 8.5 MB" in held["message"]
    for other in others:
        other.wait_phase("Complete", within_s=PATIENCE_S)
    eventually(lambda: quota_status(world).get("waiting") == AT_ONCE - FITTING, what="the status", within_s=PATIENCE_S)
    shown = quota_status(world)
    assert (shown["bytes"], shown["recordings"], shown["usedPercent"]) == (FITTING * MIB, FITTING, 98)
    assert shown["exceeded"]

    world.kill(world.running[0])
    world.start_operator()
    some += recordings(world, 2, org="acme2")
    for one in some[-2:]:
        one.wait_phase("Complete", within_s=PATIENCE_S)  # the new leader works
    some = some[:-2]
    found = wait_for(some, stored=FITTING, waiting=AT_ONCE - FITTING)

    for one in found["Complete/Stored"][:FREED]:
        one.delete()
        world.removed.add(one.uid)
        some.remove(one)
    wait_for(some, stored=FITTING, waiting=AT_ONCE - FITTING - FREED)


def test_a_quota_of_recordings_that_fails_what_does_not_fit(own_world: World) -> None:
    world = own_world
    with_quota(world, namespace=world.namespace, recordings=2, action="Fail")
    world.start_operator()
    some = recordings(world, 5)

    found = wait_for(some, stored=2, failed=3)

    message = found["Failed/QuotaExceeded"][0].status()["message"]
    assert f"Namespace {world.namespace} has used its quota of 2 recordings in StorageLocation" in message
    assert "change spec.retryToken" in message


def test_uploads_continue_when_a_quota_is_raised(own_world: World) -> None:
    world = own_world
    with_quota(world, org="acme", bytes="100Ki")
    world.start_operator()
    [held] = recordings(world, 1)
    held.wait_phase("Pending", reason="QuotaExceeded", within_s=PATIENCE_S)

    world.edit_location(quotas=[{"org": "acme", "bytes": "10Mi"}])

    assert held.wait_phase("Complete", within_s=PATIENCE_S)["attempts"] == 0


def test_500_at_once_exceed_a_quota_by_at_most_one_artifact_of_unknown_length(own_world: World) -> None:
    world = own_world
    most_bytes = 100 * SMALL
    with_quota(world, org="acme", bytes=str(most_bytes))
    world.unsized_bytes = UNSIZED
    with LyingSource(Content(body=bytes(UNSIZED))) as source:
        source.behave = lambda _: Behaviour(ranges=False, framing="chunked")
        some = [
            world.create(
                from_source(source) if at % 10 == 0 else from_media(world.media, size_bytes=SMALL),
                name=f"many-{at}",
                owner={"org": "acme"},
                deletionPolicy="Delete",
            )
            for at in range(MANY)
        ]
        world.start_operator()

        found = wait_until_full(world, some, most_bytes)
        assert {one.status()["attempts"] for one in found["Pending/QuotaExceeded"]} == {0}
        for one in found["Complete/Stored"][:20]:
            one.delete()
            world.removed.add(one.uid)
            some.remove(one)
        eventually(lambda: stored_bytes(world) < most_bytes - SMALL, what="deletion", within_s=LONG_S)
        wait_until_full(world, some, most_bytes)
        # The invariant compares every moment of the histories with the quota.


def stored_bytes(world: World) -> int:
    """What the bucket has of Recordings, without manifests and the operator's own objects."""
    pages = world.s3.client().get_paginator("list_objects_v2").paginate(Bucket=world.bucket)
    found = [thing for page in pages for thing in page.get("Contents", [])]
    return sum(one["Size"] for one in found if not _BOOKKEEPING.search(one["Key"]))


def wait_until_full(world: World, some: list[Live], most_bytes: int) -> dict[str, list[Live]]:
    """Wait until no further one fits, and all others wait."""

    def full() -> dict[str, list[Live]] | None:
        used_bytes = stored_bytes(world)
        assert used_bytes <= most_bytes + UNSIZED, f"{used_bytes} bytes are stored"
        found = by_state(some)
        rest = found.keys() == {"Complete/Stored", "Pending/QuotaExceeded"}
        return found if rest and used_bytes > most_bytes - SMALL else None

    return eventually(full, what="a full quota", within_s=LONG_S, poll_s=1.0)


def test_500_at_once_fail_beyond_a_quota_of_recordings(own_world: World) -> None:
    world = own_world
    with_quota(world, namespace=world.namespace, recordings=100, action="Fail")
    some = [world.create(inline("{}"), name=f"many-{at}", owner={"org": "acme"}) for at in range(MANY)]
    world.start_operator()

    def ended() -> dict[str, list[Live]] | None:
        found = by_state(some)
        assert len(found.get("Complete/Stored", [])) <= 100
        return found if sum(len(found.get(state, [])) for state in ENDED) == MANY else None

    found = eventually(ended, what="the end of all", within_s=LONG_S, poll_s=1.0)

    assert {state: len(those) for state, those in found.items()} == dict(zip(ENDED, (100, MANY - 100), strict=True))
