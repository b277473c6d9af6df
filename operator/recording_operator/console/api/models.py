"""The documents of the HTTP API."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from recording_operator.catalog.downloads import known_downloads
from recording_operator.catalog.entries import CatalogEntry


class ApiDocument(BaseModel):
    """Base of all documents: camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, from_attributes=True)


class ArtifactDocument(ApiDocument):
    """A file of a Recording."""

    name: str
    kind: str = Field(description="Video, Audio, Transcript, Summary, Requirements, Metadata or Other.")
    optional: bool = Field(description="Whether the Recording becomes Complete without it.")
    phase: str = Field(description="Pending, Uploading, Complete or Failed.")
    reason: str = Field(description="Why it is in this phase; empty if nothing is to be said.")
    message: str
    stored: bool = Field(description="Whether its object is in the store.")
    key: str = Field(description="Key of the object in the bucket.")
    size_bytes: int | None
    bytes_done: int | None
    content_type: str
    checksum: str = Field(description="Checksum of the stored object, as algorithm:hex.")
    integrity: str = Field(description="How the stored bytes were verified.")


class RecordingDocument(ApiDocument):
    """A Recording."""

    uid: str
    namespace: str
    name: str
    org: str
    user: str
    project: str
    title: str
    labels: dict[str, str]
    phase: str = Field(description="Pending, Uploading, Complete or Failed.")
    reason: str
    message: str
    progress: str = Field(description="Percentage of the bytes that are stored, such as 45.1%.")
    location: str = Field(description="StorageLocation of the objects.")
    suspended: bool
    cancelled: bool
    created: datetime
    completed: datetime | None
    expires: datetime | None = Field(description="Earliest time at which a URL expires that is still needed.")
    size_bytes: int | None
    bytes_done: int | None
    downloads: int | None = Field(
        default=None,
        description="GET requests for its files in the last weeks; null if its location reads no access logs. Of very "
        "many Recordings only the most downloaded are counted by themselves, and the access logs of some days may be "
        "missing. Then each number means at least so many, and null may also mean that it is not known.",
    )
    downloaded_bytes: int | None = Field(default=None, description="Bytes of these requests.")
    in_cluster: bool = Field(description="Whether the Recording is still in Kubernetes.")
    artifacts: tuple[ArtifactDocument, ...]


class RecordingListDocument(ApiDocument):
    """A page of Recordings, in the order of `sort`."""

    items: tuple[RecordingDocument, ...]
    cursor: str | None = Field(description="For the next page; null at the end.")
    known_at: datetime | None = Field(description="When the catalog last knew everything.")


def document_of(entry: CatalogEntry, *, counted: Mapping[str, bool] | None = None) -> RecordingDocument:
    """The document of an entry. `counted`: the locations whose downloads are counted, and whether exactly."""
    document = RecordingDocument.model_validate(entry)
    if known_downloads(entry, counted or {}) is not None:
        return document
    return document.model_copy(update={"downloads": None, "downloaded_bytes": None})
