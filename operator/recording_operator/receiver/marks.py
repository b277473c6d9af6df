"""The deliveries that a Recording was made from, in one of its annotations: at most 32, the oldest are dropped."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from recording_operator.api.names import DELIVERIES_ANNOTATION
from recording_operator.providers.provider import Event

_MOST: Final = 32
_MARK: Final = re.compile(r"([0-9a-f]{16}):([0-9a-f]{16}):([0-9]{1,12})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One delivery."""

    id_hash: str
    body_hash: str
    occurred_s: int
    """When the event happened, in seconds since 1970; 0 if the provider does not say."""

    @classmethod
    def of(cls, event: Event, body: bytes) -> Self:
        """The mark of a delivery. Without an id, equal bodies are the same delivery."""
        body_hash = hashlib.sha256(body).hexdigest()[:16]
        id_hash = body_hash if event.delivery_id is None else _hash(event.delivery_id)
        occurred = event.occurred_at or datetime.fromtimestamp(0, UTC)
        return cls(id_hash=id_hash, body_hash=body_hash, occurred_s=max(0, int(occurred.timestamp())))

    def __str__(self) -> str:
        return f"{self.id_hash}:{self.body_hash}:{self.occurred_s}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The deliveries of one Recording, the oldest first."""

    marks: tuple[Mark, ...] = ()

    @classmethod
    def of(cls, recording: Mapping[str, Any]) -> Self:
        """Those in the annotation. What is not written by a receiver is left out."""
        text = str((recording["metadata"].get("annotations") or {}).get(DELIVERIES_ANNOTATION) or "")
        found = [match for entry in text.split(",")[:_MOST] if (match := _MARK.fullmatch(entry))]
        return cls(marks=tuple(Mark(id_hash=one[1], body_hash=one[2], occurred_s=int(one[3])) for one in found))

    def earlier(self, mark: Mark) -> Mark | None:
        """The delivery with the same id."""
        return next((one for one in self.marks if one.id_hash == mark.id_hash), None)

    def is_newest(self, mark: Mark) -> bool:
        """Whether no delivery is about a later event."""
        return all(one.occurred_s <= mark.occurred_s for one in self.marks)

    def annotation(self, mark: Mark) -> dict[str, str]:
        """The annotation with one more delivery."""
        return {DELIVERIES_ANNOTATION: ",".join(str(one) for one in (*self.marks, mark)[-_MOST:])}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
