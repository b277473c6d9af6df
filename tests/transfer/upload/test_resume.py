"""Stops, crashes and resumes: stored parts are not read or sent again, and are verified before they are used."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from recording_operator.stopping import Stopped
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.observer import UploadState
from tests.support.lying_source import Behaviour, Content, Serve
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KEY,
    KIB,
    MIB,
    Observed,
    an_object,
    check_stored,
    fast_options,
    pattern,
    run_transfer,
)
from tests.support.waiting import eventually

PART = 256 * KIB
BODY = pattern(3 * MIB + 777)
PARTS = 13
HEAD_BYTES = 64 * KIB


def begin(store: S3Store, part_numbers: list[int], *, body: bytes = BODY) -> UploadState:
    """An upload that a killed process left with these parts."""
    upload_id = store.create_upload(an_object())
    for number in part_numbers:
        store.upload_part(
            KEY, upload_id, part_number=number, body=BufferedPart(body[(number - 1) * PART : number * PART])
        )
    return UploadState(upload_id=upload_id, part_size_bytes=PART, size_bytes=len(body), etag='"v1"', last_modified=None)


def sent_numbers(strict: StrictStore, after: int) -> list[int]:
    """Part numbers sent since the first `after` requests."""
    return sorted(seen.part_number for seen in strict.requests[after:] if seen.part_number is not None)


@pytest.mark.parametrize(
    "there", [[], [1], [1, 2, 3, 4], [13], [2, 4, 6, 8, 10, 12], list(range(1, 13)), list(range(1, 14)), [5, 6, 7]]
)
@pytest.mark.parametrize("workers", [1, 4])
def test_only_missing_parts_are_read_and_sent(
    serve: Serve, strict: StrictStore, store: S3Store, there: list[int], workers: int
) -> None:
    source, state = serve(BODY), begin(store, there)
    before = len(strict.requests)
    stored = run_transfer(source.url, store, resume=state, options=fast_options(workers=workers))
    check_stored(stored, BODY, strict)
    missing = [number for number in range(1, PARTS + 1) if number not in there]
    assert sent_numbers(strict, before) == missing
    if workers == 1:
        longest_run = sum(min(PART, len(BODY) - (number - 1) * PART) for number in missing)
        # The source counts a piece after it was sent: the last one may have arrived before.
        eventually(
            lambda: sum(request.sent_bytes for request in source.served[1:]) >= longest_run, what="it is counted"
        )
        assert sum(request.sent_bytes for request in source.served[1:]) == longest_run


def test_listing_of_parts_is_read_page_by_page(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    strict.page_size = 3
    state = begin(store, list(range(1, 12)))
    before = len(strict.requests)
    check_stored(run_transfer(serve(BODY).url, store, resume=state), BODY, strict)
    assert sent_numbers(strict, before) == [12, 13]


def test_a_part_of_another_size_than_planned_is_sent_again(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    state = begin(store, [1, 2, 3])
    store.upload_part(KEY, state.upload_id, part_number=2, body=BufferedPart(BODY[PART : 2 * PART - 1]))
    before = len(strict.requests)
    check_stored(run_transfer(serve(BODY).url, store, resume=state), BODY, strict)
    assert 2 in sent_numbers(strict, before)


def test_parts_beyond_the_plan_do_not_become_part_of_the_object(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    state = begin(store, [1])
    store.upload_part(KEY, state.upload_id, part_number=99, body=BufferedPart(b"x" * PART))
    check_stored(run_transfer(serve(BODY).url, store, resume=state), BODY, strict)


def test_a_part_without_a_checksum_is_sent_again(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    state = begin(store, [1, 2, 3])
    strict.bucket.shows_part_checksums = False
    before = len(strict.requests)
    check_stored(run_transfer(serve(BODY).url, store, resume=state), BODY, strict)
    assert sent_numbers(strict, before) == list(range(1, PARTS + 1))


@pytest.mark.parametrize(
    "forged",
    [
        {"upload_id": "somebody-elses"},
        {"part_size_bytes": 1},
        {"part_size_bytes": 10**15},
        {"size_bytes": 5},
        {"size_bytes": None},
        {"etag": '"other"'},
    ],
    ids=str,
)
def test_c3_a_forged_status_loses_nothing(
    serve: Serve, strict: StrictStore, store: S3Store, forged: dict[str, object]
) -> None:
    state = replace(begin(store, [1, 2]), **forged)  # type: ignore[arg-type]
    check_stored(run_transfer(serve(BODY).url, store, resume=state), BODY, strict)


def test_c3_the_upload_of_another_recording_is_not_touched(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    other = store.create_upload(an_object(key="other/key"))
    state = replace(begin(store, []), upload_id=other)
    run_transfer(serve(BODY).url, store, resume=state)
    assert strict.open_uploads() == ["other/key"]


def test_s11_content_that_changed_between_processes_starts_again(
    serve: Serve, strict: StrictStore, store: S3Store
) -> None:
    state = begin(store, [1, 2, 3])
    source = serve(b"")
    source.content = Content(body=pattern(len(BODY), seed=9), etag='"v2"')
    observed = Observed()
    check_stored(run_transfer(source.url, store, resume=state, observed=observed), source.content.body, strict)
    assert len(observed.states) == 1


@pytest.mark.parametrize("changed", [False, True])
def test_without_a_validator_the_first_parts_prove_that_the_content_is_the_same(
    serve: Serve, strict: StrictStore, store: S3Store, changed: bool
) -> None:
    state = replace(begin(store, [1, 2, 3]), etag=None)
    source = serve(b"")
    source.content = Content(body=pattern(len(BODY), seed=9) if changed else BODY, etag=None)
    before = len(strict.requests)
    check_stored(run_transfer(source.url, store, resume=state), source.content.body, strict)
    assert (1 in sent_numbers(strict, before)) is changed


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_s8_a_source_without_ranges_continues_after_its_verified_prefix(
    serve: Serve, strict: StrictStore, store: S3Store, framing: str
) -> None:
    state = begin(store, [1, 2, 3, 4])
    if framing == "chunked":
        state = replace(state, size_bytes=None)
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=False, framing=framing)  # type: ignore[arg-type]
    before = len(strict.requests)
    check_stored(run_transfer(source.url, store, resume=state), BODY, strict)
    assert sent_numbers(strict, before) == list(range(5, PARTS + 1))


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("workers", [1, 4])
def test_k17_stop_ends_soon_and_keeps_what_is_stored(
    serve: Serve, strict: StrictStore, store: S3Store, ranges: bool, workers: int
) -> None:
    source, observed = serve(BODY), Observed()
    # Every GET stands still in its middle: the stop must not wait for the source.
    source.behave = lambda request: Behaviour(ranges=ranges, hold_after=None if request.number == 1 else PART + 100)
    threading.Thread(target=set_when, args=(observed.stop, lambda: len(strict.requests) >= 3), daemon=True).start()
    with pytest.raises(Stopped):
        run_transfer(source.url, store, observed=observed, options=fast_options(workers=workers))
    assert strict.open_uploads() == [KEY]
    fresh = serve(BODY)
    check_stored(run_transfer(fresh.url, store, resume=observed.states[-1]), BODY, strict)


def test_k17_stop_before_anything(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    observed = Observed()
    observed.stop.set()
    with pytest.raises(Stopped):
        run_transfer(serve(BODY).url, store, observed=observed)
    assert strict.count("CreateMultipartUpload") == 0


def test_no_part_is_sent_before_the_upload_is_written_down(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    class Refusing(Observed):
        def upload_created(self, state: UploadState) -> None:
            super().upload_created(state)
            raise Stopped

    observed = Refusing()
    with pytest.raises(Stopped):
        run_transfer(serve(BODY).url, store, observed=observed)
    assert strict.count("UploadPart") == 0
    assert [upload.upload_id for upload in store.uploads(KEY)] == [observed.states[0].upload_id]


def test_progress_never_goes_back_and_ends_at_the_whole(serve: Serve, strict: StrictStore, store: S3Store) -> None:
    source, observed = serve(BODY), Observed()
    source.behave = lambda request: Behaviour(cut_after=100_000 if 1 < request.number < 6 else None)
    check_stored(run_transfer(source.url, store, observed=observed), BODY, strict)
    done = [sent_bytes for sent_bytes, _ in observed.progressed]
    assert done == sorted(done)
    assert observed.progressed[-1] == (len(BODY), len(BODY))


def set_when(event: threading.Event, holds: Callable[[], bool]) -> None:
    """Set the event as soon as something holds."""
    while not holds() and not event.wait(0.005):
        pass
    event.set()
