"""Fees beyond a rate per gigabyte, each computed by hand: archives, small objects, ages, requests.

Months of 30 days (April), so that a day is a thirtieth of a month.
"""

from datetime import date
from decimal import Decimal

import pytest

from recording_operator.costs.charge import Charge, ChargeKind
from recording_operator.costs.library import find_profile
from recording_operator.costs.lines import storage_lines
from recording_operator.costs.money import MICRO
from recording_operator.costs.outlook import LocationOutlook
from recording_operator.costs.profile import PriceError, StorageClassPrice
from recording_operator.usage.sample import OwnerKey, State
from recording_operator.usage.stock import Stock
from tests.costs.building import charges_of, cost, profile_of, terms
from tests.usage.sampling import GIB, arrival, at, days_of, key_of, objects_of, sample, steady

AWS = "aws-s3/us-east-1"
MONITORED = 131_072


def month_of(prices: str, held: dict[OwnerKey, Stock | int]) -> tuple[Charge, ...]:
    """The charges of April for what is stored all month."""
    return charges_of(steady("2026-04-01", "2026-05-01", held), terms(prices))


def uploaded(prices: str, key: OwnerKey, *, objects: int, writes: int) -> tuple[Charge, ...]:
    """The requests of a day with these uploads, of one byte each."""
    came = arrival(key, at("2026-04-01T12:00"), Stock(objects, objects), writes=writes)
    usage = days_of(sample(at("2026-04-01"), {}), sample(at("2026-04-02"), {key: came.stock}, arrived=[came]))
    return tuple(charge for charge in charges_of(usage, terms(prices)) if charge.kind is ChargeKind.REQUESTS)


# Requests


@pytest.mark.parametrize(
    ("storage_class", "per_million"),
    [
        ("STANDARD", 5),
        ("INTELLIGENT_TIERING", 5),
        ("STANDARD_IA", 10),
        ("ONEZONE_IA", 10),
        ("GLACIER_IR", 20),
        ("GLACIER", 30),
        ("DEEP_ARCHIVE", 50),
    ],
)
def test_a_million_objects_of_one_request_each(storage_class: str, per_million: int) -> None:
    charges = uploaded(AWS, key_of("acme", storage_class), objects=10**6, writes=10**6)
    assert cost(charges) == per_million
    assert [(charge.quantity, charge.unit) for charge in charges] == [(Decimal(10**6), "requests")]


def test_a_multipart_upload_into_an_archive_sends_one_request_at_its_price() -> None:
    # 1,000 recordings of 94 parts: 1,000 CompleteMultipartUpload at 0.05 per 1,000; 95,000 others at 0.005.
    charges = uploaded(AWS, key_of("acme", "DEEP_ARCHIVE"), objects=1_000, writes=96_000)
    assert sorted((charge.quantity, charge.cost) for charge in charges) == [
        (Decimal(1_000), Decimal("0.05")),
        (Decimal(95_000), Decimal("0.475")),
    ]


def test_a_multipart_upload_into_another_class_is_at_its_price() -> None:
    charges = uploaded(AWS, key_of("acme", "GLACIER_IR"), objects=1_000, writes=96_000)
    assert cost(charges) == Decimal("1.92")


def test_late_uploads_of_which_the_class_is_not_known_are_at_the_standard_price() -> None:
    came = arrival(key_of("acme", ""), at("2026-03-31T23:00"), Stock(10, 10), writes=10**6)
    held: dict[OwnerKey, Stock | int] = {key_of("acme", "GLACIER"): Stock(10, 10)}
    usage = days_of(sample(at("2026-04-01"), {}), sample(at("2026-04-02"), held, arrived=[came]))
    assert cost(charges_of(usage, terms(AWS)), kind=ChargeKind.REQUESTS) == 5


def test_r2_sends_a_million_for_free_but_not_into_infrequent_access() -> None:
    assert cost(uploaded("cloudflare-r2", key_of("acme"), objects=10**6, writes=10**6)) == 0
    assert cost(uploaded("cloudflare-r2", key_of("acme", "STANDARD_IA"), objects=10**6, writes=10**6)) == 9


