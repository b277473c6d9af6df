"""What a report says in words: how old its numbers are, what it leaves out, and what is estimated."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.storagereport import (
    DownloadSource,
    ReportTotals,
    StorageReport,
    StorageReportStatus,
)
from recording_operator.cli.reports.breakdowns import gb_bytes, recent_days
from recording_operator.costs.report import money
from recording_operator.costs.report_problems import unpriced_words
from recording_operator.costs.scope import some_of
from recording_operator.times import span

_BYTES: Final = (
    ("incomplete_upload_bytes", "are in uploads that are neither complete nor aborted. They are billed."),
    ("noncurrent_bytes", "are noncurrent versions of objects. They are billed."),
    ("orphaned_bytes", "belong to no Recording and no manifest."),
    ("foreign_bytes", "under the prefixes match no keyTemplate. They are in no number here."),
)


def freshness(report: StorageReport, *, now: datetime) -> str:
    """When the report was refreshed, and when it will be."""
    status, parts = report.status, []
    if status.last_refresh_time is not None:
        parts.append(f"refreshed {_ago(status.last_refresh_time, now)}")
    if report.spec.suspend:
        parts.append("suspended")
    elif status.next_refresh_time is not None:
        what, due = "next attempt" if status.failures else "next", status.next_refresh_time - now
        parts.append(f"{what} in {span(due.total_seconds())}" if due > timedelta(0) else f"{what} is due now")
    return ", ".join(parts)


def _ago(then: datetime, now: datetime) -> str:
    return f"{span((now - then).total_seconds())} ago"


def remarks(report: StorageReport) -> Iterator[str]:
    """What is missing, what is estimated, and what else there is to know."""
    status = report.status
    if status.unpriced:
        yield unpriced_words(status.unpriced)
    yield from _estimates(status)
    yield from _bytes(status)
    if status.by_storage_location and gb_bytes(status) is None:
        yield "The prices of the locations define a GB differently. In the tables, it is 1,000,000,000 bytes."
    yield from _comparison(status)
    about_others = tuple(f"At {name}, " for name in report.spec.compare)
    yield from (note for note in status.notes if not note.startswith(about_others))


def _estimates(status: StorageReportStatus) -> Iterator[str]:
    counted = [row for row in status.by_storage_location if row.profile]
    guessed = tuple(row.name for row in counted if row.downloads is DownloadSource.PLAYBACK)
    if guessed:
        where = "" if len(guessed) == len(counted) else f" in {some_of(guessed)}"
        yield f"Downloads{where} are estimated (spec.playback)."
    days = [one for one in recent_days(status).values() if one is not None]
    if estimated := sum(one.estimated for one in days):
        yield f"{estimated} of the last {len(days)} days had no count. Their numbers are derived from other days."


def _comparison(status: StorageReportStatus) -> Iterator[str]:
    currency = status.cost.currency if status.cost else ""
    for row in status.comparison:
        there = f"At {row.profile}, this month would cost {money(row.projected_month, currency)}"
        other = f"{money(abs(row.difference), currency)} {'less' if row.difference < 0 else 'more'}"
        yield ", ".join([there, other] if row.difference else [there]) + (f": {row.reason}." if row.reason else ".")


def _bytes(status: StorageReportStatus) -> Iterator[str]:
    totals = status.totals or ReportTotals()
    for field, words in _BYTES:
        if amount := getattr(totals, field):
            yield f"{amount:,} bytes {words}"
