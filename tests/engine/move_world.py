"""A Recording that is moved between three locations, by operators that may be killed at any moment.

The world executes the actions of the engine: it has the objects of all locations, open uploads, and the API server's
version of the Recording. After every step the objects that the status names must exist.
"""

from collections import deque
from datetime import timedelta

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Claim, Identity, Phase, Recording, RecordingStatus, SourceFacts
from recording_operator.api.storagelocation_moves import MovedFrom
from recording_operator.engine.actions import (
    Action,
    CleanUp,
    ConfirmLeadership,
    ReadRecording,
    StartTransfer,
    StopTransfer,
    UploadPersisted,
    WriteManifest,
    WriteStatus,
)
from recording_operator.engine.engine import Engine
from recording_operator.engine.facts import (
    BudgetHoldsChanged,
    CleanupEnded,
    Fact,
    LeadershipConfirmed,
    LocationSeen,
    LocationsListed,
    ManifestWritten,
    RecordingRead,
    RecordingSeen,
    TransferEnded,
    TransferFailed,
    TransferStopped,
    TransferSucceeded,
    UploadCreated,
    WriteAccepted,
    WriteRejected,
)
from recording_operator.engine.notification_facts import SinksChanged
from tests.engine.builders import START, a_location, a_recording, an_artifact, an_artifact_status, engine_options
from tests.engine.driver import applied, newer

PLACES = ("archive", "b", "c")
NAMES = ("video", "audio")


