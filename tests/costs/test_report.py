"""A report follows from samples, prices and its spec: the same ones give the same numbers."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal

import pytest

from recording_operator.api.storagereport import DownloadSource, ReportSource, StorageReportStatus
from recording_operator.costs.library import find_profile, overridden
from recording_operator.costs.profile import PriceError, parse_profile
from recording_operator.costs.report import CurrencyError, message_of, report
from recording_operator.costs.view import ReportInputs
from recording_operator.usage.days import UsageDays, Volume
from recording_operator.usage.sample import DownloadRow, OwnerKey, RecordingRow, State, UsageSample
from tests.costs.views import (
    ARCHIVE,
    DAY,
    GB,
    World,
    arrival,
    at,
    cost,
    exactly,
    flat,
    one,
    row,
    sample,
    steady,
    totals,
)

BEGIN = at("2026-11-01")
YEN = """
name = "tokyo"
source = "ours"
asOf = 2026-10-01
currency = "JPY"
gbBytes = 1000000000
dayBasis = "calendar"
[storageClasses.STANDARD]
tiers = [{ perGBMonth = "3.75" }]
"""


def test_a_month_costs_what_its_days_cost_also_when_it_is_over() -> None:
    samples = steady(BEGIN, 61, [row(gigabytes=1000)])
    december = cost(one(samples[:31]).report())
    assert (december.month_to_date, december.last_month) == (Decimal("0.00"), Decimal("23.00"))
    assert cost(one(samples).report()).last_month == Decimal("23.00")


def test_the_month_before_the_first_sample_is_not_known() -> None:
    assert cost(one([sample(at("2026-11-10"), [row(gigabytes=1000)])]).report()).last_month is None


def test_an_empty_bucket_cost_nothing_last_month() -> None:
    assert cost(one(steady(BEGIN, 31, [])).report()).last_month == 0


def test_a_new_report_has_the_whole_history_at_once() -> None:
    found = one(steady(at("2026-08-01"), 110, [row(gigabytes=1000)])).report()
    assert [entry.date for entry in found.history][:3] == ["2026-08", "2026-09-01", "2026-09-02"]
    assert found.history[-1].date == "2026-11-17"
    assert found.history[0].cost == Decimal("23.766667"), "31 days of 23.00 in 30"


def test_a_report_that_is_edited_and_edited_back_shows_what_it_showed() -> None:
    world = one(steady(BEGIN, 20, [row("acme", 100), row("globex", 900)]))
    first = world.report()
    edited = world.report({"scope": {"orgs": ["acme"]}})
    assert cost(edited).month_to_date == Decimal("1.46")
    assert cost(edited).month_to_date != cost(first).month_to_date
    assert world.report() == first


def test_the_scope_of_a_report_filters_its_whole_history() -> None:
    world = one(steady(at("2026-10-01"), 40, [row("acme", 100), row("globex", 900, namespace="other")]))
    found = world.report({"scope": {"namespaces": ["other"]}})
    assert {org.name for entry in found.history for org in entry.orgs} == {"globex"}
    assert [found_row.name for found_row in found.by_namespace] == ["other"]
    assert totals(found).bytes == 900 * GB
    assert cost(found).last_month == Decimal("21.39"), "900 GB for 31 days of 30"


def test_locations_in_the_scope_share_their_tiers_with_the_others() -> None:
    """Ten free GB of one account, used by both locations alike: five for each."""
    r2 = find_profile("cloudflare-r2")
    samples = {name: steady(BEGIN, 31, [row(gigabytes=20)], location=name) for name in (ARCHIVE, "second")}
    world = World(samples=samples, prices=dict.fromkeys(samples, r2))
    found = world.report({"scope": {"storageLocations": ["second"]}})
    whole = world.report()
    assert [found_row.name for found_row in found.by_storage_location] == ["second"]
    assert cost(found).last_month == Decimal("0.23"), "half of 30 GB at 0.015"
    assert found.by_storage_location == tuple(one for one in whole.by_storage_location if one.name == "second")


def test_a_report_is_as_old_as_its_oldest_location() -> None:
    samples = {
        ARCHIVE: [sample(at("2026-11-20"), [row(gigabytes=1)])],
        "second": [sample(at("2026-11-21T03:00"), [row(gigabytes=1)], location="second")],
        "third": [],
    }
    found = World(samples=samples).report()
    assert found.as_of == at("2026-11-20")
    assert "Not counted yet, and not included: third." in found.notes
    assert World(samples=samples).report({"scope": {"storageLocations": ["second"]}}).as_of == at("2026-11-21T03:00")


def test_without_any_sample_there_is_nothing() -> None:
    found = World(samples={ARCHIVE: []}).report()
    assert found.as_of == at("2026-11-28"), "now"
    assert cost(found).today == 0
    assert (cost(found).last_month, found.history) == (None, ())


def test_amounts_in_two_currencies_are_not_summed() -> None:
    samples = {name: steady(BEGIN, 2, [row(gigabytes=100)], location=name) for name in (ARCHIVE, "tokyo")}
    world = World(samples=samples, prices={"tokyo": [parse_profile(YEN, where="test")]})
    with pytest.raises(CurrencyError, match=r"in JPY and USD, which cannot be summed. Create a report for each"):
        world.report()
    assert cost(world.report({"scope": {"storageLocations": ["tokyo"]}})).currency == "JPY"
    assert cost(world.report({"scope": {"storageLocations": [ARCHIVE]}})).currency == "USD"


def test_a_budget_is_in_the_currency_of_the_prices() -> None:
    world = one(steady(BEGIN, 2, [row(gigabytes=100)]), parse_profile(YEN, where="test"))
    with pytest.raises(CurrencyError, match="budget is in USD, the prices are in JPY"):
        world.report({"budget": {"amount": "50"}})
    assert world.report({"budget": {"amount": "50", "currency": "JPY"}}).summary is not None


def test_prices_in_another_currency_value_the_whole_history_again() -> None:
    """A location's prices are yen from now on: the samples are the same, so the report is in yen as a whole."""
    samples = steady(BEGIN, 31, [row(gigabytes=1000)])
    assert cost(one(samples).report()).last_month == Decimal("23.00")
    found = cost(one(samples, parse_profile(YEN, where="test")).report())
    assert (found.currency, found.last_month) == ("JPY", Decimal("3750.00"))


