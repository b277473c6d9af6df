"""The StorageReport: how much is stored, what it costs, what it will cost, and who causes it. For administrators.

Money and gigabytes are decimal strings, never binary fractions. `docs/costs.md` says of every number where it comes
from and what it cannot know.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.figures import Budgeted, Day, Figure, Price, Ratio, RowName, Text
from recording_operator.api.meta import (
    ApiModel,
    ByteCount,
    Clipped,
    Condition,
    Count,
    ObjectMeta,
    ObjectName,
    Time,
    Told,
)
from recording_operator.api.storagelocation_rules import PROFILE_NAME_SCHEMA
from recording_operator.api.storagereport_ledger import Ledger
from recording_operator.api.storagereport_rules import (
    BUDGET_RULES,
    CURRENCY_SCHEMA,
    PERCENT_SCHEMA,
    SCHEDULE_SCHEMA,
    SCOPE_NAMESPACE_SCHEMA,
    SCOPE_ORG_SCHEMA,
    TIME_ZONE_SCHEMA,
)

MOST_ROWS: Final = 101
MOST_HISTORY: Final = 128
MOST_HISTORY_ORGS: Final = 21
MOST_NOTES: Final = 32


_SET: Final = {"x-kubernetes-list-type": "set"}


class PlaybackBase(StrEnum):
    """What share of what is downloaded: of all that is stored, each month, or of what was uploaded."""

    STORED = "Stored"
    UPLOADED = "Uploaded"


class ThresholdType(StrEnum):
    """Whether a threshold is about the month so far or about the month's projected end."""

    ACTUAL = "Actual"
    FORECASTED = "Forecasted"


class ReportSource(StrEnum):
    """What the amounts were counted from."""

    INVENTORY = "Inventory"
    RECORDINGS = "Recordings"
    MIXED = "Mixed"


class DownloadSource(StrEnum):
    """Where the volume of downloads comes from."""

    PLAYBACK = "Playback"
    CLOUD_WATCH = "CloudWatch"
    ACCESS_LOGS = "AccessLogs"


class ProjectionMethod(StrEnum):
    """How the projection was made."""

    FLAT = "Flat"
    WEEKDAY_TREND = "WeekdayTrend"


class ReportScope(ApiModel):
    """What the report looks at; an empty list means all."""

    orgs: Annotated[
        tuple[Annotated[str, WithJsonSchema(SCOPE_ORG_SCHEMA)], ...], Field(json_schema_extra={"maxItems": 256, **_SET})
    ] = Field(default=(), description="Organisations.")
    namespaces: Annotated[
        tuple[Annotated[str, WithJsonSchema(SCOPE_NAMESPACE_SCHEMA)], ...],
        Field(json_schema_extra={"maxItems": 256, **_SET}),
    ] = Field(default=(), description="Namespaces.")
    storage_locations: Annotated[tuple[ObjectName, ...], Field(json_schema_extra={"maxItems": 64, **_SET})] = Field(
        default=(), description="StorageLocations."
    )


class ReportPrices(ApiModel):
    """Prices of this report instead of those that the StorageLocations name."""

    profile: Annotated[str, WithJsonSchema(PROFILE_NAME_SCHEMA)] | None = Field(
        default=None, description="Price profile for all locations, such as aws-s3/us-east-1."
    )
    storage_per_gb_month: Price | None = Field(
        default=None, alias="storagePerGBMonth", description="One rate for all storage classes, such as '0.023'."
    )
    download_per_gb: Price | None = Field(
        default=None, alias="downloadPerGB", description="One rate for downloads, such as '0.09'; nothing is free then."
    )


class Playback(ApiModel):
    """How downloads are estimated where nobody counts them."""

    ratio: Ratio = Field(
        default=Decimal("0.5"), description="Share of the base that is downloaded in a month; '0.5' is half."
    )
    base: PlaybackBase = Field(
        default=PlaybackBase.STORED,
        description="Stored: the share of all that is stored, each month. Uploaded: the share of what was uploaded.",
    )


