"""Faults of the source, S42, S43 and S49: content, permissions and signatures that are late."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.egress.dialer import Dialer
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import FetchJob
from recording_operator.transfer.source.error_responses import NotYetThere
from recording_operator.transfer.source.publication import PublicationWait
from recording_operator.transfer.source.spec import SourceSpec
from tests.support.lying_source import Behaviour, Content, LyingSource, Serve, SourceRequest
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    MIB,
    Observed,
    after_probe,
    an_object,
    check_stored,
    fails,
    fast_options,
    loopback_policy,
    pattern,
    run_transfer,
)

BODY = pattern(MIB + 12_345)
LATE = {
    "404": Behaviour(status=404, body=b"no such file"),
    "202": Behaviour(status=202, body=b"{}"),
    "202 as a page": Behaviour(status=202, body=b"<html>preparing", headers={"Content-Type": "text/html"}),
    "204": Behaviour(status=204, headers={"Content-Length": None}, body=b""),
    "409": Behaviour(status=409, body=b"conflict"),
    "423": Behaviour(status=423, body=b"locked"),
    "425": Behaviour(status=425, body=b""),
    "empty": Behaviour(ranges=False, body=b""),
    "empty and chunked": Behaviour(ranges=False, framing="chunked", body=b""),
    "nothing in range": Behaviour(status=416, body=b"", headers={"Content-Range": "bytes */0"}),
    "200 and processing": Behaviour(body=b'{"id": 7, "status": "processing", "progress": 40}', ranges=False),
    "200 and a note": Behaviour(body=b"<html><p>Your video is still being processed.</p>", ranges=False),
    "200 and a line": Behaviour(body=b"The recording is not ready.", ranges=False),
    "not yet valid": Behaviour(status=403, body=b"<Error><Message>Request is not yet valid</Message></Error>"),
}
REASONS = {
    "404": Reason.SOURCE_NOT_FOUND,
    "204": Reason.SOURCE_EMPTY,
    "empty": Reason.SOURCE_EMPTY,
    "empty and chunked": Reason.SOURCE_EMPTY,
    "nothing in range": Reason.SOURCE_EMPTY,
}


def for_a_while(count: int, behaviour: Behaviour) -> Callable[[SourceRequest], Behaviour]:
    """Some requests meet this, the others the truth."""
    return lambda request: behaviour if request.number <= count else Behaviour()


def fetch(
    source: LyingSource, store: S3Store, *, published_at: datetime, publishing_s: float, size: int | None = None
) -> object:
    """A transfer of a Recording that was created then."""
    observed = Observed()
    return FetchJob(
        source=SourceSpec(url=source.url, published_at=published_at, expected_size_bytes=size),
        dialer=Dialer(loopback_policy()),
    ).run(
        TransferContext(
            store=store,
            obj=an_object(),
            stop=observed.stop,
            observer=observed,
            options=fast_options(publishing_s=publishing_s),
        )
    )


@pytest.mark.parametrize("name", sorted(LATE))
def test_s42_content_that_comes_late_is_stored_in_the_same_attempt(
    serve: Serve, strict: StrictStore, store: S3Store, name: str
) -> None:
    source = serve(BODY)
    source.behave = for_a_while(8, LATE[name])
    check_stored(run_transfer(source.url, store, options=fast_options(publishing_s=30)), BODY, strict)


@pytest.mark.parametrize("name", sorted(LATE))
def test_s42_content_that_does_not_come_ends_the_attempt_by_its_own_reason(
    serve: Serve, strict: StrictStore, store: S3Store, name: str
) -> None:
    source = serve(BODY)
    source.behave = lambda _: LATE[name]
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(publishing_s=0)))
    assert error.reason is REASONS.get(name, Reason.SOURCE_NOT_READY)
    assert not error.is_final
    assert strict.keys() == []
    assert len(source.served) <= 2 * 3


@pytest.mark.parametrize(
    "page",
    [b'{"error": "no such recording"}', b"<html><form>Log in to see what is ready", b"An error while processing this."],
)
def test_s42_a_page_that_tells_of_nothing_to_come_is_final(serve: Serve, store: S3Store, page: bytes) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(body=page, ranges=False)
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(publishing_s=30)))
    assert (error.reason, len(source.served)) == (Reason.UNEXPECTED_CONTENT, 1)


def test_s42_a_note_after_the_time_in_the_url_is_expiry(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: LATE["200 and processing"]
    past = datetime.now(tz=UTC) - timedelta(seconds=5)
    assert fails(lambda: run_transfer(source.url, store, expires_at=past)).reason is Reason.SOURCE_EXPIRED


def test_s42_gone_is_final(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=410, body=b"")
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(publishing_s=30)))
    assert (error.reason, error.is_final, len(source.served)) == (Reason.SOURCE_NOT_FOUND, True, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_s42_rights_that_come_late_are_waited_for_where_the_source_is_new(
    serve: Serve, strict: StrictStore, store: S3Store, status: int
) -> None:
    source = serve(BODY)
    source.behave = for_a_while(4, Behaviour(status=status, body=b"no"))
    now = datetime.now(tz=UTC)
    fetch(source, store, published_at=now, publishing_s=30)
    assert strict.keys() == [an_object().key]


@pytest.mark.parametrize("ranges", [True, False])
def test_s42_a_new_file_that_still_grows_to_the_size_in_the_spec_is_waited_for(
    serve: Serve, strict: StrictStore, store: S3Store, ranges: bool
) -> None:
    source = serve(BODY)
    so_far = Content(body=BODY[: MIB // 2], etag='"so far"')
    source.behave = lambda request: Behaviour(ranges=ranges, content=so_far if request.number <= 4 else None)
    fetch(source, store, published_at=datetime.now(tz=UTC), publishing_s=30, size=len(BODY))
    assert strict.bucket.versions[an_object().key][0].body == BODY


@pytest.mark.parametrize(("is_new", "more"), [(False, 1), (True, -1)], ids=["old", "larger"])
def test_s4_a_file_that_can_not_grow_to_its_size_is_requested_once(
    serve: Serve, store: S3Store, is_new: bool, more: int
) -> None:
    source, now = serve(BODY), datetime.now(tz=UTC)
    published_at = now if is_new else now - timedelta(hours=1)
    error = fails(lambda: fetch(source, store, published_at=published_at, publishing_s=30, size=len(BODY) + more))
    assert error.reason is Reason.SIZE_MISMATCH
    assert len(source.served) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_s42_an_old_source_that_rejects_is_requested_once_an_attempt(serve: Serve, store: S3Store, status: int) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=status, body=b"no")
    old = datetime.now(tz=UTC) - timedelta(hours=1)
    error = fails(lambda: fetch(source, store, published_at=old, publishing_s=30))
    assert (error.reason, error.is_final, len(source.served)) == (Reason.SOURCE_FORBIDDEN, False, 1)


def test_s42_a_404_of_an_old_source_is_tried_three_times_an_attempt(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=404, body=b"no")
    old = datetime.now(tz=UTC) - timedelta(hours=1)
    assert fails(lambda: fetch(source, store, published_at=old, publishing_s=30)).reason is Reason.SOURCE_NOT_FOUND
    assert len(source.served) == 3


def test_s42_the_default_waits_longer_than_twenty_seconds_in_one_attempt() -> None:
    waits: list[float] = []

    class Clock(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    def call() -> None:
        if sum(waits) < 20:
            raise NotYetThere(Reason.SOURCE_NOT_FOUND, "no")

    options = fast_options(publishing_s=30.0, backoff_base_s=1.0)
    PublicationWait(options, Clock(), published_at=None).until_published(call)
    assert sum(waits) >= 20
    assert len(waits) <= 8
    assert max(waits) <= 8


def test_s42_a_stop_ends_the_wait(serve: Serve, store: S3Store) -> None:
    source, observed = serve(BODY), Observed()
    source.behave = lambda _: LATE["404"]
    threading.Timer(0.1, observed.stop.set).start()
    with pytest.raises(Stopped):
        run_transfer(source.url, store, observed=observed, options=fast_options(publishing_s=600, backoff_base_s=60.0))


@pytest.mark.parametrize("status", [202, 404, 409, 423, 425])
def test_s49_a_short_retry_after_is_honoured_within_the_attempt(
    serve: Serve, strict: StrictStore, store: S3Store, status: int
) -> None:
    source = serve(BODY)
    source.behave = for_a_while(1, Behaviour(status=status, headers={"Retry-After": "1"}, body=b""))
    begun = time.monotonic()
    check_stored(run_transfer(source.url, store, options=fast_options(publishing_s=30)), BODY, strict)
    assert time.monotonic() - begun >= 1.0


@pytest.mark.parametrize("status", [202, 204, 401, 403, 404, 408, 409, 423, 425, 429, 503])
def test_s49_a_long_retry_after_goes_to_the_engine(serve: Serve, store: S3Store, status: int) -> None:
    source = serve(BODY)
    headers: dict[str, str | None] = {"Retry-After": "86400", "Content-Length": None if status == 204 else "0"}
    source.behave = lambda _: Behaviour(status=status, headers=headers, body=b"")
    error = fails(lambda: run_transfer(source.url, store, options=fast_options(publishing_s=30)))
    assert error.retry_after_s == 900
    assert len(source.served) == 1


def test_s42_not_ready_in_the_middle_is_tried_again(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda request: LATE["423"] if request.number in (2, 3) else Behaviour()
    check_stored(run_transfer(source.url, store, options=fast_options(workers=1)), BODY, strict)


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    "body",
    [
        b"<Error><Code>AccessDenied</Code><Message>Request is not yet valid</Message></Error>",
        b"<Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is",
        b'{"error":"InvalidJWT","message":"jwt not active"}',
        b'{"message":"The token is not yet valid (nbf)"}',
        b'{"message":"Token used before issued"}',
        b"This link is not active yet",
        b"The signature is issued in the future",
    ],
)
def test_s43_not_yet_valid_is_not_expired(serve: Serve, store: S3Store, status: int, body: bytes) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=status, body=body)
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_NOT_READY


def azure(*, start: datetime, expiry: datetime, current: datetime) -> bytes:
    """Azure's refusal."""
    form = "%a, %d %b %Y %H:%M:%S GMT"
    return (
        '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to '
        "authenticate the request.</Message><AuthenticationErrorDetail>Signature not valid in the specified "
        "time frame: "
        f"Start [{start:{form}}] - Expiry [{expiry:{form}}] - Current [{current:{form}}]</AuthenticationErrorDetail>"
    ).encode() + b"</Error>"


