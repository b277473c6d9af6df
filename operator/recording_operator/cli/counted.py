"""What a report from usage samples is computed from, wherever the samples were read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recording_operator.costs.focus import BilledResource
from recording_operator.costs.view import ReportInputs
from recording_operator.usage.days import UsageDays
from recording_operator.usage.sample import UsageSample
from recording_operator.usage.timeline import usage_days


class CountedError(Exception):
    """Samples or prices cannot be read. The message is a sentence for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The inputs of a report, and what each location is."""

    title: str
    """What was read, such as `StorageReport acme`."""
    inputs: ReportInputs
    resources: Mapping[str, BilledResource]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedLocation:
    """The newest sample of a location, and its days."""

    newest: UsageSample
    days: UsageDays

    @classmethod
    def of(cls, samples: Sequence[UsageSample]) -> "CountedLocation | None":
        """From samples in order; None if there are none."""
        return cls(newest=samples[-1], days=usage_days(samples)) if len(samples) else None