class Threshold(ApiModel):
    """A share of the budget that is worth a warning."""

    percent: Annotated[int, WithJsonSchema(PERCENT_SCHEMA)] = Field(description="Percent of the budget.")
    type: ThresholdType = Field(
        default=ThresholdType.ACTUAL,
        description="Actual: the month so far. Forecasted: the projected end of the month.",
    )


class Budget(ApiModel):
    """What a month may cost."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*BUDGET_RULES))

    amount: Budgeted = Field(description="Amount for a month, such as '50'.")
    currency: Annotated[str, WithJsonSchema(CURRENCY_SCHEMA)] = Field(
        default="USD", description="Currency of the amount; it must be that of the prices."
    )
    thresholds: Annotated[tuple[Threshold, ...], Field(json_schema_extra={"maxItems": 10})] = Field(
        default=(), description="When to warn. Absent: at 100 percent, Actual and Forecasted."
    )


class StorageReportSpec(ApiModel):
    """What to count, when, at which prices."""

    schedule: Annotated[str, WithJsonSchema(SCHEDULE_SCHEMA)] = Field(
        default="0 0 * * *", description="When to refresh, as five cron fields. A missed time is made up for once."
    )
    time_zone: Annotated[str, WithJsonSchema(TIME_ZONE_SCHEMA)] = Field(
        default="UTC", description="Time zone of the schedule, such as Europe/London. Days and months are in UTC."
    )
    scope: ReportScope = Field(default_factory=ReportScope, description="What to look at. Absent: everything.")
    prices: ReportPrices = Field(
        default_factory=ReportPrices, description="Prices instead of those that the StorageLocations name."
    )
    playback: Playback = Field(default_factory=Playback, description="How downloads are estimated.")
    budget: Budget | None = Field(default=None, description="What a month may cost. Absent: no budget.")
    suspend: bool = Field(default=False, description="Refresh no more until it is false again.")
    refresh_token: Annotated[str, WithJsonSchema({"type": "string", "maxLength": 64})] = Field(
        default="", description="Any change of this text refreshes now."
    )


class ReportTotals(ApiModel):
    """How much there is now."""

    recordings: ByteCount = Field(default=0, description="Recordings in Kubernetes.")
    objects: ByteCount = Field(default=0, description="Objects in the buckets.")
    bytes: ByteCount = Field(default=0, description="Bytes of the objects.")
    storage_gb: Figure = Field(
        default=Decimal(0),
        alias="storageGB",
        description="GB that are paid for, incomplete uploads included; each location's as its prices count them.",
    )
    upload_gb24h: Figure = Field(
        default=Decimal(0), alias="uploadGB24h", description="GB that Recordings stored in the last 24 hours."
    )
    uploads24h: ByteCount = Field(default=0, alias="uploads24h", description="Recordings stored in the last 24 hours.")
    download_gb: Figure = Field(
        default=Decimal(0),
        alias="downloadGB",
        description="GB downloaded this month so far: counted, or estimated; see byStorageLocation[].downloads.",
    )
    api_requests: ByteCount = Field(
        default=0, description="Write requests of this month so far, from the number of parts of each object."
    )
    orphaned_bytes: ByteCount = Field(default=0, description="Bytes of objects whose Recording is gone.")
    incomplete_upload_bytes: ByteCount = Field(
        default=0, description="Bytes in multipart uploads that are neither complete nor aborted; they cost too."
    )
    foreign_bytes: ByteCount = Field(
        default=0,
        description="Bytes under the locations' prefixes whose keys the keyTemplate does not make; in no other number.",
    )


class ReportUploads(ApiModel):
    """How uploads went in the last 24 hours."""

    success_rate: Text | None = Field(default=None, description="Share of them that ended as Complete.")
    mean_seconds: ByteCount | None = Field(default=None, description="Mean time from the first upload to Complete.")
    failed24h: ByteCount = Field(default=0, alias="failed24h", description="Recordings that ended as Failed.")


class ReportCost(ApiModel):
    """What it costs."""

    currency: Text = Field(default="USD", description="Currency of every amount of money here.")
    today: Figure = Field(default=Decimal(0), description="Cost of one day, as things stand now.")
    month_to_date: Figure = Field(default=Decimal(0), description="Cost of this month (UTC) so far.")
    projected_month: Figure = Field(default=Decimal(0), description="Cost of this month, projected to its end.")
    projected_next_month: Figure = Field(default=Decimal(0), description="Cost of next month, projected.")
    last_month: Figure | None = Field(
        default=None, description="Cost of the month before. Absent where no day of it was counted."
    )
    method: ProjectionMethod = Field(
        default=ProjectionMethod.FLAT,
        description="How it was projected. Flat: as now. WeekdayTrend: growing as each weekday did lately.",
    )


class ReportSummary(ApiModel):
    """The numbers of `kubectl get`, written for people."""

    storage: Text | None = Field(default=None, description="What is stored, such as 24.31 GB.")
    month_to_date: Text | None = Field(default=None, description="Cost of this month so far, such as 1.23 USD.")
    projected_month: Text | None = Field(default=None, description="Cost of this month, projected.")
    projected_next_month: Text | None = Field(default=None, description="Cost of next month, projected.")
    budget: Text | None = Field(default=None, description="Used share of the budget, such as 82% of 50.00 USD.")


class ClassRow(ApiModel):
    """The share of a storage class. A Recording has none, its objects have."""

    name: RowName = Field(
        description="Whose share; (other) sums up the rest, (unknown) what nobody could be found for."
    )
    objects: ByteCount = Field(default=0, description="Objects in the buckets.")
    bytes: ByteCount = Field(default=0, description="Bytes, those of incomplete uploads included.")
    cost: Figure = Field(default=Decimal(0), description="Its part of cost.today; the parts sum to it.")


class ReportRow(ClassRow):
    """The share of one who has Recordings."""

    recordings: ByteCount = Field(default=0, description="Recordings in Kubernetes.")


class LocationRow(ReportRow):
    """The share of a StorageLocation, and what it was counted by."""

    source: ReportSource = Field(description="Inventory: the bucket was listed. Recordings: it could not be.")
    downloads: DownloadSource = Field(
        default=DownloadSource.PLAYBACK,
        description="Playback: estimated by spec.playback. CloudWatch, AccessLogs: counted there.",
    )
    profile: Annotated[str, Clipped(128)] = Field(description="Price profile.")
    prices_as_of: Day = Field(description="Date of the prices.")


class HistoryOrg(ApiModel):
    """An organisation's part of a day or month."""

    name: RowName = Field(description="Organisation; (other) sums up the rest.")
    storage_gb: Figure = Field(default=Decimal(0), alias="storageGB", description="GB stored.")
    upload_gb: Figure = Field(default=Decimal(0), alias="uploadGB", description="GB uploaded.")
    download_gb: Figure = Field(
        default=Decimal(0), alias="downloadGB", description="GB downloaded, counted or estimated."
    )
    api_requests: ByteCount = Field(default=0, description="Write requests.")
    storage_cost: Figure = Field(default=Decimal(0), description="Cost of storage.")
    download_cost: Figure = Field(default=Decimal(0), description="Cost of downloads.")
    request_cost: Figure = Field(default=Decimal(0), description="Cost of requests.")


