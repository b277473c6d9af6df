"""The columns that `kubectl get` prints for each kind.

A time in the future is a `string` column, because a `date` column prints `<invalid>` for it. Sizes are texts in the
status, because a column cannot scale a number.
"""

from dataclasses import dataclass
from typing import Any, Final

_WIDE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One printer column. `wide` columns are shown by `-o wide` only."""

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False

    def as_crd(self) -> dict[str, Any]:
        """The column in the format of the CRD."""
        column: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "jsonPath": self.path,
            "description": self.description,
        }
        return {**column, "priority": _WIDE} if self.wide else column


_AGE: Final = Column(name="Age", path=".metadata.creationTimestamp", type="date", description="Time since creation.")

RECORDING_COLUMNS: Final = (
    Column(name="Phase", path=".status.phase", description="Pending, Uploading, Complete or Failed."),
    Column(name="Progress", path=".status.progress", description="Stored percentage of the bytes, or Expired."),
    Column(name="Size", path=".status.size", description="Total size of all artifacts."),
    Column(name="Attempts", path=".status.attempts", type="integer", description="Failed attempts."),
    Column(name="Next-Retry", path=".status.nextRetryTime", description="When the next attempt starts."),
    Column(
        name="Expires",
        path=".status.expiresAt",
        description="Earliest time at which the URL of an artifact that is not stored yet expires.",
    ),
    Column(
        name="Location",
        path=".status.storageLocation",
        description="StorageLocation of the objects. Empty until one is chosen.",
    ),
    Column(name="Org", path=".spec.owner.org", wide=True, description="Organisation that owns the recording."),
    Column(name="Reason", path=".status.reason", wide=True, description="Reason for the current phase."),
    _AGE,
)

STORAGE_LOCATION_COLUMNS: Final = (
    Column(
        name="Ready",
        path=".status.conditions[?(@.type=='Ready')].status",
        description="Whether the check of the location succeeded.",
    ),
    Column(
        name="Reason",
        path=".status.conditions[?(@.type=='Ready')].reason",
        description="Why the location is ready or not.",
    ),
    Column(name="Bucket", path=".spec.s3.bucket", description="Bucket of the objects."),
    Column(name="Directory", path=".spec.filesystem.path", wide=True, description="Directory of the objects."),
    Column(
        name="Weight",
        path=".spec.placement.weight",
        type="integer",
        wide=True,
        description="Its share of the Recordings that name no location.",
    ),
    Column(name="Prefix", path=".spec.s3.prefix", wide=True, description="Prefix of every key."),
    Column(name="Endpoint", path=".spec.s3.endpoint", wide=True, description="URL of a store that is not AWS."),
    Column(
        name="Lifecycle",
        path=".status.conditions[?(@.type=='LifecycleApplied')].reason",
        wide=True,
        description="Who carries the rules of spec.lifecycle out, or why they are not carried out.",
    ),
    _AGE,
)

STORAGE_REPORT_COLUMNS: Final = (
    Column(name="Storage", path=".status.summary.storage", description="Stored GB."),
    Column(name="Last-Month", path=".status.summary.lastMonth", wide=True, description="Cost of the previous month."),
    Column(name="Month-To-Date", path=".status.summary.monthToDate", description="Cost of this month so far."),
    Column(name="Projected", path=".status.summary.projectedMonth", description="Projected cost of this month."),
    Column(name="Next-Month", path=".status.summary.projectedNextMonth", description="Projected cost of next month."),
    Column(name="Budget", path=".status.summary.budget", description="Used share of the month's budget."),
    Column(name="Refreshed", path=".status.lastRefreshTime", type="date", description="Time since the last refresh."),
    Column(
        name="Status",
        path=".status.conditions[?(@.type=='Ready')].reason",
        description="Refreshed, Suspended, or why the last refresh failed. Then the numbers are those of the last "
        "successful refresh.",
    ),
    Column(
        name="Recordings",
        path=".status.totals.recordings",
        type="integer",
        wide=True,
        description="Recordings in Kubernetes.",
    ),
    Column(
        name="Cheapest",
        path=".status.summary.cheapest",
        wide=True,
        description="Lowest projected cost of this month at the price profiles in spec.compare.",
    ),
    Column(name="Source", path=".status.source", wide=True, description="Inventory, Recordings or Mixed."),
    Column(name="Schedule", path=".spec.schedule", wide=True, description="When the report is refreshed."),
    Column(name="Next-Refresh", path=".status.nextRefreshTime", wide=True, description="When the next refresh is due."),
)

RECORDING_SOURCE_COLUMNS: Final = (
    Column(name="Provider", path=".spec.provider", description="The provider."),
    Column(
        name="Ready",
        path=".status.conditions[?(@.type=='Ready')].status",
        description="Whether deliveries are accepted.",
    ),
    Column(
        name="Reason",
        path=".status.conditions[?(@.type=='Ready')].reason",
        description="Why the source is ready or not.",
    ),
    Column(
        name="Accepted",
        path=".status.accepted",
        type="integer",
        description="Deliveries that created or changed a Recording.",
    ),
    Column(
        name="Rejected",
        path=".status.rejected",
        type="integer",
        description="Deliveries that were not genuine, or could not be read.",
    ),
    Column(
        name="Last-Delivery",
        path=".status.lastDeliveryTime",
        type="date",
        description="Time since the last genuine delivery.",
    ),
    Column(
        name="Duplicates",
        path=".status.duplicates",
        type="integer",
        wide=True,
        description="Deliveries that had arrived before.",
    ),
    Column(
        name="Failed",
        path=".status.failed",
        type="integer",
        wide=True,
        description="Genuine deliveries that could not be processed.",
    ),
    Column(name="Path", path=".status.path", wide=True, description="Path of the webhook at the receiver."),
    Column(
        name="Location",
        path=".spec.recording.storageLocation",
        wide=True,
        description="StorageLocation of the Recordings. Empty: the operator chooses.",
    ),
    _AGE,
)

EVENT_SINK_COLUMNS: Final = (
    Column(
        name="Ready",
        path=".status.conditions[?(@.type=='Ready')].status",
        description="Whether events can be sent.",
    ),
    Column(
        name="Reason",
        path=".status.conditions[?(@.type=='Ready')].reason",
        description="Why the sink is ready or not.",
    ),
    Column(name="Delivered", path=".status.delivered", type="integer", description="Events that were delivered."),
    Column(name="Pending", path=".status.pending", type="integer", description="Events that wait to be delivered."),
    Column(name="Failed", path=".status.failed", type="integer", description="Events that were given up."),
    Column(
        name="Last-Delivery",
        path=".status.lastDeliveryTime",
        type="date",
        description="Time since an event was delivered.",
    ),
    Column(name="Events", path=".spec.events", wide=True, description="Which events are sent."),
    _AGE,
)
