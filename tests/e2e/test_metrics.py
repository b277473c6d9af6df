"""The metrics: production code sets each of them, every query finds data, and idle counters do not change."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from localcluster import OperatorProcess
from recording_operator.kube.errors import KubeError
from tests.support import prometheus
from tests.support.accesslogs import turn_back
from tests.support.fake_providers.meetingbaas import FakeMeetingBaas
from tests.support.fake_providers.recordings import a_recording
from tests.support.lying_source import CANARY as URL_CANARY
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.prometheus import Scrape, value
from tests.support.recording_sources import add_source, from_provider
from tests.support.recordings import MIB, an_artifact, artifact_of, from_media, from_source, inline
from tests.support.reports import TEMPLATE, ReportFactory
from tests.support.sinks import SinkServer, a_sink
from tests.support.sinks_in_cluster import add_sink
from tests.support.transfers import pattern
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

FAMILIES = re.compile(r"^# TYPE (recording_operator_\w+) ", re.MULTILINE)
REQUESTS = "recording_operator_api_request_duration_seconds_count"
BYTES = "recording_operator_transfer_bytes_total"
# What happens only to Recordings that are deleted or expire, or whose manifest cannot be written; and what the receiver
# and the console export (tests/receiver, tests/chart/test_console_rights.py).
FED_ELSEWHERE = {
    "recording_operator_deliver",
    "recording_operator_receiver_info",
    "recording_operator_console_info",
    "recording_operator_console_outdated",
    "recording_operator_console_unread_locations",
    "recording_operator_objects_left_total",
    "recording_operator_objects_expired_total",
    "recording_operator_manifests_failed_total",
}
# What moves because time passes, or because the operator keeps its Lease and checks its locations.
MOVES_BY_ITSELF = (
    "recording_operator_api_request_duration_seconds",
    "recording_operator_watch_seconds_since_last_byte",
    "process_",
)


@pytest.fixture
def broken_source() -> Iterator[LyingSource]:
    """A source that is gone (410), and one path further that is not there yet (404)."""
    with LyingSource(Content(body=pattern(MIB))) as source:
        yield source


@pytest.fixture
def webhooks(own_world: World) -> Iterator[tuple[SinkServer, FakeMeetingBaas]]:
    """An application that receives events, and a provider with one bot."""
    with a_sink() as app, FakeMeetingBaas(own_world.media) as provider:
        provider.add(a_recording("bot-1", size_bytes=MIB))
        yield app, provider


def scrape(operator: OperatorProcess) -> Scrape:
    """The operator's metrics now."""
    return prometheus.parse(operator.metrics())


def _fail(world: World, source: LyingSource) -> None:
    """A Recording whose source is gone, one that is retried, and one whose URL has expired."""
    source.behave = lambda _: Behaviour(status=410, body=b"")
    world.create(from_source(source, stored=False), name="gone").wait_phase("Failed", reason="SourceNotFound")
    source.behave = lambda _: Behaviour(status=500, body=b"")
    world.create(from_source(source, stored=False), name="retried").wait(
        lambda status: bool(status.get("nextRetryTime")), what="the next attempt"
    )
    past = f"{datetime.now(UTC) - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    source.behave = lambda _: Behaviour(status=403, body=b"")
    late = an_artifact("video", None, source={"url": source.url, "expiresAt": past})
    world.create(late, name="late").wait(
        lambda status: bool(artifact_of(status, "video").get("expiredSince")), what="the URL to be found expired"
    )


def _announce_and_fetch(world: World, app: SinkServer, provider: FakeMeetingBaas) -> None:
    """EventSinks, one of which is never available, and a Recording whose URL a provider gives."""
    add_sink(world, app, events=["Completed"])
    with a_sink() as gone:
        add_sink(world, gone, events=["Completed"], name="gone")
    add_source(world, provider)
    audio = provider.recordings["bot-1"].files[1]
    world.create(from_provider("bot-1", audio, media="audio"), name="fetched").wait_phase("Complete")
    app.wait("recording.completed")