class MoveWorld:
    """`old` says what the locations do with objects that were moved away."""

    def __init__(self, *, old: MovedFrom = MovedFrom.DELETE, manifest: bool = True, rebuilt: bool = False) -> None:
        self.now = START
        self.rebuilt = rebuilt
        self.locations = {name: a_location(name, manifest=manifest, moved=old) for name in PLACES}
        self.objects: dict[tuple[str, str], str] = {}
        self.manifests: set[str] = set()
        self.uploads: dict[tuple[str, str], str] = {}
        self.running: dict[str, StartTransfer] = {}
        self.waiting: set[str] = set()
        self.actions: deque[Action] = deque()
        self.seen: list[Action] = []
        self.transitions = 5
        self.recording = self._complete()
        self.start()

    def _complete(self) -> Recording:
        location = self.locations["archive"]
        states = []
        for name in NAMES:
            key = self.key(name)
            self.objects["archive", key] = f"v-{name}"
            states.append(
                an_artifact_status(
                    name,
                    phase=Phase.COMPLETE,
                    reason=Reason.STORED,
                    key=key,
                    uri=f"s3://{location.store.bucket}/{key}",
                    versionId=f"v-{name}",
                    bytesTotal=10,
                    bytesDone=10,
                    checksum="crc64nvme:0000000000000001",
                )
            )
        status = RecordingStatus(
            phase=Phase.COMPLETE,
            observed_generation=1,
            started_at=START,
            completed_at=START,
            settled=False,
            storage_location="archive",
            bucket=location.store.bucket,
            artifacts=tuple(states),
        )
        recording = a_recording(*(an_artifact(name) for name in NAMES), status=status)
        if not self.rebuilt:
            return recording
        self.manifests.add("archive")
        identity = Identity(uid=recording.metadata.uid, created_at=START)
        return recording.model_copy(update={"spec": recording.spec.model_copy(update={"identity": identity})})

    @staticmethod
    def key(name: str) -> str:
        """Keys are the same at all locations."""
        return f"p/meeting-recordings/acme/-/{a_recording().metadata.uid}/{name}.mp4"

    # The operator

    def start(self) -> None:
        """A new operator process. What an earlier one was doing is lost, but for what the stores and the API have."""
        self.running, self.waiting, self.actions = {}, set(), deque()
        self.transitions += 1
        claim = Claim(holder=f"op-{self.transitions}", transitions=self.transitions)
        self.engine = Engine(claim=claim, options=engine_options())
        self.tell(LocationsListed(), BudgetHoldsChanged(holds=()), SinksChanged(sinks=()))
        self.tell(*(LocationSeen(location=location, ready=True) for location in self.locations.values()))
        self.tell(RecordingSeen(recording=self.recording))

    def tell(self, *facts: Fact) -> None:
        """Facts; what follows from them is done later."""
        for fact in facts:
            new = self.engine.observe(fact, self.now)
            self.actions += new
            self.seen += new

    def wait(self, seconds: float = 60) -> bool:
        """Time passes; always True."""
        self.now += timedelta(seconds=seconds)
        new = self.engine.tick(self.now)
        self.actions += new
        self.seen += new
        return True

    # People

    def edit(self, wanted: str | None) -> None:
        """Somebody changes the location in the spec. The API server permits that only while it is Complete."""
        if self.rebuilt and wanted is None:
            return  # an identity needs a location
        if wanted != self.recording.spec.storage_location and self.recording.status.phase is Phase.COMPLETE:
            self.recording = newer(self.recording, storage_location=wanted)
            self.tell(RecordingSeen(recording=self.recording))

    # Execution

    def step(self) -> bool:
        """Execute the next action. False if there is none."""
        if not self.actions:
            return False
        action = self.actions.popleft()
        if isinstance(action, WriteManifest | CleanUp):
            self._confirm(action)
        self._do(action)
        self.check()
        return True

    def run(self) -> None:
        """Until nothing is left to do; transfers succeed."""
        for _ in range(200):
            while self.step() or self.end_one():
                pass
            if self.engine.next_due() is None and not self.actions:
                return
            self.wait()
        raise AssertionError("it does not come to rest")

    def drop(self, kind: type[Action]) -> None:
        """Actions that are never executed."""
        self.actions = deque(action for action in self.actions if not isinstance(action, kind))

    def end_one(self, *, ok: bool = True) -> bool:
        """A running copy ends. False if none runs."""
        for name, action in list(self.running.items()):
            if name in self.waiting:
                continue  # it waits until the status names its upload
            del self.running[name]
            self._end(action, ok=ok)
            self.check()
            return True
        return False

    def _end(self, action: StartTransfer, *, ok: bool) -> None:
        place, uid = action.location.metadata.name, self.recording.metadata.uid
        if not ok:
            failed = TransferFailed(reason=Reason.SOURCE_UNAVAILABLE, message="It broke.")
            self.tell(TransferEnded(uid=uid, artifact=action.artifact, outcome=failed))
            return
        assert action.copy is not None
        source = (action.copy.location.metadata.name, action.copy.key)
        assert self.objects.get(source) == action.copy.version_id, "the source of a copy is not there"
        self.uploads.pop((place, action.key), None)
        version = self.objects.setdefault((place, action.key), f"v-{place}-{len(self.seen)}")
        outcome = TransferSucceeded(
            size_bytes=10,
            etag=f"e-{version}",
            version_id=version,
            checksum="crc64nvme:0000000000000001",
            content_type="video/mp4",
            uri=f"s3://{action.location.store.bucket}/{action.key}",
            integrity=Reason.FULL_OBJECT_CRC64NVME,
        )
        self.tell(TransferEnded(uid=uid, artifact=action.artifact, outcome=outcome))

    def _confirm(self, action: WriteManifest | CleanUp) -> None:
        """Nothing is done for a rebuilt Recording unless a manifest confirms it."""
        assert (action.former is not None) == self.rebuilt
        assert action.former is None or action.former.location in self.manifests, "not confirmed"

    def _do(self, action: Action) -> None:
        uid = self.recording.metadata.uid
        match action:
            case WriteStatus():
                if action.resource_version != self.recording.metadata.resource_version:
                    self.tell(WriteRejected(uid=uid, conflict=True))
                    return
                self._check_rule(action)
                self.recording = applied(action, self.recording)
                self.tell(WriteAccepted(uid=uid, recording=self.recording))
            case ReadRecording():
                self.tell(RecordingRead(uid=uid, recording=self.recording))
            case ConfirmLeadership():
                self.tell(LeadershipConfirmed(uid=uid))
            case StartTransfer():
                move = self.recording.status.move
                assert move is not None, "the status names the place before anything is written there"
                assert (move.to, move.bucket) == (action.location.metadata.name, action.location.store.bucket)
                self.running[action.artifact] = action
                place = (action.location.metadata.name, action.key)
                if action.upload_id is None and place not in self.objects:
                    self.uploads[place] = f"u-{len(self.seen)}-{action.artifact}"
                    self.waiting.add(action.artifact)
                    created = UploadCreated(
                        uid=uid,
                        artifact=action.artifact,
                        upload_id=self.uploads[place],
                        part_size_bytes=8,
                        source=SourceFacts(size=10, etag='"e"'),
                    )
                    self.tell(created)
            case StopTransfer():
                self.waiting.discard(action.artifact)
                if self.running.pop(action.artifact, None) is not None:
                    self.tell(TransferEnded(uid=uid, artifact=action.artifact, outcome=TransferStopped()))
            case CleanUp():
                self._clean(action)
                self.tell(CleanupEnded(uid=uid, ok=True))
            case WriteManifest():
                self.manifests.add(action.location.metadata.name)
                self.tell(ManifestWritten(uid=uid, uri=action.uri, revision=action.revision))
            case UploadPersisted():
                self.waiting.discard(action.artifact)
            case _:
                pass

    def _clean(self, action: CleanUp) -> None:
        place = action.location.metadata.name
        for artifact in action.artifacts:
            self.uploads.pop((place, artifact.key), None)
            there = self.objects.get((place, artifact.key))
            if artifact.delete_object and artifact.version_id in (None, there):
                self.objects.pop((place, artifact.key), None)
        if action.manifest_key is not None:
            self.manifests.discard(place)

    def _check_rule(self, action: WriteStatus) -> None:
        """As the rule of the CRD: the location in the status changes only to the one in the spec."""
        at = action.status.get("storageLocation")
        assert at in (self.recording.status.storage_location, self.recording.spec.storage_location)

    # What must hold

    def check(self) -> None:
        """The objects that the status names exist."""
        status = self.recording.status
        assert status.phase is Phase.COMPLETE
        for state in filter(lambda one: one.is_stored, status.artifacts):
            there = self.objects.get((str(status.storage_location), str(state.key)))
            assert there == state.version_id, f"{state.name} is not at {status.storage_location}"

    def places(self) -> set[str]:
        """Where there are objects."""
        return {place for place, _ in self.objects}
