"""The API server of the simulation: versions, generations, finalizers, guarded patches, and watches."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recording_operator.api.recording import Recording, RecordingStatus
from recording_operator.engine.facts import RecordingRef
from recording_operator.kube.errors import Conflict, NotFound
from tests.engine.builders import uid_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One accepted write. `after` is None when the object is gone; `before` when it is new."""

    before: Recording | None
    after: Recording | None

    @property
    def recording(self) -> Recording:
        """The object, as it was at last if it is gone."""
        one = self.after or self.before
        assert one is not None
        return one


class ApiServer:
    """Recordings by uid. Every change has a new resourceVersion, and `listeners` are called at once."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._version = 100
        self._numbers = 0
        self.recordings: dict[str, Recording] = {}
        self._uids: dict[tuple[str, str], str] = {}
        self._statuses: dict[str, dict[str, Any]] = {}
        self.listeners: list[Callable[[Change], None]] = []

    # What people do

    def create(self, recording: Recording) -> Recording:
        """Store a new object under the given name. It gets a new uid."""
        meta = recording.metadata
        assert (meta.namespace, meta.name) not in self._uids
        self._numbers += 1
        uid = uid_of(self._numbers)
        created = {"uid": uid, "generation": 1, "creation_timestamp": self._clock()}
        stored = recording.model_copy(update={"metadata": meta.model_copy(update=created)})
        self._uids[meta.namespace, meta.name] = uid
        self._statuses[uid] = {}
        return self._store(None, stored)

    def edit(self, uid: str, **spec: object) -> None:
        """Change fields of the spec; a new generation if that changes anything."""
        old = self.recordings[uid]
        changed = old.spec.model_copy(update=spec)
        if changed != old.spec:
            meta = old.metadata.model_copy(update={"generation": old.metadata.generation + 1})
            self._store(old, old.model_copy(update={"spec": changed, "metadata": meta}))

    def label(self, uid: str, labels: dict[str, str]) -> None:
        """Replace the labels: a new version, the same generation."""
        old = self.recordings[uid]
        self._store(old, old.model_copy(update={"metadata": old.metadata.model_copy(update={"labels": labels})}))

    def annotate(self, uid: str) -> None:
        """A change of no consequence: a new version, the same generation."""
        old = self.recordings[uid]
        self._store(old, old)

    def strip_finalizers(self, uid: str) -> None:
        """What an impatient person does."""
        old = self.recordings[uid]
        self._set_finalizers(old, ())

    def delete(self, uid: str) -> None:
        """Delete: at once, or when the last finalizer goes."""
        old = self.recordings[uid]
        if not old.metadata.finalizers:
            self._remove(old)
        elif old.metadata.deletion_timestamp is None:
            ending = {"deletion_timestamp": self._clock(), "generation": old.metadata.generation + 1}
            self._store(old, old.model_copy(update={"metadata": old.metadata.model_copy(update=ending)}))

    def lose(self, uid: str) -> Recording:
        """The object is gone with its etcd, whatever finalizers it has."""
        lost = self.recordings[uid]
        self._remove(lost)
        return lost

    # What the operator asks

    def get(self, ref: RecordingRef) -> Recording:
        """The object of this name, with any uid. Raises NotFound."""
        uid = self._uids.get((ref.namespace, ref.name))
        if uid is None:
            raise NotFound("no such object", status=404)
        return self.recordings[uid]

    def patch_status(self, ref: RecordingRef, *, version: str, patch: dict[str, Any]) -> Recording:
        """A merge patch of the status. Raises Conflict and NotFound."""
        old = self._guarded(ref, version)
        uid = old.metadata.uid
        status = merge(self._statuses[uid], patch)
        if status == self._statuses[uid]:
            return old
        self._statuses[uid] = status
        return self._store(old, old.model_copy(update={"status": RecordingStatus.model_validate(status)}))

    def patch_finalizers(self, ref: RecordingRef, *, version: str, finalizers: tuple[str, ...]) -> Recording:
        """Replace the finalizers; the object may go with the last one. Raises Conflict and NotFound."""
        old = self._guarded(ref, version)
        if old.metadata.deletion_timestamp is not None and set(finalizers) - set(old.metadata.finalizers):
            raise Conflict(
                "the object has changed", status=409
            )  # the API server forbids new finalizers on what is being deleted
        return self._set_finalizers(old, finalizers)

    def delete_exactly(self, ref: RecordingRef, *, version: str) -> None:
        """Delete this object at this version. Raises Conflict and NotFound."""
        old = self._guarded(ref, version)
        if old.metadata.uid != ref.uid:
            raise Conflict("the object has changed", status=409)
        self.delete(ref.uid)

    def version_of(self, uid: str) -> str:
        """The resourceVersion of an object; empty when it is gone."""
        found = self.recordings.get(uid)
        return found.metadata.resource_version if found else ""

    def raw_status(self, uid: str) -> dict[str, Any]:
        """The status as stored."""
        return self._statuses[uid]

    def _guarded(self, ref: RecordingRef, version: str) -> Recording:
        recording = self.get(ref)
        if recording.metadata.resource_version != version:
            raise Conflict("the object has changed", status=409)
        return recording

    def _set_finalizers(self, old: Recording, finalizers: tuple[str, ...]) -> Recording:
        if old.metadata.finalizers == finalizers:
            return old
        new = old.model_copy(update={"metadata": old.metadata.model_copy(update={"finalizers": finalizers})})
        if not finalizers and old.metadata.deletion_timestamp is not None:
            self._remove(new)
            return new
        return self._store(old, new)

    def _store(self, old: Recording | None, new: Recording) -> Recording:
        self._version += 1
        meta = new.metadata.model_copy(update={"resource_version": str(self._version)})
        stored = new.model_copy(update={"metadata": meta})
        self.recordings[meta.uid] = stored
        self._tell(Change(before=old, after=stored))
        return stored

    def _remove(self, old: Recording) -> None:
        self._version += 1
        meta = old.metadata
        del self.recordings[meta.uid], self._uids[meta.namespace, meta.name], self._statuses[meta.uid]
        self._tell(Change(before=old, after=None))

    def _tell(self, change: Change) -> None:
        for listener in list(self.listeners):
            listener(change)


def merge(stored: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(stored) if isinstance(stored, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged
