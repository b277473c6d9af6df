"""Reads a verified delivery and writes what it brings. Runs in a thread of `Workers`."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from recording_operator.kube.errors import Invalid, KubeError
from recording_operator.kube.outage import is_away, level_of
from recording_operator.providers.provider import Challenge, Delivery, MalformedDelivery
from recording_operator.providers.table import read_options
from recording_operator.receiver.drafting import DraftError
from recording_operator.receiver.intake import Intake
from recording_operator.receiver.results import Result
from recording_operator.receiver.secretwriter import SecretTaken
from recording_operator.receiver.sources import KnownSource

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    """What became of a delivery."""

    result: Result
    occurred_at: datetime | None = None
    challenge: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The body of the response to a challenge."""
    is_unread: bool = False
    """The body was not read to its end. Nothing more is read from the connection, so nothing would limit the body."""


def unread(result: Result) -> Processed:
    """What becomes of a delivery whose body was not read."""
    return Processed(result=result, is_unread=True)


class Processor:
    """Processes deliveries. Thread-safe."""

    def __init__(self, intake: Intake, *, on_conflict: Callable[[KnownSource], None] = lambda _: None) -> None:
        """`on_conflict` is called if an object of another origin has the name that a delivery needs."""
        self._intake = intake
        self._on_conflict = on_conflict

    def process(self, delivery: Delivery, known: KnownSource) -> Processed:
        """Read and write one genuine delivery."""
        source = known.source
        try:
            read = known.provider.read(delivery, known.secrets or (), read_options(source.spec))
            if isinstance(read, Challenge):
                return Processed(result=Result.CHALLENGE, challenge=read.body)
            result = self._intake.take(source, read, delivery.body, asks_api=known.provider.has_api)
        except MalformedDelivery as error:
            _log(known, logging.WARNING, "A delivery cannot be read: %s", error)
            return Processed(result=Result.UNREADABLE)
        except (DraftError, Invalid) as error:
            _log(known, logging.WARNING, "A delivery cannot become a Recording: %s", error)
            return Processed(result=Result.UNFIT)
        except SecretTaken as error:
            _log(known, logging.WARNING, "A delivery was not written: %s", error)
            self._on_conflict(known)
            return Processed(result=Result.FAILED)
        except KubeError as error:
            _log(known, level_of(error), "A delivery was not written, and the provider repeats it: %s", error)
            return Processed(result=Result.UNAVAILABLE if is_away(error) else Result.FAILED)
        if result is Result.CONFLICT:
            self._on_conflict(known)
        return Processed(result=result, occurred_at=read.occurred_at)


def _log(known: KnownSource, level: int, text: str, error: Exception) -> None:
    namespace, name = known.key
    _logger.log(level, f"RecordingSource %s: {text}", name, error, extra={"namespace": namespace})  # noqa: G004 - constant
