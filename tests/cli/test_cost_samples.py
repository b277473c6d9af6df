"""`cost` from the usage samples of StorageLocations."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from recording_operator.cli import main
from recording_operator.controller.usage.copies import INDEX
from tests.cli.counted_world import NAMESPACE, PROFILE, a_location, a_report, a_secret, api_of, counts, keep
from tests.cli.report_runs import cost_of, expected, history_cost, lines_of
from tests.costs.views import at, row, sample
from tests.support.strict_store import StrictStore

pytestmark = pytest.mark.usefixtures("strict_with_keys")


def cost(tmp_path: Path, strict: StrictStore, *options: str, secret: Any = None) -> Result:
    """The cost of acme, with a report that was refreshed."""
    report = {**a_report(), "status": expected().model_dump(mode="json", by_alias=True, exclude_none=True)}
    with api_of(report, [a_location(strict)], secret or a_secret(strict)).kubeconfig(tmp_path) as kubeconfig:
        return CliRunner().invoke(main, ["cost", "--org=acme", "--report=all", f"--kubeconfig={kubeconfig}", *options])


@pytest.mark.parametrize(("group_by", "column", "groups"), [
    ("class", "storage_class", {"STANDARD"}),
    ("location", "location", {"archive"}),
    ("namespace", "namespace", {"team"}),
])  # fmt: skip
def test_groups_have_the_cost_of_the_organisation(
    strict: StrictStore, tmp_path: Path, group_by: str, column: str, groups: set[str]
) -> None:
    keep(strict, counts())
    lines = lines_of(cost(tmp_path, strict, f"--group-by={group_by}", "-o", "csv"))
    assert {line[column] for line in lines} == groups
    total = history_cost(expected(scope={"orgs": ["acme"]}))
    assert cost_of(lines) == total
    document = json.loads(cost(tmp_path, strict, "-o", "json").stdout)
    assert Decimal(document["total"]) == total
    table = cost(tmp_path, strict, f"--group-by={group_by}").stdout.splitlines()
    assert table[0].split()[:2] == ["MONTH", group_by.upper()]
    assert table[1].split()[:2] == ["2026-11~", *groups]


def test_a_secret_in_the_namespace_of_the_context_is_not_the_operators(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts())
    report = {**a_report(), "status": expected().model_dump(mode="json", by_alias=True, exclude_none=True)}
    server = api_of(report, [a_location(strict)], a_secret(strict))
    planted = {"/api/v1/namespaces/team/secrets/keys": a_secret(strict, secret_key="theirs")}
    server.objects = {**server.objects, **planted}
    with server.kubeconfig(tmp_path, namespace="team") as kubeconfig:
        options = ["--org=acme", "--report=all", f"--kubeconfig={kubeconfig}", "--group-by=class", "-o", "csv"]
        lines = lines_of(CliRunner().invoke(main, ["cost", *options]))
    assert cost_of(lines) == history_cost(expected(scope={"orgs": ["acme"]}))


def test_the_reason_why_samples_cannot_be_read(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts())
    refused = cost(tmp_path, strict, "--group-by=class", secret=403)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert (
        "--group-by is computed from the usage samples of the StorageLocations. StorageLocation archive:"
        in refused.stderr
    )


def test_config_maps_that_may_not_be_read_are_named(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts())
    report = {**a_report(), "status": expected().model_dump(mode="json", by_alias=True, exclude_none=True)}
    server = api_of(report, [a_location(strict)], a_secret(strict))
    index = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{INDEX}"
    server.objects = {**server.objects, index: 403}
    with server.kubeconfig(tmp_path) as kubeconfig:
        options = ["--org=acme", "--report=all", f"--kubeconfig={kubeconfig}", "--group-by=class"]
        done = CliRunner().invoke(main, ["cost", *options])
    assert done.exit_code == 0, done.output
    words = " ".join(done.stderr.split())
    assert f"kept in ConfigMaps of namespace {NAMESPACE} are left out: you may not read these ConfigMaps." in words
    assert f"kubectl auth can-i get configmaps/{INDEX} -n {NAMESPACE}" in words
    assert "ConfigMap" not in cost(tmp_path, strict, "--group-by=class").stderr


def test_the_end_of_the_numbers_is_that_of_the_samples(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts())
    status = expected()
    stored = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert status.as_of is not None
    older = (status.as_of - timedelta(days=1)).isoformat()
    report = {**a_report(), "status": {**stored, "asOf": older}}
    with api_of(report, [a_location(strict)], a_secret(strict)).kubeconfig(tmp_path) as kubeconfig:
        options = ["--org=acme", "--report=all", f"--kubeconfig={kubeconfig}", f"--to={status.as_of:%Y-%m-%d}"]
        done = CliRunner().invoke(main, ["cost", *options, "--group-by=class"])
    assert done.exit_code == 0, done.output
    assert f"The numbers are those until {status.as_of:%Y-%m-%d %H:%M} UTC." in " ".join(done.stderr.split())


def test_samples_that_are_kept_longer_than_by_default_count(strict: StrictStore, tmp_path: Path) -> None:
    held, old = [row("acme", 300)], at("2022-11-27T01:00")
    keep(strict, [sample(old, held, location="archive", profile=PROFILE), *counts()])
    lines = lines_of(cost(tmp_path, strict, "--group-by=location", "--from=2022-01-01", "-o", "csv"))
    assert "2022-11" in {line["date"][:7] for line in lines}, lines[0]
