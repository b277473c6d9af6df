"""Copies of usage samples, for the time after a location is deleted."""

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.usage import copies as module
from recording_operator.controller.usage.copies import INDEX, UsageCopies, copy_name
from recording_operator.controller.usage.deleted import DeletedLocations
from recording_operator.controller.usage.entries import MapEntries
from recording_operator.controller.usage.samples import UsageSamples, load
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict, Forbidden
from recording_operator.usage.codec import encode, sample_name, usage_file
from recording_operator.usage.months import chain
from recording_operator.usage.sample import Carry, UsageSample
from recording_operator.usage.timeline import usage_days
from tests.controller.usage.archives import NOW, a_history, a_sample
from tests.costs.views import arrival, row, sample
from tests.support.config_maps import ConfigMapRest

DAY = timedelta(days=1)


def located(name: str = "archive", *, uid: str = "1", endpoint: str = "", **s3: Any) -> StorageLocation:
    """A location."""
    store = {"bucket": "recordings", "prefix": "p/", **({"endpoint": endpoint} if endpoint else {}), **s3}
    manifest = {"metadata": {"name": name, "uid": uid, "annotations": {"x": "CANARY"}}, "spec": {"s3": store}}
    return StorageLocation.model_validate(manifest)


LOCATION = located()


def samples(*made: UsageSample) -> UsageSamples:
    """As an archive has them."""
    entries = []
    for one in made:
        file = usage_file(one.location, sample_name(one.location, one.at))
        assert file is not None
        entries += load(file, encode(one), location=one.location).entries
    return UsageSamples(chain(entries, until=NOW))


HISTORY = samples(*a_history())


@pytest.fixture
def copies(rest: ConfigMapRest) -> UsageCopies:
    """Of one process."""
    return UsageCopies(MapEntries(kube=KubeApi(rest), namespace="operator"))


def found(copies: UsageCopies, *existing: StorageLocation, now: datetime = NOW, keep_months: int = 36) -> Any:
    """The deleted locations by their name in reports."""
    finder = DeletedLocations(copies=copies, samples_of=lambda _: UsageSamples(), keep_months=keep_months)
    deleted = finder.find(existing, now=now)
    finder.remove_expired()
    return deleted


def months(rest: ConfigMapRest, location: StorageLocation = LOCATION) -> list[str]:
    """The months in a copy."""
    return sorted(key[:7] for key in rest.binary(copy_name(location)) if key != "location.json")


def test_a_copy_has_all_that_the_archive_has(copies: UsageCopies, rest: ConfigMapRest) -> None:
    copies.keep(LOCATION, HISTORY, complete=True)
    assert months(rest) == ["2026-09", "2026-10", "2026-11"]
    assert found(copies, LOCATION) == {}
    [(key, deleted)] = found(copies).items()
    assert (key, deleted.name, deleted.location.metadata.name) == ("archive (deleted)", "archive", key)
    assert deleted.location.spec == LOCATION.spec
    assert deleted.usage.newest == HISTORY[-1], "with its carry, which the next count may need"
    assert deleted.usage.days.days == usage_days(HISTORY).days
    assert deleted.usage.days.location == key
    assert "CANARY" not in str(rest.binary(copy_name(LOCATION)))


def test_only_the_current_month_is_written_again(copies: UsageCopies, rest: ConfigMapRest) -> None:
    copies.keep(LOCATION, HISTORY, complete=True)
    before = rest.binary(copy_name(LOCATION))
    copies.keep(LOCATION, samples(*HISTORY, a_sample(NOW, HISTORY[-1].at)), complete=True)
    after = rest.binary(copy_name(LOCATION))
    assert {key[:7] for key in before.keys() - after.keys()} == {"2026-11"}
    rest.calls.clear()
    copies.keep(LOCATION, samples(*HISTORY, a_sample(NOW, HISTORY[-1].at)), complete=True)
    assert set(rest.calls) == {"GET"}


