"""What a report from usage samples is computed from, wherever the samples were read."""

from collections.abc import Mapping
from dataclasses import dataclass

from recording_operator.costs.focus import BilledResource
from recording_operator.costs.view import ReportInputs


class CountedError(Exception):
    """Samples or prices cannot be read. The message is a sentence for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The inputs of a report, and what each location is."""

    title: str
    """What was read, such as `StorageReport acme`."""
    inputs: ReportInputs
    resources: Mapping[str, BilledResource]
