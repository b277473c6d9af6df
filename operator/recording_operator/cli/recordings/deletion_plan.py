"""What a deletion removes and what it leaves, in words."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from recording_operator.api.units import format_bytes
from recording_operator.cli.recordings.scope import Scope
from recording_operator.cli.screen.amounts import recordings

_MOST_NAMES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionPlan:
    """What is deleted. The bytes are those of stored artifacts, by location."""

    count: int
    removed: Mapping[str, int]
    kept: Mapping[str, int]
    unfinished: int
    moving: int

    def text(self, scope: Scope) -> str:
        """A sentence a line."""
        lines = [f"{recordings(self.count)} will be deleted: {scope.named(most=_MOST_NAMES)}.", f"  {scope.text()}"]
        lines += [
            f"  Their objects in {where} are DELETED: {format_bytes(count)}."
            for where, count in sorted(self.removed.items())
        ]
        lines += [
            f"  Their objects in {where} stay: {format_bytes(count)}." for where, count in sorted(self.kept.items())
        ]
        if not self.removed and not self.kept:
            lines.append("  No objects are stored.")
        if self.unfinished:
            lines.append(f"  {recordings(self.unfinished)} not stored completely: uploads are aborted.")
        if self.moving:
            lines.append(f"  {recordings(self.moving)} being moved: both places are cleaned up.")
        return "\n".join(lines)


def plan_deletion(found: Iterable[Mapping[str, Any]], *, policy: str | None) -> DeletionPlan:
    """`policy`: the deletionPolicy that all get first; None: each has its own."""
    removed: dict[str, int] = defaultdict(int)
    kept: dict[str, int] = defaultdict(int)
    count = unfinished = moving = 0
    for one in found:
        spec, status = one["spec"], one.get("status") or {}
        count += 1
        stored = [part for part in status.get("artifacts") or () if _is_stored(part)]
        where = str(status.get("storageLocation") or spec.get("storageLocation") or "an unknown location")
        objects = removed if (policy or spec.get("deletionPolicy")) == "Delete" else kept
        if stored:
            objects[where] += sum(part.get("bytesTotal") or part.get("bytesDone") or 0 for part in stored)
        unfinished += (status.get("phase") or "Pending") not in ("Complete", "Failed")
        moving += bool(status.get("move"))
    return DeletionPlan(count=count, removed=removed, kept=kept, unfinished=unfinished, moving=moving)


def _is_stored(artifact: Mapping[str, Any]) -> bool:
    return artifact.get("phase") == "Complete" and artifact.get("reason") != "Expired"
