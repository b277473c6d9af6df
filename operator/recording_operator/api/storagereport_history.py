"""The history of a StorageReport: usage and costs of past days and months, by organisation."""

from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field

from recording_operator.api.figures import Day, Figure, RowName
from recording_operator.api.meta import ApiModel, ByteCount

MOST_HISTORY_ORGS: Final = 21


class HistoryOrg(ApiModel):
    """Usage of one organisation in a day or month."""

    name: RowName = Field(description="Organisation. (other): sum of all further ones.")
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
    """One day, or one month for older entries, in UTC."""

    date: Day = Field(description="Day, such as 2026-11-21, or month, such as 2026-08.")
    estimated: bool = Field(
        default=False, description="True if no sample was taken on that day, and its numbers were derived from others."
    )
    storage_gb: Figure = Field(
        default=Decimal(0),
        alias="storageGB",
        description="GB stored at the end of the day. For a month, the mean.",
    )
    upload_gb: Figure = Field(default=Decimal(0), alias="uploadGB", description="GB uploaded.")
    download_gb: Figure = Field(
        default=Decimal(0), alias="downloadGB", description="GB downloaded, counted or estimated."
    )
    api_requests: ByteCount = Field(default=0, description="Write requests.")
    cost: Figure = Field(default=Decimal(0), description="Total cost.")
    orgs: Annotated[tuple[HistoryOrg, ...], Field(json_schema_extra={"maxItems": MOST_HISTORY_ORGS})] = Field(
        default=(), description="The largest organisations, and (other)."
    )
