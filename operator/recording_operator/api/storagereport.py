"""The StorageReport: how much is stored, what it costs and will cost, and for whom. For administrators.

Money and gigabytes are decimal strings, never binary fractions. `docs/costs.md` says where every number comes from and
what it does not include.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field, WithJsonSchema

from recording_operator.api.figures import Day, Figure, Price, Ratio, RowName, Text
from recording_operator.api.meta import (
    ApiModel,
    ByteCount,
    Clipped,
    Condition,
    Count,
    Message,
    ObjectMeta,
    ObjectName,
    Time,
)
from recording_operator.api.storagelocation_rules import PROFILE_NAME_SCHEMA
from recording_operator.api.storagereport_budget import Budget
from recording_operator.api.storagereport_history import HistoryEntry
from recording_operator.api.storagereport_rules import (
    ANY_OBJECT_SCHEMA,
    SCHEDULE_SCHEMA,
    SCOPE_NAMESPACE_SCHEMA,
    SCOPE_ORG_SCHEMA,
    TIME_ZONE_SCHEMA,
)

MOST_ROWS: Final = 101
MOST_HISTORY: Final = 128
MOST_NOTES: Final = 32
MOST_COMPARED: Final = 8

_SET: Final = {"x-kubernetes-list-type": "set"}


class PlaybackBase(StrEnum):
    """What the ratio of downloads refers to: all that is stored, each month, or what was uploaded."""

    STORED = "Stored"
    UPLOADED = "Uploaded"


class ReportSource(StrEnum):
    """What the amounts were counted from."""

    INVENTORY = "Inventory"
    RECORDINGS = "Recordings"
    MIXED = "Mixed"


class DownloadSource(StrEnum):
    """How the volume of downloads was determined."""

    PLAYBACK = "Playback"
    CLOUD_WATCH = "CloudWatch"
    ACCESS_LOGS = "AccessLogs"


class ProjectionMethod(StrEnum):
    """How the projection was made."""

    FLAT = "Flat"
    WEEKDAY_TREND = "WeekdayTrend"


class ReportScope(ApiModel):
    """What the report includes. An empty list includes all."""

    orgs: Annotated[
        tuple[Annotated[str, WithJsonSchema(SCOPE_ORG_SCHEMA)], ...], Field(json_schema_extra={"maxItems": 256, **_SET})
    ] = Field(default=(), description="Organisations to include.")
    namespaces: Annotated[
        tuple[Annotated[str, WithJsonSchema(SCOPE_NAMESPACE_SCHEMA)], ...],
        Field(json_schema_extra={"maxItems": 256, **_SET}),
    ] = Field(default=(), description="Namespaces to include.")
    storage_locations: Annotated[tuple[ObjectName, ...], Field(json_schema_extra={"maxItems": 64, **_SET})] = Field(
        default=(), description="StorageLocations to include."
    )


class ReportPrices(ApiModel):
    """Prices for this report, instead of the prices of the StorageLocations."""

    profile: Annotated[str, WithJsonSchema(PROFILE_NAME_SCHEMA)] | None = Field(
        default=None, description="Price profile for all locations, such as aws-s3/us-east-1."
    )
    storage_per_gb_month: Price | None = Field(
        default=None,
        alias="storagePerGBMonth",
        description="Price of one GB-month for all storage classes, as a decimal string such as '0.023'.",
    )
    download_per_gb: Price | None = Field(
        default=None,
        alias="downloadPerGB",
        description="Price of one GB downloaded, as a decimal string such as '0.09'. It has no free allowance.",
    )


class Playback(ApiModel):
    """How downloads are estimated if they are not counted."""

    ratio: Ratio = Field(
        default=Decimal("0.5"),
        description="Share of the base that is downloaded in a month, as a decimal string. '0.5' is half.",
    )
    base: PlaybackBase = Field(
        default=PlaybackBase.STORED,
        description="Stored: share of all that is stored, each month. Uploaded: share of what was uploaded.",
    )


class StorageReportSpec(ApiModel):
    """What to count, when, and at which prices."""

    schedule: Annotated[str, WithJsonSchema(SCHEDULE_SCHEMA)] = Field(
        default="0 0 * * *",
        description="When to refresh, as five cron fields. If times were missed, the report is refreshed once.",
    )
    time_zone: Annotated[str, WithJsonSchema(TIME_ZONE_SCHEMA)] = Field(
        default="UTC",
        description="Time zone of the schedule, such as Europe/London. Days and months of the report are always in "
        "UTC.",
    )
    scope: ReportScope = Field(
        default_factory=ReportScope, description="What the report includes. Default: everything."
    )
    prices: ReportPrices = Field(
        default_factory=ReportPrices, description="Prices for this report. Default: the prices of the StorageLocations."
    )
    playback: Playback = Field(
        default_factory=Playback, description="How downloads are estimated if they are not counted."
    )
    compare: Annotated[
        tuple[Annotated[str, WithJsonSchema(PROFILE_NAME_SCHEMA)], ...],
        Field(json_schema_extra={"maxItems": MOST_COMPARED, **_SET}),
    ] = Field(
        default=(),
        description="Other price profiles, such as cloudflare-r2. status.comparison has the cost of this month there.",
    )
    budget: Budget | None = Field(default=None, description="Budget for a month. Default: no budget.")
    suspend: bool = Field(default=False, description="If true, the report is not refreshed.")
    refresh_token: Annotated[str, WithJsonSchema({"type": "string", "maxLength": 64})] = Field(
        default="", description="Change this text to refresh the report now."
    )


class ReportTotals(ApiModel):
    """Current totals."""

    recordings: ByteCount = Field(default=0, description="Recordings in Kubernetes.")
    objects: ByteCount = Field(default=0, description="Objects in the buckets, without noncurrent versions.")
    bytes: ByteCount = Field(default=0, description="Bytes of these objects.")
    storage_gb: Figure = Field(
        default=Decimal(0),
        alias="storageGB",
        description="GB stored, with incomplete uploads and noncurrent versions. A location's prices define its GB.",
    )
    upload_gb24h: Figure = Field(
        default=Decimal(0), alias="uploadGB24h", description="GB that Recordings stored in the last 24 hours."
    )
    uploads24h: ByteCount = Field(default=0, alias="uploads24h", description="Recordings stored in the last 24 hours.")
    download_gb: Figure = Field(
        default=Decimal(0),
        alias="downloadGB",
        description="GB downloaded this month so far, counted or estimated; see byStorageLocation[].downloads.",
    )
    api_requests: ByteCount = Field(
        default=0, description="Write requests of this month so far, computed from the number of parts of each object."
    )
    orphaned_bytes: ByteCount = Field(
        default=0,
        description="Bytes of objects that neither a Recording nor a manifest knows, of all owners in the locations.",
    )
    incomplete_upload_bytes: ByteCount = Field(
        default=0, description="Bytes in multipart uploads that are neither complete nor aborted. They are billed too."
    )
    noncurrent_objects: ByteCount = Field(
        default=0, description="Noncurrent versions and delete markers in versioned buckets. They are billed too."
    )
    noncurrent_bytes: ByteCount = Field(default=0, description="Bytes of the noncurrent versions.")
    foreign_bytes: ByteCount = Field(
        default=0, description="Bytes under the prefixes whose keys match no keyTemplate. They are in no other number."
    )


class ReportUploads(ApiModel):
    """Results of uploads in the last 24 hours."""

    success_rate: Text | None = Field(default=None, description="Share of the Recordings that ended as Complete.")
    mean_seconds: ByteCount | None = Field(
        default=None, description="Mean time in seconds from the first upload to Complete."
    )
    failed24h: ByteCount = Field(default=0, alias="failed24h", description="Recordings that ended as Failed.")


class ReportCost(ApiModel):
    """Current and projected cost."""

    currency: Text = Field(default="USD", description="Currency of all amounts in this status.")
    today: Figure = Field(default=Decimal(0), description="Cost of one day with the current storage and downloads.")
    month_to_date: Figure = Field(default=Decimal(0), description="Cost of this month (UTC) so far.")
    projected_month: Figure = Field(default=Decimal(0), description="Projected cost of this whole month.")
    projected_next_month: Figure = Field(default=Decimal(0), description="Projected cost of next month.")
    last_month: Figure | None = Field(
        default=None, description="Cost of the previous month. Absent if no day of it was counted."
    )
    method: ProjectionMethod = Field(
        default=ProjectionMethod.FLAT,
        description="How the cost was projected. Flat: everything stays as it is. WeekdayTrend: storage grows as on "
        "the same weekdays before.",
    )


class ReportSummary(ApiModel):
    """Human-readable numbers for kubectl get."""

    storage: Text | None = Field(default=None, description="Stored GB, such as 24.31 GB.")
    last_month: Text | None = Field(default=None, description="Cost of the previous month.")
    month_to_date: Text | None = Field(default=None, description="Cost of this month so far, such as 1.23 USD.")
    projected_month: Text | None = Field(default=None, description="Projected cost of this month.")
    projected_next_month: Text | None = Field(default=None, description="Projected cost of next month.")
    budget: Text | None = Field(default=None, description="Used share of the budget, such as 82% of 50.00 USD.")
    cheapest: Annotated[str, Clipped(160)] | None = Field(
        default=None,
        description="Lowest projected cost of this month of all that were compared, such as 5.12 USD at cloudflare-r2.",
    )


class ClassRow(ApiModel):
    """Usage of one storage class."""

    name: RowName = Field(
        description="Name of the row. (other) sums all further rows, (unknown) is usage whose owner is not known. "
        "Storage classes have a second row for noncurrent versions, such as STANDARD (noncurrent)."
    )
    objects: ByteCount = Field(default=0, description="Objects in the buckets, with noncurrent versions.")
    bytes: ByteCount = Field(default=0, description="Bytes, with those of incomplete uploads and noncurrent versions.")
    cost: Figure = Field(
        default=Decimal(0), description="Part of cost.today, exact to a millionth. The sum, rounded, is cost.today."
    )


class ReportRow(ClassRow):
    """Usage of one organisation, namespace or StorageLocation."""

    recordings: ByteCount = Field(default=0, description="Recordings in Kubernetes.")


class LocationRow(ReportRow):
    """Usage of one StorageLocation, and how it was counted."""

    source: ReportSource = Field(description="Inventory: the bucket was listed. Recordings: it could not be listed.")
    downloads: DownloadSource = Field(
        default=DownloadSource.PLAYBACK,
        description="Playback: estimated with spec.playback. CloudWatch, AccessLogs: counted there.",
    )
    profile: Annotated[str, Clipped(128)] = Field(description="Price profile.")
    prices_as_of: Day = Field(description="Date of the prices.")


class ComparisonRow(ApiModel):
    """This month's cost at another price profile."""

    profile: Annotated[str, Clipped(128)] = Field(description="Price profile.")
    prices_as_of: Day = Field(description="Date of the prices.")
    month_to_date: Figure = Field(default=Decimal(0), description="Cost of this month so far at these prices.")
    projected_month: Figure = Field(default=Decimal(0), description="Projected cost of this month at these prices.")
    difference: Figure = Field(
        default=Decimal(0), description="projectedMonth here minus cost.projectedMonth. Negative if it is cheaper here."
    )
    reason: Annotated[str, Clipped(128)] = Field(
        default="", description="What contributes most to the difference, such as: downloads are free."
    )


