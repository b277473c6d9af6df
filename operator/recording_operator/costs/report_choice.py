"""Which StorageReport says most about everything, or about an organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from recording_operator.api.storagereport import ReportScope, StorageReport
from recording_operator.costs.org_history import history_of


def scope_in(report: StorageReport) -> ReportScope:
    """The scope of the numbers."""
    return report.status.scope or report.spec.scope


def is_partial(report: StorageReport) -> bool:
    """Whether it includes only some namespaces or locations."""
    scope = scope_in(report)
    return bool(scope.namespaces or scope.storage_locations)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportChoice:
    """The reports that say something about it."""

    including: tuple[StorageReport, ...]
    usable: tuple[StorageReport, ...]
    """Those that have been refreshed."""
    best: tuple[StorageReport, ...]
    """The best first. Empty if none of several includes all of it: people have to choose."""


def choice_of(
    found: Sequence[StorageReport], org: str | None = None, *, begin: date | None = None, end: date | None = None
) -> ReportChoice:
    """Which of these reports say what an organisation costs, or what everything costs."""
    including = [one for one in found if org is None or not scope_in(one).orgs or org in scope_in(one).orgs]
    usable = [one for one in including if one.status.cost is not None]
    whole = [one for one in usable if not is_partial(one) and (org is not None or not scope_in(one).orgs)]
    possible = whole or (usable if len(usable) == 1 else [])

    def rank(report: StorageReport) -> tuple[int, bool, str]:
        """First those with a row for the organisation on most days, then those about few organisations."""
        hidden = history_of(report.status.history, org, begin=begin, end=end).hidden
        return len(hidden), not scope_in(report).orgs, report.metadata.name

    return ReportChoice(including=tuple(including), usable=tuple(usable), best=tuple(sorted(possible, key=rank)))
