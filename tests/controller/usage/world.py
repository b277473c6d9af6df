"""A strict store, locations in it, and an API server that only lists. Time is given."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.reports.prices import storage_classes
from recording_operator.controller.usage.copies import UsageCopies
from recording_operator.controller.usage.counter import CountFailure, StorageClasses, UsageCounter
from recording_operator.controller.usage.entries import MapEntries
from recording_operator.controller.usage.keeper import UsageKeeper
from recording_operator.controller.usage.samples import LoadedFile, UsageSamples, load
from recording_operator.costs.library import find_profile
from recording_operator.engine.facts import CountFact
from recording_operator.kube.client import KubeApi
from recording_operator.stores.s3.location import S3LocationStore
from recording_operator.usage.codec import encode, sample_name, usage_file
from recording_operator.usage.months import chain
from recording_operator.usage.sample import UsageSample
from tests.support.config_maps import ConfigMapRest
from tests.support.strict_bucket import Attributes, Part, Upload, Version, etag_of
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

TEMPLATE = "{org}/{uid}/{artifact}{ext}"
JsonObject = dict[str, Any]


@dataclass(slots=True)
class ListedApi:
    """The API server, as far as a count reads it."""

    recordings: list[JsonObject] = field(default_factory=list)
    reports: list[JsonObject] = field(default_factory=list)
    recordings_listed: int = 0

    def list_recordings(self) -> Iterator[JsonObject]:
        self.recordings_listed += 1
        yield from self.recordings

    def list_reports(self) -> Iterator[JsonObject]:
        yield from self.reports


@dataclass(slots=True)
class MemoryArchive:
    """Keeps samples in memory, as files."""

    kept: dict[str, dict[datetime, UsageSample]] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)
    compacted: list[str] = field(default_factory=list)
    now: datetime = datetime(9999, 1, 1, tzinfo=UTC)
    """Later samples were taken with a wrong clock, and are left out."""
    _files: dict[tuple[str, datetime], LoadedFile] = field(default_factory=dict)

    def samples(self, location: StorageLocation) -> UsageSamples:
        name = location.metadata.name
        if name in self.failures:
            raise self.failures[name]
        files = [file for (owner, _), file in sorted(self._files.items(), key=lambda one: one[0]) if owner == name]
        return UsageSamples(chain((entry for file in files for entry in file.entries), until=self.now))

    def keep(self, location: StorageLocation, sample: UsageSample) -> None:
        name = location.metadata.name
        self.kept.setdefault(name, {}).setdefault(sample.at, sample)
        file = usage_file(name, sample_name(name, sample.at))
        assert file is not None
        self._files.setdefault((name, sample.at), load(file, encode(sample), location=name))

    def compact(self, location: StorageLocation, now: datetime) -> None:
        del now
        self.compacted.append(location.metadata.name)

    def notes(self, location: StorageLocation) -> tuple[str, ...]:
        del location
        return ()


class NoFirstSamples:
    """No earlier version kept an account."""

    def first_sample(self, location: StorageLocation) -> UsageSample | None:
        del location
        return None


def classes_of(location: StorageLocation) -> StorageClasses:
    """Those of the location's shipped profile."""
    return storage_classes(find_profile(location.spec.prices.profile)[-1])


