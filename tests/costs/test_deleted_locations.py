"""A deleted location: what it cost until its newest sample stays, and nothing is added."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from recording_operator.api.storagereport import StorageReportStatus
from recording_operator.api.storagereport_history import HistoryOrg
from recording_operator.costs.library import find_profile
from recording_operator.costs.report import report
from recording_operator.costs.scope import with_deleted
from recording_operator.usage.sample import RecordingRow
from tests.costs.test_report_properties import history_of, worlds
from tests.costs.views import ARCHIVE, DAY, GB, PATIENT, World, arrival, at, cost, row, sample, steady, totals

BEGIN = at("2026-10-25")
VAULT = "vault"
GONE = "vault (deleted)"


def after(world: World, *names: str, spec: Mapping[str, Any] | None = None) -> StorageReportStatus:
    """The report after the locations were deleted."""
    inputs = world.inputs(spec)
    keys = {name: f"{name} (deleted)" for name in names}
    deleted = {key: name for name, key in keys.items()}
    usage = {keys.get(name, name): used for name, used in inputs.usage.items()}
    for key in deleted.keys() & usage.keys():
        usage[key] = replace(usage[key], days=replace(usage[key].days, location=key))
    prices = {keys.get(name, name): price for name, price in inputs.terms.prices.items()}
    asked = inputs.spec.model_copy(update={"scope": with_deleted(inputs.spec.scope, deleted)})
    return report(replace(inputs, spec=asked, usage=usage, deleted=deleted, terms=replace(inputs.terms, prices=prices)))


def two(profile: str = "default", *, days: int = 30, ratio: str = "0.5") -> World:
    """A location and the vault, of one account, until 2026-11-23."""
    held = {ARCHIVE: [row("acme", 20_000), row("globex", 3)], VAULT: [row("acme", 500), row("initech", 40)]}
    samples = {name: steady(BEGIN, days, rows, location=name) for name, rows in held.items()}
    uploads = (arrival("initech", 40, BEGIN + 20 * DAY - DAY / 2, writes=70_000),)
    samples[VAULT][20] = samples[VAULT][20].model_copy(update={"arrived": uploads, "since": BEGIN + 19 * DAY})
    recordings = (RecordingRow(org="initech", namespace="team", recordings=3, complete_24h=2),)
    samples[VAULT][-1] = samples[VAULT][-1].model_copy(
        update={"recordings": recordings, "orphaned_bytes": 7, "foreign_bytes": 8}
    )
    return World(samples=samples, prices=dict.fromkeys(held, find_profile(profile)), ratio=ratio)


@pytest.mark.parametrize("profile", ["default", "aws-s3/us-east-1", "wasabi", "cloudflare-r2"])
@pytest.mark.parametrize("scope", [{}, {"orgs": ["initech"]}, {"storageLocations": [VAULT]}, {"namespaces": ["team"]}])
def test_what_it_cost_stays_in_every_scope(profile: str, scope: dict[str, Any]) -> None:
    world = two(profile)
    spec = {"scope": scope}
    before, found = world.report(spec), after(world, VAULT, spec=spec)
    assert cost(found).month_to_date == cost(before).month_to_date > 0
    assert cost(found).last_month == cost(before).last_month
    assert found.history == before.history
    assert totals(found).api_requests == totals(before).api_requests == 70_000


def test_nothing_is_projected_for_it() -> None:
    world = two()
    before, found = world.report(), after(world, VAULT)
    alone = world.report({"scope": {"storageLocations": [ARCHIVE]}})
    vault = world.report({"scope": {"storageLocations": [VAULT]}})
    assert cost(found).today == cost(alone).today
    assert cost(found).projected_next_month == cost(alone).projected_next_month
    assert cost(found).projected_month < cost(before).projected_month
    assert cost(found).projected_month == cost(alone).projected_month + cost(vault).month_to_date
    gone = after(world, VAULT, spec={"scope": {"storageLocations": [VAULT]}})
    assert cost(gone).projected_month == cost(gone).month_to_date == cost(vault).month_to_date
    assert cost(gone).projected_next_month == cost(gone).today == 0


def test_it_has_no_stock_and_no_recordings() -> None:
    found = after(two(), VAULT)
    assert (totals(found).bytes, totals(found).recordings) == (20_003 * GB, 0)
    assert (totals(found).orphaned_bytes, totals(found).foreign_bytes, totals(found).uploads24h) == (0, 0, 0)
    assert [(one.name, one.bytes, one.cost > 0) for one in found.by_storage_location] == [
        (ARCHIVE, 20_003 * GB, True),
        (GONE, 0, False),
    ]
    assert {one.name for one in found.by_org} == {"acme", "globex"}


def test_it_does_not_make_a_report_old() -> None:
    world = two()
    world = replace(world, samples={**world.samples, VAULT: world.samples[VAULT][:10]})
    assert world.report().as_of == BEGIN + 9 * DAY
    assert after(world, VAULT).as_of == BEGIN + 29 * DAY


def test_it_is_named_until_the_next_month_is_over() -> None:
    for days, is_named in ((30, True), (68, True), (69, False)):  # until 2026-12-31, and one day later
        world = two(days=days)
        vault = world.samples[VAULT][: (at("2026-11-20") - BEGIN).days]
        found = after(replace(world, samples={**world.samples, VAULT: vault}), VAULT)
        assert any("StorageLocation vault was deleted" in note for note in found.notes) == is_named, found.as_of
        assert (GONE in {one.name for one in found.by_storage_location}) == is_named
        assert any(org.name == "initech" for entry in found.history for org in entry.orgs), "in the history it stays"


def test_a_scope_that_names_only_a_deleted_location_names_one_that_existed() -> None:
    found = after(two(), VAULT, spec={"scope": {"storageLocations": [VAULT, "never"]}})
    assert "spec.scope.storageLocations names StorageLocations that do not exist: never." in found.notes
    assert not any("Not counted yet" in note for note in found.notes)


def test_a_comparison_has_it_as_this_month_has() -> None:
    spec = {"compare": ["wasabi"]}
    before, found = two().report(spec), after(two(), VAULT, spec=spec)
    assert found.comparison[0].month_to_date == before.comparison[0].month_to_date
    assert found.comparison[0].projected_month <= before.comparison[0].projected_month


@settings(PATIENT, max_examples=8)
@given(world=worlds())
def test_after_a_deletion_parts_still_add_up(world: World) -> None:
    name = min(world.samples)
    before, found = world.report(), after(world, name)
    if before.as_of == found.as_of:
        assert cost(found).month_to_date == cost(before).month_to_date
        assert found.history == before.history
    orgs = {org for entry in found.history for org in history_of(found)[entry.date]}
    parts = {org: history_of(after(world, name, spec={"scope": {"orgs": [org]}})) for org in orgs}
    for entry in found.history:
        single: dict[str, HistoryOrg] = {
            org: of[entry.date][org] for org, of in parts.items() if org in of.get(entry.date, {})
        }
        assert single == history_of(found)[entry.date]
    assert (
        sum((one.cost for one in found.by_storage_location), Decimal(0)).quantize(Decimal("0.0001"))
        == cost(found).today
    )


def test_a_sample_of_a_deleted_location_alone_is_a_report() -> None:
    world = World(samples={VAULT: [sample(at("2026-11-28"), [row("acme", 30_000)], location=VAULT)]})
    found = after(world, VAULT)
    assert totals(found).bytes == cost(found).today == cost(found).projected_next_month == 0
    assert cost(found).month_to_date == cost(world.report()).month_to_date == Decimal("621.00")
