"""Keys of links: the same in every console, for the period before, this one and the next."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from recording_operator.catalog.keys import SharedKeys
from recording_operator.catalog.tables import KEYS
from recording_operator.catalog.transactions import transaction
from recording_operator.console.files.links import LinkError, LinkSigner, PartLink

DAY = timedelta(days=1)
START = datetime(2026, 11, 1, tzinfo=UTC)
EXPIRES = int(START.timestamp()) * 2
LINK = PartLink(
    namespace="n",
    location="l",
    key="k",
    upload_id="u",
    part_number=1,
    size_bytes=1,
    md5=None,
    expires=EXPIRES,
)


def at_start() -> datetime:
    return START


def test_consoles_share_the_keys_of_this_day_the_next_and_the_one_before(engine: Engine) -> None:
    times = [START, START]
    first = SharedKeys(engine, "links", period=DAY, now=lambda: times[0])
    second = SharedKeys(engine, "links", period=DAY, now=lambda: times[1])
    key, following = first.valid()
    assert second.valid() == (key, following)
    times[1] += DAY
    newer, newest, older = second.valid()
    assert (newer, older) == (following, key)
    assert newest not in {key, following}
    times[0] += 2 * DAY
    assert first.valid()[0] == newest
    assert first.valid()[2:] == (newer,)
    with transaction(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(KEYS)) == 3


def test_a_console_whose_clock_is_behind_accepts_what_one_that_is_ahead_has_signed(engine: Engine) -> None:
    late, early = START - timedelta(seconds=1), START
    behind = LinkSigner(PartLink, SharedKeys(engine, "links", period=DAY, now=lambda: late).valid, now=at_start)
    assert behind.link(behind.token(LINK)) == LINK
    ahead = LinkSigner(PartLink, SharedKeys(engine, "links", period=DAY, now=lambda: early).valid, now=at_start)
    assert behind.link(ahead.token(LINK)) == LINK


def test_a_link_is_valid_for_as_long_as_links_may_be_and_not_after_its_key_has_gone(engine: Engine) -> None:
    time: list[datetime] = [START]
    keys = SharedKeys(engine, "links", period=DAY, now=lambda: time[0]).valid
    signer = LinkSigner(PartLink, keys, now=at_start)
    token = signer.token(LINK)
    time[0] += DAY
    assert signer.link(token) == LINK
    time[0] += DAY
    with pytest.raises(LinkError):
        signer.link(token)


def test_a_link_has_one_spelling() -> None:
    signer = LinkSigner(PartLink, lambda: [b"k" * 32], now=at_start)
    token = signer.token(LINK)
    assert signer.link(token) == LINK
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for last in {*alphabet, "=", "ü", ""} - {token[-1]}:
        with pytest.raises(LinkError):
            signer.link(token[:-1] + last)