class StorageReportStatus(ApiModel):
    """The report. Only the operator writes it."""

    observed_generation: ByteCount | None = Field(default=None, description="The generation most recently reconciled.")
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
        ),
    ] = Field(
        default=(),
        description="Ready and Stalled: whether the last refresh succeeded. BudgetExceeded and ForecastExceedsBudget: "
        "whether a threshold of the budget is reached.",
    )
    last_schedule_time: Time | None = Field(
        default=None, description="Most recent scheduled time for which a refresh was attempted."
    )
    last_refresh_time: Time | None = Field(default=None, description="When the last successful refresh ended.")
    next_refresh_time: Time | None = Field(default=None, description="When the next refresh is due.")
    last_refresh_token: Text | None = Field(
        default=None, description="Value of spec.refreshToken that was processed last."
    )
    failures: Count = Field(default=0, description="Failed refreshes since the last successful one.")
    as_of: Time | None = Field(
        default=None,
        description="Time that the numbers refer to: the oldest among the newest counts of the locations.",
    )
    scope: ReportScope | None = Field(default=None, description="Scope that the numbers refer to.")
    source: ReportSource | None = Field(
        default=None,
        description="Inventory: all buckets were listed. Recordings: none could be listed. Mixed: some could.",
    )
    unpriced: Annotated[tuple[Annotated[str, Clipped(128)], ...], Field(json_schema_extra={"maxItems": 32})] = Field(
        default=(), description="Usage without a price in the price profiles. It is not included in any cost."
    )
    notes: Annotated[tuple[Annotated[str, Message(512)], ...], Field(json_schema_extra={"maxItems": MOST_NOTES})] = (
        Field(
            default=(),
            description="What the numbers do not include, such as the noncurrent versions of a versioned bucket, and "
            "how they were counted.",
        )
    )
    summary: ReportSummary | None = Field(default=None, description="Human-readable numbers for kubectl get.")
    totals: ReportTotals | None = Field(default=None, description="Current totals.")
    uploads: ReportUploads | None = Field(default=None, description="Results of uploads in the last 24 hours.")
    cost: ReportCost | None = Field(default=None, description="Current and projected cost.")
    by_org: Annotated[tuple[ReportRow, ...], Field(json_schema_extra={"maxItems": MOST_ROWS})] = Field(
        default=(), description="Usage by organisation, the largest first."
    )
    by_namespace: Annotated[tuple[ReportRow, ...], Field(json_schema_extra={"maxItems": MOST_ROWS})] = Field(
        default=(), description="Usage by namespace, the largest first."
    )
    by_storage_location: Annotated[tuple[LocationRow, ...], Field(json_schema_extra={"maxItems": MOST_ROWS})] = Field(
        default=(), description="Usage by StorageLocation, the largest first."
    )
    by_storage_class: Annotated[tuple[ClassRow, ...], Field(json_schema_extra={"maxItems": 32})] = Field(
        default=(), description="Usage by storage class, the largest first."
    )
    comparison: Annotated[tuple[ComparisonRow, ...], Field(json_schema_extra={"maxItems": MOST_COMPARED})] = Field(
        default=(), description="Cost of this month at the price profiles of spec.compare, the cheapest first."
    )
    history: Annotated[tuple[HistoryEntry, ...], Field(json_schema_extra={"maxItems": MOST_HISTORY})] = Field(
        default=(), description="Months, then days, the oldest first."
    )
    crossed: Annotated[tuple[Text, ...], Field(json_schema_extra={"maxItems": 32})] = Field(
        default=(), description="Thresholds of this and the previous month for which an Event was posted."
    )
    ledger: Annotated[dict[str, Any], WithJsonSchema(ANY_OBJECT_SCHEMA)] | None = Field(
        default=None,
        description="Account that an earlier version kept here. The next refresh converts it to usage samples and "
        "removes it.",
    )


class StorageReport(ApiModel):
    """A report of what is stored and what it costs, counted on a schedule."""

    metadata: ObjectMeta
    spec: StorageReportSpec = Field(default_factory=StorageReportSpec)
    status: StorageReportStatus = Field(default_factory=StorageReportStatus)
