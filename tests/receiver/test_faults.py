"""Faults W1 to W4, W6 and W9 of the receiver, with a real API server."""

import http.client
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from localcluster import ControlPlane
from localcluster.controlplane import API_SERVER
from localcluster.install import OPERATOR_NAMESPACE, RECEIVER_ACCOUNT, install
from localcluster.receiverprocess import ReceiverProcess
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from tests.receiver.conftest import Meetings
from tests.receiver.sending import BOT, OTHER_SECRET, completed, failed, post, signed, url
from tests.support.crashing_receiver import REQUESTS
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

_PROGRAM: Final = (sys.executable, "-m", "tests.support.crashing_receiver")
Receivers = Callable[..., ReceiverProcess]


def outcomes(receiver: ReceiverProcess) -> dict[str, float]:
    """The number of deliveries by result."""
    lines = [line for line in receiver.metrics().splitlines() if line.startswith("recording_operator_deliveries_total")]
    return {line.partition('result="')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_w1_the_same_delivery_100_times_at_once_is_one_recording(receivers: Receivers, meetings: Meetings) -> None:
    """Half of them at another replica."""
    replicas = [receivers(settings="queueWait: 30s"), receivers(settings="queueWait: 30s")]
    for replica in replicas:
        replica.start()
    body = completed()
    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(lambda number: meetings.send(replicas[number % 2], body), range(100)))
    assert {reply.status for reply in replies} == {200}
    [recording] = meetings.recordings()
    assert len(meetings.secrets()) == 1
    assert set(meetings.secrets()[recording["metadata"]["name"]]["data"]) == {"video", "audio"}
    total = [outcomes(replica) for replica in replicas]
    assert sum(one.get("accepted", 0) + one.get("duplicate", 0) for one in total) == 100


def test_w2_of_two_bodies_with_one_id_the_first_wins(receiver: ReceiverProcess, meetings: Meetings) -> None:
    assert meetings.send(receiver, completed(sent_at="2026-11-30T10:00:00+00:00")).status == 200
    before = (meetings.recordings(), meetings.secrets())
    other = completed(sent_at="2026-11-30T11:00:00+00:00", files={"video": url("other.mp4")})
    assert meetings.send(receiver, other).status == 200
    assert (meetings.recordings(), meetings.secrets()) == before
    assert outcomes(receiver) == {"accepted": 1, "conflicting_redelivery": 1}


def test_w3_a_delivery_that_is_not_genuine_is_rejected_without_details(
    receiver: ReceiverProcess, meetings: Meetings
) -> None:
    body = completed()
    genuine = signed(body)
    unsigned = {"Content-Type": "application/json"}
    forged = [
        post(receiver.url, meetings.path, body, unsigned),
        post(receiver.url, meetings.path, body, genuine | {"svix-signature": "garbage"}),
        post(receiver.url, meetings.path, body, genuine | {"svix-signature": "v1,a,b"}),
        post(receiver.url, meetings.path, body, genuine | {"svix-id": "msg_2"}),
        post(receiver.url, meetings.path, body + b" ", genuine),
        post(receiver.url, meetings.path, b"\xff\xfe", genuine),
        meetings.send(receiver, body, secret=OTHER_SECRET),
    ]
    assert {(reply.status, reply.body) for reply in forged} == {(401, b"{}")}
    assert len({tuple(sorted(reply.headers.items() - {("date", reply.headers["date"])})) for reply in forged}) == 1
    assert meetings.recordings() == []
    assert outcomes(receiver) == {"rejected": 7}


def test_w3_one_valid_signature_of_several_is_enough(receiver: ReceiverProcess, meetings: Meetings) -> None:
    body = completed()
    headers = signed(body)
    headers["svix-signature"] = f"{signed(body, secret=OTHER_SECRET)['svix-signature']} {headers['svix-signature']}"
    assert post(receiver.url, meetings.path, body, headers).status == 200


@pytest.mark.parametrize(("shift_s", "status"), [(-310, 401), (310, 401), (-290, 200), (290, 200)])
def test_w4_a_time_more_than_five_minutes_away_is_rejected(
    receiver: ReceiverProcess, meetings: Meetings, shift_s: int, status: int
) -> None:
    assert meetings.send(receiver, completed(), at_s=time.time() + shift_s).status == status


def test_w6_without_an_api_server_nothing_is_acknowledged(receivers: Receivers, scratch: Path) -> None:
    with ControlPlane(scratch / "stopped-control-plane") as cluster:
        cluster.start()
        install(cluster.kubectl)
        cluster.kubectl("create", "namespace", "team-a")
        admin = RestClient(connection(kubeconfig=cluster.kubeconfig))
        meetings = Meetings(cluster, admin, "team-a")
        meetings.apply()
        account = cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=RECEIVER_ACCOUNT)
        receiver = receivers(kubeconfig=account)
        receiver.start()
        cluster.kill_component(API_SERVER)
        reply = meetings.send(receiver, completed())
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        forged = post(receiver.url, meetings.path, completed(), {})
        assert forged.status == 401
        assert receiver.is_alive()
        cluster.start_component(API_SERVER)
        eventually(lambda: meetings.send(receiver, completed()).status == 200, what="the redelivery is accepted")
        assert len(meetings.recordings()) == 1
        admin.close()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("request_name", REQUESTS)
def test_w9_a_receiver_is_killed_at_any_request(
    receivers: Receivers, meetings: Meetings, request_name: str, moment: str
) -> None:
    """The redelivery completes what the killed one has begun. The second delivery adds a file and renews a URL."""
    crash = {"CRASH_AT": f"{request_name} {moment}"}
    bodies = (
        completed(sent_at="2026-11-30T10:00:00+00:00"),
        completed(
            sent_at="2026-11-30T11:00:00+00:00",
            files={"video": url("video.mp4", "a1"), "transcription": url("transcript.json")},
        ),
    )
    crashing = receivers(program=_PROGRAM, environment=crash)
    crashing.start()
    with suppress(http.client.HTTPException, OSError):
        for number, body in enumerate(bodies):
            assert meetings.send(crashing, body, message_id=f"msg_{number}").status == 200
    assert crashing.wait(timeout_s=10) == -signal.SIGKILL, "the crash point was not reached"
    healthy = receivers()
    healthy.start()
    for number, body in enumerate(bodies):
        assert meetings.send(healthy, body, message_id=f"msg_{number}").status == 200
    [recording] = meetings.recordings()
    assert [one["name"] for one in recording["spec"]["artifacts"]] == ["video", "audio", "transcript"]
    secret = meetings.secrets()[recording["metadata"]["name"]]
    assert set(secret["data"]) == {"video", "audio", "transcript"}
    assert recording["metadata"]["annotations"]["recordings.dev/provider-id"] == BOT


def test_a_failure_is_only_counted_by_default(receiver: ReceiverProcess, meetings: Meetings) -> None:
    assert meetings.send(receiver, failed()).status == 200
    assert meetings.recordings() == []
    assert outcomes(receiver) == {"ignored": 1}
