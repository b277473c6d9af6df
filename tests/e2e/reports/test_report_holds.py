"""A spent budget holds new uploads: of its scope only, across operators, and until it is raised."""

from typing import Final

import pytest

from tests.support import prometheus
from tests.support.recordings import MIB, Live, from_media
from tests.support.reports import TEMPLATE, Report, ReportFactory
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

# Everything is downloaded 1,000 times: 1 MiB costs about a dollar as soon as it is stored.
PRICES: Final = {"prices": {"downloadPerGB": "1"}, "playback": {"ratio": "1000", "base": "Uploaded"}}
BUDGET: Final = {"amount": "0.01", "action": "HoldUploads"}
SOON_S: Final = 10.0


@pytest.fixture
def world(own_world: World) -> World:
    """A location whose keys show the organisation, with an operator and a stored Recording of acme."""
    own_world.location = own_world.make_location(spec={"keyTemplate": TEMPLATE})
    own_world.start_operator()
    recording(own_world, "stored", org="acme").wait_phase("Complete")
    return own_world


def recording(world: World, name: str, *, org: str, priority: int = 0) -> Live:
    return world.create(from_media(world.media, size_bytes=MIB), name=name, owner={"org": org}, priority=priority)


def spent(made: Report) -> None:
    """Wait until a refresh has found that the budget is spent."""
    made.wait_refreshed()
    assert made.condition("BudgetExceeded")["status"] == "True"


def test_a_spent_budget_holds_new_uploads_of_its_scope_until_it_is_raised(world: World, report: ReportFactory) -> None:
    scope = {"orgs": ["acme"], "storageLocations": [world.location]}
    made = report(world.location, scope=scope, budget=BUDGET, **PRICES)
    spent(made)

    held = recording(world, "held", org="acme")
    status = held.wait_phase("Pending", reason="BudgetExceeded")
    assert f"StorageReport {made.name}: this month has cost " in status["message"]
    assert "the budget is 0.01 USD" in status["message"]
    assert not status.get("claim")
    recording(world, "other", org="globex").wait_phase("Complete")
    recording(world, "urgent", org="acme", priority=100).wait_phase("Complete")
    assert any("New uploads wait (HoldUploads)." in event["note"] for event in made.events("ThresholdPassed"))
    eventually(lambda: held_by(world, made) == 1, what="the metric")

    world.kill(world.running[0])
    world.start_operator()
    recording(world, "later", org="globex").wait_phase("Complete")  # the new leader has decided about all of them
    assert held.status()["reason"] == "BudgetExceeded"

    made.edit(budget={"amount": "999999999"})
    assert held.wait_phase("Complete", within_s=SOON_S)["attempts"] == 0
    assert [reason for reason in held.reasons() if reason.endswith("BudgetExceeded")] == ["Pending/BudgetExceeded"]
    world.wait_events("held", "BudgetExceeded", "Uploading", "Stored")
    eventually(lambda: held_by(world, made) is None, what="no metric")


@pytest.mark.parametrize("release", ["suspended", "deleted", "only warns"])
def test_uploads_continue_when_their_report_is(world: World, report: ReportFactory, release: str) -> None:
    scope = {"namespaces": [world.namespace], "storageLocations": [world.location]}
    made = report(world.location, scope=scope, budget=BUDGET, **PRICES)
    spent(made)
    held = recording(world, "held", org="acme")
    held.wait_phase("Pending", reason="BudgetExceeded")

    if release == "suspended":
        made.edit(suspend=True)
    elif release == "deleted":
        world.cluster.kubectl("delete", "storagereport", made.name)
    else:
        made.edit(budget={"action": "Warn"})

    held.wait_phase("Complete", within_s=SOON_S)


def held_by(world: World, made: Report) -> float | None:
    """How many Recordings the report holds, by the metric; None without a series."""
    scrape = prometheus.parse(world.running[0].metrics())
    return scrape.get(("recording_operator_recordings_held", (("report", made.name),)))
