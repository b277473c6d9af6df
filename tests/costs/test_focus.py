"""Charges as FOCUS rows: against the specification's rules, against focus-validator, and against the report."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from localcluster.focusvalidator import FocusValidator
from recording_operator.costs.charge import ChargeKind
from recording_operator.costs.focus import COLUMNS, BilledResource, as_focus_csv, focus_rows
from recording_operator.costs.library import find_profile, shipped
from recording_operator.costs.parquet import ParquetUnavailableError, write_parquet
from recording_operator.costs.profile import Profile
from recording_operator.costs.tables import Cell
from recording_operator.costs.terms import LocationPrices
from recording_operator.costs.view import ReportView
from recording_operator.usage.sample import EarlyDeletionRow, UsageSample
from tests.costs.views import ARCHIVE, GB, World, after_a_month_of_sums, arrival, at, flat, one, row, sample

MANDATORY = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd"),
    *("BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd"),
    *("ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity"),
    *("PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
)
"""FOCUS 1.2: the columns of feature level Mandatory."""
NEVER_NULL = (
    *("BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory"),
    *("ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost"),
    *("EffectiveCost", "InvoiceIssuerName", "ListCost", "ProviderName", "PublisherName", "ServiceCategory"),
    *("ServiceName", "ServiceSubcategory"),
)
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
TIME = re.compile(r"\d{4}-\d\d-\d\dT00:00:00Z")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
UNITS = {"GB-Months", "GiB-Months", "GB", "GiB", "Requests", "Object-Months"}
RULES: Mapping[str, Callable[[Mapping[str, str]], bool]] = {
    "a period of a charge is within its billing period": lambda row: (
        row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
    ),
    "only usage has a consumed quantity": lambda row: (
        (row["ConsumedQuantity"] != "") == (row["ChargeCategory"] == "Usage")
    ),
    "usage has a pricing quantity and a SKU": lambda row: (
        row["ChargeCategory"] != "Usage" or all(row[name] for name in ("PricingQuantity", "SkuId", "PricingCategory"))
    ),
    "a quantity has a unit": lambda row: all(
        (row[f"{name}Quantity"] == "") == (row[f"{name}Unit"] == "") for name in ("Pricing", "Consumed")
    ),
    "units are as the specification writes them": lambda row: {row["PricingUnit"], row["ConsumedUnit"]} <= UNITS | {""},
    "an id has a name": lambda row: all(
        (row[f"{name}Id"] == "") == (row[f"{name}Name"] == "") for name in ("Region", "SubAccount", "Resource")
    ),
    "a charge that is not usage is no usage-based one": lambda row: (
        (row["ChargeCategory"] == "Usage") == (row["ChargeFrequency"] == "Usage-Based")
    ),
    "no charge corrects another": lambda row: row["ChargeClass"] == "",
    "tags are an object of strings": lambda row: (
        not row["Tags"] or all(isinstance(value, str) for value in json.loads(row["Tags"]).values())
    ),
    "the service is storage": lambda row: (
        (row["ServiceCategory"], row["ServiceSubcategory"]) == ("Storage", "Object Storage")
    ),
}


def counts() -> list[UsageSample]:
    """Three days with every kind of charge that a price profile may have."""
    held = [
        row("acme", 100),
        row("acme", 3, storage_class="GLACIER", objects=9),
        row("globex", 40, storage_class="INTELLIGENT_TIERING").model_copy(update={"monitored": 1}),
        row("=HYPERLINK(1)", 1),
        row("(unknown)", 2),
    ]
    first, second, third = at("2026-11-29T01:00"), at("2026-11-30T01:00"), at("2026-12-01T01:00")
    gone = EarlyDeletionRow(
        org="acme", namespace="team", **{"class": "STANDARD_IA"}, bytes=5 * GB, objects=1, day=first.date()
    )
    return [
        sample(first, held),
        sample(second, held, since=first, arrived=(arrival("acme", 1, first, writes=5000),)),
        sample(third, held, since=second, deleted_early=(gone,)),
    ]


def focus_of(world: World, *, orgs: Sequence[str] = (), region: str = "") -> list[dict[str, Cell]]:
    view = ReportView(world.inputs({"scope": {"orgs": orgs}}))
    resources = {name: BilledResource(address=f"s3://bucket/{name}/", region=region) for name in world.samples}
    return list(focus_rows(view, view.charges, resources))


def text_of(found: Iterable[Mapping[str, Cell]]) -> str:
    return "".join(as_focus_csv(found))


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", shipped())
def test_every_row_follows_the_rules_of_the_specification(name: str) -> None:
    found = read(text_of(focus_of(one(counts(), *find_profile(name), ratio="0.5"))))
    assert len(found) > 20
    for line in found:
        assert [column for column in NEVER_NULL if not line[column]] == []
        assert [rule for rule, holds in RULES.items() if not holds(line)] == []
        for column, kind in COLUMNS.items():
            if line[column] and kind is Decimal:
                assert NUMBER.fullmatch(line[column])
            if line[column] and kind is datetime:
                assert TIME.fullmatch(line[column])
        assert len({line[column] for column in COSTS}) == 1


def test_the_mandatory_columns_are_there_and_no_column_is_called_as_none_of_the_specification() -> None:
    assert set(MANDATORY) <= set(COLUMNS)
    assert all(re.fullmatch(r"(x_)?[A-Z][A-Za-z]+", column) for column in COLUMNS)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_focus_validator_finds_nothing(tmp_path: Path, suffix: str) -> None:
    if FocusValidator.python() is None:
        pytest.skip("focus-validator needs Python 3.12")
    prices = {ARCHIVE: find_profile("aws-s3/us-east-1"), "other": find_profile("wasabi")}
    world = World(samples={name: counts_of(name) for name in prices}, prices=prices, ratio="0.5")
    found = focus_of(world, region="eu-west-2")
    file = tmp_path / f"costs.{suffix}"
    if suffix == "csv":
        file.write_text(text_of(found), newline="")
    else:
        with file.open("wb") as into:
            write_parquet(found, into)
    # "InvoiceId must not be null for a charge that is on an invoice": these are on none, which the rule cannot see.
    assert FocusValidator.installed().failed_rules(file) <= {"InvoiceId-C-005-C"}


def test_focus_validator_would_find_a_fault(tmp_path: Path) -> None:
    if FocusValidator.python() is None:
        pytest.skip("focus-validator needs Python 3.12")
    found = [{**line, "ChargeCategory": "Storage"} for line in focus_of(one(counts(), *find_profile("wasabi")))]
    file = tmp_path / "costs.csv"
    file.write_text(text_of(found), newline="")
    # The values that ChargeCategory may have.
    assert "ChargeCategory-C-003-M" in FocusValidator.installed().failed_rules(file)


def test_costs_sum_to_those_of_the_report() -> None:
    world = one(counts(), *find_profile("aws-s3/us-east-1"), ratio="0.5")
    found = focus_of(world)
    history = world.report().history
    assert sum(money(line) for line in found) == sum(entry.cost for entry in history)
    for entry in history:
        day = datetime.fromisoformat(entry.date).replace(tzinfo=UTC)
        assert sum(money(line) for line in found if line["ChargePeriodStart"] == day) == entry.cost


def money(line: Mapping[str, Cell]) -> Decimal:
    cost = line["BilledCost"]
    assert isinstance(cost, Decimal)
    return cost


def test_a_scope_leaves_out_rows_and_changes_none() -> None:
    world = one(counts(), *find_profile("aws-s3/us-east-1"), ratio="0.5")
    acme = focus_of(world, orgs=["acme"])
    assert acme == [line for line in focus_of(world) if line["SubAccountId"] == "acme"]


def test_there_is_one_row_for_each_day_location_class_organisation_and_kind() -> None:
    samples = {name: counts_of(name) for name in (ARCHIVE, "other")}
    found = focus_of(World(samples=samples, ratio="0.5"))
    keys = [
        tuple(
            line.get(name)
            for name in ("ChargePeriodStart", "ResourceName", "x_StorageClass", "SubAccountId", "SkuMeter")
        )
        for line in found
    ]
    assert len(set(keys)) == len(keys)
    assert {key[1] for key in keys} == {ARCHIVE, "other"}


def counts_of(location: str) -> list[UsageSample]:
    return [one.model_copy(update={"location": location}) for one in counts()]


def test_every_kind_of_charge_is_described() -> None:
    aws = focus_of(one(counts(), *find_profile("aws-s3/us-east-1"), ratio="0.5"))
    wasabi = focus_of(one(counts(), *find_profile("wasabi")))
    meters = {line.get("SkuMeter") or "Minimum" for line in [*aws, *wasabi]}
    assert meters == {kind.value for kind in ChargeKind}
    assert {line["ChargeDescription"] for line in aws} >= {
        "Monitoring of objects in class INTELLIGENT_TIERING",
        "Rest of the minimum duration of objects deleted from class STANDARD_IA",
    }
    [minimum, *_] = [line for line in wasabi if line["ChargeCategory"] == "Adjustment"]
    assert minimum["ChargeFrequency"] == "Recurring"
    assert minimum.get("ConsumedQuantity") is None


def test_the_provider_is_that_of_the_prices_and_the_region_that_of_the_bucket() -> None:
    [aws, *_] = focus_of(one(counts(), *find_profile("aws-s3/us-east-1")), region="eu-west-2")
    assert (aws["ProviderName"], aws["InvoiceIssuerName"], aws["RegionId"]) == ("AWS", "AWS", "eu-west-2")
    [here, *_] = focus_of(one(counts(), *find_profile("aws-s3/us-east-1")))
    assert here["RegionId"] == "us-east-1"
    [own, *_] = focus_of(one(counts(), flat("0.01", name="minio/rack-7")))
    assert (own["ProviderName"], own["ServiceName"], own["RegionId"]) == ("minio", "Object storage", None)


def test_each_row_names_its_owner_its_account_and_where_its_numbers_are_from() -> None:
    prices = find_profile("aws-s3/us-east-1")
    inputs = one(counts_with_a_gap(), *prices).inputs()
    terms = replace(inputs.terms, prices={ARCHIVE: LocationPrices(group="/aws-s3/us-east-1", versions=prices)})
    view = ReportView(replace(inputs, terms=terms))
    found = list(focus_rows(view, view.charges, {ARCHIVE: BilledResource(address="s3://bucket/")}))
    assert {line["BillingAccountId"] for line in found} == {"aws-s3/us-east-1"}
    assert {line["x_PricesAsOf"] for line in found} == {prices[0].as_of.isoformat()}
    assert {line["SubAccountId"]: line["Tags"] for line in found} == {"Ängström": '{"org": "Ängström"}'}
    days = {line["ChargePeriodStart"]: line["x_Estimated"] for line in found}
    assert days[at("2026-11-02")] is True
    assert days[at("2026-11-03")] is False


def counts_with_a_gap() -> list[UsageSample]:
    return [sample(at(when), [row("Ängström", 100)]) for when in ("2026-11-01T12:00", "2026-11-03T12:00")]


def test_a_gb_is_what_the_profile_defines() -> None:
    def units(*profile: Profile) -> set[tuple[Cell, Cell]]:
        found = focus_of(one(counts(), *profile))
        return {(line["ConsumedUnit"], line["PricingUnit"]) for line in found if line.get("SkuMeter") == "Storage"}

    assert units(*find_profile("aws-s3/us-east-1")) == {("GiB-Months", "GB-Months")}
    assert units(*find_profile("cloudflare-r2")) == {("GB-Months", "GB-Months")}


def test_an_unknown_owner_is_null_and_no_cell_is_a_formula() -> None:
    found = read(text_of(focus_of(one(counts(), *find_profile("default")))))
    accounts = {line["SubAccountId"] for line in found}
    assert accounts == {"acme", "globex", "'=HYPERLINK(1)", ""}
    for line in found:
        assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for cell in line.values())


def test_a_month_known_only_as_a_sum_is_one_charge_for_the_month() -> None:
    [month, *_] = focus_of(one(after_a_month_of_sums(days=31), *find_profile("default")))
    assert (month["ChargePeriodStart"], month["ChargePeriodEnd"]) == (at("2026-08-01"), at("2026-09-01"))


def test_parquet_has_the_same_rows_with_their_types(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    found = focus_of(one(counts(), *find_profile("aws-s3/us-east-1"), ratio="0.5"))
    file = tmp_path / "costs.parquet"
    with file.open("wb") as into:
        write_parquet(found, into)
    table = parquet.read_table(file)
    assert table.column_names == list(COLUMNS)
    assert table.to_pylist() == [{name: line.get(name) for name in COLUMNS} for line in found]


def test_parquet_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ParquetUnavailableError, match=r"recording-operator\[parquet\]"):
        write_parquet([], io.BytesIO())
