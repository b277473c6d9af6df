"""Recordings that a backup restores: with another uid, with or without the status that they had."""

from typing import Any

import pytest

from recording_operator.kube.rest import MERGE_PATCH
from tests.support.recordings import Live, artifact_of, from_media, path_of
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster


def restored(world: World, backup: dict[str, Any]) -> Live:
    """The object as Velero creates it: name, labels and spec, suspended until its status is restored."""
    meta = {"name": backup["metadata"]["name"], "namespace": backup["metadata"]["namespace"]}
    manifest = {**{key: backup[key] for key in ("apiVersion", "kind", "spec")}, "metadata": meta}
    created = world.admin.request("POST", path_of(meta["namespace"]), body=manifest)
    return Live(created, admin=world.admin, history=world.history)


def test_a_complete_recording_restored_with_its_status_stays_complete_and_moves_no_byte(world: World) -> None:
    first = world.create(from_media(world.media))
    first.wait_phase("Complete")
    backup, video = first.read(), artifact_of(first.status(), "video")
    first.delete()
    first.wait_gone(within_s=10)
    backup["spec"]["suspend"] = True

    again = restored(world, backup)
    status_path = f"{path_of(again.namespace)}/{again.name}/status"
    again.wait(lambda status: status.get("reason") == "Suspended", what="the operator's first status")
    world.admin.request("PATCH", status_path, body={"status": backup["status"]}, content_type=MERGE_PATCH)
    eventually(lambda: again.status().get("phase") == "Complete", within_s=10, what="the restored status")
    again.edit(suspend=False)
    eventually(
        lambda: again.status().get("observedGeneration") == again.read()["metadata"]["generation"],
        within_s=10,
        what="a processed edit",
    )

    assert again.uid != first.uid
    assert again.status()["phase"] == "Complete"
    assert artifact_of(again.status(), "video")["uri"] == video["uri"]
    listed = world.s3.client().list_object_versions(Bucket=world.bucket)["Versions"]
    assert [found["Key"] for found in listed if again.uid in found["Key"]] == []