def test_new_prices_apply_from_their_date() -> None:
    old, new = flat("0.03"), flat("0.06", as_of="2026-11-16")
    found = one(steady(BEGIN, 31, [row(gigabytes=1000)]), old, new).report()
    assert cost(found).last_month == Decimal("45.00"), "15 days at 1 a day, 15 at 2"
    by_day = {entry.date: entry.cost for entry in found.history}
    assert (by_day["2026-11-15"], by_day["2026-11-16"]) == exactly(1, 2)
    assert cost(found).today == 2


def test_new_prices_before_their_date_change_only_the_projection() -> None:
    old, new = flat("0.03"), flat("0.06", as_of="2026-12-01")
    found = cost(one(steady(BEGIN, 11, [row(gigabytes=1000)]), old, new).report())
    assert (found.today, found.month_to_date, found.projected_month) == exactly(1, 10, 30)
    assert found.projected_next_month == 62


def test_own_prices_of_a_report_value_its_history_again() -> None:
    samples = steady(BEGIN, 31, [row(gigabytes=1000)])
    [given] = overridden(find_profile("default"), per_gb_month=Decimal("0.01"), per_gb_out=None)
    assert cost(one(samples, given).report()).last_month == Decimal("10.00")


def test_what_is_stored_is_told_by_state() -> None:
    found = one(
        [
            sample(
                at("2026-11-21"),
                [
                    row("acme", 100, objects=7),
                    row("acme", 10, state=State.NONCURRENT, objects=3),
                    row("acme", 1, state=State.INCOMPLETE, objects=0),
                ],
                orphaned_bytes=5,
                foreign_bytes=6,
            )
        ]
    ).report()
    seen = totals(found)
    assert (seen.objects, seen.bytes, seen.storage_gb) == (7, 100 * GB, Decimal(111))
    assert (seen.noncurrent_objects, seen.noncurrent_bytes, seen.incomplete_upload_bytes) == (3, 10 * GB, GB)
    assert (seen.orphaned_bytes, seen.foreign_bytes) == (5, 6)
    assert [(one_row.name, one_row.objects, one_row.bytes) for one_row in found.by_storage_class] == [
        ("STANDARD", 7, 101 * GB),
        ("STANDARD (noncurrent)", 3, 10 * GB),
    ]
    assert [(one_row.objects, one_row.bytes) for one_row in found.by_org] == [(10, 111 * GB)]


