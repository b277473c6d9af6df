"""What one transfer is given: the object to make, the store, and how to work. It travels as one value."""

from collections.abc import Callable
from dataclasses import dataclass, field

from recording_operator.stopping import StopSignal
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.store import Store
from recording_operator.transfer.limits.bandwidth import Flow
from recording_operator.transfer.observer import TransferObserver
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.retry_budget import RetryBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferContext:
    """Everything that each step of a transfer needs.

    `obj` is the object to create in `store`. `stop` ends the transfer, `observer` receives its reports. `flow` holds
    the bandwidth limits that its bytes pass. `admit` is called with the size before anything is uploaded, with None if
    the source states no length; it raises TransferError if there is no room.
    """

    store: Store
    obj: ObjectSpec
    stop: StopSignal
    observer: TransferObserver
    options: TransferOptions = field(default_factory=TransferOptions)
    flow: Flow = field(default_factory=Flow)
    admit: Callable[[int | None], None] = lambda _: None

    def budget(self) -> RetryBudget:
        """A new retry budget, for one operation."""
        return RetryBudget(self.options, self.stop)
