"""Each kind of transfer job, with the one method that executors call."""

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.egress.dialer import Dialer
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import ArtifactJob, FetchJob, FindJob, InlineJob
from recording_operator.transfer.source.spec import SourceSpec
from tests.support.lying_source import Serve
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    Observed,
    an_object,
    check_stored,
    fails,
    fast_options,
    loopback_policy,
    pattern,
)

BODY = pattern(100 * KIB)


def a_context(store: S3Store, **obj: object) -> TransferContext:
    """Everything that a job is given."""
    observed = Observed()
    return TransferContext(
        store=store,
        obj=an_object(**obj),
        stop=observed.stop,
        observer=observed,
        options=fast_options(),
    )


def a_fetch(url: str) -> ArtifactJob:
    """Brings what is at the URL."""
    return FetchJob(source=SourceSpec(url=url), dialer=Dialer(loopback_policy()))


def test_a_fetch_stores_the_bytes_of_its_source(serve: Serve, store: S3Store, strict: StrictStore) -> None:
    """The object, as the store shows it."""
    context = a_context(store)
    check_stored(a_fetch(serve(BODY).url).run(context), BODY, strict)


def test_inline_text_is_stored_with_a_type(store: S3Store) -> None:
    """A text without a stated type is plain text in UTF-8."""
    stored = InlineJob(body=b"minutes").run(a_context(store, content_type=""))
    assert (stored.size_bytes, stored.content_type) == (7, "text/plain; charset=utf-8")


def test_finding_returns_what_an_earlier_job_stored(serve: Serve, store: S3Store) -> None:
    """Without one request to a source."""
    context = a_context(store)
    source = serve(BODY)
    stored = a_fetch(source.url).run(context)
    asked = source.bytes_sent
    assert FindJob(expected_size_bytes=len(BODY)).run(context) == stored
    assert source.bytes_sent == asked


def test_finding_nothing_stops(store: S3Store) -> None:
    """There is no object, and no failure either."""
    with pytest.raises(Stopped):
        FindJob().run(a_context(store))


def test_finding_another_size_is_a_conflict(serve: Serve, store: S3Store) -> None:
    """The object stays, and a person is notified."""
    context = a_context(store)
    a_fetch(serve(BODY).url).run(context)
    error = fails(lambda: FindJob(expected_size_bytes=1).run(context))
    assert isinstance(error, TransferError)
    assert error.reason is Reason.STORE_KEY_CONFLICT


def test_a_job_shows_neither_url_nor_text() -> None:
    """Both may hold secrets, and a job may be logged."""
    assert "secret" not in repr(a_fetch("https://example.com/v?sig=secret")) + repr(InlineJob(body=b"secret"))
