"""The account that earlier versions kept in `status.ledger` of a StorageReport. Only read, to be converted."""

from typing import Annotated

from pydantic import Field

from recording_operator.api.figures import Day, Figure, RowName, Text
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
    counted_seconds: ByteCount = Field(
        default=0, description="Time in seconds covered by reads, at most four weeks. 0 if downloads are estimated."
    )


class LedgerRead(ApiModel):
    """Bytes downloaded recently, if they are counted."""

    storage_location: RowName = Field(description="StorageLocation.")
    org: RowName = Field(default="", description="Organisation. Empty: all, if they cannot be distinguished.")
    bytes: ByteCount = Field(description="Bytes downloaded within countedSeconds.")


class LedgerYoung(ApiModel):
    """Bytes that are younger than the minimum duration of their storage class. Their deletion is charged."""

    storage_location: RowName = Field(description="StorageLocation.")
    storage_class: Text = Field(description="Storage class.")
    date: Day = Field(description="Day on which the objects were stored.")
    bytes: ByteCount = Field(description="Billable bytes.")


class LedgerBasis(ApiModel):
    """How the young bytes of a location were counted. Bytes that were counted differently must not be compared."""

    storage_location: RowName = Field(description="StorageLocation.")
    mark: Text = Field(description="Identifies the prefix, keyTemplate and scope.")


class LedgerRecent(ApiModel):
    """Uploads on the day before the last sample. If the next sample finds more of them, they were uploaded late."""

    storage_location: RowName = Field(description="StorageLocation.")
    org: RowName = Field(description="Organisation.")
    bytes: ByteCount = Field(description="Bytes uploaded.")
    writes: ByteCount = Field(description="Write requests.")


class StoredLedger(ApiModel):
    """The whole account."""

    sampled_at: Time = Field(description="When the last sample was taken.")
    opened_at: Time | None = Field(
        default=None,
        description="When the first sample was taken. Earlier days are derived from the ages of the objects.",
    )
    breaks: Annotated[tuple[Day, ...], Field(json_schema_extra={"maxItems": 128})] = Field(
        default=(), description="Days on which a location was added, removed, or counted from another source."
    )
    cells: Annotated[tuple[LedgerCell, ...], Field(json_schema_extra={"maxItems": 2048})] = Field(
        default=(), description="The last sample."
    )
    meters: Annotated[tuple[LedgerMeter, ...], Field(json_schema_extra={"maxItems": 1024})] = Field(
        default=(), description="Storage over time in the month so far."
    )
    traffic: Annotated[tuple[LedgerTraffic, ...], Field(json_schema_extra={"maxItems": 1024})] = Field(
        default=(), description="Downloads and requests of the month so far."
    )
    reads: Annotated[tuple[LedgerRead, ...], Field(json_schema_extra={"maxItems": 1024})] = Field(
        default=(), description="Recent downloads, if they are counted."
    )
    young: Annotated[tuple[LedgerYoung, ...], Field(json_schema_extra={"maxItems": 2048})] = Field(
        default=(), description="Bytes that are younger than the minimum duration of their storage class."
    )
    bases: Annotated[tuple[LedgerBasis, ...], Field(json_schema_extra={"maxItems": 2048})] = Field(
        default=(), description="How the young bytes were counted."
    )
    recent_since: Time | None = Field(
        default=None, description="Start of the period that recent covers. It ends at sampledAt. Absent if not known."
    )
    recent_scope: Text = Field(default="", description="Identifies the scope in which recent was counted.")
    recent: Annotated[tuple[LedgerRecent, ...], Field(json_schema_extra={"maxItems": 1024})] = Field(
        default=(), description="Uploads shortly before the last sample."
    )
