"""The archive of usage samples in a store: what is kept is read, by any process, whatever happens in between."""

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.controller.usage import store_files
from recording_operator.controller.usage.archive import LocationArchive
from recording_operator.errors import LocationError
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.location import S3LocationStore
from recording_operator.usage.codec import day_name, encode, month_name, sample_name
from tests.controller.usage.archives import (
    FOLDER,
    LOCATION,
    NOW,
    PLAIN,
    START,
    NewArchive,
    Stores,
    a_history,
    a_location,
    a_sample,
    days,
    names,
    put,
)
from tests.support.strict_bucket import Attributes, Bucket
from tests.support.strict_store import StrictStore

OTHER_NAME = "It has samples of another location or time than its name says."


def test_what_is_kept_is_read_by_every_process(archive: LocationArchive, new_archive: NewArchive) -> None:
    assert list(archive.samples(LOCATION)) == []
    first = a_sample(START)
    second = a_sample(START + timedelta(days=1), START)
    archive.keep(LOCATION, second)
    archive.keep(LOCATION, first)
    for one in (archive, new_archive()):
        samples = one.samples(LOCATION)
        assert list(samples) == [first, second]
        assert (len(samples), samples[-1], samples[0], list(samples[1:])) == (2, second, first, [second])
        assert one.notes(LOCATION) == ()


def test_samples_are_in_the_locations_folder_as_gzip(archive: LocationArchive, strict: StrictStore) -> None:
    archive.keep(LOCATION, a_sample(START))
    [key] = strict.keys()
    assert key == f"{FOLDER}2026/09/10T000007Z.json.gz"
    [version] = strict.bucket.versions[key]
    assert version.attributes.content_type == "application/gzip"
    assert gzip.decompress(version.body).startswith(b'{"schema":"recordings.dev/usage/v1","location":"archive"')


def test_locations_do_not_share_samples(archive: LocationArchive) -> None:
    archive.keep(LOCATION, a_sample(START))
    archive.keep(a_location("other"), a_sample(START, name="other"))
    assert [one.location for one in archive.samples(LOCATION)] == ["archive"]
    assert [one.location for one in archive.samples(a_location("other"))] == ["other"]


def test_each_file_is_read_once(archive: LocationArchive, strict: StrictStore) -> None:
    put(strict, a_sample(START), a_sample(START + timedelta(days=1), START))
    versions = {archive.samples(LOCATION).version for _ in range(3)}
    assert len(versions) == 1
    assert strict.count("GetObject") == 2
    put(strict, a_sample(START + timedelta(days=2), START + timedelta(days=1)))
    assert archive.samples(LOCATION).version not in versions
    assert strict.count("GetObject") == 3
    put(strict, a_sample(START, size_bytes=7))  # a person has replaced a file
    assert archive.samples(LOCATION)[0].stored[0].size_bytes == 7


def test_of_two_leaders_in_one_second_the_first_wins(new_archive: NewArchive, strict: StrictStore) -> None:
    first, second = a_sample(START), a_sample(START, size_bytes=2000)
    new_archive().keep(LOCATION, first)
    late = new_archive()
    late.keep(LOCATION, second)
    assert list(late.samples(LOCATION)) == [first]
    assert len(names(strict)) == 1


def test_of_two_leaders_that_count_at_once_nothing_counts_twice(archive: LocationArchive) -> None:
    kept = [a_sample(START + timedelta(days=day), START + timedelta(days=day - 1)) for day in range(1, 4)]
    stray = a_sample(START + timedelta(days=1, seconds=5), START + timedelta(days=0))
    for one in (*kept, stray):
        archive.keep(LOCATION, one)
    assert list(archive.samples(LOCATION)) == kept


def test_samples_of_the_future_are_left_out(archive: LocationArchive, strict: StrictStore) -> None:
    put(strict, a_sample(START), a_sample(NOW + timedelta(minutes=5), START))
    assert [one.at for one in archive.samples(LOCATION)] == [START]
    assert archive.notes(LOCATION) == ()
    put(strict, a_sample(NOW + timedelta(days=2), START))
    assert [one.at for one in archive.samples(LOCATION)] == [START]
    assert archive.notes(LOCATION) == ("Usage samples of archive with times in the future are left out.",)


def test_samples_of_a_clock_that_was_years_behind_are_left_out(new_archive: NewArchive, strict: StrictStore) -> None:
    put(strict, a_sample(datetime(2000, 1, 1, tzinfo=UTC)), a_sample(START))
    assert [one.at for one in new_archive().samples(LOCATION)] == [START]