def test_a_projection_sends_requests_at_the_same_prices() -> None:
    # 96 requests a day for one object of the archive; 30 days of November, of which 10 are over.
    key = key_of("acme", "DEEP_ARCHIVE")
    samples = [sample(at("2026-11-01"), {})]
    for day in range(1, 11):
        came = arrival(key, at(f"2026-11-{day:02}T12:00"), Stock(1_000, 1_000), writes=96_000)
        held = {key: Stock(1_000 * day, 1_000 * day)}
        samples.append(sample(at(f"2026-11-{day + 1:02}"), held, arrived=[came]))
    usage = days_of(*samples)
    outlook = LocationOutlook.of(usage, samples[-1])
    projected = outlook.projected(begin=date(2026, 11, 1), end=date(2026, 12, 1))
    charges = charges_of(projected, terms(AWS))
    assert cost(charges, kind=ChargeKind.REQUESTS) == 30 * (Decimal("0.05") + Decimal("0.475"))


# Archives


def test_of_the_forty_kilobytes_of_an_archived_object_eight_are_standard() -> None:
    # A million objects of 1 MiB: 976.5625 GB, and 30.517578125 GB of 32 KB each, at 0.0036; 7.62939453125 GB at 0.023.
    stock = Stock(10**6, 10**6 * 2**20)
    charges = month_of(AWS, {key_of("acme", "GLACIER"): stock})
    assert cost(charges) == Decimal("3.625488") + Decimal("0.175476")
    deep = month_of(AWS, {key_of("acme", "DEEP_ARCHIVE"): stock})
    assert cost(deep) == Decimal("0.997009") + Decimal("0.175476")


def test_the_eight_kilobytes_share_the_tiers_of_standard() -> None:
    # 51,200 GB in Standard: the overhead of 131,072 archived objects is one GB, in the second tier.
    held: dict[OwnerKey, Stock | int] = {key_of("acme"): 51_200 * GIB, key_of("globex", "GLACIER"): Stock(131_072)}
    charges = month_of(AWS, held)
    assert cost(charges) == 51_200 * Decimal("0.023") + Decimal("0.022") + 4 * Decimal("0.0036")


def test_noncurrent_versions_in_an_archive_have_the_overhead_too() -> None:
    stock = Stock(131_072, GIB)
    current = month_of(AWS, {key_of("acme", "GLACIER"): stock})
    assert cost(month_of(AWS, {key_of("acme", "GLACIER", State.NONCURRENT): stock})) == cost(current)


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_parts_of_an_open_upload_bound_for_an_archive_are_standard(storage_class: str) -> None:
    charges = month_of(AWS, {key_of("acme", storage_class, State.INCOMPLETE): 100 * GIB})
    assert cost(charges) == Decimal("2.30")
    assert {charge.key.storage_class for charge in charges} == {storage_class}


def test_parts_of_an_open_upload_bound_elsewhere_are_of_their_class_without_a_minimum_size() -> None:
    parts = objects_of(*[1] * 3)._replace(objects=0)
    charges = month_of(AWS, {key_of("acme", "STANDARD_IA", State.INCOMPLETE): parts.plus(Stock(0, 100 * GIB - 3))})
    assert cost(charges) == Decimal("1.25")


# Small objects


@pytest.mark.parametrize(("storage_class", "rate"), [("STANDARD_IA", "0.0125"), ("ONEZONE_IA", "0.010")])
def test_an_object_in_infrequent_access_is_billed_as_128_kb_at_least(storage_class: str, rate: str) -> None:
    # 8,192 objects of 1 KB are billed as one GB; one GB more is in large objects.
    stock = objects_of(*[1_024] * 8_192, GIB)
    assert cost(month_of(AWS, {key_of("acme", storage_class): stock})) == 2 * Decimal(rate)


def test_an_object_at_wasabi_is_billed_as_4_kb_at_least() -> None:
    # 262,144 objects of 1 byte are one GB, and 1,024 GB more exceed the minimum.
    stock = objects_of(*[1] * 1_024)
    stock = stock.times(256).plus(Stock(1, 1_024 * GIB))
    assert cost(month_of("wasabi", {key_of("acme"): stock})) == Decimal("7.997768")  # 1,025 x 0.0078027


def test_r2_and_standard_have_no_minimum_size() -> None:
    stock = objects_of(*[1] * 1_024)
    assert cost(month_of(AWS, {key_of("acme"): stock})) == 0
    assert cost(month_of("cloudflare-r2", {key_of("acme", "STANDARD_IA"): stock})) == 0


# Intelligent-Tiering


