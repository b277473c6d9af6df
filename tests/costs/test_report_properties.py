"""What holds for every report: parts add up, and the scope changes no number of what it includes."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.storagereport import ReportRow, StorageReportStatus
from recording_operator.api.storagereport_history import HistoryOrg
from recording_operator.costs.library import find_profile
from recording_operator.costs.money import CENT, MILL, rounded
from recording_operator.usage.sample import EarlyDeletionRow, OwnerKey, State, StockRow, UsageSample
from tests.costs.views import DAY, GB, PATIENT, World, arrival, at, cost, sample, totals

BEGIN = at("2026-10-29")
ORGS, NAMESPACES = ("acme", "globex", "initech", "(unknown)"), ("team", "ops")
CLASSES = ("STANDARD", "STANDARD_IA", "GLACIER")
PROFILES = ("aws-s3/us-east-1", "wasabi", "cloudflare-r2", "backblaze-b2", "default")

keys = st.builds(
    OwnerKey, st.sampled_from(ORGS), st.sampled_from(NAMESPACES), st.sampled_from(CLASSES), st.sampled_from(State)
)
sizes = st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 60_000 * GB))
stocks = st.dictionaries(keys, sizes, max_size=5)
days = st.lists(stocks, min_size=1, max_size=6)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to three locations, of one account or of several, counted on some days of two months."""
    names = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True))
    samples: dict[str, list[UsageSample]] = {}
    for name in names:
        when = BEGIN + timedelta(hours=draw(st.integers(0, 30)))
        for stock in draw(days):
            samples.setdefault(name, []).append(_sample(draw, name, when, stock))
            when += timedelta(hours=draw(st.integers(1, 60)))
    chosen = draw(st.lists(st.sampled_from(PROFILES), min_size=len(names), max_size=len(names)))
    return World(
        samples=samples,
        prices={name: find_profile(of) for name, of in zip(names, chosen, strict=True)},
        ratio=draw(st.sampled_from(["0", "0.5", "15"])),
    )


def _sample(draw: st.DrawFn, name: str, when: object, stock: Mapping[OwnerKey, int]) -> UsageSample:
    moment = when if isinstance(when, type(BEGIN)) else BEGIN
    rows = [
        StockRow(
            org=key.org,
            namespace=key.namespace,
            storage_class=key.storage_class,
            state=key.state,
            objects=0 if key.state is State.INCOMPLETE else 1,
            size_bytes=size_bytes,
        )
        for key, size_bytes in stock.items()
    ]
    come = [
        arrival(org, gigabytes, moment - timedelta(hours=1), writes=draw(st.integers(0, 10**7)))
        for org, gigabytes in draw(st.dictionaries(st.sampled_from(ORGS), st.integers(0, 100), max_size=2)).items()
    ]
    gone = [
        EarlyDeletionRow(
            org=draw(st.sampled_from(ORGS)),
            namespace="team",
            storage_class="STANDARD",
            objects=1,
            size_bytes=draw(st.integers(1, 10**12)),
            day=(moment - 5 * DAY).date(),
        )
        for _ in range(draw(st.integers(0, 1)))
    ]
    return sample(moment, rows, location=name, arrived=tuple(come), deleted_early=tuple(gone))


def history_of(status: StorageReportStatus) -> dict[str, dict[str, HistoryOrg]]:
    """The history by date and organisation."""
    return {entry.date: {org.name: org for org in entry.orgs} for entry in status.history}


def by_name(rows: tuple[ReportRow, ...]) -> dict[str, ReportRow]:
    """Rows by name."""
    return {found.name: found for found in rows}


@PATIENT
@given(world=worlds())
def test_the_rows_of_all_organisations_equal_the_reports_of_single_ones(world: World) -> None:
    everything = world.report()
    for org in ("acme", "(unknown)"):
        single = world.report({"scope": {"orgs": [org]}})
        assert by_name(single.by_org).get(org) == by_name(everything.by_org).get(org)
        assert set(by_name(single.by_org)) <= {org}
        for date, orgs in history_of(everything).items():
            assert history_of(single)[date].get(org) == orgs.get(org)


@PATIENT
@given(world=worlds())
def test_the_rows_of_namespaces_and_locations_equal_their_reports(world: World) -> None:
    everything = world.report()
    single = world.report({"scope": {"namespaces": ["ops"]}})
    assert by_name(single.by_namespace).get("ops") == by_name(everything.by_namespace).get("ops")
    for location in list(world.samples)[:2]:
        alone = world.report({"scope": {"storageLocations": [location]}})
        expected = by_name(everything.by_storage_location)[location]
        assert by_name(alone.by_storage_location)[location].model_dump() == expected.model_dump()


@PATIENT
@given(world=worlds())
def test_every_breakdown_sums_to_the_totals(world: World) -> None:
    found = world.report()
    seen = totals(found)
    for rows in (found.by_org, found.by_namespace, found.by_storage_location, found.by_storage_class):
        assert rounded(sum((one.cost for one in rows), Decimal(0)), MILL) == cost(found).today
        assert sum(one.bytes for one in rows) == seen.bytes + seen.noncurrent_bytes + seen.incomplete_upload_bytes
        assert sum(one.objects for one in rows) == seen.objects + seen.noncurrent_objects


@PATIENT
@given(world=worlds())
def test_the_days_of_a_month_sum_to_its_cost(world: World) -> None:
    found = world.report()
    assert found.as_of is not None
    month = f"{found.as_of:%Y-%m}"
    days = [entry.cost for entry in found.history if entry.date.startswith(month)]
    assert rounded(sum(days, Decimal(0)), CENT) == cost(found).month_to_date
    for entry in found.history:
        assert entry.cost == sum(
            (org.storage_cost + org.download_cost + org.request_cost for org in entry.orgs), Decimal(0)
        )


@PATIENT
@given(world=worlds(), profile=st.sampled_from(PROFILES))
def test_a_comparison_is_the_report_at_these_prices(world: World, profile: str) -> None:
    """Without classes that the other profile does not have, and without early deletions, both must agree."""
    without = World(
        samples={
            name: [one.model_copy(update={"deleted_early": ()}) for one in of] for name, of in world.samples.items()
        },
        prices=world.prices,
        ratio=world.ratio,
    )
    there = World(
        samples=without.samples, prices=dict.fromkeys(world.samples, find_profile(profile)), ratio=world.ratio
    )
    expected = cost(there.report())
    if there.report().unpriced:
        return
    for spec in ({}, {"scope": {"orgs": ["acme"]}}):
        [compared] = without.report({**spec, "compare": [profile]}).comparison
        expected = cost(there.report(spec))
        assert (compared.month_to_date, compared.projected_month) == (expected.month_to_date, expected.projected_month)
