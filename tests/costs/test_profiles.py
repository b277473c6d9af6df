"""Price profiles: the shipped ones, and messages for invalid ones."""

from decimal import Decimal

import pytest

from recording_operator.costs.library import find_profile, overridden, shipped
from recording_operator.costs.profile import PriceError, Profile, parse_profile

GB = 10**9

GOOD = """
name = "minio/rack-7"
source = "our own hardware over five years"
asOf = 2026-10-01
currency = "EUR"
gbBytes = 1_000_000_000
dayBasis = "calendar"

[storageClasses.STANDARD]
tiers = [{ upToGB = 100, perGBMonth = "0.02" }, { perGBMonth = "0.01" }]

[egress]
tiers = [{ perGB = 0.01 }]
"""


def only(name: str, *, config_map: dict[str, str] | None = None) -> Profile:
    """The one version of a profile."""
    (profile,) = find_profile(name, config_map=config_map, config_map_name="ours")
    return profile


def test_every_shipped_profile_is_dated_and_names_its_source() -> None:
    assert set(shipped()) >= {"default", "aws-s3/us-east-1", "aws-s3/eu-west-2", "cloudflare-r2", "backblaze-b2"}
    versions = [profile for found in shipped().values() for profile in found]
    assert all(profile.source and profile.as_of.year >= 2026 for profile in versions)


def test_an_administrator_adds_one_in_a_config_map() -> None:
    found = only("minio/rack-7", config_map={"rack.toml": GOOD, "README": "no profile"})
    assert found.storage_classes["STANDARD"].tiers[1].rate == Decimal("0.01")
    assert found.egress is not None
    assert found.egress.tiers[0].rate == Decimal("0.01")  # no binary fraction, quoted or not


