"""What a deleted StorageLocation cost stays in every report, on a strict store. Figures are recomputed by hand."""

from decimal import Decimal
from typing import Any

import pytest

from tests.controller.reports.whole_path import GB, Path, assert_cost, cost

TB = 1000
CENT = Decimal("0.01")


def rows(path: Path, name: str = "all") -> dict[str, Any]:
    return {row["name"]: row for row in path.status(name)["byStorageLocation"]}


def money(path: Path, field: str, name: str = "all") -> Decimal:
    return Decimal(path.status(name)["cost"][field])


def delete(path: Path, name: str) -> None:
    """Delete a location while no operator runs; then one starts."""
    path.world.delete(name)
    path.start()


@pytest.fixture
def counted(path: Path) -> Path:
    """20 TB from the morning of the 28th in `archive`, 10 TB from 06:00 in `vault`, counted at 18:00."""
    path.world.location("vault", s3={"prefix": "vault/"})
    path.put("2026-11-28T00:00", 20 * TB, "acme")
    path.put("2026-11-28T06:00", 10 * TB, "globex", prefix="vault/")
    path.apply("all", budget={"amount": "1", "currency": "USD"})
    path.apply("vault", scope={"storageLocations": ["vault"]})
    path.apply("globex", scope={"orgs": ["globex"]})
    path.apply("archive", scope={"storageLocations": ["archive"]})
    path.at("2026-11-28T18:00")
    return path


def test_what_it_cost_stays_in_every_number_and_nothing_is_added(counted: Path) -> None:
    path = counted
    before = {name: money(path, "monthToDate", name) for name in ("all", "vault", "globex", "archive")}
    vault, day = cost("5000", "5000"), cost("20000", "20000")  # 10 TB for 12 hours; 20 TB for a day
    assert before["vault"] == before["globex"] == vault.quantize(CENT) == Decimal("11.33")

    delete(path, "vault")
    path.at("2026-11-29T00:00")
    assert path.status()["asOf"] == "2026-11-29T00:00:00Z"
    assert_cost(path.day("2026-11-28")["cost"], day + vault)
    assert {name: money(path, "monthToDate", name) for name in before} == {
        "all": (day + vault).quantize(CENT),
        "vault": before["vault"],
        "globex": before["globex"],
        "archive": day.quantize(CENT),
    }
    assert money(path, "today") == day.quantize(Decimal("0.0001"))
    assert money(path, "projectedMonth") == (3 * day + vault).quantize(CENT)
    assert money(path, "projectedNextMonth") == (31 * day).quantize(CENT)
    assert money(path, "projectedMonth", "vault") == before["vault"]
    assert money(path, "projectedNextMonth", "vault") == 0
    assert path.status()["totals"]["bytes"] == 20 * TB * GB
    assert path.status("globex")["totals"]["bytes"] == 0
    gone = rows(path)["vault (deleted)"]
    assert {field: gone[field] for field in ("objects", "bytes", "recordings", "cost")} == {
        "objects": 0,
        "bytes": 0,
        "recordings": 0,
        "cost": "0",
    }
    assert set(rows(path)) == {"archive", "vault (deleted)"}
    assert path.status()["summary"]["budget"].endswith("% of 1.00 USD")
    for name in ("all", "vault", "globex"):
        [note] = path.status(name)["notes"]
        assert note == (
            "StorageLocation vault was deleted. Its costs until 2026-11-28 18:00 UTC are included: 11.33 USD this "
            "month, 0.00 USD last month. That was its last count: later costs are not included, also if its objects "
            "are still there."
        )
    assert path.status("archive")["notes"] == []

    path.at("2026-12-01T00:00")
    assert money(path, "lastMonth") == (3 * day + vault).quantize(CENT)
    assert "0.00 USD this month, 11.33 USD last month" in path.status()["notes"][0]
    path.at("2026-12-31T00:00")
    assert len(path.status()["notes"]) == 1
    path.at("2027-01-01T00:00")
    assert (path.status()["notes"], set(rows(path))) == ([], {"archive"})
    assert_cost(path.day("2026-11-28")["cost"], day + vault)
    path.at("2027-06-01T00:00")
    assert_cost(path.day("2026-11")["cost"], 3 * day + vault)


def test_created_again_with_the_same_bucket_it_counts_once(counted: Path) -> None:
    path, manifest = counted, counted.world.locations[-1]
    delete(path, "vault")
    path.at("2026-11-29T00:00")
    path.world.locations = [*path.world.locations, manifest.model_copy(update={"metadata": again(manifest)})]
    path.start()
    path.at("2026-11-30T00:00")
    assert set(rows(path)) == {"archive", "vault"}
    assert path.status()["notes"] == []
    assert_cost(path.day("2026-11-28")["cost"], cost("27500", "27500"))
    assert_cost(path.day("2026-11-29")["cost"], cost("30000", "30000"))
    delete(path, "vault")
    path.at("2026-12-01T00:00")
    assert money(path, "lastMonth") == cost("77500", "77500").quantize(CENT), "the last of the 20 TB only"


