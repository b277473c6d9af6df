"""Every genuine delivery becomes exactly one Complete Recording, and one event or more with one id for each sink.

Deliveries of all providers are doubled, reordered and forged while receivers and the API server are killed. Half-way,
all URLs expire that providers can replace.
"""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from localcluster import ControlPlane, MediaServer
from localcluster.install import OPERATOR_NAMESPACE, RECEIVER_ACCOUNT, receiver_binding, secrets_binding
from localcluster.receiverprocess import ReceiverProcess
from tests.e2e.webhooks.sink import Sink
from tests.e2e.webhooks.sources import JsonObject, Source, all_sources
from tests.e2e.webhooks.storm import Meeting, Storm, meetings_of
from tests.support.measured import Measure
from tests.support.recordings import Live, media_body, path_of
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

SETTINGS: Final[JsonObject] = {
    "sinkPolicy": {"schemes": ["https", "http"], "ports": [], "allowPrivateCIDRs": ["127.0.0.0/8"]},
    "lease": {"duration": "60s", "renew": "40s", "retry": "1s"},  # the API server is killed, not the leader
}
REPLICAS: Final = 2
COMPLETED: Final = "dev.recordings.recording.completed.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Providers, receivers and sinks around a world with an operator."""

    world: World
    sources: list[Source]
    receivers: list[ReceiverProcess]
    sinks: list[Sink]
    expiring: MediaServer


@pytest.fixture
def chain(own_world: World, cluster: ControlPlane, tmp_path: Path) -> Iterator[Chain]:
    """Everything is running."""
    world, namespace = own_world, own_world.namespace
    world.edit_location(imports=[{"prefix": "egress/"}])
    kubeconfig = cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=RECEIVER_ACCOUNT)
    receivers = [
        ReceiverProcess(kubeconfig=kubeconfig, log=tmp_path / f"receiver-{number}.log") for number in range(REPLICAS)
    ]
    with ExitStack() as stack:
        expiring = stack.enter_context(MediaServer())
        bucket = f"{world.s3.endpoint}/{world.bucket}"
        sources = stack.enter_context(
            all_sources(lasting=world.media, expiring=expiring, location=world.location, bucket=bucket)
        )
        sinks = [stack.enter_context(Sink("steady")), stack.enter_context(Sink("failing", failures=2))]
        cluster.kubectl.apply(
            receiver_binding(namespace),
            secrets_binding(namespace),
            *(made for source in sources for made in source.manifests(namespace, world.location)),
            *(made for sink in sinks for made in sink.manifests(namespace)),
        )
        world.secrets |= {source.secret for source in sources}
        world.secrets |= {key for source in sources if source.api for key in source.api.credentials.values()}
        for receiver in receivers:
            stack.callback(receiver.kill)
            receiver.start()
        world.start_operator(**SETTINGS)
        yield Chain(world=world, sources=sources, receivers=receivers, sinks=sinks, expiring=expiring)


def test_a_storm_of_deliveries(chain: Chain, measured: Measure) -> None:
    endure(chain, deliveries=50, api_server_kills=1, within_s=240, measured=measured)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_a_storm_of_1000_deliveries(chain: Chain, measured: Measure) -> None:
    endure(chain, deliveries=1000, api_server_kills=5, within_s=1500, measured=measured)


def endure(chain: Chain, *, deliveries: int, api_server_kills: int, within_s: float, measured: Measure) -> None:
    world, began_s = chain.world, time.monotonic()
    meetings = meetings_of(chain.sources, deliveries)
    for meeting in meetings:
        if meeting.source.provider == "LiveKit":
            [file] = meeting.recording.files
            world.put_source(f"egress/{file.path}", media_body(file.path, file.size_bytes))
    storm = Storm(
        namespace=world.namespace, receivers=chain.receivers, cluster=world.cluster, random=random.Random(deliveries)
    )
    storm.rage(meetings, api_server_kills=api_server_kills, halfway=chain.expiring.expire_links)
    listed = world.admin.request("GET", path_of(world.namespace))["items"]
    recordings = {recording_id(stored): stored for stored in listed}
    assert len(listed) == len(recordings)
    assert set(recordings) == {meeting.recording.id for meeting in meetings}
    lives = {meeting.recording.id: note(world, meeting, recordings[meeting.recording.id]) for meeting in meetings}
    wait_complete(lives, within_s=within_s)
    for sink in chain.sinks:
        eventually(partial(has_all, sink, lives), within_s=120, what=f"{sink.name} received all", poll_s=1)
        check_events(sink, lives)
    for receiver in chain.receivers:
        log = receiver.log_text()
        assert [secret for secret in world.secrets if secret in log] == []
    counted = ", ".join(f"{count} {name}" for name, count in sorted(storm.counts.items()))
    measured(f"a storm of {deliveries} deliveries: {counted}", time.monotonic() - began_s)


def wait_complete(lives: dict[str, Live], *, within_s: float) -> None:
    try:
        eventually(lambda: not unfinished(lives), within_s=within_s, poll_s=0.5)
    except AssertionError:
        left = unfinished(lives)
        raise AssertionError(f"{len(left)} of {len(lives)} are not complete: {left[:7]}") from None


def recording_id(stored: JsonObject) -> str:
    return str(stored["metadata"]["annotations"]["recordings.dev/provider-id"])


def note(world: World, meeting: Meeting, stored: JsonObject) -> Live:
    """Have the invariants check what is stored of the meeting."""
    live = Live(stored, admin=world.admin, history=world.history)
    world.expect(live)
    world.expected[live.uid].artifacts.update(meeting.source.expected(meeting.recording))
    return live


def unfinished(lives: dict[str, Live]) -> list[str]:
    return [f"{name}: {live.reasons()[-3:]}" for name, live in lives.items() if phase_of(live) != "Complete"]


def phase_of(live: Live) -> str:
    versions = live.versions()
    last = versions[-1] if versions else {}
    status = last.get("status", {})
    is_current = bool(last) and status.get("observedGeneration") == last["metadata"]["generation"]
    return str(status.get("phase")) if is_current else ""


def has_all(sink: Sink, lives: dict[str, Live]) -> bool:
    return all(any(one.type == COMPLETED for one in sink.of(live.uid)) for live in lives.values())


def check_events(sink: Sink, lives: dict[str, Live]) -> None:
    """One event for each generation that became Complete, perhaps more than once with the same id.

    A version that was current while no API server ran is in no history: so an earlier generation may be one of them.
    """
    assert sink.unsigned == 0
    for name, live in lives.items():
        arrived = [one for one in sink.of(live.uid) if one.type == COMPLETED]
        newest = live.versions()[-1]["metadata"]["generation"]
        possible = {f"{live.uid}/completed/{generation}" for generation in range(1, newest + 1)}
        ids = {one.id for one in arrived}
        assert f"{live.uid}/completed/{newest}" in ids <= possible, f"{name}: {sorted(ids)}"
        last = arrived[-1].data["recording"]
        assert (last["uid"], last["phase"], last["owner"]) == (live.uid, "Complete", {"org": "acme"})
        assert last["providerId"] == name