def test_a_config_map_may_replace_a_shipped_one() -> None:
    mine = GOOD.replace("minio/rack-7", "default")
    assert only("default", config_map={"a.toml": mine}).currency == "EUR"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"0.02"', '"6.95"', "6.95 is more than 1 per GB; it may be per TB"),
        ('perGBMonth = "0.01"', 'upToGB = 50, perGBMonth = "0.01"', "last tier must be without upToGB"),
        ("upToGB = 100, ", "", "every tier but the last needs upToGB"),
        ('"0.02"', '"-0.02"', "not negative"),
        ('"0.02"', '"two cents"', "write a decimal number in quotes"),
        ('"0.02"', '"NaN"', "not negative"),
        ("dayBasis", "dayBases", "dayBases is not a field|dayBasis is missing"),
        ("1_000_000_000", "1000", "gbBytes is 1000000000 or 1073741824"),
        ('"EUR"', '"euro"', "currency"),
        ("asOf = 2026-10-01", "", "asOf is missing"),
        ("tiers = [{ upTo", "tiers = [[{ upTo", "invalid TOML"),
        ('name = "minio/rack-7"', "", "name is missing"),
    ],
)
def test_a_wrong_profile_is_rejected_with_its_place(old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(PriceError, match=words) as refusal:
        find_profile("default", config_map={"rack.toml": GOOD.replace(old, new)}, config_map_name="ours")
    assert "ConfigMap ours, rack.toml" in str(refusal.value)


def test_the_error_of_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(PriceError, match=r"No price profile has the name aws. There are: aws-s3/eu-west-2, .*default"):
        find_profile("aws")


def test_two_profiles_of_one_name_and_date_are_refused() -> None:
    with pytest.raises(PriceError, match="another profile has the name minio/rack-7 and the date 2026-10-01 too"):
        find_profile("default", config_map={"a.toml": GOOD, "b.toml": GOOD})


def test_profiles_of_one_name_and_different_dates_are_versions_in_order() -> None:
    later = GOOD.replace("2026-10-01", "2027-01-01").replace('"0.02"', '"0.03"')
    found = find_profile("minio/rack-7", config_map={"a.toml": later, "b.toml": GOOD})
    assert [profile.as_of.isoformat() for profile in found] == ["2026-10-01", "2027-01-01"]
    assert [profile.storage_classes["STANDARD"].tiers[0].rate for profile in found] == [
        Decimal("0.02"), Decimal("0.03"),
    ]  # fmt: skip


def test_versions_of_one_profile_have_one_currency() -> None:
    later = GOOD.replace("2026-10-01", "2027-01-01").replace("EUR", "USD")
    with pytest.raises(PriceError, match="other versions of minio/rack-7 have another currency than USD"):
        find_profile("minio/rack-7", config_map={"a.toml": GOOD, "b.toml": later})


@pytest.mark.parametrize(("as_of", "versions"), [("2027-01-01", 2), ("2026-09-01", 1), ("2020-01-01", 1)])
def test_a_profile_of_the_config_map_replaces_the_shipped_one_from_its_date(as_of: str, versions: int) -> None:
    mine = GOOD.replace("minio/rack-7", "default").replace("EUR", "USD").replace("2026-10-01", as_of)
    found = find_profile("default", config_map={"a.toml": mine})
    assert len(found) == versions
    assert found[-1].storage_classes["STANDARD"].tiers[0].rate == Decimal("0.02")
    assert found[0].as_of == min(parse_profile(mine, where="here").as_of, shipped()["default"][0].as_of)


def test_one_rate_overrides_all_classes_and_the_allowance() -> None:
    aws = find_profile("aws-s3/us-east-1")
    (changed,) = overridden(aws, per_gb_month=Decimal("0.05"), per_gb_out=Decimal("0.02"))
    assert {price.tiers[0].rate for price in changed.storage_classes.values()} == {Decimal("0.05")}
    assert not any(price.age_tiers for price in changed.storage_classes.values())
    assert changed.egress is not None
    assert changed.egress.free_gb_month == 0
    with pytest.raises(PriceError, match=r"prices\.storagePerGBMonth: 7 is more than 1 per GB"):
        overridden(find_profile("default"), per_gb_month=Decimal(7), per_gb_out=None)
    with pytest.raises(PriceError, match=r"prices\.downloadPerGB: 7 is more than 1 per GB"):
        overridden(find_profile("default"), per_gb_month=None, per_gb_out=Decimal(7))


def test_one_rate_is_for_classes_without_a_price_too() -> None:
    (flat,) = overridden(find_profile("default"), per_gb_month=Decimal("0.02"), per_gb_out=None)
    price = flat.price_of("STANDARD_IA")
    assert price is not None
    assert [tier.rate for tier in price.tiers] == [Decimal("0.02")]
    assert only("default").price_of("STANDARD_IA") is None


def test_one_rate_overrides_all_versions() -> None:
    later = GOOD.replace("2026-10-01", "2027-01-01").replace('"0.02"', '"0.03"')
    found = find_profile("minio/rack-7", config_map={"a.toml": GOOD, "b.toml": later})
    changed = overridden(found, per_gb_month=Decimal("0.05"), per_gb_out=None)
    assert [one.storage_classes["STANDARD"].tiers[0].rate for one in changed] == [Decimal("0.05")] * 2


def test_a_currency_of_small_units_has_higher_prices() -> None:
    yen = GOOD.replace("EUR", "JPY").replace('"0.02"', '"3.75"')
    assert parse_profile(yen, where="here").storage_classes["STANDARD"].tiers[0].rate == Decimal("3.75")
    with pytest.raises(PriceError, match="more than 1 per GB"):
        parse_profile(yen.replace("JPY", "EUR"), where="here")
    tokyo = (parse_profile(yen, where="here"),)
    assert overridden(tokyo, per_gb_month=None, per_gb_out=Decimal(12))[0].egress is not None
    with pytest.raises(PriceError, match="more than 1000 per GB"):
        parse_profile(yen.replace("3.75", "3750"), where="here")


def test_a_number_without_quotes_is_no_binary_fraction() -> None:
    profile = parse_profile(GOOD, where="here")
    assert isinstance(profile.storage_classes["STANDARD"].tiers[0].rate, Decimal)
    assert profile.gb_bytes == GB
