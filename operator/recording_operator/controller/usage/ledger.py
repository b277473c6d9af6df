"""The account that earlier versions kept in `status.ledger` of a StorageReport. Only read, to be converted."""

from typing import Annotated

from pydantic import Field

from recording_operator.api.figures import Figure, RowName, Text
from recording_operator.api.meta import ApiModel, ByteCount, Time


class LedgerCell(ApiModel):
    """Bytes of the last sample."""

    storage_location: RowName = Field(description="StorageLocation.")
    storage_class: Text = Field(description="Storage class.")
    org: RowName = Field(description="Organisation.")
    bytes: ByteCount = Field(description="Bytes.")
    billable_bytes: ByteCount = Field(description="Bytes after the prices have rounded up the size of each object.")
    incomplete_bytes: ByteCount = Field(
        default=0, description="The part of the bytes in open uploads, which cannot be read."
    )


class LedgerMeter(ApiModel):
    """Storage over time in the month so far."""

    storage_location: RowName = Field(description="StorageLocation.")
    storage_class: Text = Field(description="Storage class.")
    byte_seconds: Figure = Field(description="Billable bytes times seconds.")


class LedgerTraffic(ApiModel):
    """Downloads and requests of the month so far."""

    storage_location: RowName = Field(description="StorageLocation.")
    download_bytes: ByteCount = Field(default=0, description="Bytes downloaded.")
    writes: ByteCount = Field(default=0, description="Write requests.")


class LedgerRecent(ApiModel):
    """Uploads in the 24 hours before the last sample."""

    storage_location: RowName = Field(description="StorageLocation.")
    org: RowName = Field(description="Organisation.")
    bytes: ByteCount = Field(description="Bytes uploaded.")
    writes: ByteCount = Field(description="Write requests.")


class StoredLedger(ApiModel):
    """The whole account."""

    sampled_at: Time = Field(description="When the last sample was taken.")
    cells: Annotated[tuple[LedgerCell, ...], Field(json_schema_extra={"maxItems": 2048})] = Field(
        default=(), description="The last sample."
    )
    meters: Annotated[tuple[LedgerMeter, ...], Field(json_schema_extra={"maxItems": 1024})] = Field(
        default=(), description="Storage over time in the month so far."
    )
    traffic: Annotated[tuple[LedgerTraffic, ...], Field(json_schema_extra={"maxItems": 1024})] = Field(
        default=(), description="Downloads and requests of the month so far."
    )
    recent_since: Time | None = Field(
        default=None, description="Start of the period that recent covers. It ends at sampledAt. Absent if not known."
    )
    recent: Annotated[tuple[LedgerRecent, ...], Field(json_schema_extra={"maxItems": 1024})] = Field(
        default=(), description="Uploads shortly before the last sample."
    )
