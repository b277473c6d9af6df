"""Dates in HTTP headers, as servers write them."""

from datetime import UTC, datetime

import pytest

from recording_operator.http_dates import parse_http_date

_INSTANT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Nov 1994 09:49:37 +0100",
        "Sun, 06 Nov 1994 08:49:37 -0000",
    ],
)
def test_every_form_is_the_same_instant_in_utc(text: str) -> None:
    parsed = parse_http_date(text)
    assert parsed == _INSTANT
    assert parsed is not None
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text", [None, "", "0", "soon", "Sun, 06 Nov 99999999999 08:49:37 GMT", "Sun, 99 Nov 1994 99:99:99 GMT"]
)
def test_anything_else_is_none(text: str | None) -> None:
    assert parse_http_date(text) is None