def test_every_metric_is_fed_and_every_query_finds_data(
    own_world: World,
    report: ReportFactory,
    broken_source: LyingSource,
    webhooks: tuple[SinkServer, FakeMeetingBaas],
    promtool: Path,
    tmp_path: Path,
) -> None:
    world = own_world
    world.secrets.add(URL_CANARY)
    world.location = world.make_location(
        spec={
            "keyTemplate": TEMPLATE,
            "limits": {"bandwidthPerSecond": "4Mi", "concurrentUploads": 1},
            "retry": {"delays": ["1h"]},
            "quotas": [{"org": "small", "bytes": "1Ki"}],
        }
    )
    operator = world.start_operator(reports={"metricOrgs": 1})
    first = scrape(operator)
    _announce_and_fetch(world, *webhooks)
    waiting = world.create(
        from_media(world.media, size_bytes=MIB, valid_s=600), name="waiting", suspend=True, owner={"org": "acme"}
    )
    waiting.wait_phase("Pending", reason="Suspended")
    stored = world.create(from_media(world.media, size_bytes=12 * MIB), name="stored", owner={"org": "acme"})
    stored.wait_phase("Complete")
    _fail(world, broken_source)
    world.create(from_media(world.media), name="costly", owner={"org": "frugal"}).wait_phase("Complete")
    no_events(world)
    world.create(inline("{}"), name="silent", owner={"org": "acme"}).wait_phase("Complete")
    world.create(inline("{}"), name="tiny", owner={"org": "small"}).wait_phase("Complete")
    full = world.create(from_media(world.media, size_bytes=MIB), name="full", owner={"org": "small"})
    full.wait_phase("Pending", reason="QuotaExceeded")
    slow = world.create(from_media(world.media, size_bytes=64 * MIB, rate="200KB"), name="slow")
    slow.wait_upload()
    queued = world.create(inline("{}"), name="queued")
    orphan = f"acme/{'0' * 8}-0000-4000-8000-{'0' * 12}/video.mp4"
    world.s3.client().put_object(Bucket=world.bucket, Key=orphan, Body=b"x" * 500)
    world.foreign_keys.add(orphan)
    turn_back(world.s3, bucket=world.bucket, key=orphan, to=datetime.now(UTC) - timedelta(minutes=1))
    spending = report(world.location, budget={"amount": "0.0001", "currency": "USD"})
    spent = report(
        world.location,
        scope={"orgs": ["frugal"], "storageLocations": [world.location]},
        prices={"downloadPerGB": "1"},
        playback={"ratio": "1000", "base": "Uploaded"},
        budget={"amount": "0.01", "action": "HoldUploads"},
    )
    # The quota had the location counted at the start, and a new report is computed from that count.
    for one in (spending, spent):
        one.wait_refreshed()
        one.edit(refreshToken="now")
        one.wait_refreshed("now")
    held = world.create(inline("{}"), name="held", owner={"org": "frugal"})
    held.wait_phase("Pending", reason="BudgetExceeded")

    exported = set(FAMILIES.findall(operator.metrics())) - FED_ELSEWHERE
    assert len(exported) > 20
    with suppress(AssertionError):
        eventually(lambda: not unfed(exported, scrape(operator)), within_s=20)
    assert unfed(exported, scrape(operator)) == set()
    last = scrape(operator)
    queries = [*prometheus.dashboard_queries(), *prometheus.runbook_queries()]
    queries = [query for query in queries if not any(name in str(query) for name in FED_ELSEWHERE)]

    assert len(queries) > 25
    assert prometheus.unanswered(promtool, queries, before=first, after=last, folder=tmp_path) == []
    assert value(last, BYTES, direction="stored") >= 12 * MIB
    assert value(last, BYTES, direction="read") >= value(last, BYTES, direction="stored") - MIB
    for recording in (slow, full):
        recording.edit(cancel=True)
        recording.wait_phase("Failed", reason="Cancelled")
    spent.edit(budget={"action": "Warn"})
    for recording in (queued, held):
        recording.wait_phase("Complete")