def test_only_the_newest_month_has_a_carry(copies: UsageCopies) -> None:
    copies.keep(LOCATION, HISTORY[:4], complete=True)  # until October
    copies.keep(LOCATION, HISTORY, complete=True)
    [copy] = copies.deleted([])
    carried = [one.at for file in copy.files for one in file.samples() if one.carry != Carry()]
    assert carried == [HISTORY[-1].at]


def test_samples_that_the_archive_cannot_read_now_stay(copies: UsageCopies) -> None:
    copies.keep(LOCATION, HISTORY, complete=True)
    first = a_sample(NOW - timedelta(hours=1))
    copies.keep(LOCATION, samples(first, a_sample(NOW, first.at)), complete=False)
    assert found(copies)["archive (deleted)"].usage.newest.at == NOW
    assert found(copies)["archive (deleted)"].usage.days.opened == HISTORY[0].at
    copies.keep(LOCATION, samples(first, a_sample(NOW, first.at)), complete=True)
    assert found(copies)["archive (deleted)"].usage.days.opened == first.at


def test_without_room_the_oldest_months_and_then_days_are_left_out(
    copies: UsageCopies, rest: ConfigMapRest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    copies.keep(LOCATION, HISTORY, complete=True)
    sizes = {key[:7]: len(data) for key, data in rest.binary(copy_name(LOCATION)).items()}
    fixed = sizes.pop("locatio")
    monkeypatch.setattr(module, "MOST_BYTES", fixed + sizes["2026-11"] + sizes["2026-10"])
    copies.keep(LOCATION, HISTORY, complete=True)
    assert months(rest) == ["2026-10", "2026-11"]
    monkeypatch.setattr(module, "MOST_BYTES", fixed + sizes["2026-11"] + sizes["2026-10"] - 1)
    copies.keep(LOCATION, HISTORY, complete=True)
    [copy] = copies.deleted([])
    kept = [one.at for file in copy.files for one in file.samples()]
    assert kept == [one.at for one in HISTORY][-len(kept) :]
    assert 2 < len(kept) < sum(one.at.month >= 10 for one in HISTORY)
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "The copy of usage samples has room for the newest only"
    ]
    monkeypatch.setattr(module, "MOST_BYTES", fixed)
    copies.keep(LOCATION, HISTORY, complete=True)
    assert months(rest) == []


def test_two_months_of_fifty_organisations_take_less_than_100_kb(copies: UsageCopies, rest: ConfigMapRest) -> None:
    """docs/usage.md has the figure."""
    draw, held, made = random.Random(7), Counter[str](), list[UsageSample]()
    for day in range(62):
        when = NOW - (62 - day) * DAY
        came = [arrival(f"org-{org:02}", draw.randrange(1, 5000), when - DAY / 2) for org in range(50)]
        came = [one.model_copy(update={"size_bytes": one.size_bytes + draw.randrange(10**9)}) for one in came]
        held.update({one.org: one.size_bytes for one in came})
        stored = tuple(row(org, size_bytes=size, objects=day + 1) for org, size in held.items())
        since = made[-1].at if made else None
        made.append(sample(when, stored, arrived=tuple(came), since=since))
    copies.keep(LOCATION, samples(*made), complete=True)
    size = sum(map(len, rest.binary(copy_name(LOCATION)).values()))
    assert 30_000 < size < 100_000


def test_a_copy_is_of_a_name_and_a_place(copies: UsageCopies, rest: ConfigMapRest) -> None:
    other = located(uid="2", prefix="other/")
    copies.keep(LOCATION, HISTORY, complete=True)
    copies.keep(other, HISTORY[:2], complete=True)
    assert list(found(copies, other)) == ["archive (deleted)"]
    assert list(found(copies)) == ["archive (deleted)", "archive (deleted 2)"]
    assert found(copies)["archive (deleted)"].location.store.prefix == "other/", "the one counted last comes last"
    assert found(copies, located(uid="3"), other) == {}, "created again"
    copies.keep(located(uid="3"), HISTORY, complete=True)
    assert sorted(rest.binary(INDEX).values()) == [b"2", b"3"]


