"""Faults of the source, S11 to S24: changing content, errors, URLs that expire."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.stores.s3.bucket import S3Store
from tests.support.lying_source import Behaviour, Content, Serve
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    MIB,
    Observed,
    after_probe,
    an_object,
    check_stored,
    fails,
    fast_options,
    nth,
    parts_of,
    pattern,
    run_transfer,
)
from tests.support.waiting import eventually

BODY = pattern(2 * MIB + 12_345)
PART = 256 * KIB
XML_EXPIRED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


@pytest.mark.parametrize("validator", ["etag", "last_modified"])
@pytest.mark.parametrize("conditions", [True, False], ids=["judged by the source", "ignored by the source"])
def test_s11_content_that_changes_once_is_read_again_from_byte_0(
    serve: Serve, strict: StrictStore, store: S3Store, validator: str, conditions: bool
) -> None:
    def version(number: int) -> Content:
        stamp = (
            {"etag": f'"v{number}"'}
            if validator == "etag"
            else {"last_modified": f"Mon, 0{number} Jun 2026 00:00:00 GMT"}
        )
        return Content(body=pattern(len(BODY), seed=number), **{"etag": None, **stamp})  # type: ignore[arg-type]

    source = serve(BODY)
    source.behave = lambda request: Behaviour(
        content=version(1 if request.number <= 3 else 2),
        conditions=conditions,
        cut_after=PART + 5 if request.number in (2, 3) else None,
    )
    observed = Observed()
    stored = run_transfer(source.url, store, observed=observed, options=fast_options(workers=2))
    check_stored(stored, version(2).body, strict)
    assert len({state.upload_id for state in observed.states}) == 2, "the new upload was not reported"


def test_s11_content_that_changes_twice_fails(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(
        content=Content(body=pattern(len(BODY), seed=request.number), etag=f'"{request.number}"')
    )
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(workers=1)))
    assert error.reason is Reason.SOURCE_CHANGED
    assert strict.keys() == []


def test_s11_a_source_that_rejects_its_own_etag_has_not_changed(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(status=412, body=b"") if "if-match" in request.headers else Behaviour()
    check_stored(run_transfer(source.url, store), BODY, strict)


@pytest.mark.parametrize("status", [404, 410])
def test_s18_not_found(serve: Serve, strict: StrictStore, store: S3Store, status: int) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=status, body=b"no")
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_NOT_FOUND
    assert len(source.served) == (3 if status == 404 else 1)
    assert strict.count("CreateMultipartUpload") == 0


def test_s18_published_a_moment_late(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = nth(1, Behaviour(status=404, body=b"not yet"))
    check_stored(run_transfer(source.url, store), BODY, strict)


@pytest.mark.parametrize("status", [401, 403])
def test_s19_forbidden_is_not_expired(serve: Serve, store: S3Store, status: int) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=status, body=b"<Error><Code>AccessDenied</Code></Error>")
    later = datetime.now(tz=UTC) + timedelta(hours=1)
    assert fails(lambda: run_transfer(source.url, store, expires_at=later)).reason is Reason.SOURCE_FORBIDDEN
    assert len(source.served) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, XML_EXPIRED), (400, b"<Error><Code>ExpiredToken</Code></Error>"), (401, b'{"error": "token has expired"}')],
)
def test_s20_the_source_reports_that_the_url_has_expired(
    serve: Serve, store: S3Store, status: int, body: bytes
) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=status, body=body)
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_EXPIRED


def test_s20_forbidden_after_the_stated_expiry_is_expired(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=403, body=b"no")
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    assert fails(lambda: run_transfer(source.url, store, expires_at=past)).reason is Reason.SOURCE_EXPIRED


def test_s20_a_url_that_works_after_its_stated_expiry_is_stored(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    past = datetime.now(tz=UTC) - timedelta(days=1)
    check_stored(run_transfer(source.url, store, expires_at=past), BODY, strict)


def test_s20_a_fresh_url_continues_at_the_same_part(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda request: (
        Behaviour(status=403, body=XML_EXPIRED) if request.number > 2 else Behaviour(cut_after=5 * PART + 10)
    )
    observed = Observed()
    error = fails(lambda: run_transfer(source.url, store, observed=observed, options=fast_options(workers=1)))
    assert error.reason is Reason.SOURCE_EXPIRED
    assert parts_of(strict) == set(range(1, 6))
    assert strict.open_uploads() == [an_object().key], "progress is kept"
    fresh = serve(BODY)
    stored = run_transfer(fresh.url, store, observed=observed, resume=observed.states[-1])
    check_stored(stored, BODY, strict)
    assert strict.count("CreateMultipartUpload") == 1
    assert fresh.bytes_sent <= len(BODY) - 5 * PART + 64 * KIB, "stored parts were read again"


def test_s21_running_gets_end_when_the_url_expires(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    # The probe and two segments are served. A third connection finds the URL expired.
    source.behave = lambda request: (
        Behaviour(status=403, body=XML_EXPIRED) if request.number > 3 else Behaviour(pause_s=0.01)
    )
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(workers=4)))
    assert error.reason is Reason.SOURCE_EXPIRED
    wanted = [(request.last_byte or 0) + 1 - (request.first_byte or 0) for request in source.served[1:3]]
    # The source counts a piece after it was sent: the last one may have arrived before.
    eventually(
        lambda: [request.sent_bytes for request in source.served[1:3]] == wanted,
        within_s=5,
        what="no open GET was thrown away",
    )
    # The first refusal may come before the last worker has opened its connection.
    assert 1 + 3 <= len(source.served) <= 1 + 4, "a connection was opened after the URL had expired"
    upload = next(iter(strict.bucket.uploads.values()))
    assert sum(len(part.body) for part in upload.parts.values()) == sum(wanted)


def test_s23_retry_after_in_seconds_is_honoured(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = nth(1, Behaviour(status=429, headers={"Retry-After": "1"}, body=b""))
    begun = time.monotonic()
    check_stored(run_transfer(source.url, store), BODY, strict)
    assert time.monotonic() - begun >= 1.0


@pytest.mark.parametrize(
    "value",
    [
        "garbage", "-5", "1e99", "Mon, 01 Jan 1990 00:00:00 GMT", "٣", "1 Jan 99999999999999999999 00:00:00 GMT",
        "Fri, 31 Dec 1999 99999999999:00:00 GMT", "Fri, 31 Dec 1999 23:59:59 +99999999999999999999",
    ],
)  # fmt: skip
def test_s23_retry_after_that_means_nothing_is_ignored(
    serve: Serve, strict: StrictStore, store: S3Store, value: str
) -> None:
    source = serve(BODY)
    source.behave = nth(1, Behaviour(status=429, headers={"Retry-After": value.encode().decode("latin-1")}, body=b""))
    check_stored(run_transfer(source.url, store), BODY, strict)


def test_s23_retry_after_as_a_date_is_honoured(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    until = datetime.now(tz=UTC) + timedelta(seconds=300)
    source.behave = lambda _: Behaviour(
        status=503, headers={"Retry-After": format_datetime(until, usegmt=True)}, body=b""
    )
    error = fails(lambda: run_transfer(source.url, store))
    assert 290 < (error.retry_after_s or 0) <= 300


def test_s23_a_long_retry_after_goes_back_to_the_engine(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=503, headers={"Retry-After": "120"}, body=b"")
    error = fails(lambda: run_transfer(source.url, store))
    assert error.reason is Reason.SOURCE_UNAVAILABLE
    assert error.retry_after_s == 120
    assert len(source.served) == 1, "hot loop"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_s24_away_for_a_while(serve: Serve, strict: StrictStore, store: S3Store, status: int) -> None:
    source = serve(BODY)
    source.behave = lambda request: Behaviour(status=status, body=b"") if request.number in (1, 3, 5) else Behaviour()
    check_stored(run_transfer(source.url, store), BODY, strict)


def test_s24_away_for_long_ends_the_attempt_and_keeps_the_upload(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source = serve(BODY)
    source.behave = after_probe(Behaviour(status=503, body=b""))
    observed = Observed()
    error = fails(lambda: run_transfer(source.url, store, observed=observed, options=fast_options(workers=1)))
    assert error.reason is Reason.SOURCE_UNAVAILABLE
    assert len(source.served) == 1 + 5, "tries without progress"
    source.behave = lambda _: Behaviour()
    check_stored(run_transfer(source.url, store, resume=observed.states[-1]), BODY, strict)