def test_recordings_and_uploads_of_the_scope() -> None:
    rows = [
        RecordingRow(
            org=org,
            namespace="team",
            recordings=10,
            complete_24h=2,
            failed_24h=failed,
            bytes_24h=3 * GB,
            seconds_24h=100,
            timed_24h=2,
        )
        for org, failed in (("acme", 0), ("globex", 1))
    ]
    world = one([sample(at("2026-11-21"), [row()], recordings=tuple(rows))])
    found = world.report()
    assert found.uploads is not None
    assert (totals(found).recordings, totals(found).uploads24h, totals(found).upload_gb24h) == (20, 4, Decimal(6))
    assert (found.uploads.success_rate, found.uploads.mean_seconds, found.uploads.failed24h) == ("80.0%", 50, 1)
    assert {one_row.name: one_row.recordings for one_row in found.by_org} == {"acme": 10, "globex": 10}
    scoped = world.report({"scope": {"orgs": ["acme"]}})
    assert scoped.uploads is not None
    assert (totals(scoped).recordings, scoped.uploads.success_rate) == (10, "100.0%")


def test_this_months_requests_and_downloads() -> None:
    samples = [
        sample(at("2026-10-31"), [row(gigabytes=100)]),
        sample(
            at("2026-11-03"),
            [row(gigabytes=100)],
            arrived=[arrival("acme", 1, at("2026-10-31T05:00"), writes=4), arrival("acme", 1, at("2026-11-01T05:00"))],
            downloaded=[
                DownloadRow(org="acme", day=at("2026-10-31").date(), size_bytes=3 * GB),
                DownloadRow(org="acme", day=at("2026-11-02").date(), size_bytes=5 * GB),
            ],
            download_source=DownloadSource.ACCESS_LOGS,
        ),
    ]
    found = one(samples).report()
    assert (totals(found).api_requests, totals(found).download_gb) == (1, Decimal(5))
    assert found.by_storage_location[0].downloads is DownloadSource.ACCESS_LOGS


def test_what_has_no_price_is_named_and_what_is_outside_the_scope_is_not() -> None:
    world = one([sample(at("2026-11-21"), [row("acme", 1), row("globex", 1, storage_class="GLACIER")])])
    assert world.report().unpriced == ("storage class GLACIER",)
    assert world.report({"scope": {"orgs": ["acme"]}}).unpriced == ()


def test_downloads_without_a_price_are_named() -> None:
    without = parse_profile(YEN, where="test")
    assert one([sample(at("2026-11-21"), [row("acme", 1)])], without, ratio="0.5").report().unpriced == ("downloads",)
    assert one([sample(at("2026-11-21"), [row("acme", 1)])], without).report().unpriced == ()


def test_bytes_whose_owner_is_not_known_are_told_where_they_may_be_of_the_scope() -> None:
    rows = [row("acme", 1), row("(unknown)", 3), row("acme", 5, namespace="(unknown)"), row("globex", 7)]
    world = one([sample(at("2026-11-21"), rows)])

    def told(spec: dict[str, list[str]]) -> list[str]:
        return [note.split(" bytes")[0] for note in world.report({"scope": spec}).notes if "may belong" in note]

    assert told({}) == []
    assert told({"orgs": ["acme"]}) == [f"{3 * GB:,}"]
    assert told({"orgs": ["acme"], "namespaces": ["team"]}) == [f"{8 * GB:,}"]


def test_how_it_was_counted_is_told_once() -> None:
    samples = {
        ARCHIVE: [sample(BEGIN, [row()], unsized_uploads=True, notes=("Downloads of archive are estimated",))],
        "denied": [sample(BEGIN, [row()], location="denied", source=ReportSource.RECORDINGS)],
        "twin": [sample(BEGIN, [], location="twin", counted_by=ARCHIVE)],
    }
    found = World(samples=samples).report()
    assert found.source is ReportSource.MIXED
    denied = (
        "The buckets of denied may not be listed. Objects of deleted Recordings, open uploads and noncurrent versions "
        "are not counted there."
    )
    assert found.notes == (
        "There are more open uploads in archive than are counted.",
        denied,
        "The objects of twin are counted for archive, which has the same bucket, prefix and keyTemplate.",
        "Downloads of archive are estimated.",
    )
    alone = World(samples=samples).report({"scope": {"storageLocations": ["twin"]}})
    [note] = alone.notes
    assert note == (
        "The objects of twin are counted for archive, which has the same bucket, prefix and keyTemplate. This report "
        "does not include them; add archive to spec.scope.storageLocations."
    )