# Files that cannot be used


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"CANARY", "It is not compressed with gzip, or it is damaged."),
        (gzip.compress(b"CANARY\n", mtime=0), "It is not a usage sample (the document: json_invalid)."),
        (gzip.compress(b"", mtime=0), "It has 0 samples; expected one."),
        (gzip.compress(bytes(49 * 2**20), mtime=0), "It has more than 50331648 bytes when decompressed."),
        (bytes(9 * 2**20), "It is too large, alone or together with newer ones."),
        (encode(a_sample(START + timedelta(seconds=1))), OTHER_NAME),
        (encode(a_sample(START, name="other")), OTHER_NAME),
    ],
    ids=["no gzip", "no JSON", "empty", "a bomb", "too large", "another time", "another location"],
)  # fmt: skip
def test_an_unreadable_file_is_left_out_and_named(
    archive: LocationArchive, strict: StrictStore, caplog: pytest.LogCaptureFixture, data: bytes, problem: str
) -> None:
    good = a_sample(START - timedelta(days=1))
    put(strict, good)
    strict.bucket.put(f"{FOLDER}2026/09/10T000007Z.json.gz", data, PLAIN)
    strict.bucket.put(f"{FOLDER}notes.txt", b"CANARY", PLAIN)
    for _ in range(2):
        assert list(archive.samples(LOCATION)) == [good]
        [note] = archive.notes(LOCATION)
        assert note == (
            "1 files with usage samples of archive cannot be read and are left out, such as "
            f".recording-operator/usage/archive/2026/09/10T000007Z.json.gz: {problem}"
        )
    assert caplog.text.count(problem) == 1
    assert "CANARY" not in caplog.text
    archive.compact(LOCATION, NOW)
    assert "2026/09/10T000007Z.json.gz" in names(strict)


def test_an_archived_file_is_left_out(archive: LocationArchive, strict: StrictStore) -> None:
    data = encode(a_sample(START))
    archived = Attributes(content_type="application/gzip", metadata={}, headers={}, storage_class="GLACIER")
    strict.bucket.put(f"p/{sample_name('archive', START)}", data, archived)
    assert list(archive.samples(LOCATION)) == []
    assert "The object is archived" in archive.notes(LOCATION)[0]


