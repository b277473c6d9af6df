"""Usage samples of locations whose store takes no documents: in a ConfigMap, and in the store as soon as it does."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.controller.usage import configmap
from recording_operator.controller.usage.archive import LocationArchive
from recording_operator.controller.usage.configmap import ConfigMapSamples, config_map_name
from recording_operator.errors import LocationError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict, Forbidden
from recording_operator.usage.codec import UsageFormatError, decode, encode
from recording_operator.usage.sample import Carry, UsageSample
from tests.controller.usage.archives import LOCATION, NOW, START, NewArchive, Stores, a_location, a_sample, names
from tests.support.config_maps import ConfigMapRest
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_store import StrictStore

NAME = "recording-operator-usage-archive"
SECOND = a_sample(START + timedelta(days=1), START)


def bare(sample: UsageSample) -> UsageSample:
    """Without its carry."""
    return sample.model_copy(update={"carry": Carry()})


@pytest.mark.parametrize("denied", ["PutObject", "GetObject", "ListObjectsV2"])
def test_a_store_that_denies_documents_is_replaced_by_a_config_map(
    archive: LocationArchive, new_archive: NewArchive, rest: ConfigMapRest, strict: StrictStore, denied: str
) -> None:
    strict.denied = {denied}
    assert list(archive.samples(LOCATION)) == []
    for one in (a_sample(START), SECOND):
        archive.keep(LOCATION, one)
    assert sorted(rest.binary(NAME)) == ["2026-09-10T000007Z.json.gz", "2026-09-11T000007Z.json.gz"]
    for reader in (archive, new_archive()):
        assert list(reader.samples(LOCATION)) == [bare(a_sample(START)), SECOND]
    [note] = archive.notes(LOCATION)
    assert note.startswith(
        f"Usage samples of archive are kept for 90 days in ConfigMap {NAME} of namespace operator, because its store "
        "cannot be used for them: The location's credentials lack the permission for this request"
    )
    archive.compact(LOCATION, NOW)
    assert len(archive.samples(LOCATION)) == 2


def test_samples_move_to_the_store_when_it_can_be_used(
    archive: LocationArchive, new_archive: NewArchive, rest: ConfigMapRest, strict: StrictStore
) -> None:
    strict.denied = {"PutObject"}
    archive.keep(LOCATION, a_sample(START))
    strict.denied = set()
    restarted = new_archive()
    assert list(restarted.samples(LOCATION)) == [a_sample(START)]
    [note] = restarted.notes(LOCATION)
    assert note.endswith("cannot be used for them: It could not be used at the last count.")
    restarted.keep(LOCATION, SECOND)
    assert restarted.notes(LOCATION) == ()
    assert rest.binary(NAME) == {}
    assert len(names(strict)) == 2
    assert list(new_archive().samples(LOCATION)) == [a_sample(START), SECOND]


def test_samples_that_were_moved_but_not_removed_count_once(
    archive: LocationArchive, new_archive: NewArchive, rest: ConfigMapRest, strict: StrictStore
) -> None:
    strict.denied = {"PutObject"}
    archive.keep(LOCATION, a_sample(START))
    strict.denied, rest.denied = set(), {"PATCH"}
    with pytest.raises(Forbidden):
        archive.keep(LOCATION, SECOND)
    assert list(new_archive().samples(LOCATION)) == [a_sample(START), SECOND]


def test_a_location_that_needs_an_administrator_uses_a_config_map(
    archive: LocationArchive, stores: Stores, rest: ConfigMapRest
) -> None:
    stores.error = LocationError(Reason.LOCATION_NOT_READY, "The StorageLocation has not been checked yet.")
    location = a_location(ready="CredentialsInvalid")
    assert list(archive.samples(location)) == []
    archive.keep(location, a_sample(START))
    assert list(archive.samples(location)) == [a_sample(START)]
    assert len(rest.binary(NAME)) == 1


def test_a_full_store_is_replaced_for_the_time(
    archive: LocationArchive, strict: StrictStore, rest: ConfigMapRest
) -> None:
    strict.fault(Fault(operation="PutObject", action=ErrorResponse(status=507, code="QuotaExceeded")))
    archive.keep(LOCATION, a_sample(START))
    assert len(rest.binary(NAME)) == 1
    strict.heal()
    assert list(archive.samples(LOCATION)) == [a_sample(START)]
    archive.keep(LOCATION, SECOND)
    assert rest.binary(NAME) == {}


def test_a_location_whose_store_works_is_asked_for_no_config_map_twice(
    archive: LocationArchive, rest: ConfigMapRest
) -> None:
    archive.keep(LOCATION, a_sample(START))
    archive.samples(LOCATION)
    archive.samples(LOCATION)
    assert rest.calls == ["GET"]


def test_the_right_to_read_config_maps_is_needed_only_for_the_fallback(
    archive: LocationArchive, rest: ConfigMapRest, strict: StrictStore
) -> None:
    rest.denied = {"GET"}
    archive.keep(LOCATION, a_sample(START))
    assert list(archive.samples(LOCATION)) == [a_sample(START)]
    strict.denied = {"PutObject", "ListObjectsV2"}
    with pytest.raises(Forbidden):
        archive.keep(LOCATION, SECOND)
    with pytest.raises(Forbidden):
        archive.samples(LOCATION)


# The ConfigMap


@pytest.fixture
def samples(rest: ConfigMapRest) -> ConfigMapSamples:
    """The ConfigMaps alone."""
    return ConfigMapSamples(kube=KubeApi(rest), namespace="operator")


def daily(count: int, made: Callable[[int], int] = lambda _: 1000) -> list[UsageSample]:
    """So many samples, each with its size in bytes."""
    return [
        a_sample(START + timedelta(days=day), START + timedelta(days=day - 1), size_bytes=made(day))
        for day in range(count)
    ]


def test_the_last_90_days_are_kept_and_one_carry(samples: ConfigMapSamples, rest: ConfigMapRest) -> None:
    for one in daily(100):
        samples.keep(one)
    kept = [decode(data) for _, data in sorted(rest.binary(NAME).items())]
    assert [one.at for one in kept] == [one.at for one in daily(100)[9:]]
    assert [one.carry != Carry() for one in kept] == [False] * 90 + [True]


def test_the_newest_are_kept_for_which_there_is_room(
    samples: ConfigMapSamples, rest: ConfigMapRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(encode(a_sample(START)))
    monkeypatch.setattr(configmap, "MOST_BYTES", 4 * size)
    for one in daily(20):
        samples.keep(one)
    kept = rest.binary(NAME)
    assert 3 < len(kept) < 20
    assert sum(map(len, kept.values())) <= 4 * size
    assert min(kept) == f"{daily(20)[-len(kept)].at:%Y-%m-%dT%H%M%SZ}.json.gz"
    monkeypatch.setattr(configmap, "MOST_BYTES", size // 2)
    with pytest.raises(UsageFormatError, match="a ConfigMap has room for"):
        samples.keep(a_sample(NOW))


def test_entries_of_others_are_no_samples(samples: ConfigMapSamples, rest: ConfigMapRest) -> None:
    samples.keep(a_sample(START))
    api = KubeApi(rest)
    version = api.read_binary_config_map("operator", NAME).resource_version
    others: dict[str, bytes | None] = {"x": b"y", "2026-09.json.gz": b"", "2026-09-09T000000Z.json.gz": b"CANARY"}
    api.patch_binary_config_map("operator", NAME, resource_version=version, data=others)
    assert [file.begin for file in samples.files("archive")] == [START, datetime(2026, 9, 9, tzinfo=UTC)]
    samples.keep(SECOND)
    assert sorted(rest.binary(NAME)) == ["2026-09-10T000007Z.json.gz", "2026-09-11T000007Z.json.gz"]


def test_a_sample_is_kept_although_another_writer_was_first(samples: ConfigMapSamples, rest: ConfigMapRest) -> None:
    samples.keep(a_sample(START))
    rest.conflicts = 2
    samples.keep(SECOND)
    assert len(rest.binary(NAME)) == 2
    rest.conflicts = 3
    with pytest.raises(Conflict):
        samples.keep(daily(3)[2])
    samples.keep(a_sample(START, size_bytes=7))  # one of the same second stays
    assert decode(rest.binary(NAME)["2026-09-10T000007Z.json.gz"]).stored[0].size_bytes == 1000


@pytest.mark.parametrize("location", ["archive", "a" * 253, f"{'a' * 60}.{'b' * 192}"])
def test_names_of_config_maps_are_valid_and_unique(location: str) -> None:
    name = config_map_name(location)
    assert len(name) <= 253
    assert name.startswith("recording-operator-usage-a")
    assert config_map_name(f"{location[:-1]}0") != name
