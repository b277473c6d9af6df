"""Everything that is only read: events, the caller, locations, reports, usage, lists as CSV."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import People, clerk, no_reports
from tests.cli.reported import broken, growing, in_cluster, refreshed
from tests.conftest import LocationFactory
from tests.console.conftest import Visitors
from tests.console.stored import store_file
from tests.costs.test_worked_example import november
from tests.kube.objects import a_recording
from tests.support.recordings import path_of
from tests.support.waiting import eventually

__all__ = ["clerk", "no_reports"]

pytestmark = pytest.mark.cluster


def test_who_the_caller_is(visitors: Visitors) -> None:
    found = visitors.tenant.get("/whoami").document
    assert (found["username"], found["canWrite"]) == ("tenant", True)
    assert "system:authenticated" in found["groups"]
    assert visitors.nobody.get("/whoami").status == 401


def test_events(visitors: Visitors, admin: RestClient, namespace: str) -> None:
    metadata = a_recording(admin, namespace, "weekly")["metadata"]
    event = {
        "metadata": {"name": "weekly.1", "namespace": namespace},
        "involvedObject": {"kind": "Recording", "namespace": namespace, "name": "weekly", "uid": metadata["uid"]},
        "reason": "Stored",
        "message": "<b>Stored</b>",
        "type": "Normal",
        "count": 2,
        "lastTimestamp": "2026-11-30T12:00:00Z",
    }
    admin.request("POST", f"/api/v1/namespaces/{namespace}/events", body=event)
    for visitor in (visitors.admin, visitors.tenant, visitors.viewer):
        found = visitor.get(f"/recordings/{namespace}/weekly/events").document
        [shown] = found["items"]
        assert (shown["reason"], shown["note"], shown["count"], found["missing"]) == ("Stored", "<b>Stored</b>", 2, "")
    assert visitors.tenant.get(f"/recordings/{namespace}/other/events").status == 404
    assert visitors.tenant.get("/recordings/default/weekly/events").status == 403


def test_locations(visitors: Visitors, location: LocationFactory) -> None:
    name = location()
    eventually(lambda: visitors.admin.get(f"/locations/{name}").status == 200)
    found = visitors.admin.get(f"/locations/{name}").document
    assert (found["name"], found["ready"], found["uri"].startswith("s3://")) == (name, False, True)
    assert name in [one["name"] for one in visitors.admin.get("/locations").document["items"]]
    assert visitors.admin.get("/locations/none").status == 404
    for path in ("/locations", f"/locations/{name}"):
        assert visitors.tenant.get(path).status == 403
        assert visitors.nobody.get(path).status == 401


@pytest.mark.usefixtures("no_reports")
def test_reports_and_usage_are_those_of_the_command_line(visitors: Visitors, admin: RestClient, people: People) -> None:
    in_cluster(admin, refreshed(november(30)))
    eventually(lambda: visitors.admin.get("/usage").status == 200)

    [summary] = visitors.admin.get("/reports").document["items"]
    report = visitors.admin.get(f"/reports/{summary['name']}").document
    assert report["cost"]["currency"] == "USD"
    assert {one["name"] for one in report["byOrg"]} == {"acme", "globex"}

    query = "from=2026-11-01&to=2026-11-30&by=month"
    whole = visitors.admin.get(f"/usage?{query}")
    printed = people.admin.output("report", "--from", "2026-11-01", "--to", "2026-11-30", "--by", "month", "-o", "csv")
    for reply in (
        visitors.admin.get(f"/usage?{query}&format=csv"),
        visitors.admin.get(f"/usage?{query}", Accept="text/csv"),
    ):
        assert reply.headers["content-type"] == "text/csv; charset=utf-8"
        assert reply.body.decode().replace("\r\n", "\n") == printed
    costs = [Decimal(row["cost"]) for row in whole.document["rows"]]
    assert round(sum(costs), 2) == Decimal(whole.document["totalCost"]) > Decimal("29.50")

    of_org = visitors.admin.get(f"/usage?{query}&org=acme").document
    assert (of_org["totalCost"], of_org["hidden"], of_org["by"]) == ("29.50", [], "month")
    assert visitors.admin.get(f"/usage?{query}&org=initech").document["rows"] == []


@pytest.mark.usefixtures("no_reports")
def test_who_may_read_reports(visitors: Visitors, admin: RestClient, cluster: ControlPlane) -> None:
    in_cluster(admin, refreshed(growing()))
    eventually(lambda: visitors.admin.get("/usage").status == 200)
    for path in ("/reports", "/reports/daily", "/usage", "/usage?report=daily"):
        assert visitors.tenant.get(path).status == 403
        assert visitors.nobody.get(path).status == 401
    assert visitors.admin.get("/reports/none").status == 404
    assert visitors.admin.get("/usage?report=none").status == 404
    assert cluster.kubeconfig


@pytest.mark.usefixtures("no_reports")
def test_no_report_at_all(visitors: Visitors) -> None:
    eventually(lambda: visitors.admin.get("/usage").status == 404)
    assert visitors.admin.get("/usage").detail == "There is no StorageReport that has been refreshed."


@pytest.mark.usefixtures("no_reports")
def test_usage_says_what_is_wrong_with_its_numbers(visitors: Visitors, admin: RestClient) -> None:
    report = broken(refreshed(growing()))
    status = report.status.model_copy(update={"unpriced": ("class COLD",)})
    in_cluster(admin, report.model_copy(update={"status": status}))
    eventually(lambda: visitors.admin.get("/usage").status == 200)
    found = visitors.admin.get("/usage").document
    assert found["unpriced"] == ["class COLD"]
    assert any("The last refresh failed (PricesInvalid, 3 times" in one for one in found["problems"])


@pytest.mark.parametrize("query", ["by=year", "from=yesterday", "org=", "report=A_b", "format=xml"])
def test_usage_that_cannot_be(visitors: Visitors, query: str) -> None:
    assert visitors.admin.get(f"/usage?{query}").status == 422


def csv_of(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_list_as_csv_is_that_of_the_command_line(
    visitors: Visitors, admin: RestClient, namespace: str, people: People, location: LocationFactory
) -> None:
    store_file(admin, namespace, "weekly", location=location())
    body = a_recording(admin, namespace, "hostile")
    change = {"spec": {"title": "=HYPERLINK(1)"}}
    admin.request("PATCH", f"{path_of(namespace)}/hostile", body=change, content_type="application/merge-patch+json")
    assert body
    path = f"/recordings.csv?namespace={namespace}"
    eventually(lambda: b"'=HYPERLINK(1)" in visitors.tenant.get(path).body)
    eventually(lambda: b"Complete" in visitors.tenant.get(path).body)
    reply = visitors.tenant.get(path)
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    printed = {row["name"]: row for row in csv_of(people.tenant.output("list", "-o", "csv"))}
    shown = {row["name"]: row for row in csv_of(reply.body.decode())}
    assert shown.keys() == printed.keys()
    for name, row in printed.items():
        known = {column: value for column, value in row.items() if column not in {"attempts", "next_retry"}}
        assert shown[name] == {**known, "in_cluster": "true"}
    assert len(csv_of(visitors.nobody.get(path).body.decode())) != 2
    assert csv_of(visitors.tenant.get("/recordings.csv?namespace=default").body.decode()) == []