def test_another_spelling_of_the_endpoint_is_no_other_location(copies: UsageCopies, rest: ConfigMapRest) -> None:
    copies.keep(LOCATION, HISTORY, complete=True)
    moved = located(endpoint="https://store.example.com")
    assert found(copies, moved) == {}
    copies.keep(moved, HISTORY, complete=True)
    assert rest.binary(copy_name(LOCATION)) == {}
    assert list(rest.binary(INDEX)) == [copy_name(moved)]


def test_samples_that_a_new_location_of_the_name_has_do_not_count_twice(copies: UsageCopies) -> None:
    copies.keep(LOCATION, HISTORY, complete=True)
    moved = located(uid="2", endpoint="https://store.example.com")
    finder = DeletedLocations(copies=copies, samples_of=lambda _: HISTORY, keep_months=36)
    assert finder.find([moved], now=NOW) == {}
    assert list(found(copies, moved)) == ["archive (deleted)"]


def test_months_expire_and_the_copy_with_the_last_one(copies: UsageCopies, rest: ConfigMapRest) -> None:
    copies.keep(LOCATION, HISTORY, complete=True)
    [deleted] = found(copies, now=NOW.replace(month=12), keep_months=1).values()
    assert deleted.usage.days.opened == HISTORY[-2].at, "October has expired"
    rest.denied = {"PATCH"}
    assert found(copies, now=NOW.replace(year=2027, month=1), keep_months=1) == {}
    assert months(rest) != []
    rest.denied = set()
    assert found(copies, now=NOW.replace(year=2027, month=1), keep_months=1) == {}
    assert (rest.binary(INDEX), rest.binary(copy_name(LOCATION))) == ({}, {})


def test_damaged_files_are_left_out_and_named(copies: UsageCopies, rest: ConfigMapRest) -> None:
    copies.keep(LOCATION, HISTORY, complete=True)
    name = copy_name(LOCATION)
    key = min(rest.binary(name))
    KubeApi(rest).patch_binary_config_map(
        "operator", name, resource_version=rest.maps[name]["metadata"]["resourceVersion"], data={key: b"CANARY"}
    )
    [deleted] = found(copies).values()
    assert deleted.usage.days.opened is not None
    assert deleted.usage.days.opened.month == 10
    [note] = deleted.notes
    assert note.startswith("1 files with usage samples of archive cannot be read and are left out")


def test_an_index_with_other_names_is_no_copy(copies: UsageCopies, rest: ConfigMapRest) -> None:
    copies.keep(LOCATION, HISTORY, complete=True)
    others: dict[str, bytes | None] = {"prices": b"", f"{INDEX}-gone": b"2"}
    KubeApi(rest).patch_binary_config_map(
        "operator", INDEX, resource_version=rest.maps[INDEX]["metadata"]["resourceVersion"], data=others
    )
    rest.maps["prices"] = {"metadata": {"resourceVersion": "1"}}
    assert list(found(copies)) == ["archive (deleted)"]


def test_another_writer_and_missing_permissions(copies: UsageCopies, rest: ConfigMapRest) -> None:
    copies.keep(LOCATION, HISTORY[:2], complete=True)
    rest.conflicts = 2
    copies.keep(LOCATION, HISTORY[:3], complete=True)
    rest.conflicts = 3
    with pytest.raises(Conflict):
        copies.keep(LOCATION, HISTORY[:4], complete=True)
    rest.conflicts, rest.denied = 0, {"GET"}
    with pytest.raises(Forbidden):
        copies.keep(LOCATION, HISTORY, complete=True)
    assert found(copies) == {}


@pytest.mark.parametrize("name", ["archive", "a" * 253, f"{'a' * 199}.{'b' * 53}"])
def test_names_of_copies_are_valid_and_unique(name: str) -> None:
    one = copy_name(located(name))
    assert len(one) <= 253
    assert ".-" not in one
    assert len({one, copy_name(located(f"{name[:-1]}0")), copy_name(located(name, prefix="x/")), INDEX}) == 4
