"""Amounts of bytes, durations and times, as Kubernetes writes them."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity as reference

from recording_operator.api.meta import format_time
from recording_operator.api.units import format_duration, parse_duration, parse_quantity, parse_seconds, parse_size

SUFFIXES = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]


@given(number=st.decimals(min_value=0, max_value=10**6, places=3), suffix=st.sampled_from(SUFFIXES))
def test_quantities_are_read_as_the_kubernetes_client_reads_them(number: object, suffix: str) -> None:
    assert parse_quantity(f"{number}{suffix}") == math.ceil(reference(f"{number}{suffix}"))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500Gi", 500 * 2**30),
        ("10M", 10**7),
        ("1048576", 1048576),
        (7, 7),
        ("1e6", 10**6),
        ("1E3", 1000),
        ("1E", 10**18),
        ("1.5Gi", 3 * 2**29),
        (".5k", 500),
        ("5.", 5),
        ("+5", 5),
        ("1m", 1),
        ("0", 0),
        ("9007199254740993", 2**53 + 1),
    ],
)
def test_quantity(text: str | int, expected: int) -> None:
    assert parse_quantity(text) == expected


@pytest.mark.parametrize("text", ["", "Gi", "500GB", "5 Gi", "-1", "1e", "1e5Gi", "1.2.3", "٣", "NaN", "inf", -1, True])
def test_no_quantity(text: str | int) -> None:
    with pytest.raises(ValueError, match="write an amount of bytes"):
        parse_quantity(text)


@given(milliseconds=st.integers(min_value=0, max_value=10**12))
def test_durations_survive_writing_and_reading(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1h30m", 5400), ("720h", 2592000), ("1.5h", 5400), ("250ms", 0.25), ("1m1ms", 60.001), ("0s", 0)],
)
def test_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "30d", "-1h", "1h ", " 1h", "h", "1h-", "1.h", "٣s", "1H"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="write a duration such as 30s"):
        parse_duration(text)


def test_an_excessive_duration_is_rejected_and_does_not_overflow() -> None:
    with pytest.raises(ValueError, match="too long"):
        parse_duration("99999999999999999999h")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (120, "2m"), (5400, "1h30m"), (2592000, "720h"), (0.25, "250ms"), (61.5, "1m1s500ms")],
)
def test_durations_are_written_short(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


def test_times_are_written_in_utc_and_whole_seconds() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    assert format_time(datetime(2026, 11, 21, 12, 0, 0, 999999, tzinfo=india)) == "2026-11-21T06:30:00Z"
    assert format_time(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"


def test_a_time_without_a_zone_is_rejected() -> None:
    with pytest.raises(ValueError, match="zone"):
        format_time(datetime(2026, 11, 21))  # noqa: DTZ001 - the fault itself


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("64KiB", 65536), ("64 KiB", 65536), ("64Ki", 65536), ("1TiB", 2**40), ("5GB", 5 * 10**9), ("500MB", 5 * 10**8),
        ("10kB", 10_000), ("10KB", 10_000), ("7B", 7), ("7", 7), (7, 7), (7.0, 7), ("1.5GiB", 3 * 2**29),
    ],
)  # fmt: skip
def test_sizes_of_the_settings_file(value: object, expected: int) -> None:
    assert parse_size(value) == expected


@pytest.mark.parametrize("value", ["", "B", "1 parsec", "5 days", "-1", True, None, [1], "5GBB"])
def test_no_size(value: object) -> None:
    with pytest.raises(ValueError, match="write an amount of bytes"):
        parse_size(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("250ms", 0.25), ("5s", 5), ("5 s", 5), ("2m", 120), ("1h", 3600), ("1h30m", 5400), (3, 3), (0.5, 0.5)],
)
def test_durations_of_the_settings_file(value: object, expected: float) -> None:
    assert parse_seconds(value) == expected


@pytest.mark.parametrize("value", ["", "5", "5 days", "-5s", True, None])
def test_no_duration_of_the_settings_file(value: object) -> None:
    with pytest.raises(ValueError, match="write a duration such as 30s"):
        parse_seconds(value)
