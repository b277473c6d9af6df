"""Price profiles: the shipped ones, and messages for invalid ones."""

from decimal import Decimal

import pytest

from recording_operator.costs.library import find_profile, overridden, shipped
from recording_operator.costs.profile import PriceError, parse_profile
from tests.costs.building import GB

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


def test_every_shipped_profile_is_dated_and_names_its_source() -> None:
    assert set(shipped()) >= {"default", "aws-s3/us-east-1", "aws-s3/eu-west-2", "cloudflare-r2", "backblaze-b2"}
    assert all(profile.source and profile.as_of.year >= 2026 for profile in shipped().values())


def test_an_administrator_adds_one_in_a_config_map() -> None:
    found = find_profile("minio/rack-7", config_map={"rack.toml": GOOD, "README": "no profile"}, config_map_name="ours")
    assert found.storage_classes["STANDARD"].tiers[1].rate == Decimal("0.01")
    assert found.egress is not None
    assert found.egress.tiers[0].rate == Decimal("0.01")  # no binary fraction, quoted or not


def test_a_config_map_may_replace_a_shipped_one() -> None:
    mine = GOOD.replace("minio/rack-7", "default")
    assert find_profile("default", config_map={"a.toml": mine}).currency == "EUR"


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


def test_two_profiles_of_one_name_are_rejected() -> None:
    with pytest.raises(PriceError, match="another profile has the name minio/rack-7"):
        find_profile("default", config_map={"a.toml": GOOD, "b.toml": GOOD})


def test_one_rate_overrides_all_classes_and_the_allowance() -> None:
    changed = overridden(find_profile("aws-s3/us-east-1"), per_gb_month=Decimal("0.05"), per_gb_out=Decimal("0.02"))
    assert {price.tiers[0].rate for price in changed.storage_classes.values()} == {Decimal("0.05")}
    assert changed.egress is not None
    assert changed.egress.free_gb_month == 0
    with pytest.raises(PriceError, match="more than 1 per GB"):
        overridden(find_profile("default"), per_gb_month=Decimal(7), per_gb_out=None)


def test_a_number_without_quotes_is_not_read_as_a_binary_fraction() -> None:
    profile = parse_profile(GOOD, where="here")
    assert isinstance(profile.storage_classes["STANDARD"].tiers[0].rate, Decimal)
    assert profile.gb_bytes == GB
