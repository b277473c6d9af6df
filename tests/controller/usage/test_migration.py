"""An upgrade: the accounts that the version before usage samples kept become samples, and nothing of them is lost.

The files in `statuses` were written by that version itself: `write_statuses.py.txt` and `write_upgrade.py.txt` were run
in its tree.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from recording_operator.api.storagereport import StorageReport, StorageReportStatus
from recording_operator.controller.reports.prices import storage_classes
from recording_operator.controller.usage.keeper import Need
from recording_operator.controller.usage.migration import Account, Migration, accounts_of, chosen, converted
from recording_operator.costs.library import find_profile
from recording_operator.costs.report import report
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.costs.view import ReportInputs
from recording_operator.usage.arrivals import sample_from
from recording_operator.usage.codec import decode, encode
from recording_operator.usage.counting import LocationTally
from recording_operator.usage.owners import RecordingIndex
from recording_operator.usage.sample import OTHER, UNKNOWN, UsageSample
from recording_operator.usage.timeline import usage_of
from recording_operator.usage.window import window_after
from tests.controller.usage.world import CountingWorld, ListedApi, classes_of

STATUSES = Path(__file__).parent / "statuses" / "statuses.json"
UPGRADE = Path(__file__).parent / "statuses" / "upgrade.json"
PROFILES = {
    "archive": "aws-s3/us-east-1",
    "first": "aws-s3/us-east-1",
    "second": "default",
    "deep": "aws-s3/us-east-1",
}
CENT = Decimal("0.01")


def stored(*names: str) -> list[dict[str, Any]]:
    reports = json.loads(STATUSES.read_text())
    return [reports[name] for name in names]


def sample_of(accounts: Iterable[Account], location: str) -> UsageSample:
    profile = find_profile(PROFILES[location])[-1]
    found = converted(accounts, location, classes=storage_classes(profile))
    assert found is not None
    return decode(encode(found))


def upgraded(raw: dict[str, Any], samples: Iterable[UsageSample]) -> StorageReportStatus:
    """What the report shows of the samples alone, those of a location in order."""
    samples = list(samples)
    by_location: dict[str, list[UsageSample]] = {}
    for one in samples:
        by_location.setdefault(one.location, []).append(one)
    asked = StorageReport.model_validate(raw)
    prices = {
        one.location: LocationPrices(group=f"/{PROFILES[one.location]}", versions=find_profile(PROFILES[one.location]))
        for one in samples
    }
    inputs = ReportInputs(
        spec=asked.spec,
        now=samples[0].at,
        terms=CostTerms(prices=prices, playback=asked.spec.playback),
        usage={name: known for name, some in by_location.items() if (known := usage_of(some))},
    )
    return report(inputs)


def before(raw: dict[str, Any]) -> StorageReportStatus:
    return StorageReport.model_validate(raw).status


@pytest.mark.parametrize(
    ("name", "locations"), [("all", ["archive"]), ("acme", ["archive"]), ("two", ["first", "second"])]
)
def test_the_month_costs_the_same_to_the_cent(name: str, locations: list[str]) -> None:
    [raw] = stored(name)
    old = before(raw)
    new = upgraded(raw, [sample_of(accounts_of([raw]), location) for location in locations])
    assert old.cost is not None
    assert new.cost is not None
    assert new.cost.month_to_date == old.cost.month_to_date
    assert new.totals is not None
    assert old.totals is not None
    assert new.totals.download_gb == pytest.approx(old.totals.download_gb, abs=Decimal("0.000002"))
    assert (new.totals.api_requests, new.totals.bytes) == (old.totals.api_requests, old.totals.bytes)
    assert new.totals.incomplete_upload_bytes == old.totals.incomplete_upload_bytes
    assert new.as_of == old.as_of
    # The days of earlier months are known by their ends only.
    assert new.cost.last_month == pytest.approx(old.cost.last_month, rel=Decimal("0.01"))


@pytest.mark.parametrize(("name", "locations"), [("all", ["archive"]), ("two", ["first", "second"])])
def test_the_history_keeps_its_days_months_and_organisations(name: str, locations: list[str]) -> None:
    [raw] = stored(name)
    old = before(raw)
    new = upgraded(raw, [sample_of(accounts_of([raw]), location) for location in locations])
    assert [entry.date for entry in new.history] == [entry.date for entry in old.history]
    for then, now in zip(old.history, new.history, strict=True):
        assert {org.name for org in now.orgs} == {org.name for org in then.orgs}
        assert now.storage_gb == pytest.approx(then.storage_gb, rel=Decimal("0.000001")), then.date
        assert now.upload_gb == pytest.approx(then.upload_gb, abs=Decimal("0.00001"))
        assert now.api_requests == then.api_requests
        assert now.download_gb == pytest.approx(then.download_gb, abs=Decimal("0.00001"))
        # What is not of this month is known by amounts at the end of days, and the mean of a month.
        near = Decimal("0.06") if len(locations) == 1 else Decimal("0.2")
        assert now.cost == pytest.approx(then.cost, rel=near, abs=Decimal("0.002")), then.date
    days = [entry for entry in new.history if entry.date.startswith("2026-11-")]
    assert old.cost is not None
    assert sum((entry.cost for entry in days), Decimal(0)).quantize(CENT) == old.cost.month_to_date


def test_a_day_on_which_stock_changed_keeps_the_cost_of_its_storage() -> None:
    [raw] = stored("all")
    old = before(raw)
    new = upgraded(raw, [sample_of(accounts_of([raw]), "archive")])
    days = [(then, now) for then, now in zip(old.history, new.history, strict=True) if len(then.date) > len("2026-11")]
    assert len(days) > 50
    for then, now in days:
        costs = {org.name: org.storage_cost for org in now.orgs}
        for org in then.orgs:
            assert costs[org.name] == pytest.approx(org.storage_cost, rel=Decimal("0.005")), (then.date, org.name)


def test_organisations_keep_their_parts_of_the_month() -> None:
    [raw] = stored("all")
    old, new = (
        month_by_org(status) for status in (before(raw), upgraded(raw, [sample_of(accounts_of([raw]), "archive")]))
    )
    assert old.keys() == new.keys() >= {"acme", "globex", "initech"}
    for org, spent in old.items():
        assert new[org] == pytest.approx(spent, rel=Decimal("0.0001")), org


def month_by_org(status: StorageReportStatus) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for day in status.history:
        for org in day.orgs if day.date.startswith("2026-11-") else ():
            found[org.name] = found.get(org.name, Decimal(0)) + org.storage_cost + org.download_cost
    return found


def test_byte_seconds_of_the_month_are_kept_by_class() -> None:
    [raw] = stored("archived")
    sample = sample_of(accounts_of([raw]), "deep")
    meters = {meter["storageClass"]: int(meter["byteSeconds"]) for meter in raw["status"]["ledger"]["meters"]}
    found: dict[str, int] = {}
    for row in sample.past:
        if f"{row.begin:%Y-%m}" == "2026-11":
            found[row.storage_class] = found.get(row.storage_class, 0) + row.byte_seconds
    assert found == meters
    assert {row.namespace for row in sample.stored} == {UNKNOWN}


def test_fees_for_early_deletions_before_the_upgrade_are_lost_and_nothing_else() -> None:
    """The account has them as costs of no organisation, not as usage."""
    [raw] = stored("archived")
    old, new = before(raw), upgraded(raw, [sample_of(accounts_of([raw]), "deep")])
    month = [entry for entry in old.history if entry.date.startswith("2026-11-")]
    fees = sum((org.storage_cost for entry in month for org in entry.orgs if org.name == OTHER), Decimal(0))
    assert old.cost is not None
    assert new.cost is not None
    assert fees > CENT
    assert new.cost.month_to_date == pytest.approx(old.cost.month_to_date - fees, abs=CENT)


def test_the_account_of_all_owners_wins_and_others_of_different_organisations_are_joined() -> None:
    every = accounts_of(stored("acme", "globex", "all", "two"))
    assert [one.report for one in chosen(every, "archive")] == ["all"]
    some = accounts_of(stored("globex", "acme", "acme"))
    assert [one.report for one in chosen(some, "archive")] == ["acme", "globex"]
    [acme, globex] = stored("acme", "globex")
    joined = sample_of(some, "archive")
    for raw in (acme, globex):
        old, new = before(raw), upgraded(raw, [joined])
        assert old.totals is not None
        assert new.totals is not None
        assert new.totals.bytes == old.totals.bytes
        assert new.totals.api_requests == old.totals.api_requests
    assert chosen(some, "elsewhere") == []


def test_the_report_of_a_namespace_keeps_its_month() -> None:
    [mine, theirs] = stored("acme", "globex")
    for raw, namespace in ((mine, "meetings"), (theirs, "lectures")):
        raw["spec"]["scope"] = {"storageLocations": ["archive"], "namespaces": [namespace]}
    joined = sample_of(accounts_of([mine, theirs]), "archive")
    assert (
        {row.namespace for row in joined.stored} == {row.namespace for row in joined.past} == {"meetings", "lectures"}
    )
    alone = upgraded(mine, [sample_of(accounts_of([mine]), "archive")])
    old = before(mine)
    assert old.cost is not None
    assert alone.cost is not None
    assert alone.cost.month_to_date == old.cost.month_to_date
    both = upgraded(mine, [joined])
    assert both.totals is not None
    assert old.totals is not None
    assert (both.totals.bytes, both.totals.api_requests) == (old.totals.bytes, old.totals.api_requests)


def test_a_location_that_no_account_has_begins_with_its_first_count() -> None:
    assert (
        converted(accounts_of(stored("all")), "elsewhere", classes=storage_classes(find_profile("default")[-1])) is None
    )


def test_an_account_that_cannot_be_read_is_not_converted() -> None:
    [raw] = stored("all")
    raw["status"]["ledger"]["meters"] = "many"
    assert accounts_of([raw]) == []


def test_without_any_account_reports_are_listed_once(world: CountingWorld) -> None:
    api = ListedApi()
    listing: Any = api
    location = world.location("archive")
    migration = Migration(kube=listing, classes_of=classes_of)
    assert migration.first_sample(location) is None
    api.reports = stored("all")
    assert migration.first_sample(location) is None, "an account can only come from an earlier version"
    assert Migration(kube=listing, classes_of=classes_of).first_sample(location) is not None


def test_the_count_after_the_upgrade_continues_the_account(world: CountingWorld) -> None:
    listing: Any = world.api
    world.api.reports = stored("all")
    location = world.location("archive")
    keeper = world.keeper(
        interval=timedelta(days=1),
        first_samples=Migration(kube=listing, classes_of=classes_of),
    )
    old = before(stored("all")[0])
    assert old.as_of is not None
    now = old.as_of + timedelta(hours=1)
    keeper.update([Need(since=now)], world.locations, now=now)
    first, second = world.archive.samples(location)
    assert (first.at, second.since) == (old.as_of, old.as_of)
    assert first.past
    assert not second.past


def counted_again(objects: Iterable[dict[str, Any]], first: UsageSample, *times: datetime) -> list[UsageSample]:
    """The first sample of a location, and those of counts after it."""
    samples = [first]
    for now in times:
        tally = LocationTally(
            prefix="",
            key_template="{org}/{namespace}/{uid}/{artifact}",
            claims=(),
            index=RecordingIndex(listed_from=now),
            window=window_after(samples[-1], now=now, basis="basis"),
            default_class="STANDARD",
            min_days=lambda name: 90 if name == "GLACIER_IR" else 0,
        )
        for one in objects:
            if one["appears"] <= now.isoformat() < one["gone"]:
                dated = datetime.fromisoformat(one["dated"])
                tally.add(
                    one["key"], size_bytes=one["size"], storage_class=one["class"], last_modified=dated, etag='"x-9"'
                )
        tally.was_listed()
        samples.append(sample_from(tally, location=first.location, previous=samples[-1], basis="basis"))
    return samples


def test_a_day_after_the_upgrade_the_report_is_what_the_earlier_version_would_have_shown() -> None:
    """Nothing of the day of the upgrade is missing or counted twice, not even an upload that was in progress then."""
    found = json.loads(UPGRADE.read_text())
    old = before(found["after"])
    assert old.as_of is not None
    first = sample_of(accounts_of([found["before"]]), "archive")
    midnight = old.as_of.replace(hour=0, minute=0)
    new = upgraded(found["after"], counted_again(found["objects"], first, midnight, old.as_of))
    assert (new.cost and new.cost.month_to_date) == (old.cost and old.cost.month_to_date)
    assert new.totals is not None
    assert old.totals is not None
    assert (new.totals.api_requests, new.totals.bytes) == (old.totals.api_requests, old.totals.bytes)
    assert new.totals.download_gb == pytest.approx(old.totals.download_gb, abs=Decimal("0.000002"))
    for then, now in zip(old.history[-3:], new.history[-3:], strict=True):
        assert now.upload_gb == pytest.approx(then.upload_gb, abs=Decimal("0.000002")), then.date
        assert now.api_requests == then.api_requests
        assert now.cost == pytest.approx(then.cost, rel=Decimal("0.0001"))


def test_recent_uploads_of_single_organisations_are_not_compared_with_those_of_all() -> None:
    assert sample_of(accounts_of(stored("all")), "archive").carry.recent
    assert not sample_of(accounts_of(stored("acme", "globex")), "archive").carry.recent