def test_the_newest_files_are_read_if_there_are_too_many(
    archive: LocationArchive, strict: StrictStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = a_history()
    put(strict, *history)
    monkeypatch.setattr(store_files, "MOST_FILES", 3)
    assert list(archive.samples(LOCATION)) == sorted(history, key=lambda one: one.at)[-3:]


# Compaction


def test_compaction_changes_no_number(new_archive: NewArchive, strict: StrictStore) -> None:
    put(strict, *a_history())
    before, last = days(new_archive()), new_archive().samples(LOCATION)[-1]
    archive = new_archive()
    archive.compact(LOCATION, NOW)
    assert names(strict)[:2] == ["2026/09.json.gz", "2026/10.json.gz"]
    assert all(name.startswith("2026/11/") for name in names(strict)[2:])
    for one in (archive, new_archive()):
        assert days(one) == before
        assert one.samples(LOCATION)[-1] == last
    assert len(strict.bucket.versions) == len(names(strict))  # no version and no marker is left


def test_days_with_several_samples_become_one_file(new_archive: NewArchive, strict: StrictStore) -> None:
    """And these become a month."""
    now = datetime(2026, 10, 20, tzinfo=UTC)
    history = [one for one in a_history() if one.at.day < 20]
    put(strict, *[one for one in history if one.at < now], a_sample(now, history[4].at))
    before = days(new_archive(now=now))
    new_archive(now=now).compact(LOCATION, now)
    assert "2026/10/18.json.gz" in names(strict)
    assert not [name for name in names(strict) if name.startswith("2026/10/18T")]
    assert days(new_archive(now=now)) == before
    put(strict, a_sample(NOW, now))
    before = days(new_archive())
    new_archive().compact(LOCATION, NOW)
    assert names(strict) == ["2026/09.json.gz", "2026/10.json.gz", "2026/11/03T120000Z.json.gz"]
    assert days(new_archive()) == before


class Crash(BaseException):
    """The process ends."""


class CrashingStore:
    """Ends the process at one of its writes, before or after it."""

    def __init__(self, store: S3LocationStore, *, at: int, after: bool) -> None:
        self._store = store
        self._left = at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        if name not in ("create_document", "delete_document"):
            return getattr(self._store, name)

        def write(*arguments: Any) -> Any:
            self._left -= 1
            if self._left < 0 and not self._after:
                raise Crash
            result = getattr(self._store, name)(*arguments)
            if self._left < 0:
                raise Crash
            return result

        return write


@pytest.mark.parametrize("after", [False, True])
def test_compaction_may_end_at_any_step(
    new_archive: NewArchive, stores: Stores, strict: StrictStore, after: bool
) -> None:
    history = a_history()
    put(strict, *history)
    before = days(new_archive())
    crashes, at = 0, 0
    while True:
        strict.reset(Bucket())
        put(strict, *history)
        try:
            new_archive(store=CrashingStore(stores.opened, at=at, after=after)).compact(LOCATION, NOW)
        except Crash:
            crashes, at = crashes + 1, at + 1
            assert days(new_archive()) == before
        else:
            break
        new_archive().compact(LOCATION, NOW)
        assert [name for name in names(strict) if "T" not in name] == ["2026/09.json.gz", "2026/10.json.gz"]
        assert not [name for name in names(strict) if "T" in name and not name.startswith("2026/11/")]
        assert days(new_archive()) == before
    assert crashes == 10  # two files, eight parts


def test_two_leaders_compact_at_once(new_archive: NewArchive, stores: Stores, strict: StrictStore) -> None:
    """The other has done all of it between our listing and our first write."""
    put(strict, *a_history())
    before = days(new_archive())
    other = new_archive()

    class Overtaken(CrashingStore):
        def __getattr__(self, name: str) -> Any:
            if name == "create_document":
                other.compact(LOCATION, NOW)
            return super().__getattr__(name)

    new_archive(store=Overtaken(stores.opened, at=10_000, after=False)).compact(LOCATION, NOW)
    assert days(new_archive()) == before
    assert names(strict)[:2] == ["2026/09.json.gz", "2026/10.json.gz"]


def test_a_reader_is_overtaken_by_compaction(new_archive: NewArchive, stores: Stores, strict: StrictStore) -> None:
    put(strict, *a_history())
    before = days(new_archive())
    overtaken: list[bool] = []

    class Overtaken(CrashingStore):
        def __getattr__(self, name: str) -> Any:
            if name == "read_document" and not overtaken:
                overtaken.append(True)
                new_archive().compact(LOCATION, NOW)
            return super().__getattr__(name)

    assert days(new_archive(store=Overtaken(stores.opened, at=10_000, after=False))) == before


def test_a_sample_that_comes_late_stays(new_archive: NewArchive, strict: StrictStore) -> None:
    put(strict, *a_history())
    archive = new_archive()
    archive.compact(LOCATION, NOW)
    before = days(archive)
    late = a_sample(datetime(2026, 10, 5, 3, tzinfo=UTC), datetime(2026, 10, 4, tzinfo=UTC), size_bytes=1)
    put(strict, late)
    archive.compact(LOCATION, NOW)
    assert "2026/10/05T030000Z.json.gz" in names(strict)
    assert days(archive) == before


def test_a_month_that_is_too_large_stays_in_days(
    new_archive: NewArchive, strict: StrictStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(strict, *a_history())
    before = days(new_archive())
    monkeypatch.setattr(store_files, "MOST_VALUES", 100)
    new_archive().compact(LOCATION, NOW)
    assert "2026/10.json.gz" not in names(strict)
    assert "2026/10/18.json.gz" in names(strict)
    assert days(new_archive()) == before


def test_months_are_deleted_after_the_retention(new_archive: NewArchive, strict: StrictStore) -> None:
    put(strict, *a_history())
    new_archive(keep_months=1).compact(LOCATION, NOW)
    assert names(strict)[0] == "2026/10.json.gz"
    assert min(days(new_archive()).days) == date(2026, 10, 1)


def test_without_the_right_to_delete_all_is_read_as_before(
    new_archive: NewArchive, strict: StrictStore, caplog: pytest.LogCaptureFixture
) -> None:
    put(strict, *a_history())
    before = days(new_archive())
    strict.denied = {"DeleteObject", "DeleteObjectVersion"}
    archive = new_archive()
    for _ in range(2):
        archive.compact(LOCATION, NOW)
    assert "Usage samples could not be compacted" in caplog.text
    assert days(archive) == before
    assert archive.notes(LOCATION) == ()


# Failures


def test_a_store_that_fails_for_now_is_an_error(archive: LocationArchive, stores: Stores) -> None:
    class Failing:
        def __getattr__(self, _: str) -> Any:
            raise StoreError(Reason.STORE_UNAVAILABLE, "The store failed or is busy.")

    stores.opened = Failing()
    steps: list[Callable[[], object]] = [
        lambda: archive.samples(LOCATION),
        lambda: archive.keep(LOCATION, a_sample(START)),
        lambda: archive.compact(LOCATION, NOW),
    ]
    for step in steps:
        with pytest.raises(StoreError):
            step()


def test_a_location_that_was_not_checked_yet_is_an_error(archive: LocationArchive, stores: Stores) -> None:
    stores.error = LocationError(Reason.LOCATION_NOT_READY, "The StorageLocation has not been checked yet.")
    for location in (LOCATION, a_location(ready="ProbeSucceeded"), a_location(ready="StoreUnavailable")):
        with pytest.raises(LocationError):
            archive.samples(location)


def test_names_of_files_are_those_of_the_codec() -> None:
    assert f"p/{month_name('archive', START.date().replace(day=1))}" == f"{FOLDER}2026/09.json.gz"
    assert f"p/{day_name('archive', START.date())}" == f"{FOLDER}2026/09/10.json.gz"
