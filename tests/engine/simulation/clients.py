"""Clients of the simulation, which send files to the store themselves: at once, slowly, too late, or something else."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Recording, SourceUpload
from recording_operator.api.source_upload import UploadFinish
from tests.engine.simulation.store import UnavailableError, UploadLostError

if TYPE_CHECKING:
    from tests.engine.simulation.world import World

PART_BYTES: Final = 1000
MOST_PARTS: Final = 5
_LASTS: Final = (timedelta(minutes=2), timedelta(hours=1))


class Habit(Enum):
    """What a client does with an open upload."""

    PROMPT = "sends everything, then says so"
    HASTY = "says so, then sends everything"
    LAZY = "sends half of it"
    WRONG = "sends another file"
    ABSENT = "does nothing"


@dataclass(slots=True)
class _File:
    parts: int
    habit: Habit
    served: set[str]
    """Uploads that the client has seen."""


class Clients:
    """One for each artifact with an upload."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._files: dict[tuple[str, str], _File] = {}

    def upload(self) -> SourceUpload:
        """The upload of a new artifact."""
        return SourceUpload(max_size=MOST_PARTS * PART_BYTES, expires_after=self._world.rng.choice(_LASTS))

    def noted(self, recording: Recording) -> None:
        """A Recording has changed: clients see an upload that waits for them, each once."""
        uploads = {one.name for one in recording.spec.artifacts if one.source is not None and one.source.upload}
        for status in recording.status.artifacts:
            if status.name in uploads and status.reason == Reason.WAITING_FOR_UPLOAD:
                self._see(recording.metadata.uid, status)

    def is_wrong(self, uid: str, artifact: str) -> bool:
        """Whether the client sends another file than the spec wants."""
        file = self._files.get((uid, artifact))
        return file is not None and file.habit is Habit.WRONG

    def needed_parts(self, size: int) -> int:
        """The parts of a file."""
        return -(-size // PART_BYTES)

    def _see(self, uid: str, status: ArtifactStatus) -> None:
        rng, upload_id = self._world.rng, status.upload_id
        file = self._files.get((uid, status.name))
        if file is None:
            habit = rng.choice((*Habit, Habit.PROMPT, Habit.PROMPT))
            file = self._files[uid, status.name] = _File(rng.randrange(1, MOST_PARTS + 1), habit, set())
        if upload_id is None or upload_id in file.served or file.habit is Habit.ABSENT:
            return
        file.served.add(upload_id)
        send = partial(self._send, uid, status.name, upload_id)
        finish = partial(self._finish, uid, status.name)
        steps = (finish, send) if file.habit is Habit.HASTY else (send, finish)
        for number, step in enumerate(steps, 1):
            self._world.schedule.after(number * rng.choice((0.5, 20.0, 100.0)), step)

    def _send(self, uid: str, artifact: str, upload_id: str) -> None:
        file, store = self._files[uid, artifact], self._world.store
        try:
            store.answer()
            if upload_id not in store.uploads:
                return
            store.parts[upload_id] = file.parts // 2 if file.habit is Habit.LAZY else file.parts
        except UnavailableError:
            self._world.schedule.after(5.0, partial(self._send, uid, artifact, upload_id))
        except UploadLostError:
            return

    def _finish(self, uid: str, artifact: str) -> None:
        recording = self._world.api.recordings.get(uid)
        if recording is None or recording.metadata.deletion_timestamp is not None:
            return
        size = self._files[uid, artifact].parts * PART_BYTES
        changed = tuple(_finished(one, size) if one.name == artifact else one for one in recording.spec.artifacts)
        if changed != recording.spec.artifacts:
            self._world.trace("client", f"{uid[:8]} {artifact} has {size} bytes")
            self._world.api.edit(uid, artifacts=changed)


def _finished(artifact: ArtifactSpec, size: int) -> ArtifactSpec:
    source = artifact.source
    if source is None or source.upload is None or source.upload.finish is not None:
        return artifact
    upload = source.upload.model_copy(update={"finish": UploadFinish(size=size)})
    return artifact.model_copy(update={"source": source.model_copy(update={"upload": upload})})