def test_a_scope_that_names_no_existing_location_is_noted() -> None:
    world = one([sample(BEGIN, [row()])])
    found = world.report({"scope": {"storageLocations": [ARCHIVE, "arhcive"]}})
    assert found.notes == ("spec.scope.storageLocations names StorageLocations that do not exist: arhcive.",)
    assert world.report().notes == ()


def test_the_message_says_what_was_counted() -> None:
    recordings = (RecordingRow(org="acme", namespace="team", recordings=2),)
    rows = [row("acme", 1, objects=4), row("acme", 1, storage_class="GLACIER")]
    status = one([sample(BEGIN, rows, recordings=recordings, unsized_uploads=True)]).report()
    assert message_of(status) == (
        "5 objects of 2 Recordings were counted. Without a price, and not included in any cost: storage class GLACIER. "
        "There are more open uploads in archive than are counted."
    )


def test_a_clock_that_is_a_little_off_leaves_the_numbers() -> None:
    samples = steady(BEGIN, 15, [row(gigabytes=1000)])
    early = sample(samples[-1].at - timedelta(hours=3), [row(gigabytes=1000)])
    assert cost(one([*samples, early]).report()).month_to_date == cost(one(samples).report()).month_to_date


MANY = """
import sys
from tests.costs.test_report import many
sys.stdout.write(many().report({"compare": ["wasabi"]}).model_dump_json())
"""


def many() -> World:
    """Equal owners in two locations of one account, so that the remainders of all divisions are equal too."""
    rows = [row(f"org-{number}", 1, namespace=f"team-{number % 3}") for number in range(23)]
    grown = [row(f"org-{number}", 2, namespace=f"team-{number % 3}") for number in range(3, 31)]
    samples = {}
    for name in (ARCHIVE, "second"):
        of: list[UsageSample] = [sample(BEGIN, rows, location=name)]
        samples[name] = [*of, sample(BEGIN + 3.5 * DAY, grown, location=name)]
    return World(samples=samples, prices=dict.fromkeys(samples, find_profile("wasabi")), ratio="0.5")


def test_the_same_samples_give_the_same_numbers_in_every_process() -> None:
    texts = {
        subprocess.run(
            [sys.executable, "-c", MANY],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1
    assert len(StorageReportStatus.model_validate_json(texts.pop()).by_org) == 28


def test_a_status_survives_the_api() -> None:
    found = one(steady(BEGIN, 3, [row(gigabytes=1)])).report({"compare": ["wasabi"], "budget": {"amount": "50"}})
    text = json.dumps(found.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert StorageReportStatus.model_validate_json(text) == found


def _volumes(usage: UsageDays) -> dict[date, dict[OwnerKey, Volume]]:
    return {day: dict(entry.volumes) for day, entry in usage.days.items()}


def test_inputs_are_not_changed() -> None:
    inputs = many().inputs()
    before = {name: _volumes(known.days) for name, known in inputs.usage.items()}
    assert isinstance(inputs, ReportInputs)
    assert report(inputs) == report(inputs)
    after = {name: _volumes(known.days) for name, known in inputs.usage.items()}
    assert before == after


def test_one_rate_for_all_classes_is_for_all_of_them() -> None:
    [given] = overridden(find_profile("default"), per_gb_month=Decimal("0.02"), per_gb_out=None)
    price = given.price_of("STANDARD_IA")
    assert price is not None
    assert [tier.rate for tier in price.tiers] == [Decimal("0.02")]
    assert find_profile("default")[-1].price_of("STANDARD_IA") is None


def test_a_currency_of_small_units_has_higher_prices() -> None:
    assert parse_profile(YEN, where="test").storage_classes["STANDARD"].tiers[0].rate == Decimal("3.75")
    with pytest.raises(PriceError, match="more than 1 per GB"):
        parse_profile(YEN.replace("JPY", "EUR"), where="test")
    with pytest.raises(PriceError, match="more than 1000 per GB"):
        parse_profile(YEN.replace("3.75", "3750"), where="test")
