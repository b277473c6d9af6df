"""Operators that are killed, replaced or cut off from the API server during uploads: few bytes are read twice."""

import json

import pytest

from localcluster import API_SERVER
from tests.support.recordings import artifact_of, from_media
from tests.support.uploads import PART, PROBES, SIZE, WORKERS, read_bytes, slow_upload, wait_share
from tests.support.world import World, leader_of, moved_bytes

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_killed_and_started_again(own_world: World, share: float) -> None:
    first = own_world.start_operator()
    recording = slow_upload(own_world)
    wait_share(first, share)
    own_world.kill(first)
    artifact = artifact_of(recording.status(), "video")
    kept = own_world.stored_parts(artifact["key"], artifact["uploadId"])
    assert kept >= share * SIZE - WORKERS * PART

    own_world.start_operator()

    status = recording.wait_phase("Complete")
    assert status["attempts"] == 0
    assert recording.upload_ids() == {artifact["uploadId"]}
    assert read_bytes(own_world) <= SIZE + WORKERS * PART + PROBES, "more than a part of each worker was read again"


def test_terminated_during_an_upload(own_world: World) -> None:
    first = own_world.start_operator()
    recording = slow_upload(own_world)
    wait_share(first, 0.3)

    own_world.terminate(first)

    status = recording.wait_phase("Pending", reason="Interrupted")
    assert "claim" not in status
    assert status["attempts"] == 0
    upload = artifact_of(status, "video")["uploadId"]
    assert leader_of(own_world) == "", "the Lease was not released"
    own_world.start_operator()
    assert recording.wait_phase("Complete")["attempts"] == 0
    assert recording.upload_ids() == {upload}
    assert read_bytes(own_world) <= SIZE + WORKERS * PART + PROBES


def test_an_upload_that_ends_within_the_grace_is_finished(own_world: World) -> None:
    operator = own_world.start_operator(shutdown={"grace": "10s"})
    recording = slow_upload(own_world)
    wait_share(operator, 0.5)

    own_world.terminate(operator)

    recording.wait_phase("Complete")  # no other operator could do it now


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_one_of_two_operators_works_and_the_other_takes_over(own_world: World, signal: str) -> None:
    leader = own_world.start_operator()
    standby = own_world.start_operator()
    assert "recording_operator_leader 1.0" in leader.metrics()
    assert "recording_operator_leader 0.0" in standby.metrics()
    recording = slow_upload(own_world)
    wait_share(leader, 0.3)
    assert moved_bytes(standby) == 0
    before = leader_of(own_world)

    own_world.kill(leader) if signal == "SIGKILL" else own_world.terminate(leader)

    recording.wait_phase("Complete")
    assert leader_of(own_world) != before
    holders = [version["status"]["claim"]["holder"] for version in recording.versions() if "claim" in version["status"]]
    assert list(dict.fromkeys(holders)) == [before, leader_of(own_world)], "the statuses have no single history"
    assert len(recording.upload_ids()) == 1
    assert read_bytes(own_world) <= SIZE + WORKERS * PART + PROBES


def test_api_server_restarted_during_an_upload(own_world: World) -> None:
    operator = own_world.start_operator(lease={"duration": "3s", "renew": "2s", "retry": "500ms"})
    recording = slow_upload(own_world)
    wait_share(operator, 0.2)
    own_world.cluster.kill_component(API_SERVER)
    before = moved_bytes(operator)
    wait_share(operator, 0.6)
    assert moved_bytes(operator) > before, "no byte moved while the API server was away"
    own_world.cluster.start_component(API_SERVER)

    status = recording.wait_phase("Complete")

    assert status["attempts"] == 0
    assert [served.range for served in own_world.media.served].count("bytes=0-65535") == 1, "it was begun anew"
    assert read_bytes(own_world) <= SIZE + WORKERS * PART + PROBES
    assert "Traceback" not in operator.log_text()


def test_logs_are_json_with_a_name_for_what_they_are_about(own_world: World) -> None:
    operator = own_world.start_operator()
    own_world.create(from_media(own_world.media)).wait_phase("Complete")
    own_world.terminate(operator)

    lines = [json.loads(line) for line in operator.log_text().splitlines()]

    stored = next(line for line in lines if "Stored" in line["message"] and line["namespace"] == own_world.namespace)
    assert (stored["recording"], stored["artifact"]) == ("meeting", "video")
    assert all({"level", "message", "logger"} <= line.keys() for line in lines), lines[0]