@dataclass(slots=True)
class CountingWorld:
    """What a count meets."""

    strict: StrictStore
    api: ListedApi = field(default_factory=ListedApi)
    archive: MemoryArchive = field(default_factory=MemoryArchive)
    config_maps: ConfigMapRest = field(default_factory=ConfigMapRest)
    """The operator's namespace."""
    locations: list[StorageLocation] = field(default_factory=list)
    broken: dict[str, Exception] = field(default_factory=dict)
    """Locations without a client, and why."""
    stopping: bool = False
    observed: dict[str, datetime | None] = field(default_factory=dict)
    posted: list[CountFact] = field(default_factory=list)
    """What the engine was told."""
    _clients: dict[str, S3LocationStore] = field(default_factory=dict)

    def counted(self, location: StorageLocation, sample: UsageSample) -> None:
        """As CountObserver."""
        self.observed[location.metadata.name] = sample.at

    def gone(self, location: str) -> None:
        """As CountObserver."""
        self.observed[location] = None

    def location(
        self, name: str, *, uid: str = "", status: Mapping[str, Any] | None = None, **spec: Any
    ) -> StorageLocation:
        """Add a location in the strict store's bucket."""
        s3 = {"bucket": self.strict.bucket_name, "endpoint": self.strict.endpoint, **spec.pop("s3", {})}
        made = StorageLocation.model_validate(
            {
                "metadata": {"name": name, "uid": uid or name, "generation": 1, "resourceVersion": "1"},
                "spec": {"s3": s3, "keyTemplate": TEMPLATE, **spec},
                "status": status or {},
            }
        )
        self.locations = sorted([*self.locations, made], key=lambda location: location.metadata.name)
        return made

    def delete(self, name: str) -> None:
        """Delete a location. Its objects stay."""
        self.locations = [location for location in self.locations if location.metadata.name != name]
        self._clients.pop(name, None)

    def store(self, location: StorageLocation) -> S3LocationStore:
        """The client of a location."""
        name = location.metadata.name
        if name in self.broken:
            raise self.broken[name]
        if name not in self._clients:
            self._clients[name] = store_of(self.strict, prefix=location.store.prefix)
        return self._clients[name]

    def put(self, at: datetime, size_bytes: int, *, org: str = "acme", uid: str = "", prefix: str = "") -> str:
        """An object of that time. Returns its key."""
        key = f"{prefix}{org}/{uid or uuid.uuid4()}/video.mp4"
        body = b"x" * size_bytes
        attributes = Attributes(content_type="video/mp4", metadata={}, headers={})
        kept = self.strict.bucket.put(key, body, attributes)
        self.strict.bucket.versions[key] = [
            replace(version, modified=at) if version is kept else version
            for version in self.strict.bucket.versions[key]
        ]
        return key

    def open_upload(self, at: datetime, *sizes: int, org: str = "acme") -> str:
        """An open upload whose parts are of that time. Returns its id."""
        upload_id, key = uuid.uuid4().hex, f"{org}/{uuid.uuid4()}/video.mp4"
        attributes = Attributes(content_type="video/mp4", metadata={}, headers={})
        upload = Upload(upload_id=upload_id, key=key, attributes=attributes, initiated=at)
        for number, size_bytes in enumerate(sizes, start=1):
            body = b"x" * size_bytes
            upload.parts[number] = Part(body=body, etag=etag_of(body), modified=at)
        self.strict.bucket.uploads[upload_id] = upload
        return upload_id

    def complete(self, upload_id: str) -> None:
        """Complete an open upload. As in S3, the object has the time at which the upload began."""
        upload = self.strict.bucket.uploads.pop(upload_id)
        body = b"".join(part.body for _, part in sorted(upload.parts.items()))
        etag = f'"{etag_of(body)[1:-1]}-{len(upload.parts)}"'
        version = Version(
            version_id=uuid.uuid4().hex, body=body, etag=etag, attributes=upload.attributes, modified=upload.initiated
        )
        self.strict.bucket.versions.setdefault(upload.key, []).append(version)

    def recording(self, location: str, *, org: str = "acme", **status: Any) -> JsonObject:
        """Add a Recording."""
        raw: JsonObject = {
            "metadata": {"name": "meeting", "namespace": "meetings", "uid": str(uuid.uuid4())},
            "spec": {"storageLocation": location, "owner": {"org": org}},
            "status": status,
        }
        self.api.recordings.append(raw)
        return raw

    def counter(self) -> UsageCounter:
        """A counter of this world."""
        api: Any = self.api
        return UsageCounter(kube=api, stores=self, classes_of=classes_of, stopping=lambda: self.stopping)

    def count(
        self, now: datetime, *names: str, previous: Mapping[str, UsageSample] | None = None
    ) -> dict[str, UsageSample | CountFailure]:
        """Count the locations (all, if none is named)."""
        wanted = {name: (previous or {}).get(name) for name in names or [one.metadata.name for one in self.locations]}
        found = self.counter().count(wanted, self.locations, failures={}, now=now)
        return {result.location: result for result in found}

    def sample(self, now: datetime, name: str, previous: UsageSample | None = None) -> UsageSample:
        """Count one location, which succeeds."""
        found = self.count(now, name, previous={name: previous} if previous else None)[name]
        assert isinstance(found, UsageSample), found
        return found

    def keeper(self, **more: Any) -> UsageKeeper:
        """A keeper of this world, with a day as interval."""
        given: JsonObject = {
            "archive": self.archive,
            "counter": self.counter(),
            "first_samples": NoFirstSamples(),
            "copies": UsageCopies(MapEntries(kube=KubeApi(self.config_maps), namespace="operator")),
            "keep_months": 36,
            "observer": self,
            "post": self.posted.append,
        }
        return UsageKeeper(**{**given, **more})
