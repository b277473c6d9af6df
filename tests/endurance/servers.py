"""A source and a store for many Recordings, with random faults."""

import random
import threading
from multiprocessing.connection import Connection

from tests.support.lying_source import Behaviour, Content, LyingSource, SourceRequest
from tests.support.strict_faults import Action, Drop, ErrorIn200, ErrorResponse, FalseSuccess, LoseUpload, Stall
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, pattern

PART = 8 * KIB
SINGLE_PUT = 2 * KIB
_SMALL_EVERY = 4
_REFUSED_EVERY = 50


def content_of(number: int) -> bytes:
    """The bytes of a Recording: most are more than the first response brings, and make about a dozen parts."""
    draw = random.Random(number)
    size = draw.randrange(2 * KIB, 64 * KIB) if number % _SMALL_EVERY == 0 else draw.randrange(65 * KIB, 130 * KIB)
    return pattern(size, seed=number)


def is_refused(number: int) -> bool:
    """Whether the source rejects its URL in the middle of the upload. Such a Recording fails."""
    return number % _REFUSED_EVERY == _REFUSED_EVERY - 1


class ChaoticStore(StrictStore):
    """Meets a share of all requests with a fault. Never keeps other bytes: that is another test's matter."""

    def __init__(self, *, seed: int, share: float) -> None:
        super().__init__()
        self.share = share
        self.faults = 0
        self._draw = random.Random(seed)

    def action_for(self, operation: str) -> Action | None:
        """A fault, or none."""
        with self.lock:
            if self._draw.random() >= self.share:
                return None
            self.faults += 1
            return self._draw.choice(self._fitting(operation))

    def _fitting(self, operation: str) -> list[Action]:
        fitting: list[Action] = [
            ErrorResponse(status=503, code="SlowDown"),
            ErrorResponse(status=500, code="InternalError"),
            Drop(when="before"),
            Drop(when="after"),
        ] * 4
        if operation == "UploadPart":
            fitting += [
                LoseUpload(),
                Drop(when="in body", body_bytes=1000),
                ErrorResponse(status=400, code="BadDigest"),
            ]
        if operation in ("CompleteMultipartUpload", "PutObject"):
            fitting += [FalseSuccess(), FalseSuccess(), ErrorResponse(status=409, code="ConditionalRequestConflict")]
        if operation == "CompleteMultipartUpload":
            fitting += [ErrorIn200(done=True), ErrorIn200(done=False), LoseUpload()]
        return [*fitting, Stall()]


def serve_source(ready: Connection, seed: int, share: float) -> None:
    """Serve `/NUMBER` until the other end of the pipe is closed; meant for a separate process."""
    draw, lock, asked = random.Random(seed), threading.Lock(), dict[int, int]()

    def behave(request: SourceRequest) -> Behaviour:
        number = int(request.target.partition("?")[0].strip("/"))
        with lock:
            asked[number] = asked.get(number, 0) + 1
            fault = _fault(draw) if draw.random() < share else Behaviour()
            refused = is_refused(number) and asked[number] > 2
            source.served.clear()
        if refused:
            return Behaviour(status=403, body=b"no")
        return Behaviour(
            content=Content(body=content_of(number)),
            status=fault.status,
            body=fault.body,
            ranges=fault.ranges,
            cut_after=fault.cut_after,
            reset=fault.reset,
        )

    with LyingSource(Content(body=b"")) as source:
        source.behave = behave
        ready.send(source.port)
        while True:
            try:
                ready.recv()
            except EOFError:
                return


def _fault(draw: random.Random) -> Behaviour:
    return draw.choice(
        [
            Behaviour(cut_after=draw.randrange(20 * KIB), reset=draw.random() < 0.5),
            Behaviour(cut_after=draw.randrange(2 * KIB)),
            Behaviour(status=draw.choice([429, 500, 503]), body=b""),
            Behaviour(ranges=False),
        ]
    )
