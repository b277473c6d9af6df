"""Content from a Secret: stored like a text in the spec, and waited for if the Secret does not exist yet."""

import json
from typing import Any

import pytest

from localcluster.install import secrets_binding
from tests.support.recordings import Artifact, Bytes
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

TRANSCRIPT = json.dumps({"sentences": [f"sentence {number}" for number in range(20_000)]})


def from_secret(text: str, *, stored: bool = True, **more: Any) -> Artifact:
    """An artifact whose content is in the Secret `texts`."""
    spec = {
        "name": "transcript",
        "kind": "Transcript",
        "contentType": "application/json",
        "contentSecretRef": {"name": "texts", "key": "transcript"},
        **more,
    }
    return Artifact(spec=spec, expected=Bytes.of(text.encode()) if stored else None)


def put(world: World, text: str) -> None:
    """The Secret, and the right to read it."""
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    world.put_secret("texts", {"transcript": text})
    world.secrets.discard(text)  # it is stored, and may be found there


def test_content_of_half_a_megabyte_is_stored_and_verified(world: World) -> None:
    put(world, TRANSCRIPT)

    status = world.create(from_secret(TRANSCRIPT)).wait_phase("Complete")

    (artifact,) = status["artifacts"]
    assert artifact["bytesDone"] == len(TRANSCRIPT)
    assert artifact["contentType"] == "application/json"
    assert artifact["integrity"] == world.proof
    assert status["manifestUri"] is not None


def test_a_secret_that_comes_later_is_waited_for(world: World) -> None:
    live = world.create(from_secret(TRANSCRIPT))
    status = live.wait_phase("Pending", reason="SecretNotFound")
    assert (status["attempts"], status.get("claim")) == (0, None)

    put(world, TRANSCRIPT)

    assert live.wait_phase("Complete", within_s=60)["attempts"] == 0


def test_content_beyond_a_quota_fails_and_is_not_stored(world: World) -> None:
    put(world, TRANSCRIPT)
    world.edit_location(quotas=[{"org": "acme", "bytes": "100Ki", "action": "Fail"}])
    eventually(world.location_condition, what="the operator knows the quota")

    live = world.create(from_secret(TRANSCRIPT, stored=False), owner={"org": "acme"})

    assert live.wait_phase("Failed", within_s=60)["reason"] == "QuotaExceeded"
