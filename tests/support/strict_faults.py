"""Faults that a test scripts: they are applied to the Nth request of a kind."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.support.garble import How, JoinFault

Operation = Literal[
    "HeadObject", "GetObject", "PutObject", "DeleteObject", "CreateMultipartUpload", "UploadPart", "ListParts",
    "CompleteMultipartUpload", "AbortMultipartUpload", "ListMultipartUploads", "GetBucketLifecycleConfiguration",
    "PutBucketLifecycleConfiguration", "CopyObject", "UploadPartCopy", "RestoreObject", "any",
]  # fmt: skip

About = Literal["size", "sum", "absent", "owner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """An error instead of executing the request, after reading the body. `fields`: more elements of the document."""

    status: int
    code: str
    retry_after: str | None = None
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """The connection ends: before the request is read, after `body_bytes` of its body, or after it was executed."""

    when: Literal["before", "in body", "after"]
    body_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CutResponse:
    """Execute the request, and end the connection after so many bytes of the body of the response."""

    body_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipResponse:
    """Execute the request, and change one bit of the body of the response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreRange:
    """Send the whole object, although the request is for a range of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseSuccess:
    """Respond with 200 without executing the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorIn200:
    """Respond with 200 and an error document, after executing the request or not."""

    done: bool
    code: str = "InternalError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Garble:
    """Store different bytes than were received, after all checks. Returned checksums are those of the stored bytes."""

    how: How
    at: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipBit(Garble):
    """One bit of the body changes on its way into the store."""

    how: How = "flip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misjoin:
    """Complete checks everything, then joins wrongly. The returned checksums are those of the stored bytes."""

    fault: JoinFault


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseHead:
    """HEAD or ListParts returns wrong values."""

    about: About


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Accept the request, and do not respond until the store is closed or the event is set."""

    until: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseUpload:
    """Another client aborts the upload just before the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanwhile:
    """Another client does something just before the request, which is then executed, or rejected."""

    do: Callable[[], object]
    then: ErrorResponse | None = None


Action = (
    Meanwhile | ErrorResponse | Drop | CutResponse | FlipResponse | IgnoreRange | FalseSuccess | ErrorIn200 | Garble
    | Misjoin | FalseHead | Stall | LoseUpload
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Fault:
    """Apply `action` to `times` requests of `operation`, from number `first` (from 1) on, every `every`-th one."""

    operation: Operation
    action: Action
    first: int = 1
    times: int = 1
    every: int = 1
    seen: int = 0
    met: int = 0

    def meets(self, operation: str) -> bool:
        """Count a request of this operation. Returns whether the fault applies to it."""
        if self.operation not in (operation, "any"):
            return False
        self.seen += 1
        due = self.seen >= self.first and (self.seen - self.first) % self.every == 0 and self.met < self.times
        self.met += due
        return due
