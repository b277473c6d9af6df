"""`recording-operator report` from usage samples: with a StorageReport's locations, and from a bucket alone."""

import base64
import csv
import io
import json
import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagereport import StorageReportSpec, StorageReportStatus
from recording_operator.cli import main
from recording_operator.controller.usage.configmap import config_map_name
from recording_operator.controller.usage.copies import UsageCopies
from recording_operator.controller.usage.entries import MapEntries
from recording_operator.controller.usage.samples import UsageSamples, load
from recording_operator.costs.library import find_profile
from recording_operator.costs.report import report
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.costs.view import ReportInputs
from recording_operator.kube.client import KubeApi
from recording_operator.usage.codec import encode, encode_month, month_name, sample_name, usage_file
from recording_operator.usage.timeline import usage_of
from tests.cli.counted_world import (
    NAMESPACE,
    PREFIX,
    PROFILE,
    a_location,
    a_report,
    a_role,
    a_secret,
    api_of,
    counts,
    keep,
    put,
    sts_of,
)
from tests.support.config_maps import ConfigMapRest
from tests.support.fake_sts import Refusal
from tests.support.strict_bucket import Bucket
from tests.support.strict_store import StrictStore


@pytest.fixture(scope="module")
def server() -> Iterator[StrictStore]:
    with StrictStore() as found:
        yield found


@pytest.fixture
def strict(server: StrictStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StrictStore:
    """A store as new; the keys in the environment are its own."""
    server.reset(Bucket())
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    return server


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments])


def of_bucket(strict: StrictStore, *options: str, prefix: str = PREFIX) -> Result:
    address = f"s3://{strict.bucket_name}/{prefix}"
    return run(f"--from-bucket={address}", f"--endpoint-url={strict.endpoint}", *options)


def lines_of(done: Result) -> list[dict[str, str]]:
    assert done.exit_code == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout, newline="")))


def expected(*locations: str, **spec: Any) -> StorageReportStatus:
    """What report() computes from the same samples."""
    samples = {name: counts(name) for name in locations or ("archive",)}
    asked = StorageReportSpec.model_validate(spec)
    prices = LocationPrices(group=PROFILE, versions=find_profile(PROFILE))
    terms = CostTerms(prices=dict.fromkeys(samples, prices), playback=asked.playback)
    inputs = ReportInputs(
        spec=asked,
        now=samples[next(iter(samples))][-1].at,
        terms=terms,
        usage={name: known for name, of in samples.items() if (known := usage_of(of))},
        comparison={name: find_profile(name) for name in asked.compare},
    )
    return report(inputs)


def cost_of(lines: list[dict[str, str]], column: str = "cost_usd") -> Decimal:
    return sum((Decimal(line[column]) for line in lines), Decimal(0))


def history_cost(status: StorageReportStatus) -> Decimal:
    return sum((entry.cost for entry in status.history), Decimal(0))


# From a bucket


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
        ([], "either the NAME of a StorageReport or --from-bucket"),
        (["all", "--from-bucket=s3://b/p"], "either the NAME"),
        (["all", "--org=acme"], "--org can only be used with --from-bucket"),
        (["--from-bucket=s3://b", "--context=c"], "--context needs a NAME"),
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


# From a StorageReport's locations


def of_report(tmp_path: Path, strict: StrictStore, *options: str, **given: Any) -> Result:
    locations = given.get("locations") or [a_location(strict)]
    secret = given["secret"] if "secret" in given else a_secret(strict)
    api = api_of(given.get("report") or a_report(), locations, secret, config_maps=given.get("config_maps"))
    with api.kubeconfig(tmp_path) as kubeconfig:
        return run("all", f"--kubeconfig={kubeconfig}", *options)