class HistoryEntry(ApiModel):
    """One day, or, further back, one month, in UTC."""

    date: Day = Field(description="Day such as 2026-11-21, or month such as 2026-08.")
    estimated: bool = Field(
        default=False, description="No sample was taken on that day: interpolated, or drawn from the objects' ages."
    )
    storage_gb: Figure = Field(
        default=Decimal(0), alias="storageGB", description="GB stored at the day's last sample; of a month, the mean."
    )
    upload_gb: Figure = Field(default=Decimal(0), alias="uploadGB", description="GB uploaded.")
    download_gb: Figure = Field(
        default=Decimal(0), alias="downloadGB", description="GB downloaded, counted or estimated."
    )
    api_requests: ByteCount = Field(default=0, description="Write requests.")
    cost: Figure = Field(default=Decimal(0), description="Cost of all.")
    orgs: Annotated[tuple[HistoryOrg, ...], Field(json_schema_extra={"maxItems": MOST_HISTORY_ORGS})] = Field(
        default=(), description="The largest organisations, and (other)."
    )


class StorageReportStatus(ApiModel):
    """The report. Written by the operator only."""

    observed_generation: ByteCount | None = Field(default=None, description="metadata.generation that this answers.")
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
        ),
    ] = Field(
        default=(),
        description="Ready and Stalled: whether the last refresh succeeded. BudgetExceeded and ForecastExceedsBudget: "
        "whether a threshold is passed.",
    )
    last_schedule_time: Time | None = Field(default=None, description="The last scheduled time that was acted on.")
    last_refresh_time: Time | None = Field(default=None, description="When the last refresh that succeeded ended.")
    next_refresh_time: Time | None = Field(default=None, description="When the next refresh is due.")
    last_refresh_token: Text | None = Field(default=None, description="spec.refreshToken that was acted on last.")
    failures: Count = Field(default=0, description="Refreshes that failed since the last one that succeeded.")
    as_of: Time | None = Field(default=None, description="Time that the numbers are of.")
    source: ReportSource | None = Field(
        default=None,
        description="Inventory: the buckets were listed. Recordings: they could not be. Mixed: some.",
    )
    unpriced: Annotated[tuple[Annotated[str, Clipped(128)], ...], Field(json_schema_extra={"maxItems": 32})] = Field(
        default=(), description="Usage that the profiles have no price for; it is in no cost."
    )
    notes: Annotated[tuple[Annotated[str, Told(512)], ...], Field(json_schema_extra={"maxItems": MOST_NOTES})] = Field(
        default=(),
        description="What the numbers leave out, such as the noncurrent versions of a versioned bucket, and what a "
        "reader should know of how they were counted.",
    )
    summary: ReportSummary | None = Field(default=None, description="The numbers of kubectl get.")
    totals: ReportTotals | None = Field(default=None, description="How much there is now.")
    uploads: ReportUploads | None = Field(default=None, description="How uploads went in the last 24 hours.")
    cost: ReportCost | None = Field(default=None, description="What it costs.")
    by_org: Annotated[tuple[ReportRow, ...], Field(json_schema_extra={"maxItems": MOST_ROWS})] = Field(
        default=(), description="By organisation, the largest first."
    )
    by_namespace: Annotated[tuple[ReportRow, ...], Field(json_schema_extra={"maxItems": MOST_ROWS})] = Field(
        default=(), description="By namespace, the largest first."
    )
    by_storage_location: Annotated[tuple[LocationRow, ...], Field(json_schema_extra={"maxItems": MOST_ROWS})] = Field(
        default=(), description="By StorageLocation, the largest first."
    )
    by_storage_class: Annotated[tuple[ClassRow, ...], Field(json_schema_extra={"maxItems": 32})] = Field(
        default=(), description="By storage class, the largest first."
    )
    history: Annotated[tuple[HistoryEntry, ...], Field(json_schema_extra={"maxItems": MOST_HISTORY})] = Field(
        default=(), description="Months, then days, the oldest first."
    )
    crossed: Annotated[tuple[Text, ...], Field(json_schema_extra={"maxItems": 32})] = Field(
        default=(), description="Thresholds passed this month or the last and told."
    )
    ledger: Ledger | None = Field(default=None, description="What the next refresh goes on from.")


class StorageReport(ApiModel):
    """What the recordings take and cost: counted on a schedule, from the buckets, at dated prices."""

    metadata: ObjectMeta
    spec: StorageReportSpec = Field(default_factory=StorageReportSpec)
    status: StorageReportStatus = Field(default_factory=StorageReportStatus)
