"""Random mixtures of faults, by seed: attempts continue until the object is stored, and it is correct.

A failure prints its seed. The case becomes a separate named test.
"""

import random
import threading

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.upload.open_uploads import abort_uploads
from tests.support.lying_source import Behaviour, Content, Serve, SourceRequest
from tests.support.strict_faults import (
    Action,
    Drop,
    ErrorIn200,
    ErrorResponse,
    FalseSuccess,
    Fault,
    FlipBit,
    LoseUpload,
    Operation,
)
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

ATTEMPTS = 60
OPERATIONS: tuple[Operation, ...] = (
    "HeadObject", "PutObject", "CreateMultipartUpload", "UploadPart", "ListParts", "CompleteMultipartUpload",
)  # fmt: skip


def a_behaviour(draw: random.Random, *, size: int, ranges: bool, chunked: bool) -> Behaviour:
    """Mostly the truth."""
    framing = "chunked" if chunked else "length"
    truth = Behaviour(ranges=ranges, framing=framing)  # type: ignore[arg-type]
    cut = draw.randrange(700 * KIB)
    return draw.choice(
        [truth] * 8
        + [
            Behaviour(ranges=ranges, framing=framing, cut_after=cut, reset=draw.random() < 0.5),  # type: ignore[arg-type]
            Behaviour(status=draw.choice([429, 500, 503]), body=b""),
            Behaviour(ranges=False),
            Behaviour(ranges=ranges, headers={"Content-Range": f"bytes 5-9/{size}"}),
        ]
    )


def an_action(draw: random.Random, operation: Operation) -> Action:
    """A fault that fits the operation."""
    actions: list[Action] = [
        ErrorResponse(status=503, code="SlowDown"),
        ErrorResponse(status=500, code="InternalError"),
        Drop(when="before"),
        Drop(when="after"),
    ]
    if operation == "UploadPart":
        actions += [FlipBit(), LoseUpload(), Drop(when="in body", body_bytes=draw.randrange(200 * KIB))]
    if operation == "CompleteMultipartUpload":
        actions += [FalseSuccess(), ErrorIn200(done=True), ErrorIn200(done=False)]
    if operation == "PutObject":
        actions += [FalseSuccess(), FlipBit()]
    return draw.choice(actions)


@pytest.mark.parametrize("seed", range(16))
def test_any_mixture_of_faults_ends_with_the_right_bytes(
    serve: Serve, strict: StrictStore, store: S3Store, seed: int
) -> None:
    draw = random.Random(seed)
    size = draw.choice([1, 60 * KIB, 100 * KIB, 256 * KIB, 256 * KIB + 1, MIB, 2 * MIB + 17])
    body = pattern(size, seed=seed)
    obj = an_object(kind="Other", content_type="application/x-any")  # a video may not be of one byte
    source = serve(b"")
    source.content = Content(body=body, etag=draw.choice(['"v1"', None]), last_modified=None)
    ranges, chunked = draw.random() < 0.7, draw.random() < 0.3
    strict.bucket.after_complete = draw.choice(["OK", "NoSuchUpload", "PreconditionFailed"])
    lock = threading.Lock()

    def behave(_: SourceRequest) -> Behaviour:
        with lock:
            return a_behaviour(draw, size=size, ranges=ranges, chunked=chunked and not ranges)

    source.behave = behave
    for operation in OPERATIONS:
        for _ in range(3):
            strict.fault(Fault(operation=operation, action=an_action(draw, operation), first=draw.randrange(1, 12)))
    resume: UploadState | None = None
    options = fast_options(workers=draw.choice([1, 3]), backoff_base_s=0.001)
    for _ in range(ATTEMPTS):
        observed = Observed()
        if draw.random() < 0.3:
            threading.Timer(draw.random() * 0.2, observed.stop.set).start()
        try:
            stored = run_transfer(source.url, store, observed=observed, resume=resume, options=options, obj=obj)
        except (TransferError, Stopped) as error:
            ended: TransferError | Stopped | None = error
        else:
            ended = None
        if ended is not None:
            assert not isinstance(ended, TransferError) or ended.reason in MAY_COME, f"seed {seed}: {ended}"
            resume = observed.states[-1] if observed.states else resume
            continue
        # Uploads whose id got lost are the sweep's; here it is one call.
        abort_uploads(KEY, store=store, upload_id=None)
        check_stored(stored, body, strict, obj=obj)
        return
    raise AssertionError(f"seed {seed}: {ATTEMPTS} attempts did not do")


MAY_COME = frozenset(
    {
        Reason.SOURCE_UNAVAILABLE,
        Reason.SOURCE_RESET,
        Reason.SOURCE_TRUNCATED,
        Reason.SOURCE_PROTOCOL_ERROR,
        Reason.STORE_UNAVAILABLE,
        Reason.STORE_INTEGRITY,
        Reason.STORE_UPLOAD_LOST,
    }
)
