"""Versions of Recordings that were finished and forgotten, to recognise late echoes of their earlier versions.

The watch shows our own writes after their responses. When a small Recording is Complete and forgotten, the event of its
claim may arrive later, and would look like a Recording that has to be transferred.
"""

from collections import OrderedDict
from typing import Final

from recording_operator.api.recording import Recording
from recording_operator.engine.versions import version_of

REMEMBERED: Final = 10_000
"""About 2 MB. If an echo arrives even later, the Recording is read again before anything is done."""

_NEVER_AGAIN: Final = 2**63


class EchoFilter:
    """The newest version of each of the last 10,000 Recordings that were forgotten."""

    def __init__(self) -> None:
        self._versions: OrderedDict[str, int] = OrderedDict()

    def note(self, recording: Recording) -> None:
        """The Recording is settled in this version."""
        self._put(recording.metadata.uid, version_of(recording))

    def note_gone(self, uid: str) -> None:
        """The Recording was deleted: its uid is never used again."""
        self._put(uid, _NEVER_AGAIN)

    def is_echo(self, recording: Recording) -> bool:
        """Whether a newer version was handled already."""
        return version_of(recording) < self._versions.get(recording.metadata.uid, 0)

    def _put(self, uid: str, version: int) -> None:
        self._versions[uid] = max(version, self._versions.pop(uid, 0))
        if len(self._versions) > REMEMBERED:
            self._versions.popitem(last=False)
