"""The share of a user or project in the cost of an organisation, estimated from the Recordings that exist.

Usage samples have organisations, not users and projects. Storage and downloads are shared in proportion to the bytes of
the Recordings stored by then, uploads and requests in proportion to those stored in the period.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording_status import Phase
from recording_operator.api.storagereport import ReportScope
from recording_operator.api.storagereport_history import HistoryEntry, HistoryOrg
from recording_operator.cli.recordings.row import row_of
from recording_operator.costs.money import MICRO, ZERO, rounded
from recording_operator.times import parse_time

_MONTH_CHARS: Final = len("2026-11")
_LONGEST_MONTH: Final = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBytes:
    """The bytes of a Recording, and whether it is one of those in question."""

    day: date
    size_bytes: int
    is_meant: bool


def stored_bytes(
    items: Iterable[Mapping[str, Any]], *, org: str, user: str | None, project: str | None, scope: ReportScope
) -> list[StoredBytes]:
    """The Recordings of an organisation in the scope of a report that have stored something."""
    found = []
    for item in items:
        row, size_bytes = row_of(item), _stored_size(item)
        at = parse_time(row.completed)
        outside = (scope.namespaces and row.namespace not in scope.namespaces) or (
            scope.storage_locations and row.location not in scope.storage_locations
        )
        if row.org == org and at is not None and size_bytes and not outside:
            meant = user in (None, row.user) and project in (None, row.project)
            found.append(StoredBytes(day=at.date(), size_bytes=size_bytes, is_meant=meant))
    return found


def _stored_size(item: Mapping[str, Any]) -> int:
    """The bytes of the artifacts that are in the store: a Recording that failed may have stored some of them."""
    artifacts = (item.get("status") or {}).get("artifacts") or ()
    stored = (one for one in artifacts if one.get("phase") == Phase.COMPLETE and one.get("reason") != Reason.EXPIRED)
    return sum(one.get("bytesTotal") or one.get("bytesDone") or 0 for one in stored)


def shared(entries: Iterable[HistoryEntry], known: Iterable[StoredBytes]) -> list[HistoryEntry]:
    """The entries with the part of those in question."""
    recordings = list(known)
    return [_part_of(entry, recordings) for entry in entries]


def _part_of(entry: HistoryEntry, recordings: Iterable[StoredBytes]) -> HistoryEntry:
    first, last = _days(entry)
    stored = [one for one in recordings if one.day <= last]
    held, come = _share(stored), _share(one for one in stored if one.day >= first)
    return entry.model_copy(update={"orgs": tuple(_scaled(row, held=held, come=come) for row in entry.orgs)})


def _days(entry: HistoryEntry) -> tuple[date, date]:
    if len(entry.date) > _MONTH_CHARS:
        return date.fromisoformat(entry.date), date.fromisoformat(entry.date)
    first = date.fromisoformat(f"{entry.date}-01")
    return first, (first + _LONGEST_MONTH).replace(day=1) - timedelta(days=1)


def _share(recordings: Iterable[StoredBytes]) -> Decimal:
    total = meant = 0
    for one in recordings:
        total += one.size_bytes
        meant += one.size_bytes if one.is_meant else 0
    return Decimal(meant) / total if total else ZERO


def _scaled(row: HistoryOrg, *, held: Decimal, come: Decimal) -> HistoryOrg:
    return HistoryOrg(
        name=row.name,
        storage_gb=rounded(row.storage_gb * held, MICRO),
        upload_gb=rounded(row.upload_gb * come, MICRO),
        download_gb=rounded(row.download_gb * held, MICRO),
        api_requests=int(rounded(row.api_requests * come, Decimal(1))),
        storage_cost=rounded(row.storage_cost * held, MICRO),
        download_cost=rounded(row.download_cost * held, MICRO),
        request_cost=rounded(row.request_cost * come, MICRO),
    )
