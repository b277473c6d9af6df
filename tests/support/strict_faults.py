"""What the strict store does wrong, by script: the Nth request of a kind meets a fault."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.support.garble import How, JoinFault

Operation = Literal[
    "HeadObject", "GetObject", "PutObject", "DeleteObject", "CreateMultipartUpload", "UploadPart", "ListParts",
    "CompleteMultipartUpload", "AbortMultipartUpload", "ListMultipartUploads", "any",
]  # fmt: skip

About = Literal["size", "sum", "absent", "owner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An error instead of the work, after the body was read. `fields` are further elements of the error document."""

    status: int
    code: str
    retry_after: str | None = None
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """The connection ends: before the request is read, after `body_bytes` of its body, or after the work was done."""

    when: Literal["before", "in body", "after"]
    body_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseSuccess:
    """200, and nothing was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorIn200:
    """200 with an error document in it; the work was done or not."""

    done: bool
    code: str = "InternalError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Garble:
    """Other bytes are kept than arrived, after every check; the sums that are shown are of what is kept."""

    how: How
    at: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipBit(Garble):
    """One bit of the body changes on its way into the store."""

    how: How = "flip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misjoin:
    """Complete checks everything, then joins wrongly; the sums that are shown are of what is kept."""

    fault: JoinFault


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseHead:
    """HEAD or ListParts tells of something else than is there."""

    about: About


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """The request is accepted and never answered, until the store is closed or the event is set."""

    until: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseUpload:
    """Somebody aborts the upload a moment before."""


Action = Answer | Drop | FalseSuccess | ErrorIn200 | Garble | Misjoin | FalseHead | Stall | LoseUpload


@dataclass(slots=True, kw_only=True)
class Fault:
    """`action` meets requests of `operation` number `first` (from 1), `times` of them, every `every`-th."""

    operation: Operation
    action: Action
    first: int = 1
    times: int = 1
    every: int = 1
    seen: int = 0
    met: int = 0

    def meets(self, operation: str) -> bool:
        """Count a request of this operation and tell whether the fault meets it."""
        if self.operation not in (operation, "any"):
            return False
        self.seen += 1
        due = self.seen >= self.first and (self.seen - self.first) % self.every == 0 and self.met < self.times
        self.met += due
        return due
