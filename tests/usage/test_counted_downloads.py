"""Downloads that are counted: by day and organisation."""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import OTHER, SHARED, OwnerKey, State, UsageSample
from recording_operator.usage.stock import Stock
from tests.usage.sampling import (
    GB,
    arrival,
    at,
    days_of,
    key_of,
    sample,
)

ACME, GLOBEX = key_of("acme"), key_of("globex")
FIRST = date(2026, 11, 1)


def downloads(usage: UsageDays, day: date = FIRST) -> dict[str, int]:
    volumes = usage.days[day].volumes
    return {key.org: volume.downloaded_bytes for key, volume in volumes.items() if volume.downloaded_bytes}


def counted(when: str, by_day: Mapping[date, Mapping[str, int]]) -> UsageSample:
    return sample(at(when), {"acme": 75 * GB, "globex": 25 * GB}, downloaded=by_day)


def test_who_reads_is_named_and_what_nobody_names_is_shared_by_what_is_stored() -> None:
    usage = days_of(counted("2026-11-01", {}), counted("2026-11-02", {FIRST: {"globex": 8 * GB, SHARED: 4 * GB}}))
    assert downloads(usage) == {"acme": 3 * GB, "globex": 9 * GB}


def test_what_was_read_of_an_organisation_that_stores_nothing_any_more_is_its_own() -> None:
    usage = days_of(counted("2026-11-01", {}), counted("2026-11-02", {FIRST: {"initech": GB, OTHER: 2 * GB}}))
    assert downloads(usage) == {"initech": GB, OTHER: 2 * GB}
    assert usage.days[FIRST].counts_downloads


def test_twice_a_day_counts_each_part_once() -> None:
    usage = days_of(
        counted("2026-11-01", {}),
        counted("2026-11-01T08:00", {FIRST: {"acme": GB}}),
        counted("2026-11-01T16:00", {FIRST: {"acme": 2 * GB}}),
    )
    assert downloads(usage) == {"acme": 3 * GB}


def test_parts_of_open_uploads_are_not_read() -> None:
    held: dict[OwnerKey, Stock | int] = {ACME: GB, key_of("globex", state=State.INCOMPLETE): 9 * GB}
    usage = days_of(sample(at("2026-11-01"), held), sample(at("2026-11-02"), held, downloaded={FIRST: {SHARED: 7}}))
    assert downloads(usage) == {"acme": 7}


@pytest.mark.parametrize("counts_first", [True, False])
def test_a_day_that_is_counted_in_part_says_which_part(counts_first: bool) -> None:
    def half(when: str, counts: bool) -> UsageSample:
        came = [arrival(ACME, at(when) - timedelta(hours=1), GB)]
        reads = {FIRST: {"acme": GB}} if counts else None
        return sample(at(when), {"acme": 10 * GB}, downloaded=reads, arrived=came)

    usage = days_of(
        sample(at("2026-11-01"), {"acme": 10 * GB}),
        half("2026-11-01T18:00", counts_first),
        half("2026-11-02", not counts_first),
    )
    entry = usage.days[FIRST]
    volume = entry.volumes[ACME]
    assert not entry.counts_downloads
    assert (volume.downloaded_bytes, volume.uploaded_bytes, volume.counted_uploaded_bytes) == (GB, 2 * GB, GB)
    assert volume.counted_byte_seconds // GB // 3600 == (172 if counts_first else 58)
