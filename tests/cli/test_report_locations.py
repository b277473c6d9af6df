"""`recording-operator report` from the usage samples of a StorageReport's locations."""

import base64
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.usage.configmap import config_map_name
from recording_operator.controller.usage.copies import UsageCopies
from recording_operator.controller.usage.entries import MapEntries
from recording_operator.controller.usage.samples import UsageSamples, load
from recording_operator.kube.client import KubeApi
from recording_operator.usage.codec import encode, encode_month, month_name, sample_name, usage_file
from tests.cli.counted_world import (
    NAMESPACE,
    a_location,
    a_report,
    a_role,
    a_secret,
    api_of,
    counts,
    keep,
    sts_of,
)
from tests.cli.report_runs import cost_of, expected, history_cost, lines_of, run
from tests.support.config_maps import ConfigMapRest
from tests.support.fake_sts import Refusal
from tests.support.strict_store import StrictStore

pytestmark = pytest.mark.usefixtures("strict_with_keys")


def of_report(tmp_path: Path, strict: StrictStore, *options: str, **given: Any) -> Result:
    locations = given.get("locations") or [a_location(strict)]
    secret = given["secret"] if "secret" in given else a_secret(strict)
    api = api_of(given.get("report") or a_report(), locations, secret, config_maps=given.get("config_maps"))
    api.objects = {**api.objects, **given.get("objects", {})}
    with api.kubeconfig(tmp_path, namespace=given.get("namespace", NAMESPACE)) as kubeconfig:
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


def test_a_secret_in_the_namespace_of_the_context_is_not_the_operators(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts())
    planted = {"/api/v1/namespaces/team/secrets/keys": a_secret(strict, secret_key="theirs")}
    done = of_report(tmp_path, strict, "-o", "focus", namespace="team", objects=planted)
    assert cost_of(lines_of(done), "BilledCost") == history_cost(expected())


def test_a_directory_is_not_read_from_this_machine(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, [*counts(), *counts("files")])
    samples = tmp_path / "volume" / sample_name("files", counts()[0].at)
    samples.parent.mkdir(parents=True)
    samples.write_bytes(encode(counts("files")[0]))
    directory = a_location(strict, "files")
    directory["spec"] |= {"s3": None, "filesystem": {"path": str(tmp_path / "volume")}}
    locations = [a_location(strict), directory]
    done = of_report(tmp_path, strict, "-o", "focus", locations=locations)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "StorageLocation files: It is a directory of the operator's pods, so its usage" in done.stderr
    only_buckets = a_report(scope={"storageLocations": ["archive"]})
    lines = lines_of(of_report(tmp_path, strict, "-o", "focus", locations=locations, report=only_buckets))
    assert {line["ResourceName"] for line in lines} == {"archive"}


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
