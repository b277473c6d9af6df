"""Reads the usage samples of a StorageReport's locations: from their stores, or from ConfigMaps."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from recording_operator.api.endpoints import store_uri
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReport
from recording_operator.cli.administration.installation import secrets_namespace
from recording_operator.cli.caller import Cluster
from recording_operator.cli.location_stores import OpenedStores
from recording_operator.cli.reports.counted import Counted, CountedError
from recording_operator.cli.words import for_location, for_secrets
from recording_operator.controller.reports.prices import PriceBook
from recording_operator.controller.usage.archive import LocationArchive
from recording_operator.controller.usage.copies import UsageCopies
from recording_operator.controller.usage.deleted import DeletedLocations, names_of
from recording_operator.controller.usage.entries import MapEntries
from recording_operator.controller.usage.locations import UnreadableLocationError, stored_locations
from recording_operator.costs.focus import BilledResource
from recording_operator.costs.profile import PriceError
from recording_operator.costs.scope import ScopeFilter, with_deleted
from recording_operator.costs.terms import CostTerms
from recording_operator.costs.view import ReportInputs
from recording_operator.errors import ReasonedError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Forbidden, KubeError
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.months import CLOCKS_DIFFER
from recording_operator.usage.timeline import LocationUsage, usage_of
from recording_operator.user_actions.rights import right_of

_ALL_MONTHS: Final = 12 * 1000
"""Nothing is too old: the operator deletes what is older than its usage.retention, which is unknown here."""


class _Buckets:
    """The stores of locations that are buckets. The path of a directory means another one on this machine."""

    def __init__(self, stores: OpenedStores) -> None:
        self._stores = stores

    def store(self, location: StorageLocation) -> LocationStore:
        """As `LocationStores` says. Raises ReasonedError for a directory."""
        if location.spec.s3 is None:
            raise ReasonedError(
                Reason.STORE_UNAVAILABLE,
                "It is a directory of the operator's pods, so its usage samples cannot be read from this machine. Use "
                "a StorageReport whose spec.scope.storageLocations names only buckets.",
            )
        return self._stores.store(location)


def from_cluster(
    resource: StorageReport,
    *,
    compare: tuple[str, ...],
    cluster: Cluster,
    operator_namespace: str | None,
    now: Callable[[], datetime],
    warn: Callable[[str], None],
) -> Counted:
    """The inputs of the report as the operator has them. Raises CountedError, SeveralOperatorsError, KubeError.

    `operator_namespace`: the one that the user named. None: it is looked for.
    """
    kube, namespace = KubeApi(cluster.rest), secrets_namespace(cluster, operator_namespace)
    locations = _locations(kube)
    prices = PriceBook(kube=kube, operator_namespace=namespace)
    found: dict[str, LocationUsage] = {}
    notes: list[str] = []
    refused: list[Forbidden] = []
    with OpenedStores(cluster, operator_namespace=namespace) as stores:
        archive = LocationArchive(
            stores=_Buckets(stores),
            kube=kube,
            operator_namespace=namespace,
            keep_months=_ALL_MONTHS,
            now=lambda: now() + CLOCKS_DIFFER,
            on_forbidden=refused.append,
        )
        deleted = DeletedLocations(
            copies=UsageCopies(MapEntries(kube=kube, namespace=namespace)),
            samples_of=archive.samples,
            keep_months=_ALL_MONTHS,
            on_forbidden=refused.append,
        ).find(locations, now=now() + CLOCKS_DIFFER)
        had = names_of(deleted)
        spec = resource.spec.model_copy(update={"compare": compare, "scope": with_deleted(resource.spec.scope, had)})
        scope, gone = ScopeFilter.of(spec.scope), [one.location for one in deleted.values()]
        try:
            terms = prices.terms(spec, [*locations, *gone])
            comparison = prices.comparison(spec, [*locations, *gone])
        except PriceError as error:
            raise CountedError(str(error)) from None
        for location in _of_accounts(locations, terms, scope):
            name = location.metadata.name
            try:
                counted = usage_of(archive.samples(location))
            except (ReasonedError, KubeError) as error:
                why = for_location(for_secrets(error.message)) if isinstance(error, ReasonedError) else str(error)
                message = f"StorageLocation {name}: {why}"
                if scope.includes_location(name):
                    raise CountedError(message) from None
                warn(f"{message} Its usage is missing in the tiers and allowances that it shares.")
                continue
            if scope.includes_location(name):
                notes += map(for_location, archive.notes(location))
            if counted is not None:
                found[name] = counted
    if refused:
        right = right_of(refused[0].method, refused[0].path)
        check = "" if right is None else f" To check your rights: {right.check}."
        warn(
            f"Usage of deleted StorageLocations and samples that are kept in ConfigMaps of namespace "
            f"{namespace} are left out: you may not read these ConfigMaps.{check}"
        )
    inputs = ReportInputs(
        spec=spec,
        now=now(),
        terms=terms,
        usage=found | {name: one.usage for name, one in deleted.items()},
        deleted=had,
        comparison=comparison,
        notes=tuple(notes),
    )
    resources = {location.metadata.name: _resource(location) for location in (*locations, *gone)}
    return Counted(title=f"StorageReport {resource.metadata.name}", inputs=inputs, resources=resources)


def _locations(kube: KubeApi) -> list[StorageLocation]:
    try:
        return stored_locations(kube)
    except UnreadableLocationError as error:
        raise CountedError(f"{error} Its CRD has another version than this program.") from None


def _of_accounts(
    locations: Iterable[StorageLocation], terms: CostTerms, scope: ScopeFilter
) -> Iterable[StorageLocation]:
    """The locations in scope, and those that share an account with one of them."""
    groups = {prices.group for name, prices in terms.prices.items() if scope.includes_location(name)}
    names = {name for name, prices in terms.prices.items() if prices.group in groups}
    return (location for location in locations if location.metadata.name in names)


def _resource(location: StorageLocation) -> BilledResource:
    store = location.store
    region = location.spec.s3.region if location.spec.s3 is not None else None
    return BilledResource(address=store_uri(store.bucket, store.prefix), region=region or "")
