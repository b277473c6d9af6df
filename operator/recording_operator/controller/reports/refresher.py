"""Refreshes StorageReports from usage samples, after what they need was counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReport, StorageReportStatus
from recording_operator.controller.reports.errors import RefreshError
from recording_operator.controller.reports.prices import PriceBook
from recording_operator.controller.reports.removed import removed_locations
from recording_operator.controller.usage.deleted import names_of
from recording_operator.controller.usage.keeper import Need, UsageKeeper
from recording_operator.controller.usage.locations import UnreadableLocationError, stored_locations
from recording_operator.costs.profile import PriceError
from recording_operator.costs.report import CurrencyError, currency_of, message_of, report
from recording_operator.costs.scope import ScopeFilter, with_deleted
from recording_operator.costs.view import ReportInputs
from recording_operator.errors import ReasonedError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import KubeError
from recording_operator.usage.codec import UsageFormatError
from recording_operator.usage.timeline import LocationUsage

_GONE: Final = "Its newest usage samples cannot be read any more."
Stored = Mapping[tuple[str, str], int]
"""Stored bytes by location and storage class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshResult:
    """New numbers, and a message about how they were counted."""

    status: StorageReportStatus
    message: str
    stored: Stored


class Refresher:
    """Computes reports. `prepare` counts what they need, `refresh` computes one from the samples there are."""

    def __init__(self, *, kube: KubeApi, usage: UsageKeeper, prices: PriceBook) -> None:
        self._kube = kube
        self._usage = usage
        self._prices = prices
        self._locations: Sequence[StorageLocation] = ()

    def prepare(self, needs: Sequence[Need], *, now: datetime) -> None:
        """Count the locations that need a sample. Called about once a second; without needs, mostly for nothing.

        Raises RefreshError, CountStopped.
        """
        if not needs and not self._usage.is_round_due(now):
            return
        try:
            self._locations = stored_locations(self._kube)
            self._usage.update(needs, self._locations, now=now)
        except KubeError as error:
            raise _no_api_server(error) from None
        except UnreadableLocationError as error:
            raise RefreshError(Reason.INTERNAL_ERROR, str(error)) from None

    def refresh(self, resource: StorageReport, need: Need, *, now: datetime) -> RefreshResult:
        """Compute a report after `prepare`. Raises RefreshError."""
        deleted = self._usage.deleted
        had = names_of(deleted)
        names = {location.metadata.name for location in self._locations} | set(had.values())
        spec = resource.spec.model_copy(update={"scope": with_deleted(resource.spec.scope, had)})
        scope = ScopeFilter.of(spec.scope)
        locations = [*self._locations, *(one.location for one in deleted.values())]
        try:
            terms = self._prices.terms(spec, locations)
            currency_of(terms, scope, spec.budget)
            usage = self._loaded(scope, need, now)
            inputs = ReportInputs(
                spec=spec,
                now=now,
                terms=terms,
                usage=usage | {name: one.usage for name, one in deleted.items()},
                deleted=had,
                comparison=self._prices.comparison(spec, locations),
                notes=(*removed_locations(resource, names, now=now), *self._notes(scope)),
            )
            status = report(inputs)
        except (PriceError, CurrencyError) as error:
            reason = Reason.PRICES_INVALID if isinstance(error, PriceError) else Reason.CURRENCY_MISMATCH
            raise RefreshError(reason, str(error)) from None
        except KubeError as error:
            raise _no_api_server(error) from None
        return RefreshResult(status=status, message=message_of(status), stored=_stored(usage, scope))

    def _loaded(self, scope: ScopeFilter, need: Need, now: datetime) -> dict[str, LocationUsage]:
        """The usage of all locations that were counted. Those in scope must have the sample that is needed."""
        found: dict[str, LocationUsage] = {}
        for location in self._locations:
            name = location.metadata.name
            try:
                usage = self._usage.usage(location, now=now)
            except (ReasonedError, UsageFormatError, KubeError) as error:
                if not scope.includes_location(name):
                    continue
                raise _failed(name, error.message if isinstance(error, ReasonedError) else str(error)) from None
            problem = self._usage.problem(name)
            is_missing = usage is None or usage.newest.at < self._usage.oldest(need, now)
            if is_missing and scope.includes_location(name):
                raise _failed(name, problem or _GONE)
            if usage is not None:
                found[name] = usage
        return found

    def _notes(self, scope: ScopeFilter) -> tuple[str, ...]:
        seen = (location for location in self._locations if scope.includes_location(location.metadata.name))
        gone = (one for name, one in self._usage.deleted.items() if scope.includes_location(name))
        return (
            *(note for location in seen for note in self._usage.notes(location)),
            *(note for one in gone for note in one.notes),
        )


def _failed(location: str, message: str) -> RefreshError:
    return RefreshError(Reason.REFRESH_FAILED, f"StorageLocation {location}: {message}")


def _no_api_server(error: KubeError) -> RefreshError:
    return RefreshError(Reason.REFRESH_FAILED, f"The API server did not respond: {error}")


def _stored(usage: Mapping[str, LocationUsage], scope: ScopeFilter) -> Stored:
    found: dict[tuple[str, str], int] = {}
    for name, known in usage.items():
        for row in known.newest.stored:
            if scope.includes(name, row.key):
                key = (name, row.storage_class)
                found[key] = found.get(key, 0) + row.size_bytes
    return found
