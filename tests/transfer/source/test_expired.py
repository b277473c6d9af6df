"""Faults of the source, S47 and S48: all ways to say that a URL has expired, and URLs that work only once."""

from datetime import UTC, datetime, timedelta

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.source.error_wording import Wording, read_wording
from tests.support.lying_source import Behaviour, Serve
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
    parts_of,
    pattern,
    run_transfer,
)

BODY = pattern(MIB + 12_345)
PART = 256 * KIB
EXPIRED = [
    "<Error><Code>AccessDenied</Code><Message>Request has expired</Message><Expires>2026-01-01</Expires></Error>",
    "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>",
    "<Error><Code>ExpiredToken</Code><Message>Invalid argument.</Message><Details>Request signature expired at: x",
    "<Code>TokenRefreshRequired</Code><Message>The token is expired and must be refreshed",
    '{"statusCode":"400","error":"InvalidJWT","message":"\\"exp\\" claim timestamp check failed"}',
    '{"statusCode":"400","error":"InvalidJWT","message":"jwt expired"}',
    '{"error":"InvalidJWT"}',
    '{"error":"invalid_token","error_description":"The access token expired"}',
    '{"code":"token_expired"}',
    '{"code":"TOKEN-EXPIRED"}',
    '{"name":"TokenExpiredError"}',
    "token is expired by 2h3m",
    "Token expired",
    "<html><body><h1>This link has expired.</h1></body></html>",
    "Sorry, your download link\nis   no longer valid",
    "Signature expired: 20260101T000000Z is now earlier than 20260102T000000Z",
    "URL signature expired",
    "Signed URL is expired",
    "Link Expired",
    "URL_EXPIRED",
    "The request is past its expiration",
    "expiry time has passed",
    "The signed URL is too old",
    "Session timed out",
    "El enlace ha caducado",
    "Der Link ist abgelaufen",
    "Ce lien a expiré",
    "O link expirou",
    "De link is verlopen",
    "链接已过期",
    "リンクの有効期限が切れています",
    "Срок действия ссылки истёк",
    "링크가 만료되었습니다",
    "Signature not valid in the specified time frame",
]
NOT_EXPIRED = [
    "",
    "no",
    "<Error><Code>AccessDenied</Code><Message>Access denied</Message></Error>",
    "<Error><Code>SignatureDoesNotMatch</Code></Error>",
    "<Error><Code>AuthorizationQueryParametersError</Code><Message>X-Amz-Expires must be a number</Message></Error>",
    '{"expires_in": 3600, "error": "forbidden"}',
    "Your subscription has expired",
    "The account was expired",
    "This token has not expired but is not for this file",
    "The token is not expired",
]


@pytest.mark.parametrize("status", [400, 401, 403, 410])
@pytest.mark.parametrize("body", EXPIRED)
def test_s47_a_refusal_that_tells_of_expiry_in_its_own_words(
    serve: Serve, store: S3Store, status: int, body: str
) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=status, body=body.encode())
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_EXPIRED


@pytest.mark.parametrize("body", NOT_EXPIRED)
def test_s47_a_refusal_that_tells_of_something_else(body: str) -> None:
    assert read_wording(body).what is Wording.NOTHING


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_s47_in_another_encoding(serve: Serve, store: S3Store, encoding: str) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=403, body="<p>This link has expired".encode(encoding))
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_EXPIRED


def test_s47_in_a_header_of_oauth(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    told = 'Bearer error="invalid_token", error_description="The access token expired"'
    source.behave = lambda _: Behaviour(status=401, headers={"WWW-Authenticate": told}, body=b"")
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_EXPIRED


def test_s47_invalid_or_expired_is_expired_unless_the_url_states_a_later_time(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=401, body=b"Invalid or expired token")
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_EXPIRED
    later = datetime.now(tz=UTC) + timedelta(hours=1)
    assert fails(lambda: run_transfer(source.url, store, expires_at=later)).reason is Reason.SOURCE_FORBIDDEN


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
@pytest.mark.parametrize("by", ["spec", "url"])
def test_s47_any_refusal_after_the_time_that_the_url_states(serve: Serve, store: S3Store, status: int, by: str) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=status, body=b"Access denied")
    past = datetime.now(tz=UTC) - timedelta(seconds=5)
    url = source.url if by == "spec" else f"{source.url}&Expires={int(past.timestamp())}&Key-Pair-Id=K&Signature=s"
    expires_at = past if by == "spec" else None
    assert fails(lambda: run_transfer(url, store, expires_at=expires_at)).reason is Reason.SOURCE_EXPIRED


