"""`kubectl recordings cost`, on a real API server, as a finance person who may only read StorageReports."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from recording_operator.api.storagereport import StorageReport
from recording_operator.costs.org_history import cost_of, of_org
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import Person
from tests.cli.reported import growing, in_cluster, refreshed
from tests.costs.test_report_properties import worlds
from tests.costs.test_worked_example import november
from tests.costs.views import PATIENT, World

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("no_reports")]


def document(person: Person, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(person.output("cost", *options, "-o", "json"))
    return found


def month_cost(report: StorageReport, org: str, month: str) -> Decimal:
    days = [entry for entry in report.status.history if entry.date.startswith(month)]
    return cost_of(row for entry in days for row in entry.orgs if row.name == org)


def test_the_bill_of_the_worked_example(admin: RestClient, clerk: Person, boss: Person) -> None:
    in_cluster(admin, refreshed(november(30)))
    november_only = ("--org", "acme", "--from", "2026-11-01", "--to", "2026-11-30")
    for person in (clerk, boss):
        assert person.output("cost", *november_only) == (
            "MONTH     STORAGE-USD   DOWNLOADS-USD   REQUESTS-USD   TOTAL-USD\n"
            "2026-11         11.50           18.00           0.00       29.50\n"
            "TOTAL           11.50           18.00           0.00       29.50\n"
        )
    wide = clerk.output("cost", *november_only, "-o", "wide").splitlines()
    assert wide[0].split()[:5] == ["MONTH", "MEAN-STORED-GB", "UPLOADED-GB", "DOWNLOADED-GB", "REQUESTS"]
    assert wide[1].split()[:5] == ["2026-11", "500.000", "0.000", "300.000", "0"]
    by_week = clerk.output("cost", *november_only, "--by", "week").splitlines()
    assert [line.split()[0] for line in by_week[1:]] == [
        "2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23", "2026-11-30", "TOTAL",
    ]  # fmt: skip
    assert by_week[-1].split()[-1] == "29.50"


def test_the_total_is_that_of_the_history(admin: RestClient, clerk: Person) -> None:
    report = refreshed(growing())
    in_cluster(admin, report)
    this_month = document(clerk, "--org", "globex")
    assert (this_month["from"], this_month["to"], this_month["report"]) == ("2026-11-01", "2026-11-13", "daily")
    total = month_cost(report, "globex", "2026-11-")
    assert Decimal(this_month["total"]) == total
    assert sum(Decimal(this_month[name]) for name in ("storage", "downloads", "requests")) == total
    assert sum(Decimal(row["cost_usd"]) for row in this_month["rows"]) == total
    said = clerk.run("cost", "--org", "globex").stderr
    assert said == "kubectl recordings: The numbers are those until 2026-11-13 01:00 UTC.\n"


def test_csv_is_safe_for_a_spreadsheet(admin: RestClient, clerk: Person) -> None:
    in_cluster(admin, refreshed(growing("=1+1", "acme")))
    lines = list(csv.reader(io.StringIO(clerk.output("cost", "--org", "=1+1", "-o", "csv"))))
    assert lines[0] == ["date", "org_id", "metric_type", "value", "unit", "cost_usd"]
    assert {line[1] for line in lines[1:]} == {"'=1+1"}
    assert {line[2] for line in lines[1:]} == {"storage_gb", "upload_gb", "download_gb", "api_requests"}


def test_an_organisation_among_all_others_needs_samples_or_a_report_of_its_own(
    admin: RestClient, clerk: Person
) -> None:
    world = growing(*(f"org-{number}" for number in range(30)), days=12)
    in_cluster(admin, refreshed(world))
    refused = clerk.run("cost", "--org", "org-0")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "StorageReport daily has org-0 in (other) for " in refused.stderr
    assert "You may not list storagelocations." in refused.stderr
    assert "create a StorageReport with org-0 in spec.scope.orgs" in refused.stderr
    own = refreshed(world, name="own", scope={"orgs": ["org-0"]})
    in_cluster(admin, own)
    assert Decimal(document(clerk, "--org", "org-0")["total"]) == month_cost(own, "org-0", "2026-10-")


def test_which_report_is_read(admin: RestClient, clerk: Person) -> None:
    world = growing()
    in_cluster(admin, refreshed(world, name="cold", scope={"storageLocations": ["archive"]}))
    alone = clerk.run("cost", "--org", "acme")
    assert alone.returncode == 0
    assert "StorageReport cold includes only StorageLocations archive." in alone.stderr
    in_cluster(admin, refreshed(world, name="team", scope={"namespaces": ["team"]}))
    unclear = clerk.run("cost", "--org", "acme")
    assert unclear.returncode == 1
    assert "cold, team include parts. Choose with --report." in unclear.stderr
    in_cluster(admin, refreshed(world, name="daily"))
    in_cluster(admin, refreshed(world, name="globex", scope={"orgs": ["globex"]}))
    assert document(clerk, "--org", "acme")["report"] == "daily"
    assert document(clerk, "--org", "globex")["report"] == "globex"
    assert document(clerk, "--org", "acme", "--report", "team")["report"] == "team"
    wrong = clerk.run("cost", "--org", "acme", "--report", "globex")
    assert "No StorageReport includes the organisation acme. There are globex." in wrong.stderr


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--org", "acmee"), 1, "has nothing of acmee from 2026-11-01 to 2026-11-13. Did you mean acme?"),
        (("--org", "acme", "--from", "2030-01-01", "--to", "2030-01-31"), 1, "Its history is from 2026-10-01 to "),
        (("--org", "acme", "--from", "2026-11-02", "--to", "2026-11-01"), 2, "--to is before --from."),
        ((), 2, "Missing option '--org'"),
        (("--org", "acme", "--group-by", "class"), 1, "You may not list storagelocations."),
    ],
)
def test_what_cannot_be_shown(
    admin: RestClient, clerk: Person, options: tuple[str, ...], status: int, said: str
) -> None:
    in_cluster(admin, refreshed(growing()))
    wrong = clerk.run("cost", *options)
    assert (wrong.returncode, wrong.stdout) == (status, "")
    assert said in wrong.stderr


@PATIENT
@given(world=worlds())
def test_a_report_of_all_says_what_a_report_of_one_organisation_says(world: World) -> None:
    report = world.report()
    for org in {row.name for entry in report.history for row in entry.orgs}:
        alone = world.report({"scope": {"orgs": [org]}})
        found = of_org(report.history, org)
        assert found.hidden == () or org != "(other)"
        if not found.hidden:
            rows = [row for entry in found.entries for row in entry.orgs]
            assert cost_of(rows) == cost_of(row for entry in alone.history for row in entry.orgs)
