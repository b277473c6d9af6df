"""Each action is executed by its row of the table, and the engine always receives a result."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, get_args

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.controller.executors.order import TransferOrder
from recording_operator.controller.recordings.announcements import Announcements
from recording_operator.controller.recordings.dispatch import RETRY_DELAY_S, Dispatcher, PoolHandler
from recording_operator.controller.recordings.fairpool import FairPool
from recording_operator.controller.recordings.handlers import action_handlers
from recording_operator.controller.recordings.manifests import ManifestWriter
from recording_operator.controller.recordings.removal import Removal
from recording_operator.controller.recordings.requests import RecordingRequests
from recording_operator.controller.sources import SourceResolver
from recording_operator.engine.actions import (
    AbortUpload,
    Action,
    ArtifactToClean,
    CleanUp,
    ConfirmLeadership,
    DeleteRecording,
    EmitEvent,
    ProbeLocation,
    ReadNamespace,
    ReadRecording,
    ReportNotification,
    ResolveSource,
    SendNotification,
    StartTransfer,
    StopTransfer,
    UploadPersisted,
    WriteFinalizers,
    WriteManifest,
    WriteStatus,
)
from recording_operator.engine.facts import (
    AbortEnded,
    CleanupEnded,
    DeleteAccepted,
    Fact,
    LeadershipConfirmed,
    ManifestFailed,
    NamespaceSeen,
    RecordingRead,
    RecordingRef,
    RecordingSeen,
    SourceResolved,
    WriteAccepted,
    WriteRejected,
)
from recording_operator.errors import LocationError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import ApiUnavailable, Conflict, Forbidden, NotFound, TooManyRequests
from recording_operator.metrics import Metrics
from recording_operator.stores.location_store import LocationStore
from tests.controller.providers import NoProviders
from tests.engine.builders import a_location, a_recording, an_artifact, uid_of
from tests.support.inline_pool import InlinePool

UID = uid_of(1)
REF = RecordingRef(namespace="team-a", name="rec-1", uid=UID)
RECORDING = a_recording(an_artifact())
STORED = RECORDING.model_dump(mode="json", by_alias=True, exclude_none=True)
LOCATION = a_location("archive")
AWAY = ApiUnavailable("no answer")
WRITE = WriteStatus(ref=REF, resource_version="7", status={"phase": "Pending"}, previous={"progress": "1%"})
MANIFEST = WriteManifest(
    ref=REF, location=LOCATION, org="acme", key="k", uri="s3://b/k", data=b"{}", revision="r", is_first=True
)
CHANGES: list[tuple[Action, Fact]] = [
    (WRITE, WriteRejected(uid=UID, detail="not sent")),
    (WriteFinalizers(ref=REF, resource_version="7", finalizers=()), WriteRejected(uid=UID, detail="not sent")),
    (DeleteRecording(ref=REF, resource_version="7"), WriteRejected(uid=UID, detail="not sent")),
    (
        AbortUpload(uid=UID, artifact="video", location=LOCATION, key="k", upload_id="u"),
        AbortEnded(uid=UID, artifact="video", ok=False),
    ),
    (CleanUp(ref=REF, location=LOCATION, artifacts=()), CleanupEnded(uid=UID, ok=False)),
    (MANIFEST, ManifestFailed(uid=UID)),
]


@dataclass
class Everything:
    """The dependencies of the handlers: a scripted API server, no store, and an executor that records its jobs."""

    answer: dict[str, Any] | Exception = field(default_factory=dict)
    requests: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    leads: bool = True
    confirmed: bool = True
    facts: list[Fact] = field(default_factory=list)
    later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    calls: list[object] = field(default_factory=list)
    metrics: Metrics = field(default_factory=lambda: Metrics(version="test"))

    # The API server, the Lease, the Events, the executor and the stores, one small face each

    def request(self, method: str, path: str, *, body: Mapping[str, Any] | None = None, **_: Any) -> dict[str, Any]:
        self.requests.append((method, path, body or {}))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def held(self) -> bool:
        return self.leads

    def confirm(self) -> bool:
        self.request("GET", "/lease")
        return self.confirmed

    def emit(self, regarding: Mapping[str, Any], **what: Any) -> None:
        self.calls.append((regarding["metadata"]["name"], what["reason"], what["event_type"]))

    def start(self, order: TransferOrder) -> None:
        self.calls.append(order)

    def stop(self, uid: str, artifact: str) -> None:
        self.calls.append(("stop", uid, artifact))

    def admitted(self, uid: str, artifact: str) -> None:
        self.calls.append(("admitted", uid, artifact))

    def rejected(self, uid: str, artifact: str, *, message: str, is_final: bool) -> None:
        self.calls.append(("rejected", uid, artifact, message, is_final))

    def persisted(self, uid: str, artifact: str) -> None:
        self.calls.append(("persisted", uid, artifact))

    def send(self, action: SendNotification) -> None:
        self.calls.append(action)

    def report(self, action: ReportNotification) -> None:
        self.calls.append(action)

    def store_named(self, location: str, *, uid: str) -> LocationStore:  # noqa: ARG002 - as StoreSource
        raise LocationError(Reason.LOCATION_NOT_READY, f"{location} has not been checked yet")

    # The dispatcher

    def handlers(self) -> Mapping[type[Action], Any]:
        kube = KubeApi(self)
        return action_handlers(
            requests=RecordingRequests(kube, lease=self, observer=self.metrics, on_deposed=self.calls.append),
            removal=Removal(self),
            manifests=ManifestWriter(self),
            announcements=Announcements(events=self, metrics=self.metrics),
            executor=self,
            resolver=SourceResolver(kube, providers=NoProviders(), register_secret=lambda _: None),
            announcer=self,
            probe=partial(self.calls.append),
        )

    def hear(self, fact: Fact) -> None:
        self.facts.append(fact)

    def dispatch(self, action: Action) -> list[Fact]:
        """Carry the action out. Returns the facts for the engine."""
        dispatcher = Dispatcher(
            self.handlers(),
            post=self.hear,
            pool=FairPool(InlinePool()),
            others_pool=FairPool(InlinePool()),
            may_change=self.held,
            later=lambda delay_s, call: self.later.append((delay_s, call)),
        )
        dispatcher(action)
        facts, self.facts = self.facts, []
        return facts


def test_each_action_has_a_row() -> None:
    assert set(Everything().handlers()) == set(get_args(Action))


@pytest.mark.parametrize(("action", "fact"), CHANGES, ids=lambda one: type(one).__name__)
def test_without_the_lease_nothing_is_changed_and_the_engine_gets_a_fact(action: Action, fact: Fact) -> None:
    world = Everything(leads=False)
    assert world.dispatch(action) == [fact]
    assert world.requests == []


def test_these_are_all_actions_that_change_something() -> None:
    changing = {
        action
        for action, handler in Everything().handlers().items()
        if isinstance(handler, PoolHandler) and handler.changes
    }
    assert changing == {type(action) for action, _ in CHANGES}


def test_a_namespace_s_requests_take_their_turn_together() -> None:
    handlers = Everything().handlers()
    actions: list[Action] = [
        WRITE,
        WriteFinalizers(ref=REF, resource_version="1", finalizers=()),
        ReadRecording(ref=REF),
        DeleteRecording(ref=REF, resource_version="1"),
        ReadNamespace(namespace="team-a"),
        ResolveSource(recording=RECORDING, artifact="video"),
        CleanUp(ref=REF, location=LOCATION, artifacts=()),
        MANIFEST,
    ]
    assert {handlers[type(action)].tenant(action) for action in actions} == {"team-a"}


def test_a_status_is_written_as_a_patch_and_its_response_is_used() -> None:
    world = Everything(answer=STORED)
    assert world.dispatch(WRITE) == [WriteAccepted(uid=UID, recording=RECORDING)]
    [(method, path, body)] = world.requests
    assert (method, path) == ("PATCH", "/apis/recordings.dev/v1alpha1/namespaces/team-a/recordings/rec-1/status")
    assert body == {"metadata": {"resourceVersion": "7"}, "status": {"phase": "Pending", "progress": None}}
    assert b'status_writes_total{outcome="Success"} 1.0' in world.metrics.render()


@pytest.mark.parametrize(
    ("error", "rejection"),
    [
        (Conflict("changed", status=409), WriteRejected(uid=UID, conflict=True)),
        (NotFound("gone", status=404), WriteRejected(uid=UID, gone=True)),
        (
            TooManyRequests("slower", retry_after_s=3.0),
            WriteRejected(uid=UID, retry_after_s=3.0, detail="TooManyRequests"),
        ),
        (AWAY, WriteRejected(uid=UID, detail="ApiUnavailable")),
        (ValueError("unexpected"), WriteRejected(uid=UID, detail="ValueError")),
    ],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize(
    "action",
    [WRITE, ReadRecording(ref=REF), DeleteRecording(ref=REF, resource_version="7")],
    ids=lambda one: type(one).__name__,
)
def test_a_request_that_fails_is_a_rejection(action: Action, error: Exception, rejection: Fact) -> None:
    assert Everything(answer=error).dispatch(action) == [rejection]


@pytest.mark.parametrize("action", [ReadNamespace(namespace="team-a"), ConfirmLeadership(uid=UID)])
def test_a_request_without_response_is_repeated(action: Action) -> None:
    world = Everything(answer=AWAY)
    assert world.dispatch(action) == []
    [(delay_s, again)] = world.later
    assert delay_s == RETRY_DELAY_S

    world.answer = {"metadata": {"labels": {"tier": "gold"}}}
    again()
    assert world.facts == [
        NamespaceSeen(namespace="team-a", labels={"tier": "gold", "kubernetes.io/metadata.name": "team-a"})
        if isinstance(action, ReadNamespace)
        else LeadershipConfirmed(uid=UID)
    ]


def test_a_namespace_that_is_gone_has_no_labels() -> None:
    world = Everything(answer=NotFound("gone", status=404))
    assert world.dispatch(ReadNamespace(namespace="team-a")) == [NamespaceSeen(namespace="team-a", labels={})]


def test_a_former_leader_is_deposed_and_sends_the_engine_no_fact() -> None:
    world = Everything(confirmed=False)
    assert world.dispatch(ConfirmLeadership(uid=UID)) == []
    assert world.calls == ["another operator holds the Lease"]


def test_a_new_recording_of_the_same_name_is_not_taken_for_the_requested_one() -> None:
    world = Everything(answer=STORED)
    other = RecordingRef(namespace="team-a", name="rec-1", uid=uid_of(2))
    assert world.dispatch(ReadRecording(ref=REF)) == [RecordingRead(uid=UID, recording=RECORDING)]
    assert world.dispatch(ReadRecording(ref=other)) == [
        WriteRejected(uid=other.uid, gone=True),
        RecordingSeen(recording=RECORDING),
    ]


def test_a_deletion_names_uid_and_version() -> None:
    world = Everything()
    assert world.dispatch(DeleteRecording(ref=REF, resource_version="7")) == [DeleteAccepted(uid=UID)]
    assert world.requests[0][2]["preconditions"] == {"uid": UID, "resourceVersion": "7"}


def test_the_reason_of_a_failed_clean_up_is_reported() -> None:
    artifact = ArtifactToClean(name="video", key="k", upload_id=None, version_id=None, delete_object=True)
    [fact] = Everything().dispatch(CleanUp(ref=REF, location=LOCATION, artifacts=(artifact,)))
    assert fact == CleanupEnded(
        uid=UID, ok=False, reason=Reason.LOCATION_NOT_READY, detail="archive has not been checked yet"
    )


def test_the_reason_of_a_manifest_that_could_not_be_written_is_reported() -> None:
    [fact] = Everything().dispatch(MANIFEST)
    message = "archive has not been checked yet"
    assert fact == ManifestFailed(uid=UID, reason=Reason.LOCATION_NOT_READY, message=message)


def test_a_source_is_resolved_or_the_reason_is_reported() -> None:
    action = ResolveSource(recording=a_recording(an_artifact(secret="source")), artifact="video")
    [fact] = Everything(answer=NotFound("gone", status=404)).dispatch(action)
    assert isinstance(fact, SourceResolved)
    assert fact.failure is not None
    assert fact.failure.reason is Reason.SECRET_NOT_FOUND


def test_signals_to_the_executor_are_passed_on() -> None:
    world = Everything()
    start = StartTransfer(
        recording=RECORDING,
        artifact="video",
        location=LOCATION,
        key="k",
        upload_id=None,
        part_size_bytes=None,
        source=None,
    )
    for action in (
        start,
        StopTransfer(uid=UID, artifact="video"),
        UploadPersisted(uid=UID, artifact="video"),
        ProbeLocation(name="archive"),
    ):
        assert world.dispatch(action) == []
    assert world.calls == [TransferOrder.of(start), ("stop", UID, "video"), ("persisted", UID, "video"), "archive"]


def test_an_event_names_its_object() -> None:
    world = Everything()
    world.dispatch(EmitEvent(ref=REF, reason=Reason.STORED, action="Store", note="It is stored.", warning=True))
    assert world.calls == [("rec-1", Reason.STORED, "Warning")]


def test_an_error_of_every_recording_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    world = Everything(answer=Forbidden("may not", status=403))
    dispatcher = Dispatcher(
        world.handlers(),
        post=world.facts.append,
        pool=FairPool(InlinePool()),
        others_pool=FairPool(InlinePool()),
        may_change=world.held,
        later=lambda *_: None,
    )
    for _ in range(20):
        dispatcher(WRITE)
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in warnings] == ["WriteStatus failed: may not"]