def test_a_report_s_samples_are_read_with_the_credentials_of_its_locations(
    strict: StrictStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    keep(strict, counts())
    lines = lines_of(of_report(tmp_path, strict, "-o", "focus"))
    assert cost_of(lines, "BilledCost") == history_cost(expected())
    assert {line["RegionId"] for line in lines} == {"eu-west-2"}


def test_a_location_without_a_secret_is_read_with_your_own_credentials(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts())
    location = a_location(strict)
    del location["spec"]["s3"]["credentials"]
    lines = lines_of(of_report(tmp_path, strict, "-o", "csv", "--group-by=class", locations=[location], secret=403))
    assert cost_of(lines) == history_cost(expected())


def test_scope_and_account_are_as_in_the_report(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, [*counts(), *counts("other")])
    locations = [a_location(strict), a_location(strict, "other")]
    scope = {"storageLocations": ["archive"], "orgs": ["acme"]}
    done = of_report(tmp_path, strict, "-o", "focus", locations=locations, report=a_report(scope=scope))
    lines = lines_of(done)
    assert {line["ResourceName"] for line in lines} == {"archive"}
    assert cost_of(lines, "BilledCost") == history_cost(expected("archive", "other", scope=scope))


def test_a_comparison_of_a_report(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts())
    done = of_report(tmp_path, strict, "-o", "csv", "--compare=cloudflare-r2")
    [_, elsewhere] = lines_of(done)
    [wanted] = expected(compare=["cloudflare-r2"]).comparison
    assert (elsewhere["profile"], Decimal(elsewhere["projected_month_usd"])) == (
        "cloudflare-r2",
        wanted.projected_month,
    )


def test_a_deleted_location_is_read_from_its_copy(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts())
    rest, gone = ConfigMapRest(NAMESPACE), StorageLocation.model_validate(a_location(strict, "other"))
    file = usage_file("other", month_name("other", date(2026, 11, 1)))
    assert file is not None
    samples = UsageSamples(load(file, encode_month(counts("other")), location="other").entries)
    copies = UsageCopies(MapEntries(kube=KubeApi(rest), namespace=NAMESPACE))
    copies.keep(gone, samples, complete=True)
    lines = lines_of(of_report(tmp_path, strict, "-o", "focus", config_maps=rest.maps))
    assert {line["ResourceName"] for line in lines} == {"archive", "other (deleted)"}
    assert cost_of(lines, "BilledCost") == history_cost(expected("archive", "other"))


def test_samples_in_a_config_map_are_read_if_the_store_has_none(strict: StrictStore, tmp_path: Path) -> None:
    strict.denied = {"ListObjectsV2"}
    names = {one.at: f"{one.at:%Y-%m-%dT%H%M%SZ}.json.gz" for one in counts()}
    kept = {names[one.at]: base64.b64encode(encode(one)).decode() for one in counts()}
    found = {"metadata": {"name": "x", "resourceVersion": "1"}, "binaryData": kept}
    done = of_report(tmp_path, strict, "-o", "focus", config_maps={config_map_name("archive"): found})
    assert cost_of(lines_of(done), "BilledCost") == history_cost(expected())
    assert "Usage samples of archive are kept for 90 days in ConfigMap" in done.stderr


def test_a_location_that_was_not_counted_yet(strict: StrictStore, tmp_path: Path) -> None:
    done = of_report(tmp_path, strict, "-o", "focus")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "StorageReport all has no usage samples yet." in done.stderr


@pytest.mark.parametrize("secret", [403, 404])
def test_a_secret_that_cannot_be_read_is_the_reason(strict: StrictStore, tmp_path: Path, secret: int) -> None:
    keep(strict, counts())
    done = of_report(tmp_path, strict, "-o", "focus", secret=secret)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "StorageLocation archive: " in done.stderr
    assert "keys" in done.stderr
    assert "--operator-namespace names the operator's namespace." in done.stderr
    assert "The operator may not" not in done.stderr


def test_wrong_keys_in_the_secret_are_the_reason(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts())
    done = of_report(tmp_path, strict, "-o", "focus", secret=a_secret(strict, secret_key="wrong"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "does not accept" in done.stderr


def test_a_role_reads_the_samples_or_is_the_reason(
    strict: StrictStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(strict, counts())
    secret, location = a_secret(strict), a_location(strict)
    with sts_of(strict) as sts:
        location["spec"]["s3"]["credentials"] = a_role(sts, "keys")
        given: dict[str, Any] = {"locations": [location], "secret": secret}
        done = of_report(tmp_path, strict, "-o", "focus", **given)
        assert cost_of(lines_of(done), "BilledCost") == history_cost(expected())

        sts.refusal = Refusal(code="AccessDenied")
        done = of_report(tmp_path, strict, "-o", "focus", **given)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "STS does not permit these credentials to assume the location's role." in done.stderr
    assert all(line.startswith("recording-operator: ") for line in done.stderr.splitlines())
    assert caplog.records == []
