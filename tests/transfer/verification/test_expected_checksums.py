"""The spec's checksum is verified against the bytes, even after faults during the transfer."""

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.stopping import Stopped
from recording_operator.stores.s3.bucket import S3Store
from tests.support.lying_source import Behaviour, Serve
from tests.support.strict_bucket import Attributes
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KEY,
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
    stop_when,
    sum_of,
)

BODY = pattern(2 * MIB + 12_345)
SMALL = BODY[:20_000]
PART = 256 * KIB
PARTS = -(-len(BODY) // PART)
FOREIGN = Attributes(content_type="text/plain", metadata={}, headers={})


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("size", [len(SMALL), len(BODY)])
@pytest.mark.parametrize("algorithm", ["sha256", "md5", "crc32", "crc64nvme"])
def test_checksum_of_the_spec_is_verified(
    serve: Serve, strict: StrictStore, store: S3Store, algorithm: str, size: int, ranges: bool
) -> None:
    body = BODY[:size]
    source = serve(body)
    source.behave = lambda _: Behaviour(ranges=ranges)
    check_stored(run_transfer(source.url, store, checksum=sum_of(algorithm, body)), body, strict)
    assert strict.count("GetObject") == 0, "the object was read back although its bytes came in order"
    other = an_object(key="other/video.mp4")
    wrong = sum_of(algorithm, body + b"x")
    error = fails(lambda: run_transfer(source.url, store, checksum=wrong, obj=other))
    assert error.reason is Reason.CHECKSUM_MISMATCH
    assert strict.keys() == [KEY]
    assert strict.open_uploads() == []


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("algorithm", ["sha256", "md5", "crc32", "crc64nvme"])
def test_checksum_of_the_spec_is_verified_after_a_resume(
    serve: Serve, strict: StrictStore, store: S3Store, algorithm: str, right: bool, ranges: bool
) -> None:
    source, observed = serve(BODY), Observed()
    source.behave = lambda request: Behaviour(ranges=ranges, hold_after=3 * PART if request.number == 2 else None)
    stop_when(observed, lambda: len(parts_of(strict)) == 3)
    checksum = sum_of(algorithm, BODY if right else BODY + b"x")
    with pytest.raises(Stopped):
        run_transfer(source.url, store, observed=observed, checksum=checksum, options=fast_options(workers=1))
    source.behave = lambda _: Behaviour(ranges=ranges)
    if right:
        stored = run_transfer(source.url, store, resume=observed.states[-1], checksum=checksum)
        check_stored(stored, BODY, strict)
        # Sums of parts combine, and a stream from its start is summed again; otherwise the object is read back.
        assert strict.count("GetObject") == (ranges and algorithm != "crc64nvme")
        return
    error = fails(lambda: run_transfer(source.url, store, resume=observed.states[-1], checksum=checksum))
    assert error.reason is Reason.CHECKSUM_MISMATCH
    assert strict.keys() == []
    assert strict.open_uploads() == []


@pytest.mark.parametrize("algorithm", ["sha256", "md5", "crc32", "crc64nvme"])
def test_t39_an_object_left_by_an_earlier_attempt_with_another_checksum_stays_and_is_not_accepted(
    serve: Serve, strict: StrictStore, store: S3Store, algorithm: str
) -> None:
    run_transfer(serve(BODY).url, store)
    wrong = sum_of(algorithm, BODY + b"x")
    error = fails(lambda: run_transfer(serve(BODY).url, store, checksum=wrong))
    assert error.reason is Reason.STORE_KEY_CONFLICT
    assert [version.body for version in strict.bucket.versions[KEY]] == [BODY]
