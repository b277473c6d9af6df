"""The account that a StorageReport keeps between refreshes. For the operator alone; people read the other fields."""

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
    billable_bytes: ByteCount = Field(description="Bytes as the prices round each object up.")
    incomplete_bytes: ByteCount = Field(
        default=0, description="Bytes of open uploads among them: nobody can read them."
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
        default=0, description="Time that `reads` came in, four weeks at most; 0 where downloads are estimated."
    )


class LedgerRead(ApiModel):
    """Bytes downloaded lately where they are counted."""

    storage_location: RowName = Field(description="StorageLocation.")
    org: RowName = Field(default="", description="Organisation. Empty: all, where they are not told apart.")
    bytes: ByteCount = Field(description="Bytes in countedSeconds.")


class LedgerYoung(ApiModel):
    """Bytes that may not be deleted yet without paying for the rest of their minimum duration."""

    storage_location: RowName = Field(description="StorageLocation.")
    storage_class: Text = Field(description="Storage class.")
    date: Day = Field(description="Day that the objects are from.")
    bytes: ByteCount = Field(description="Billable bytes.")


class LedgerBasis(ApiModel):
    """What was looked at when the young bytes of a location were counted: other bytes may not be compared."""

    storage_location: RowName = Field(description="StorageLocation.")
    mark: Text = Field(description="Tells its prefix, keyTemplate and scope from others.")


class LedgerRecent(ApiModel):
    """What had come on the day before the last sample; what is more by the next came late."""

    storage_location: RowName = Field(description="StorageLocation.")
    org: RowName = Field(description="Organisation.")
    bytes: ByteCount = Field(description="Bytes uploaded.")
    writes: ByteCount = Field(description="Write requests.")


class Ledger(ApiModel):
    """What the next refresh goes on from."""

    sampled_at: Time = Field(description="When the last sample was taken.")
    opened_at: Time | None = Field(
        default=None, description="When the first sample was taken; days before are drawn from the objects' ages."
    )
    breaks: Annotated[tuple[Day, ...], Field(json_schema_extra={"maxItems": 128})] = Field(
        default=(), description="Days on which a location came, went, or was counted from another source."
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
        default=(), description="How fast downloads went lately, where they are counted."
    )
    young: Annotated[tuple[LedgerYoung, ...], Field(json_schema_extra={"maxItems": 2048})] = Field(
        default=(), description="Bytes younger than the minimum duration of their storage class."
    )
    bases: Annotated[tuple[LedgerBasis, ...], Field(json_schema_extra={"maxItems": 2048})] = Field(
        default=(), description="What `young` was counted by."
    )
    recent_since: Time | None = Field(
        default=None, description="From when to sampledAt `recent` tells what came; absent where it does not."
    )
    recent_scope: Text = Field(default="", description="Mark of the scope that `recent` was counted in.")
    recent: Annotated[tuple[LedgerRecent, ...], Field(json_schema_extra={"maxItems": 1024})] = Field(
        default=(), description="What had come shortly before the last sample."
    )
