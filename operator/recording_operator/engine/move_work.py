"""The engine's state of a move of one Recording.

The status of the Recording says what is moved, and whence. This state holds what the status does not say yet: how far
the work with each copy is.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from recording_operator.api.recording import ArtifactStatus, MoveStatus
from recording_operator.engine.artifact_work import ArtifactWork
from recording_operator.engine.backoff import Backoff


@dataclass(slots=True)
class MoveWork:
    """`shown` is the move in the newest status that the API server has returned; None if there is none."""

    shown: MoveStatus | None = None
    copies: dict[str, ArtifactWork] = field(default_factory=dict)
    """By the name of the artifact."""
    may_begin: bool = False
    """The location that is copied to takes the objects."""
    is_lost: bool = False
    """The location that is copied to was created again with another bucket."""
    in_flight: bool = False
    """The manifest, or the removal of the objects, at the other location was requested."""
    has_manifest: bool = False
    """The manifest of a rebuilt Recording is beside the copies."""
    removed: bool = False
    """The removal has succeeded, or there is nothing to remove."""
    problem: str | None = None
    """Why the last request did not succeed."""
    kept: str | None = None
    """Why the objects at the other location stay for good, after the move has ended."""
    backoff: Backoff = field(default_factory=Backoff)

    @property
    def to(self) -> str | None:
        """The location that the objects are being copied to."""
        return None if self.shown is None else self.shown.to

    @property
    def origin(self) -> str | None:
        """The location where objects are being removed."""
        return None if self.shown is None else self.shown.from_

    @property
    def has_slot(self) -> bool:
        """Whether a copy holds a slot."""
        return any(copy.has_slot for copy in self.copies.values())

    def follow(self, shown: MoveStatus | None, *, known: Collection[str], by_another: bool = False) -> None:
        """Take the move of a newer status. Copies that are known keep their state, unless another operator wrote it.

        `known` are the names of the artifacts: a user may have written others into the status.
        """
        same = shown is not None and self.shown is not None and _is_same(shown, self.shown)
        if self.has_slot:
            self.shown = shown if same else self.shown
            return  # they end first
        if not same:
            self.has_manifest, self.removed, self.problem, self.kept = False, False, None, None
            self.backoff = Backoff()
            copies = shown.artifacts if shown is not None and shown.to is not None else ()
            self.copies = {status.name: ArtifactWork(status) for status in copies if status.name in known}
        elif by_another and shown is not None:
            for status in shown.artifacts:
                if status.name in self.copies:
                    self.copies[status.name].take(status)
        self.shown = shown

    def begin_copies(self, names: list[str]) -> None:
        """Make the copies of these artifacts known."""
        for name in names:
            self.copies.setdefault(name, ArtifactWork(ArtifactStatus(name=name)))


def _is_same(new: MoveStatus, old: MoveStatus) -> bool:
    """Whether it is the same move. Its bucket is not named before the first copy starts."""
    return (new.to, new.from_) == (old.to, old.from_) and old.bucket in (None, new.bucket)
