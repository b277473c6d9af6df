"""The share of a user or project in the cost of an organisation."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.storagereport import ReportScope
from recording_operator.cli.reports.owner_shares import StoredBytes, shared, stored_bytes
from recording_operator.costs.org_history import cost_of, of_org
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import Person
from tests.cli.reported import growing, in_cluster, refreshed
from tests.kube.objects import a_recording, set_status

REPORT = refreshed(growing())
ENTRIES = of_org(REPORT.status.history, "acme").entries


@given(sizes=st.lists(st.tuples(st.integers(0, 10**12), st.integers(1, 28)), min_size=1, max_size=5))
def test_the_shares_of_all_are_the_whole(sizes: list[tuple[int, int]]) -> None:
    parts = []
    for place in range(len(sizes)):
        known = [
            StoredBytes(day=date(2026, 9, day), size_bytes=size, is_meant=number == place)
            for number, (size, day) in enumerate(sizes)
        ]
        parts += [row for entry in shared(ENTRIES, known) for row in entry.orgs]
    whole = cost_of(row.model_copy(update={"request_cost": Decimal(0)}) for entry in ENTRIES for row in entry.orgs)
    found = cost_of(row.model_copy(update={"request_cost": Decimal(0)}) for row in parts)
    if any(size for size, _ in sizes):
        assert abs(found - whole) <= Decimal("0.000001") * len(ENTRIES) * 2 * len(sizes)
    else:
        assert found == 0


def test_recordings_count_from_the_day_on_which_they_were_stored_and_in_the_scope() -> None:
    known = [
        StoredBytes(day=date(2026, 10, 20), size_bytes=300, is_meant=True),
        StoredBytes(day=date(2026, 10, 10), size_bytes=100, is_meant=False),
    ]
    days = {entry.date: cost_of(entry.orgs) for entry in shared(ENTRIES, known)}
    assert days["2026-10-19"] == 0
    whole = {entry.date: entry.orgs[0].storage_cost for entry in ENTRIES}
    stored = {entry.date: entry.orgs[0].storage_cost for entry in shared(ENTRIES, known)}
    assert abs(stored["2026-10-21"] - whole["2026-10-21"] * 3 / 4) <= Decimal("0.000001")
    item = {
        "metadata": {"namespace": "team", "name": "x"},
        "spec": {"storageLocation": "archive", "owner": {"org": "acme", "user": "ada"}},
        "status": {
            "phase": "Complete",
            "completedAt": "2026-10-20T09:00:00Z",
            "artifacts": [{"name": "video", "phase": "Complete", "bytesTotal": 7}],
        },
    }
    scopes = (ReportScope(), ReportScope(namespaces=("team",)), ReportScope(namespaces=("ops",)))
    assert [len(stored_bytes([item], org="acme", user="ada", project=None, scope=one)) for one in scopes] == [1, 1, 0]
    assert [one.is_meant for one in stored_bytes([item], org="acme", user="bob", project=None, scope=scopes[0])] == [
        False
    ]


def test_only_artifacts_that_are_stored_count() -> None:
    def recording(name: str, *artifacts: dict[str, object]) -> dict[str, object]:
        return {
            "metadata": {"namespace": "team", "name": name},
            "spec": {"storageLocation": "archive", "owner": {"org": "acme"}},
            "status": {
                "phase": "Failed",
                "bytesTotal": 1000,
                "completedAt": "2026-10-20T09:00:00Z",
                "artifacts": list(artifacts),
            },
        }

    failed: dict[str, object] = {"name": "video", "phase": "Failed", "bytesTotal": 1000}
    stored = {"name": "audio", "phase": "Complete", "bytesTotal": 7}
    items = [
        recording("nothing", failed),
        recording("some", failed, stored),
        recording("expired", {**stored, "reason": "Expired"}),
    ]
    known = stored_bytes(items, org="acme", user=None, project=None, scope=ReportScope())
    assert [one.size_bytes for one in known] == [7]


@pytest.mark.cluster
@pytest.mark.usefixtures("no_reports")
def test_a_share_needs_the_right_to_list_recordings(
    admin: RestClient, namespace: str, clerk: Person, boss: Person
) -> None:
    in_cluster(admin, REPORT)
    made = a_recording(admin, namespace, "standup")
    stored = [{"name": "video", "phase": "Complete", "bytesTotal": 7}]
    set_status(admin, made, {"phase": "Complete", "completedAt": "2026-10-20T09:00:00Z", "artifacts": stored})
    refused = clerk.run("cost", "--org", "acme", "--user", "ada")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "You may not list recordings." in refused.stderr
    nothing = boss.run("cost", "--org", "acme", "--user", "ada")
    assert "acme has no stored Recordings of user ada until 2026-11-13." in nothing.stderr
    assert boss.run("cost", "--org", "acme", "--user", "ada", "--group-by", "class").returncode == 2