def again(manifest: Any) -> Any:
    return manifest.metadata.model_copy(update={"uid": "another"})


def test_created_again_with_another_prefix_both_count(counted: Path) -> None:
    path = counted
    delete(path, "vault")
    path.world.location("vault", uid="another", s3={"prefix": "other/"})
    path.put("2026-11-28T12:00", 40 * TB, "globex", prefix="other/")
    path.at("2026-11-29T00:00")
    assert set(rows(path)) == {"archive", "vault", "vault (deleted)"}
    assert_cost(path.day("2026-11-28")["cost"], cost("45000", "45000"))
    assert_cost(path.day("2026-11-28", "vault")["cost"], cost("25000", "25000"))
    delete(path, "vault")
    path.at("2026-11-30T00:00")
    assert set(rows(path)) == {"archive", "vault (deleted)", "vault (deleted 2)"}
    assert_cost(path.day("2026-11-28", "vault")["cost"], cost("25000", "25000"))


def test_a_location_with_another_name_takes_over(counted: Path) -> None:
    """Objects that were counted for the deleted location do not count again from the beginning of the month."""
    path = counted
    delete(path, "vault")
    path.world.location("safe", s3={"prefix": "vault/"})
    path.at("2026-11-29T00:00")
    assert_cost(path.day("2026-11-28")["cost"], cost("27500", "27500"))
    assert Decimal(path.day("2026-11-28")["uploadGB"]) == 30 * TB
    assert rows(path)["safe"]["bytes"] == 10 * TB * GB
    [note] = path.status()["notes"]
    assert note.endswith("Its objects are counted for safe.")
    delete(path, "safe")
    path.at("2026-11-30T00:00")
    assert_cost(path.day("2026-11-28")["cost"], cost("27500", "27500"))
    assert_cost(path.day("2026-11-29")["cost"], cost("20000", "20000"))


@pytest.mark.parametrize("name", ["aaa", "zzz"])
def test_its_twin_counts_from_then_on(counted: Path, name: str) -> None:
    """Whichever of the two counted the objects."""
    path = counted
    path.world.location(name, s3={"prefix": "vault/"})
    path.at("2026-11-29T00:00")
    delete(path, "vault")
    path.at("2026-11-30T00:00")
    assert_cost(path.day("2026-11-28")["cost"], cost("27500", "27500"))
    assert_cost(path.day("2026-11-29")["cost"], cost("30000", "30000"))
    assert rows(path)[name]["bytes"] == 10 * TB * GB
    delete(path, name)
    path.at("2026-12-01T00:00")
    assert_cost(path.day("2026-11-29")["cost"], cost("30000", "30000"))
    assert_cost(path.day("2026-11-30")["cost"], cost("20000", "20000"))


def test_without_permission_a_note_says_what_will_be_missing(path: Path) -> None:
    path.world.config_maps.denied = {"POST", "PATCH"}
    path.world.location("vault", s3={"prefix": "vault/"})
    path.put("2026-11-28T06:00", 10, "globex", prefix="vault/")
    path.apply("all")
    path.at("2026-11-28T18:00")
    assert path.status()["totals"]["bytes"] == 10 * GB
    [first, _] = path.status()["notes"]
    assert first.startswith("Usage samples of archive could not be copied to a ConfigMap of the operator's namespace")
    delete(path, "vault")
    path.at("2026-11-29T00:00")
    assert path.status()["notes"][0].startswith("StorageLocation vault was deleted (noticed on 2026-11-29). Its usage")


def deletions(path: Path, name: str = "all") -> list[str]:
    return [note for note in path.status(name)["notes"] if "was deleted" in note]


def test_without_a_copy_a_deleted_location_is_named_until_the_next_month_is_over(path: Path) -> None:
    path.world.config_maps.denied = {"POST"}  # no copy
    kept, gone = path.world.locations[0], path.world.location("vault", s3={"prefix": "vault/"})
    path.put("2026-11-27T00:00", 20, "acme")
    path.apply("all")
    path.apply("archive-only", scope={"storageLocations": ["archive"]})
    path.at("2026-11-28T18:00")
    assert deletions(path) == []

    path.world.locations = [kept]
    for when, day in (("2026-11-29T00:00", "2026-11-29"), ("2026-12-31T00:00", "2026-11-29")):
        path.at(when)
        [note] = deletions(path)
        assert note.startswith(
            f"StorageLocation vault was deleted (noticed on {day}). Its usage samples cannot be read"
        )
        assert deletions(path, "archive-only") == []
    path.world.locations = [kept, gone]
    path.at("2027-01-01T00:00")
    assert deletions(path) == []

    path.world.locations = [kept]
    path.at("2027-01-02T00:00")
    path.at("2027-02-28T00:00")
    assert len(deletions(path)) == 1
    path.at("2027-03-01T00:00")
    assert deletions(path) == []