PAGE = Behaviour(
    ranges=False, body=b"<!doctype html><title>Sign in</title>", headers={"Content-Type": "text/html", "ETag": None}
)


def test_s47_a_page_in_place_of_the_content_after_the_time_that_the_url_states(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: PAGE
    past, later = datetime.now(tz=UTC) - timedelta(seconds=5), datetime.now(tz=UTC) + timedelta(hours=1)
    assert fails(lambda: run_transfer(source.url, store, expires_at=past)).reason is Reason.SOURCE_EXPIRED
    assert fails(lambda: run_transfer(source.url, store, expires_at=later)).reason is Reason.UNEXPECTED_CONTENT
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.UNEXPECTED_CONTENT


def test_s47_a_page_in_the_middle_after_that_time_keeps_the_parts(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    source, observed = serve(BODY), Observed()
    options = fast_options(workers=1)
    past = datetime.now(tz=UTC) - timedelta(seconds=5)
    source.behave = lambda request: (
        Behaviour() if request.number == 1 else Behaviour(cut_after=2 * PART) if request.number == 2 else PAGE
    )
    run = lambda: run_transfer(source.url, store, expires_at=past, observed=observed, options=options)  # noqa: E731 - reads as its call
    assert fails(run).reason is Reason.SOURCE_EXPIRED
    assert len(parts_of(strict)) == 2
    source.behave = lambda _: Behaviour()
    stored = run_transfer(source.url, store, observed=observed, options=options, resume=observed.states[-1])
    check_stored(stored, BODY, strict)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_s47_a_fresh_url_continues_at_the_same_part(
    serve: Serve, strict: StrictStore, store: S3Store, status: int
) -> None:
    source, observed = serve(BODY), Observed()
    source.behave = lambda request: (
        Behaviour(status=status, body=b'{"message":"jwt expired"}')
        if request.number > 2
        else Behaviour(cut_after=2 * PART + 10)
    )
    error = fails(lambda: run_transfer(source.url, store, observed=observed, options=fast_options(workers=1)))
    assert error.reason is Reason.SOURCE_EXPIRED
    assert parts_of(strict) == {1, 2}
    assert strict.open_uploads() == [an_object().key]
    assert "only once" not in error.message
    fresh = serve(BODY)
    check_stored(run_transfer(fresh.url, store, resume=observed.states[-1]), BODY, strict)
    assert strict.count("CreateMultipartUpload") == 1


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_s48_a_rejected_second_request_is_mentioned(serve: Serve, store: S3Store, status: int) -> None:
    source = serve(BODY)
    source.behave = after_probe(Behaviour(status=status, body=b"used"))
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(workers=1)))
    assert "works only once" in error.message


@pytest.mark.parametrize(
    "body", [b"Request has expired", b'{"message":"jwt expired"}', b"Request is not yet valid"]
)  # fmt: skip
def test_s48_not_where_the_refusal_gives_another_reason(serve: Serve, store: S3Store, body: bytes) -> None:
    source = serve(BODY)
    source.behave = after_probe(Behaviour(status=403, body=body))
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(workers=1, tries_without_progress=1)))
    assert "only once" not in error.message


def test_s48_not_where_the_url_has_worked_several_times(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda request: (
        Behaviour(status=403, body=b"revoked")
        if request.number > 3
        else Behaviour(cut_after=None if request.number == 1 else PART)
    )
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(workers=1)))
    assert error.reason is Reason.SOURCE_FORBIDDEN
    assert "only once" not in error.message


def test_s48_not_if_the_first_request_was_rejected(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=403, body=b"no")
    assert "only once" not in fails(lambda: run_transfer(source.url, store)).message


def test_s48_not_where_the_url_has_expired_by_its_own_time(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = after_probe(Behaviour(status=403, body=b"no"))
    past = datetime.now(tz=UTC) - timedelta(seconds=5)
    error = fails(lambda: run_transfer(source.url, store, expires_at=past))
    assert error.reason is Reason.SOURCE_EXPIRED
    assert "only once" not in error.message
