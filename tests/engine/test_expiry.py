"""The expiry that a URL states. Invalid URLs state none, and never raise."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.engine.expiry import ASSUMED_LIFETIME, Expiry, expiry_in_url, expiry_of
from recording_operator.engine.signed_urls import validity_in_url

HOST = "https://media.example.com/v.mp4"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EPOCH = int(NOON.timestamp())


def policy(epoch: int) -> str:
    """A custom policy as CloudFront encodes it."""
    condition = {"DateLessThan": {"AWS:EpochTime": epoch}, "DateGreaterThan": {"AWS:EpochTime": epoch - 60}}
    text = json.dumps({"Statement": [{"Resource": "*", "Condition": condition}]})
    return base64.b64encode(text.encode()).decode().translate(str.maketrans("+=/", "-_~"))


def jwt(**claims: object) -> str:
    """A token without a signature."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Date=20261121T110000Z&X-Amz-Expires=3600&X-Amz-Signature=s",
        "x-amz-expires=3600&x-amz-date=20261121T110000Z",
        "X-Goog-Date=20261121T110000Z&X-Goog-Expires=3600&X-Goog-Signature=s",
        f"AWSAccessKeyId=k&Signature=s&Expires={EPOCH}",
        f"Expires={EPOCH}&Signature=s&Key-Pair-Id=k",
        f"GoogleAccessId=g&Expires={EPOCH}&Signature=s",
        f"Policy=p&Key-Pair-Id=k&Expires={EPOCH}",
        "sv=2022-11-02&se=2026-11-21T12%3A00%3A00Z&sig=s",
        "se=2026-11-21T14:00:00%2B02:00&sig=s",
        "se=2026-11-21T12:00:00&sig=s",
        "x-oss-date=20261121T110000Z&x-oss-expires=3600&x-oss-signature=s",
        f"Policy={policy(EPOCH)}&Signature=s&Key-Pair-Id=k",
        f"q-sign-algorithm=sha1&q-sign-time={EPOCH - 3600};{EPOCH}&q-signature=s",
        f"hdnts=st={EPOCH - 60}~exp={EPOCH}~acl=/*~hmac=abc",
        f"__token__=exp={EPOCH}~hmac=abc",
        f"token=abc&expires={EPOCH}",
        f"expire={EPOCH}&signature=s",
        f"md5=abc&e={EPOCH}",
        f"ex={EPOCH:x}&is={EPOCH - 60:x}&hm=abc",
        f"oh=abc&oe={EPOCH:X}",
        f"token={jwt(exp=EPOCH, nbf=EPOCH - 60)}",
        f"access_token={jwt(exp=float(EPOCH))}",
    ],
)
def test_known_forms(query: str) -> None:
    assert expiry_in_url(f"{HOST}?{query}") == NOON


@pytest.mark.parametrize(
    "query",
    [
        f"token={jwt(sub='me')}",
        f"token={jwt(exp='soon')}",
        f"token={jwt(exp=True)}",
        f"token={jwt(exp=1e300)}",
        "token=a.b.c",
        "token=eyJh.%00%01.x",
        "Policy=not-base64&Key-Pair-Id=k",
        "e=12&md5=abc",
        "ex=zz&hm=abc",
        "",
        "Expires=soon&Signature=s",
        f"Expires={EPOCH}",  # without a signature it may mean anything
        "Expires=99999999999999999999&Signature=s",
        f"Expires={'9' * 5000}&Signature=s",
        "X-Amz-Date=yesterday&X-Amz-Expires=3600",
        "X-Amz-Date=20261121T110000Z&X-Amz-Expires=-1",
        "X-Amz-Date=20261121T110000Z&X-Amz-Expires=99999999999",
        "X-Amz-Date=20261121T110000Z",
        "X-Amz-Date=99991231T235959Z&X-Amz-Expires=604800",  # beyond the calendar
        "se=0001-01-01T00:00:00%2B23:00&sig=s",  # before it, in UTC
        "se=never&sig=s",
        "se=2026-11-21T12:00:00Z",
    ],
)
def test_queries_without_an_expiry(query: str) -> None:
    assert expiry_in_url(f"{HOST}?{query}") is None


def test_an_endless_query_is_not_read() -> None:
    """It would take milliseconds at each look, and a tenant's Recording has 64 of them."""
    signed = f"Expires={EPOCH}&Signature=s"
    assert expiry_in_url(f"{HOST}?{'a=1&' * 98}{signed}") == NOON
    assert expiry_in_url(f"{HOST}?{'a=1&' * 2000}{signed}") is None


@pytest.mark.parametrize("url", ["https://[::1", "https://exa mple", "//", "https://h/?" + "a&" * 200, "\x00"])
def test_odd_urls_say_nothing(url: str) -> None:
    assert expiry_in_url(url) is None


parameters = st.sampled_from(
    ["X-Amz-Date", "X-Amz-Expires", "X-Goog-Date", "X-Goog-Expires", "Expires", "Signature", "se", "sig", "Policy"]
)
values = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.datetimes().map(lambda at: at.strftime("%Y%m%dT%H%M%SZ")),
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
)


@given(st.lists(st.tuples(parameters, values), max_size=6))
def test_the_expiry_of_any_query_is_a_utc_time_or_none(query: list[tuple[str, str]]) -> None:
    found = expiry_in_url(f"{HOST}?" + "&".join(f"{key}={value}" for key, value in query))

    assert found is None or found.utcoffset() == timedelta(0)


def test_the_spec_overrides_the_url_and_the_url_the_assumption() -> None:
    url = f"{HOST}?Expires={EPOCH}&Signature=s"
    earlier = NOON - timedelta(hours=1)

    assert expiry_of(url=url, expires_at=earlier, created=NOON) == Expiry(at=earlier, stated=True)
    assert expiry_of(url=url, expires_at=None, created=NOON) == Expiry(at=NOON, stated=True)
    assert expiry_of(url=HOST, expires_at=None, created=NOON) == Expiry(at=NOON + ASSUMED_LIFETIME, stated=False)
    assert expiry_of(url=None, expires_at=None, created=NOON) == Expiry(at=NOON + ASSUMED_LIFETIME, stated=False)


@pytest.mark.parametrize(
    "query",
    [
        f"Policy={policy(EPOCH)}&Signature=s&Key-Pair-Id=k",
        f"token={jwt(exp=EPOCH, nbf=EPOCH - 60)}",
        "st=2026-11-21T11:59:00Z&se=2026-11-21T12:00:00Z&sig=s",
        f"hdnts=st={EPOCH - 60}~exp={EPOCH}~hmac=abc",
        "X-Amz-Date=20261121T115900Z&X-Amz-Expires=60",
    ],
)
def test_s43_some_forms_say_when_they_begin(query: str) -> None:
    assert validity_in_url(f"{HOST}?{query}").start == NOON - timedelta(minutes=1)


def test_a_token_in_the_path_counts_too() -> None:
    assert expiry_in_url(f"https://m.example.com/exp={EPOCH}~acl=%2f*~hmac=abc/v.mp4") == NOON


def test_the_earlier_of_two_ends_counts() -> None:
    stated, earlier = validity_in_url(f"{HOST}?Expires={EPOCH}&Signature=s"), NOON - timedelta(hours=1)

    assert stated.ending_by(earlier).end == earlier
    assert stated.ending_by(NOON + timedelta(hours=1)).end == NOON
    assert stated.ending_by(None).end == NOON
    assert validity_in_url(HOST).ending_by(None).end is None