def test_s43_azure_reports_whether_it_is_too_early_or_too_late(serve: Serve, store: S3Store) -> None:
    now, hour = datetime.now(tz=UTC), timedelta(hours=1)
    source = serve(BODY)
    early = azure(start=now + hour / 6, expiry=now + hour, current=now)
    source.behave = lambda _: Behaviour(status=403, body=early)
    error = fails(lambda: run_transfer(source.url, store))
    assert error.reason is Reason.SOURCE_NOT_READY
    assert 590 <= (error.retry_after_s or 0) <= 600
    source.behave = lambda _: Behaviour(status=403, body=azure(start=now - 2 * hour, expiry=now - hour, current=now))
    assert fails(lambda: run_transfer(source.url, store)).reason is Reason.SOURCE_EXPIRED


def test_s43_a_url_that_starts_later_is_not_ready(serve: Serve, store: S3Store) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(status=403, body=b"AccessDenied")
    soon = datetime.now(tz=UTC) + timedelta(minutes=5)
    signed = f"{source.url}&X-Amz-Date={soon:%Y%m%dT%H%M%SZ}&X-Amz-Expires=3600"
    error = fails(lambda: run_transfer(signed, store))
    assert error.reason is Reason.SOURCE_NOT_READY
    assert 290 < (error.retry_after_s or 0) <= 300


def test_s42_a_refusal_after_the_probe_keeps_the_upload(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source, observed = serve(BODY), Observed()
    source.behave = after_probe(Behaviour(status=404, body=b"another node"))
    with pytest.raises(TransferError):
        run_transfer(source.url, store, observed=observed)
    source.behave = lambda _: Behaviour()
    check_stored(run_transfer(source.url, store, resume=observed.states[-1]), BODY, strict)
