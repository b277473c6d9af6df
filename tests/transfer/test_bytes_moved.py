"""The counts of bytes for an observer: each read counts, and a stored byte counts once the store has confirmed it."""

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import FindJob, InlineJob
from tests.support.lying_source import Behaviour, Serve
from tests.support.strict_faults import Fault, FlipBit
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KIB,
    MIB,
    Observed,
    an_object,
    check_stored,
    fails,
    fast_options,
    parts_of,
    pattern,
    run_transfer,
)

PART = 256 * KIB
BODY = pattern(3 * MIB + 777)
PROBE = 64 * KIB
ONE_WORKER = fast_options(workers=1)


def test_ranges_count_once_beside_the_probe(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    """The probe reads the first bytes, and the first part has them again."""
    observed = Observed()
    check_stored(run_transfer(serve(BODY).url, store, observed=observed), BODY, strict)
    assert observed.read_bytes == PROBE + len(BODY)
    assert observed.stored_bytes == len(BODY)


def test_small_content_is_counted_when_the_probe_reads_it(serve: Serve, store: S3Store) -> None:
    observed = Observed()
    run_transfer(serve(BODY[:1000]).url, store, observed=observed)
    assert (observed.read_bytes, observed.stored_bytes) == (1000, 1000)


def test_bytes_that_are_read_twice_count_twice_and_are_stored_once(serve: Serve, store: S3Store) -> None:
    """Without ranges, a source that breaks off is read from its start."""
    source, observed = serve(BODY), Observed()
    source.behave = lambda request: Behaviour(ranges=False, cut_after=2 * PART + 5 if request.number == 2 else None)
    run_transfer(source.url, store, observed=observed)
    assert observed.read_bytes == PROBE + 2 * PART + 5 + len(BODY)
    assert observed.stored_bytes == len(BODY)


def test_a_resumed_attempt_counts_only_what_it_moves(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    """Together the attempts have stored every byte once."""
    source, first, second = serve(BODY), Observed(), Observed()
    source.behave = lambda request: (
        Behaviour(status=403, body=b"") if request.number > 2 else Behaviour(cut_after=5 * PART + 10)
    )
    error = fails(lambda: run_transfer(source.url, store, observed=first, options=ONE_WORKER))
    assert error.reason is Reason.SOURCE_FORBIDDEN
    assert first.stored_bytes == len(parts_of(strict)) * PART == 5 * PART
    assert first.read_bytes == PROBE + 5 * PART + 10, "a failed attempt tells what it read"
    run_transfer(serve(BODY).url, store, observed=second, resume=first.states[-1], options=ONE_WORKER)
    assert second.progressed[0][0] == 5 * PART, "progress begins with what is stored"
    assert second.stored_bytes == len(BODY) - 5 * PART
    assert second.read_bytes == PROBE + len(BODY) - 5 * PART


def test_a_part_that_arrives_wrong_counts_as_stored_once(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    """It is read again and sent again."""
    strict.fault(Fault(operation="UploadPart", action=FlipBit(), first=2))
    observed = Observed()
    run_transfer(serve(BODY).url, store, observed=observed, options=ONE_WORKER)
    assert observed.read_bytes == PROBE + len(BODY) + PART
    assert observed.stored_bytes == len(BODY)


@pytest.mark.parametrize("again", [False, True])
def test_inline_text_is_stored_and_not_read(store: S3Store, *, again: bool) -> None:
    """What is there already is not stored again."""
    observed = Observed()
    context = TransferContext(store=store, obj=an_object(), stop=observed.stop, observer=observed)
    InlineJob(body=b"minutes").run(context)
    if again:
        observed.stored_bytes = 0
        InlineJob(body=b"minutes").run(context)
    assert (observed.read_bytes, observed.stored_bytes) == (0, 0 if again else 7)


def test_a_search_transfers_nothing(serve: Serve, store: S3Store) -> None:
    run_transfer(serve(BODY).url, store)
    observed = Observed()
    FindJob().run(TransferContext(store=store, obj=an_object(), stop=observed.stop, observer=observed))
    assert (observed.read_bytes, observed.stored_bytes) == (0, 0)
