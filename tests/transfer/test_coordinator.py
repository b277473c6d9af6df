"""How a transfer ends: failures of workers, the open upload, restarts, and broken connections of the source."""

import threading

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.coordinator import TransferCoordinator
from recording_operator.transfer.source.breaks import SourceBreaks
from recording_operator.transfer.upload.part_plan import PartPlan
from recording_operator.transfer.upload.session import UploadSession
from recording_operator.transfer.verification.accept import StoredByAnotherProcess
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, Observed, an_object, fast_options

HARD = TransferError(Reason.STORE_QUOTA, "The store is full.")
SOFT = TransferError(Reason.SOURCE_EXPIRED, "The URL has expired.")
RESET = TransferError(Reason.SOURCE_RESET, "It broke.")
SLOW = TransferError(Reason.SOURCE_TOO_SLOW, "It is slow.")


def a_context(store: S3Store, **options: object) -> TransferContext:
    """A transfer that was not stopped."""
    observed = Observed()
    return TransferContext(
        store=store, obj=an_object(), stop=observed.stop, observer=observed, options=fast_options(**options)
    )


@pytest.fixture
def coordinator(store: S3Store) -> TransferCoordinator:
    """The coordinator of a transfer that starts from the beginning."""
    return TransferCoordinator(a_context(store), resumes=False)


def a_session(coordinator: TransferCoordinator) -> UploadSession:
    """An open upload with its first part."""
    plan = PartPlan(part_size_bytes=64 * KIB, size_bytes=128 * KIB)
    session = UploadSession(coordinator.context, plan=plan, pin=None, on_stored=coordinator.progress.stored)
    session.send(1, lambda: BufferedPart(bytes(64 * KIB)))
    return session


def failure_of(coordinator: TransferCoordinator) -> BaseException:
    """What the workers failed of."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - any exception
        coordinator.raise_failure()
    return caught.value


def test_a_hard_failure_stops_the_other_workers(coordinator: TransferCoordinator) -> None:
    coordinator.failed(HARD)
    assert coordinator.context.stop.is_set()
    coordinator.failed(Stopped())
    assert failure_of(coordinator) is HARD, "they report Stopped because of it"


def test_a_soft_failure_lets_the_others_end(coordinator: TransferCoordinator) -> None:
    """An open response outlives its URL."""
    coordinator.failed(SOFT)
    assert not coordinator.context.stop.is_set()
    assert failure_of(coordinator) is SOFT


def test_a_hard_failure_replaces_a_soft_one(coordinator: TransferCoordinator) -> None:
    coordinator.failed(SOFT)
    coordinator.failed(HARD)
    assert failure_of(coordinator) is HARD


def test_a_stop_does_not_replace_a_soft_failure(coordinator: TransferCoordinator) -> None:
    coordinator.failed(SOFT)
    coordinator.failed(Stopped())
    assert failure_of(coordinator) is SOFT


def test_work_after_a_failure_is_not_stopped_by_it(coordinator: TransferCoordinator) -> None:
    coordinator.failed(HARD)
    failure_of(coordinator)
    assert not coordinator.context.stop.is_set()
    coordinator.raise_failure()


def test_a_callers_stop_is_never_taken_back(store: S3Store) -> None:
    context = a_context(store)
    coordinator = TransferCoordinator(context, resumes=False)
    assert isinstance(context.stop, threading.Event)
    context.stop.set()
    coordinator.failed(Stopped())
    failure_of(coordinator)
    assert coordinator.context.stop.is_set()


@pytest.mark.parametrize(
    ("error", "kept"), [(HARD, True), (SOFT, True), (TransferError(Reason.CHECKSUM_MISMATCH, "Others."), False)]
)
def test_an_upload_that_can_never_become_the_object_is_aborted(
    coordinator: TransferCoordinator, strict: StrictStore, error: TransferError, *, kept: bool
) -> None:
    session = a_session(coordinator)
    with pytest.raises(TransferError), coordinator.uploading(session):
        raise error
    assert strict.open_uploads() == ([an_object().key] if kept else [])


def test_an_upload_with_a_part_that_arrived_wrong_is_aborted(
    coordinator: TransferCoordinator, strict: StrictStore
) -> None:
    session = a_session(coordinator)
    session.arrived_wrong.add(1)
    with pytest.raises(Stopped), coordinator.uploading(session):
        raise Stopped
    assert strict.open_uploads() == []


@pytest.mark.parametrize(
    ("error", "restarts"),
    [
        (TransferError(Reason.SOURCE_CHANGED, "It changed."), 1),
        (TransferError(Reason.STORE_UPLOAD_LOST, "It is gone."), 2),
        (StoredByAnotherProcess(), 1),
        (TransferError(Reason.STORE_UNAVAILABLE, "It is away."), 0),
        (HARD, 0),
    ],
)
def test_restarts_are_counted_by_reason(coordinator: TransferCoordinator, error: TransferError, restarts: int) -> None:
    answers = [coordinator.may_restart(error) for _ in range(restarts + 2)]
    assert answers == [True] * restarts + [False] * 2


def test_a_source_cut_at_the_same_byte_is_truncated(store: S3Store) -> None:
    breaks = SourceBreaks("example.com", a_context(store, tries_without_progress=3).budget())
    breaks.reached(1000)
    for _ in range(2):
        breaks.broke(RESET, position=1000, opened=True)
    with pytest.raises(TransferError) as caught:
        breaks.broke(RESET, position=1000, opened=True)
    assert caught.value.reason is Reason.SOURCE_TRUNCATED


def test_a_source_that_is_away_in_between_is_not_truncated(store: S3Store) -> None:
    breaks = SourceBreaks("example.com", a_context(store, tries_without_progress=3).budget())
    breaks.broke(RESET, position=1000, opened=True)
    breaks.broke(TransferError(Reason.SOURCE_UNREACHABLE, "Away."), position=1000, opened=False)
    with pytest.raises(TransferError) as caught:
        breaks.broke(RESET, position=1000, opened=True)
    assert caught.value.reason is Reason.SOURCE_RESET


def test_new_bytes_fill_the_budget_again(store: S3Store) -> None:
    breaks = SourceBreaks("example.com", a_context(store, tries_without_progress=2).budget())
    for position in range(1, 20):
        breaks.reached(position)
        breaks.broke(RESET, position=position, opened=True)


def test_s17_a_slow_source_gets_five_tries_for_each_part(store: S3Store) -> None:
    """However many bytes it brings in between."""
    breaks = SourceBreaks("example.com", a_context(store).budget())
    for position in range(1, 5):
        breaks.reached(position)
        breaks.broke(SLOW, position=position, opened=True)
    breaks.next_part()
    for position in range(5, 9):
        breaks.reached(position)
        breaks.broke(SLOW, position=position, opened=True)
    breaks.reached(9)
    with pytest.raises(TransferError) as caught:
        breaks.broke(SLOW, position=9, opened=True)
    assert caught.value is SLOW
