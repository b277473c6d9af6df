"""Orphans: objects whose key the template makes, and which neither a Recording nor a manifest knows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from recording_operator.api.names import MANIFEST_FILE, RESERVED_FOLDER
from recording_operator.usage.owners import RecordingIndex

MOST_KEYS: Final = 1000
"""Keys that are remembered of the orphans of one uid."""
_OWN_FOLDER: Final = f"/{RESERVED_FOLDER}/manifests/"


@dataclass(slots=True, kw_only=True)
class OrphanGroup:
    """Objects of one uid that follow each other in the listing."""

    uid: str
    objects: int = 0
    size_bytes: int = 0
    newest: datetime | None = None
    keys: list[str] = field(default_factory=list)
    """The first MOST_KEYS of them, if they are wanted."""


class OrphanFinder:
    """Takes the objects without a Recording in the order of the listing, and reports those without a manifest.

    A manifest is in the folder that its uid names, whose keys follow each other, or in the operator's own folder, which
    is listed before (`describe`). So only one group is in memory.
    """

    def __init__(self, found: Callable[[OrphanGroup], None] | None = None, *, keeps_keys: bool = False) -> None:
        """`found` is called with each group."""
        self.objects = 0
        self.size_bytes = 0
        self._found = found
        self._keeps_keys = keeps_keys
        self._described = RecordingIndex()
        self._group: OrphanGroup | None = None
        self._has_manifest = False

    def describe(self, uid: str) -> None:
        """There is a manifest of this uid in the operator's own folder."""
        self._described.add(uid, org="", namespace="")

    def add(self, uid: str, key: str, *, size_bytes: int, last_modified: datetime, counts: bool = True) -> None:
        """An object without a Recording. If it does not count, only a manifest is noted."""
        group = self._group
        if group is None or group.uid != uid:
            self.end()
            group = self._group = OrphanGroup(uid=uid)
        if key.endswith(f"/{MANIFEST_FILE}") or _OWN_FOLDER in f"/{key}":
            self._has_manifest = True
        if not counts:
            return
        group.objects += 1
        group.size_bytes += size_bytes
        group.newest = last_modified if group.newest is None else max(group.newest, last_modified)
        if self._keeps_keys and len(group.keys) < MOST_KEYS:
            group.keys.append(key)

    def end(self) -> None:
        """The listing is over, or goes on with another uid."""
        group, has_manifest = self._group, self._has_manifest
        self._group, self._has_manifest = None, False
        if group is None or not group.objects or has_manifest or self._described.owner(group.uid)[2]:
            return
        self.objects += group.objects
        self.size_bytes += group.size_bytes
        if self._found is not None:
            self._found(group)