def test_intelligent_tiering_by_age_with_monitoring() -> None:
    # 1,000 GB in 400,000 objects: 200 GB are at least 90 days old, 300 from 30 to 90, 500 younger.
    stock = Stock(400_000, 1_000 * GIB, monitored=400_000, bytes_after_30d=500 * GIB, bytes_after_90d=200 * GIB)
    charges = month_of(AWS, {key_of("acme", "INTELLIGENT_TIERING"): stock})
    assert cost(charges, kind=ChargeKind.STORAGE) == Decimal("11.5") + Decimal("3.75") + Decimal("0.8")
    assert cost(charges, kind=ChargeKind.MONITORING) == 1  # 400 x 0.0025
    monitored = [charge for charge in charges if charge.kind is ChargeKind.MONITORING]
    assert {charge.unit for charge in monitored} == {"object-months"}
    assert sum(charge.quantity for charge in monitored) == pytest.approx(400_000, abs=Decimal("0.0001"))


def test_small_objects_in_intelligent_tiering_stay_in_the_first_tier_unmonitored() -> None:
    small = objects_of(*[MONITORED - 1] * 8)
    stock = small.times(1_024).plus(Stock(size_bytes=8_192))
    charges = month_of(AWS, {key_of("acme", "INTELLIGENT_TIERING"): stock})
    assert cost(charges) == Decimal("0.023")


def test_noncurrent_versions_in_intelligent_tiering_age_too() -> None:
    stock = Stock(1_000, 100 * GIB, monitored=1_000, bytes_after_30d=100 * GIB, bytes_after_90d=100 * GIB)
    charges = month_of(AWS, {key_of("acme", "INTELLIGENT_TIERING", State.NONCURRENT): stock})
    assert cost(charges) == Decimal("0.4") + Decimal("0.0025")


def test_amounts_that_do_not_fit_are_not_billed_below_zero() -> None:
    (profile,) = find_profile(AWS)
    odd = Stock(1, 10, bytes_after_30d=30, bytes_after_90d=40)
    amounts = [amount for _, amount in storage_lines(profile, key_of("acme", "INTELLIGENT_TIERING"), odd)]
    assert min(amounts) >= 0
    assert sum(amounts) == 10


# Versions


def test_noncurrent_versions_and_delete_markers_are_rows_of_their_own() -> None:
    held: dict[OwnerKey, Stock | int] = {
        key_of("acme"): 100 * GIB,
        # A delete marker has no bytes.
        key_of("acme", state=State.NONCURRENT): Stock(5, 50 * GIB).plus(Stock(3)),
    }
    charges = month_of(AWS, held)
    by_state = {
        state: sum(charge.cost for charge in charges if charge.key.state is state)
        for state in (State.CURRENT, State.NONCURRENT)
    }
    assert sum(by_state.values()) == Decimal("3.45")
    # Each day is divided to the millionth.
    assert by_state[State.NONCURRENT] == pytest.approx(Decimal("1.15"), abs=30 * MICRO)


# Profiles


def test_a_profile_names_its_fees() -> None:
    (profile,) = find_profile(AWS)
    archive = profile.storage_classes["GLACIER"]
    assert archive == StorageClassPrice.model_validate(
        {
            "tiers": [{"perGBMonth": "0.0036"}],
            "minDays": 90,
            "overheadBytes": 32_768,
            "defaultClassOverheadBytes": 8_192,
            "incompleteAs": "STANDARD",
            "writePerMillion": "30.00",
        }
    )


ONE_CLASS = """
[storageClasses.STANDARD]
tiers = [{ perGBMonth = "0.02" }]
"""


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("minObjectBytes = 1000", r"minObjectBytes is 0 or one of 4096, 65536, 131072"),
        ('ageTiers = [{ afterDays = 60, perGBMonth = "0.01" }]', "Input should be 30 or 90"),
        (
            'ageTiers = [{ afterDays = 90, perGBMonth = "0.01" }, { afterDays = 30, perGBMonth = "0.02" }]',
            "ageTiers must increase in afterDays",
        ),
        ('incompleteAs = "GOLD"', "incompleteAs of STANDARD is GOLD, which has no price"),
        ('defaultClassOverheadBytes = 8192\n[otherClasses]\ntiers = [{ perGBMonth = "0.02" }]', ""),
    ],
)
def test_a_wrong_fee_is_refused(more: str, words: str) -> None:
    if words:
        with pytest.raises(PriceError, match=words):
            profile_of(ONE_CLASS + more)
    else:
        assert profile_of(ONE_CLASS + more).other_classes


def test_metadata_in_the_default_class_needs_its_price() -> None:
    text = ONE_CLASS.replace("STANDARD", "COLD") + "defaultClassOverheadBytes = 8192"
    with pytest.raises(PriceError, match="defaultClassOverheadBytes needs a price for defaultStorageClass"):
        profile_of(text)
