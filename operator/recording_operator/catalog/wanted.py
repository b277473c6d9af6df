"""What a page of the catalog is to contain."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Sort(StrEnum):
    """What entries are sorted by."""

    CREATED = "created"
    SIZE = "size"
    DOWNLOADS = "downloads"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleNamespaces:
    """Which rows a caller may see.

    A namespace may have been deleted and created again by others, so of each one only what is not older than itself.
    """

    everything: bool = False
    since: Mapping[str, datetime]
    """By namespace: when it was created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """What is searched for. `text` has words of title, name, organisation or user: all of them are in each entry that
    is found, and the last may be the beginning of one, unless a space follows.
    """

    namespace: str | None = None
    org: str | None = None
    user: str | None = None
    project: str | None = None
    phase: str | None = None
    location: str | None = None
    text: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
