"""The Recordings that `watch` shows, as they are now: rows, speeds, and what changes between two updates."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from recording_operator.cli.recordings.feed import Address, address_of
from recording_operator.cli.recordings.filters import RecordingFilter
from recording_operator.cli.recordings.row import ListedRecording, row_of
from recording_operator.cli.recordings.speed import Speedometer
from recording_operator.kube.following import ObjectUpdate, WatchInterruption
from recording_operator.kube.resources import ChangeType, ObjectChange, ObjectSnapshot

DELETED: Final = "Deleted"
NOT_SELECTED: Final = "no longer has the labels"
PHASE_ORDER: Final = ("Uploading", "Pending", "Failed", "Complete")
"""What is uploaded is shown first."""


@dataclass(slots=True, kw_only=True)
class WatchedRecording:
    """A Recording, and how fast it is uploaded."""

    row: ListedRecording
    speed: Speedometer = field(default_factory=Speedometer)


@dataclass(slots=True, kw_only=True)
class WatchedRecordings:
    """All of them. `clock` counts seconds, for speeds."""

    chosen: RecordingFilter
    names: frozenset[Address]
    """Only these. Empty: all."""
    clock: Callable[[], float]
    exists: Callable[[ListedRecording], bool]
    """Whether a Recording that is not reported any more exists. Used only with a selector."""
    is_listed: bool = False
    is_interrupted: bool = False
    _all: dict[Address, WatchedRecording] = field(default_factory=dict)

    def take(self, update: ObjectUpdate, *, namespace: str | None) -> list[ListedRecording]:
        """The rows that an update of the namespace (None: of all) has changed.

        A deleted one has the phase Deleted, and one that has lost its labels says so in place of the phase.
        """
        match update:
            case WatchInterruption():
                self.is_interrupted = True
                return []
            case ObjectSnapshot(items=items):
                self.is_interrupted, self.is_listed = False, True
                present = {address_of(one) for one in items}
                gone = [one for one in self._all if one not in present and namespace in {None, one[0]}]
                return [*self._seen_all(items, is_timely=False), *(self._removed(one) for one in gone)]
            case ObjectChange(type=ChangeType.DELETED, object=found):
                return [self._removed(address_of(found))] if address_of(found) in self._all else []
            case ObjectChange(object=found):
                return list(self._seen_all((found,), is_timely=True))

    def shown(self, *, now: datetime) -> list[WatchedRecording]:
        """Those that the filter admits: what is uploaded comes first, what is finished last."""
        admitted = [one for one in self._all.values() if self.chosen.admits(one.row, now=now)]
        return sorted(admitted, key=lambda one: (_place(one.row), one.row.namespace, one.row.name))

    def _seen_all(self, items: tuple[dict[str, Any], ...], *, is_timely: bool) -> Iterator[ListedRecording]:
        """`is_timely`: the objects were written just now. When those of a list were written is not known."""
        for item in items:
            address, row = address_of(item), row_of(item)
            if self.names and address not in self.names:
                continue
            known = self._all.get(address)
            if known is None:
                known = self._all[address] = WatchedRecording(row=row)
                yield row
            elif known.row != row:
                known.row = row
                yield row
            if row.phase == "Uploading" and is_timely:
                known.speed.add(row.bytes_done, now_s=self.clock())
            elif row.phase != "Uploading":
                known.speed = Speedometer()

    def _removed(self, address: Address) -> ListedRecording:
        row = self._all.pop(address).row
        has_left = self.chosen.selector is not None and self.exists(row)
        return replace(row, phase=NOT_SELECTED if has_left else DELETED, reason="", progress="")


def _place(row: ListedRecording) -> int:
    return PHASE_ORDER.index(row.phase) if row.phase in PHASE_ORDER else len(PHASE_ORDER)
