"""`recording-operator report` from the usage samples of a bucket alone."""

import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result

from recording_operator.usage.codec import encode, sample_name
from tests.cli.counted_world import (
    PREFIX,
    PROFILE,
    counts,
    keep,
    put,
)
from tests.cli.report_runs import cost_of, expected, history_cost, lines_of, run
from tests.support.strict_store import StrictStore

pytestmark = pytest.mark.usefixtures("strict_with_keys")


def of_bucket(strict: StrictStore, *options: str, prefix: str = PREFIX) -> Result:
    address = f"s3://{strict.bucket_name}/{prefix}"
    return run(f"--from-bucket={address}", f"--endpoint-url={strict.endpoint}", *options)


def test_a_bucket_gives_the_numbers_of_the_report(strict: StrictStore) -> None:
    keep(strict, counts())
    lines = lines_of(of_bucket(strict, "-o", "csv"))
    assert list(lines[0]) == ["date", "org_id", "metric_type", "value", "unit", "cost_usd"]
    wanted = {
        (entry.date, org.name): (org.storage_gb, org.storage_cost) for entry in expected().history for org in entry.orgs
    }
    found = {
        (line["date"], line["org_id"]): (Decimal(line["value"]), Decimal(line["cost_usd"]))
        for line in lines
        if line["metric_type"] == "storage_gb"
    }
    assert found == wanted
    assert cost_of(lines) == history_cost(expected())


@pytest.mark.parametrize(
    ("group_by", "column", "groups"),
    [
        ("namespace", "namespace", {"team", "other"}),
        ("location", "location", {"archive"}),
        ("class", "storage_class", {"STANDARD", "GLACIER_IR"}),
    ],
)
def test_other_groupings_have_their_column(strict: StrictStore, group_by: str, column: str, groups: set[str]) -> None:
    keep(strict, counts())
    lines = lines_of(of_bucket(strict, "-o", "csv", f"--group-by={group_by}", "--by=month"))
    assert {line[column] for line in lines} == groups
    assert cost_of(lines) == history_cost(expected())


def test_organisations_and_namespaces_can_be_chosen(strict: StrictStore) -> None:
    keep(strict, counts())
    by_org = lines_of(of_bucket(strict, "-o", "csv", "--org=acme"))
    assert cost_of(by_org) == history_cost(expected(scope={"orgs": ["acme"]}))
    by_namespace = lines_of(of_bucket(strict, "-o", "csv", "--namespace=other"))
    assert {line["org_id"] for line in by_namespace} == {"globex"}


def test_focus_has_the_costs_of_the_report_and_the_bucket_as_its_resource(strict: StrictStore) -> None:
    keep(strict, counts())
    lines = lines_of(of_bucket(strict, "-o", "focus", "--region=eu-west-2"))
    assert cost_of(lines, "BilledCost") == history_cost(expected())
    assert {line["ResourceId"] for line in lines} == {f"s3://{strict.bucket_name}/{PREFIX}"}
    assert {line["RegionId"] for line in lines} == {"eu-west-2"}
    [day] = {
        line["ChargePeriodStart"]
        for line in lines_of(of_bucket(strict, "-o", "focus", "--from=2026-11-28", "--to=2026-11-28"))
    }
    assert day == "2026-11-28T00:00:00Z"


def test_the_cards_of_a_bucket(strict: StrictStore) -> None:
    keep(strict, counts())
    done = of_bucket(strict, "-o", "cards")
    assert done.exit_code == 0, done.stderr
    status = expected()
    assert status.summary is not None
    assert done.stdout.startswith(f"s3://{strict.bucket_name}/{PREFIX}\n")
    assert f"This month so far       {status.summary.month_to_date}\n" in done.stdout
    assert of_bucket(strict, "-o", "cards", "--by=week").exit_code == 2


def test_focus_as_parquet(strict: StrictStore) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    keep(strict, counts())
    done = of_bucket(strict, "-o", "focus-parquet")
    assert done.exit_code == 0, done.stderr
    table = parquet.read_table(io.BytesIO(done.stdout_bytes))
    assert sum(table.column("BilledCost").to_pylist()) == history_cost(expected())


def test_a_comparison_has_the_rows_of_the_report(strict: StrictStore) -> None:
    keep(strict, counts())
    done = of_bucket(strict, "-o", "json", "--compare=wasabi,cloudflare-r2")
    assert done.exit_code == 0, done.stderr
    here, *found = json.loads(done.stdout)
    status = expected(compare=["wasabi", "cloudflare-r2"])
    assert here["profile"] == "(as it is)"
    assert status.cost is not None
    assert Decimal(here["projected_month_usd"]) == status.cost.projected_month
    assert [(row["profile"], Decimal(row["projected_month_usd"]), row["reason"]) for row in found] == [
        (row.profile, row.projected_month, row.reason) for row in status.comparison
    ]
    table = of_bucket(strict, "--compare=wasabi,cloudflare-r2").stdout
    assert table.splitlines()[0].split()[:2] == ["PROFILE", "PRICES-AS-OF"]