def test_a_resumed_upload_counts_no_byte_twice(own_world: World) -> None:
    world = own_world
    operator = world.start_operator()
    # Enough parts that many are left when the first ones are stored: connections end theirs at the same time.
    size = 96 * MIB
    recording = world.create(from_media(world.media, size_bytes=size, rate="4MB"))
    upload = recording.wait_upload()
    key = next(key for key, found in world.open_uploads() if found == upload)
    eventually(lambda: world.stored_parts(key, upload) > 0, what="a stored part")
    world.kill(operator)
    kept = world.stored_parts(key, upload)

    again = world.start_operator()
    recording.wait_phase("Complete", within_s=60)

    counted = scrape(again)
    assert value(counted, BYTES, direction="stored") == size - kept
    assert size - kept <= value(counted, BYTES, direction="read") <= size - kept + MIB


def test_a_resumed_attempt_counts_no_byte_twice(own_world: World) -> None:
    world = own_world
    world.secrets.add(URL_CANARY)
    world.location = world.make_location(spec={"retry": {"delays": ["1s", "1s", "1s"]}})
    body = pattern(24 * MIB)
    with LyingSource(Content(body=body)) as source:
        source.behave = lambda request: Behaviour(status=503, body=b"") if 4 <= request.number <= 12 else Behaviour()
        operator = world.start_operator()
        recording = world.create(from_source(source))
        recording.wait_phase("Complete", within_s=60)
    assert world.control is not None
    world.control.wait_phase("Complete")

    assert value(scrape(operator), BYTES, direction="stored") == len(body) + len("{}")


def test_no_series_moves_when_nothing_happens(own_world: World) -> None:
    world = own_world
    operator = world.start_operator()
    world.create(from_media(world.media)).wait_phase("Complete")
    assert world.control is not None
    world.control.wait_phase("Complete")
    world.wait_events("meeting", "Uploading", "Stored")
    # Recordings of other tests may still be on their way; a series that moves by itself never rests.
    seen: list[Scrape] = []

    def rests() -> bool:
        seen.append(moved_within_three_requests(operator))
        return not seen[-1]

    with suppress(AssertionError):
        eventually(rests, within_s=60)

    assert seen[-1] == {}


def moved_within_three_requests(operator: OperatorProcess) -> Scrape:
    """The series that change while the operator renews its Lease three times."""
    before, renewed = quiet(scrape(operator)), renewals(operator)
    eventually(lambda: renewals(operator) >= renewed + 3, what="three renewals of the Lease")
    return {series: number for series, number in quiet(scrape(operator)).items() if before.get(series) != number}


def renewals(operator: OperatorProcess) -> float:
    """How often the Lease was renewed: the only PUT. Other requests come often while Recordings are processed."""
    return value(scrape(operator), REQUESTS, verb="PUT")


def unfed(exported: set[str], found: Scrape) -> set[str]:
    """Metrics without a sample, or with only zeros if the code initializes the samples."""
    fed = {name for (name, _), number in found.items() if number or name.startswith("recording_operator_report_")}
    return {name for name in exported if not any(one == name or one.startswith(f"{name}_") for one in fed)}


def quiet(found: Scrape) -> Scrape:
    """Without the series that move by themselves."""
    return {series: number for series, number in found.items() if not series[0].startswith(MOVES_BY_ITSELF)}


def no_events(world: World) -> None:
    """From now on the API server accepts no Event about the Recording `silent`."""
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "no-events"}}
    events = {
        "apiGroups": ["events.k8s.io"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["events"],
        "scope": "Namespaced",
    }
    deny = {"expression": "object.regarding.name != 'silent'"}
    policy = {"matchConstraints": {"resourceRules": [events]}, "validations": [deny]}
    binding = {"policyName": "no-events", "validationActions": ["Deny"]}
    world.cluster.kubectl.apply(
        {**kind, "kind": "ValidatingAdmissionPolicy", "spec": policy},
        {**kind, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    )
    eventually(lambda: is_denied(world), what="the policy in force")


def is_denied(world: World) -> bool:
    """Whether the API server would deny an Event about `silent`."""
    probe = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "probe", "namespace": world.namespace},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "example.com/test",
        "reportingInstance": "test",
        "action": "Test",
        "reason": "Test",
        "type": "Normal",
        "regarding": {"kind": "Recording", "namespace": world.namespace, "name": "silent"},
    }
    path = f"/apis/events.k8s.io/v1/namespaces/{world.namespace}/events?dryRun=All"
    try:
        world.admin.request("POST", path, body=probe)
    except KubeError as error:
        return "no-events" in str(error)
    return False
