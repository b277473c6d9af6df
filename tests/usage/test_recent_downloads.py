"""Downloads of each Recording in recent weeks: together exactly what the reports show."""

from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.storagereport import DownloadSource
from recording_operator.usage import recent_downloads
from recording_operator.usage.arrivals import sample_from
from recording_operator.usage.recent_downloads import RecentDownloads, week_of
from recording_operator.usage.sample import OTHER, UsageSample
from recording_operator.usage.timeline import usage_days
from tests.usage.counted import BASIS, LOCATION, UNHURRIED, at, tally, uid_of

MONDAY = date(2026, 11, 2)
START = at("2026-11-02")
Download = tuple[int, int, int]
"""Number of the Recording, days before the sample, bytes."""


def a_sample(now: datetime, downloads: list[Download], previous: UsageSample | None) -> UsageSample:
    counting = tally(previous, now)
    for number, days, size_bytes in downloads:
        key = f"acme/team/{uid_of(number)}/video.mp4"
        counting.add_download(key, day=now.date() - timedelta(days=days), size_bytes=size_bytes)
    source = DownloadSource.ACCESS_LOGS
    return sample_from(counting, location=LOCATION, previous=previous, basis=BASIS, download_source=source)


def samples_of(*counts: tuple[datetime, list[Download]]) -> list[UsageSample]:
    found: list[UsageSample] = []
    for now, downloads in counts:
        found.append(a_sample(now, downloads, found[-1] if found else None))
    return found


def rows(sample: UsageSample) -> dict[tuple[str, date], tuple[int, int]]:
    return {(row.uid, row.week): (row.requests, row.size_bytes) for row in sample.carry.downloads}


def test_requests_and_bytes_of_each_week_go_on_from_sample_to_sample() -> None:
    samples = samples_of(
        (START + timedelta(hours=6), [(1, 0, 10), (1, 0, 5), (2, 0, 7)]),
        (START + timedelta(days=3), [(1, 1, 100)]),
        (START + timedelta(days=8), [(1, 0, 1)]),
    )
    assert rows(samples[-1]) == {
        (uid_of(1), MONDAY): (3, 115),
        (uid_of(1), MONDAY + timedelta(days=7)): (1, 1),
        (uid_of(2), MONDAY): (1, 7),
    }


def test_weeks_that_are_long_over_are_forgotten() -> None:
    samples = samples_of(
        (START + timedelta(days=1), [(1, 0, 10)]),
        (START + timedelta(days=34, hours=23), []),
        (START + timedelta(days=35), []),
    )
    assert [sorted(rows(one).values()) for one in samples] == [[(1, 10)], [(1, 10)], []]


def test_downloads_that_could_not_be_counted_completely_are_not_kept() -> None:
    counting = tally(None, START)
    counting.add_download(f"acme/team/{uid_of(1)}/video.mp4", day=MONDAY, size_bytes=5)
    counting.discard_downloads()
    assert sample_from(counting, location=LOCATION, previous=None, basis=BASIS).carry.downloads == ()


@pytest.mark.parametrize("key", ["acme/team/{uid}/metadata.json", ".recording-operator/manifests/{uid}.json"])
def test_manifests_are_read_by_the_operator_and_the_console_themselves(key: str) -> None:
    counting = tally(None, START + timedelta(hours=6))
    counting.add_download(f"acme/team/{uid_of(1)}/video.mp4", day=MONDAY, size_bytes=5)
    counting.add_download(key.format(uid=uid_of(1)), day=MONDAY, size_bytes=2)
    found = sample_from(counting, location=LOCATION, previous=None, basis=BASIS)
    assert rows(found) == {(uid_of(1), MONDAY): (1, 5)}
    assert sum(row.size_bytes for row in found.downloaded) == 7


def test_the_smallest_share_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_downloads, "MOST_ROWS", 2)
    first, second = samples_of(
        (START + timedelta(hours=1), [(1, 0, 100), (2, 0, 10), (3, 0, 30), (4, 0, 1)]),
        (START + timedelta(hours=2), [(2, 0, 5), (1, 0, 100)]),
    )
    assert rows(first) == {(uid_of(1), MONDAY): (1, 100), (uid_of(3), MONDAY): (1, 30), (OTHER, MONDAY): (2, 11)}
    assert rows(second) == {(uid_of(1), MONDAY): (2, 200), (uid_of(3), MONDAY): (1, 30), (OTHER, MONDAY): (3, 16)}


def test_memory_is_bounded_while_logs_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_downloads, "_MOST_COUNTED", 2)
    sums = RecentDownloads()
    for number in (1, 2, 3, 4, 1):
        sums.add(uid_of(number), day=MONDAY, size_bytes=1)
    found = {row.uid: row.requests for row in sums.after((), at=START)}
    assert found == {uid_of(1): 2, uid_of(2): 1, OTHER: 2}


@UNHURRIED
@given(
    st.lists(
        st.tuples(
            st.integers(1, 96),
            st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(1, 1000)), max_size=4),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_rows_of_a_week_are_together_what_reports_show(counts: list[tuple[int, list[Download]]]) -> None:
    now, found = START, list[tuple[datetime, list[Download]]]()
    for hours, downloads in counts:
        now += timedelta(hours=hours)
        found.append((now, downloads))
    samples = samples_of(*found)

    shown = Counter[date]()
    for day, entry in usage_days(samples).days.items():
        shown[week_of(day)] += sum(volume.downloaded_bytes for volume in entry.volumes.values())
    kept = Counter[date]()
    for row in samples[-1].carry.downloads:
        kept[row.week] += row.size_bytes

    oldest = week_of(now.date() - timedelta(days=recent_downloads.KEPT_DAYS))
    assert +kept == Counter({week: size for week, size in shown.items() if size and week >= oldest})
