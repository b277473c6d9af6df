"""Which StorageReport says most about an organisation."""

from collections.abc import Sequence
from datetime import date

from recording_operator.api.storagereport import ReportScope, StorageReport
from recording_operator.costs.org_history import of_org, within


def scope_in(report: StorageReport) -> ReportScope:
    """The scope of the numbers."""
    return report.status.scope or report.spec.scope


def is_partial(report: StorageReport) -> bool:
    """Whether it includes only some namespaces or locations."""
    scope = scope_in(report)
    return bool(scope.namespaces or scope.storage_locations)


def best_first(
    found: Sequence[StorageReport], org: str, *, begin: date | None, end: date | None
) -> list[StorageReport]:
    """First those with a row for the organisation on most days, then those about few organisations."""

    def rank(report: StorageReport) -> tuple[int, bool, str]:
        hidden = of_org(within(report.status.history, begin, end), org).hidden
        return len(hidden), not scope_in(report).orgs, report.metadata.name

    return sorted(found, key=rank)