def test_other_prices_by_name_or_from_a_file(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts(profile="our-own"))
    missing = of_bucket(strict)
    assert missing.exit_code == 1
    assert "name the price profile our-own" in missing.stderr
    lines = lines_of(of_bucket(strict, "-o", "csv", f"--prices={PROFILE}"))
    assert cost_of(lines) == history_cost(expected())
    file = tmp_path / "ours.toml"
    file.write_text(
        'name = "our-own"\nsource = "x"\nasOf = 2026-01-01\ncurrency = "EUR"\ngbBytes = 1000000000\n'
        'dayBasis = "fixed30"\n[otherClasses]\ntiers = [{ perGBMonth = "0.01" }]\n'
        '[storageClasses.STANDARD]\ntiers = [{ perGBMonth = "0.01" }]\n'
    )
    assert "cost_eur" in lines_of(of_bucket(strict, "-o", "csv", f"--prices={file}"))[0]


def test_of_several_locations_one_is_chosen_or_all(strict: StrictStore) -> None:
    keep(strict, [*counts(), *counts("other")])
    unclear = of_bucket(strict)
    assert (unclear.exit_code, unclear.stdout) == (1, "")
    assert "has usage samples of archive, other. Choose with --location" in unclear.stderr
    lines = lines_of(of_bucket(strict, "-o", "csv", "--location=archive", "--location=other", "--group-by=location"))
    assert cost_of(lines) == history_cost(expected("archive", "other"))
    wrong = of_bucket(strict, "--location=nope")
    assert "no usage samples of nope. It has those of archive, other." in wrong.stderr


@pytest.mark.parametrize("prefix", ["", "elsewhere/"])
def test_a_bucket_without_samples_says_so(strict: StrictStore, prefix: str) -> None:
    keep(strict, counts())
    done = of_bucket(strict, prefix=prefix)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"s3://{strict.bucket_name}/{prefix} has no usage samples" in done.stderr


def test_the_last_slash_of_a_prefix_can_be_left_out(strict: StrictStore) -> None:
    keep(strict, counts())
    assert of_bucket(strict, prefix=PREFIX.rstrip("/")).exit_code == 0


@pytest.mark.parametrize("data", [b"not gzip", encode(counts()[0])[:-20], encode(counts("other")[0])])
def test_broken_samples_are_left_out_with_a_note(strict: StrictStore, data: bytes) -> None:
    keep(strict, counts()[1:])
    name = f"{PREFIX}{sample_name('archive', counts()[0].at)}"
    put(strict, name, data)
    done = of_bucket(strict, "-o", "csv")
    assert lines_of(done)
    assert "1 files with usage samples of archive cannot be read" in done.stderr


def test_only_broken_samples_are_no_report(strict: StrictStore) -> None:
    put(strict, f"{PREFIX}{sample_name('archive', counts()[0].at)}", b"not gzip")
    done = of_bucket(strict)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "has no usage samples that can be read" in done.stderr
    assert "not compressed with gzip" in done.stderr


def test_wrong_credentials_are_the_reason(strict: StrictStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    done = of_bucket(strict)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "The store does not accept your credentials" in done.stderr
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "No usable AWS credentials were found." in of_bucket(strict).stderr


def test_a_denied_listing_is_the_reason(strict: StrictStore) -> None:
    strict.denied = {"ListObjectsV2"}
    done = of_bucket(strict)
    assert done.exit_code == 1
    assert "Your credentials lack the permission" in done.stderr


def test_days_without_samples(strict: StrictStore) -> None:
    keep(strict, counts())
    done = of_bucket(strict, "--from=2027-01-01")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "has nothing from 2027-01-01. There are samples for 2026-11-01 to 2026-11-29." in done.stderr


def test_an_organisation_without_usage(strict: StrictStore) -> None:
    keep(strict, counts())
    done = of_bucket(strict, "--org=acmee")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "has nothing of org acmee. There are samples for" in done.stderr


def test_usage_without_a_price_is_named(strict: StrictStore) -> None:
    keep(strict, counts())
    done = of_bucket(strict, "--prices=aws-s3/eu-west-2")
    assert done.exit_code == 0
    assert "Without a price, and not included in any cost: storage class GLACIER_IR." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["all", "--from-bucket=s3://b/p"], "either the NAME"),
        (["all", "--org=acme"], "--org can only be used with --from-bucket"),
        (["--from-bucket=s3://b", "--context=c"], "--context cannot be used with --from-bucket"),
        (["--from-bucket=b"], "write s3://BUCKET/PREFIX/"),
        (["all", "--from=yesterday"], "write a day such as 2026-11-01"),
        (["--from-bucket=s3://b", "-o", "focus", "--by=week"], "-o focus has fixed rows"),
        (["--from-bucket=s3://b", "--compare=wasabi", "--group-by=class"], "--compare is about this month"),
        (["--from-bucket=s3://b", "--compare=wasabi,"], "names separated by commas"),
        (["--from-bucket=s3://b", "--compare=nope"], "No price profile has the name nope"),
        (["--from-bucket=s3://b", "--prices=nope"], "No price profile has the name nope"),
        (["--from-bucket=s3://b", "--prices=/nope.toml"], "cannot be read from /nope.toml"),
        (["--from-bucket=s3://b", "--playback-ratio=half"], "decimal number"),
    ],
)
def test_wrong_usage_ends_with_status_2(strict: StrictStore, arguments: list[str], words: str) -> None:
    done = run(*arguments, *([f"--endpoint-url={strict.endpoint}"] if "--from-bucket=s3://b" in arguments else []))
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())
