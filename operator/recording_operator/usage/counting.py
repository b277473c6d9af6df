"""Counts the objects of one location: a listing of its bucket, or its Recordings if the bucket cannot be listed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from recording_operator.api.keytemplate import (
    exact_fields,
    is_manifest_key,
    key_pattern,
    manifest_patterns,
    unescape_id,
)
from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.usage.orphans import OrphanFinder
from recording_operator.usage.owners import KeyClaim, RecordingIndex
from recording_operator.usage.recent_downloads import RecentDownloads
from recording_operator.usage.recordings import org_of_recording, parse_time, stored_artifacts
from recording_operator.usage.sample import OTHER, SHARED, UNKNOWN, OwnerKey, State
from recording_operator.usage.stock import MONITORED_BYTES
from recording_operator.usage.sums import (
    MOST_DAYS,
    MOST_OWNERS,
    OwnerSum,
    RecentSums,
    StockSum,
    UploadSum,
    second_of,
    young_since,
)
from recording_operator.usage.window import LATE_WITHIN, Window


class OpenPart(NamedTuple):
    """A part of an open multipart upload."""

    size_bytes: int
    uploaded_at: datetime


@dataclass(slots=True)
class _Owned:
    """The owner of a folder, and its sums by storage class as listed."""

    org: str
    namespace: str
    known: bool
    """Its Recording exists."""
    current: dict[str | None, OwnerSum]
    noncurrent: dict[str | None, OwnerSum]


class LocationTally:
    """Adds up the objects of one location by owner. `add` is called for every object, so it must be fast.

    Times are UTC.
    """

    def __init__(
        self,
        *,
        prefix: str,
        key_template: str,
        claims: tuple[KeyClaim, ...],
        index: RecordingIndex,
        window: Window,
        default_class: str,
        min_days: Callable[[str], int],
        org_of: Callable[[str, str], str | None] | None = None,
    ) -> None:
        """`claims` are the keys that other locations of the same bucket count.

        `default_class` is the class of objects that are listed without one; `min_days` returns the days for which a
        class is charged at least. `org_of` returns, for key and uid, the organisation of an object if neither key nor
        Recording shows it; None if it is unknown.
        """
        self.window = window
        self.min_days = min_days
        self.sums: dict[OwnerKey, OwnerSum] = {}
        self.recent = RecentSums()
        """Uploads within LATE_WITHIN before the count."""
        self.recounted = RecentSums()
        """The uploads that were recent at the previous sample, counted again."""
        self.downloads: dict[date, dict[str, int]] = {}
        self.recent_downloads = RecentDownloads()
        self.orphans = OrphanFinder()
        """Current objects that neither a Recording nor a manifest knows."""
        self.foreign_bytes = 0
        """Objects and noncurrent versions whose key the template does not make, but for the operator's own files."""
        self.unsized_uploads = False
        """There are open uploads that were not added."""
        self.is_listed = False
        """All objects were added: what the previous sample had and this one has not was deleted."""
        pattern = key_pattern(prefix=prefix, template=key_template)
        self._patterns = (*((pattern,) if pattern else ()), *manifest_patterns(prefix=prefix, template=key_template))
        exact = exact_fields(key_template)
        self._org_in_key, self._namespace_in_key = "org" in exact, "namespace" in exact
        self._claims = claims
        self._claimed = tuple(claim.prefix for claim in claims)
        self._reserved = f"{prefix}{RESERVED_FOLDER}/"
        self._default_class = default_class
        self._index = index
        self._listed_from = index.listed_from
        self._org_of = org_of
        self._org_by_uid: dict[str, str] = {}
        self.recordings: Counter[tuple[str, str]] = Counter()
        """Recordings with current objects, by organisation and namespace. Exact if the key template has {uid} before
        {artifact}, because the keys of each Recording then follow each other."""
        self._uid = self._counted_uid = ""
        self._folder: str | None = None
        self._folder_owned: _Owned | None = None
        self._key_uid = self._folder_uid = ""
        self._owned: dict[tuple[str, str, bool], _Owned] = {}
        self._days = 0
        self._others: dict[OwnerKey, OwnerSum] = {}

    def add(
        self, key: str, *, size_bytes: int, storage_class: str | None, last_modified: datetime, etag: str = ""
    ) -> None:
        """Count one object (the current version of its key)."""
        # Objects of one Recording usually share a folder and follow each other in the listing.
        owned, uid = self._folder_owned, self._folder_uid
        if owned is None or self._claims or key[: key.rfind("/")] != self._folder:
            owned = self._owner(key, read_object=True)
            if owned is None:
                self._add_foreign(key, size_bytes)
                return
            uid = self._key_uid
        if self._uid != self._counted_uid:
            self._count_recording(owned)
        held = owned.current.get(storage_class) or self._held(owned, State.CURRENT, storage_class)
        held.objects += 1
        held.size_bytes += size_bytes
        if size_bytes < MONITORED_BYTES:
            held.add_small(size_bytes)
        elif held.is_tiered:
            held.add_aged(size_bytes, (self.window.now - last_modified).days)
        if last_modified > held.noted_since:
            self._note(held, size_bytes, last_modified, etag)
        if not owned.known:
            # A Recording that was created after the listing began is not missing.
            old = last_modified < self._listed_from
            self.orphans.add(uid, key, size_bytes=size_bytes, last_modified=last_modified, counts=old)

    def add_noncurrent(
        self,
        key: str,
        *,
        size_bytes: int,
        storage_class: str | None,
        last_modified: datetime,
        etag: str = "",
        is_delete_marker: bool = False,
    ) -> None:
        """Count one noncurrent version or delete marker (the latest version of its key too). Markers have no size."""
        owned = self._owner(key)
        if owned is None:
            self._add_foreign(key, 0 if is_delete_marker else size_bytes)
            return
        held = owned.noncurrent.get(storage_class) or self._held(owned, State.NONCURRENT, storage_class)
        if is_delete_marker:
            held.objects += 1
            return
        held.add(size_bytes, tiered_age=self._age(held, last_modified))
        if last_modified > held.noted_since:
            self._note(held, size_bytes, last_modified, etag)

    def add_open_upload(self, key: str, *, parts: Iterable[OpenPart], storage_class: str | None) -> None:
        """Count the parts of an open multipart upload. Each is billed like an object from the time of its upload."""
        owned = self._owner(key)
        if owned is None:
            return
        held = self._held(owned, State.INCOMPLETE, storage_class)
        for part in parts:
            held.size_bytes += part.size_bytes
            # A part that was uploaded during the count counts from now.
            uploaded_at = min(part.uploaded_at, self.window.now)
            if uploaded_at > self.window.since:
                upload = self._upload(held, uploaded_at)
                upload.size_bytes += part.size_bytes
                upload.moment += part.size_bytes * second_of(uploaded_at)

    def add_recording(self, raw: Mapping[str, Any], *, storage_class: str | None) -> None:
        """Count the stored artifacts of a Recording (a dict from the API server), if the bucket cannot be listed."""
        status = raw.get("status") or {}
        owned = self._owned_by(org_of_recording(raw), str(raw["metadata"]["namespace"]), known=True)
        held = self._held(owned, State.CURRENT, storage_class)
        ended = parse_time(status.get("completedAt"))
        stored = stored_artifacts(status)
        if stored:
            self._count_recording(owned)
        for size_bytes, etag in stored:
            uploaded_at = ended or self.window.since
            held.add(size_bytes, tiered_age=self._age(held, uploaded_at))
            if ended is not None and ended > self.window.earliest:
                self._note(held, size_bytes, ended, etag)

    def add_download(self, key: str, *, day: date, size_bytes: int) -> None:
        """Count a download of a key, even if its object no longer exists."""
        owned = self._owner(key)
        if owned is not None:
            self._add_download(owned.org, day, size_bytes)
            # The operator and the console read manifests themselves, so those say nothing about the Recording.
            if not is_manifest_key(key):
                self.recent_downloads.add(self._key_uid, day=self._open_day(day), size_bytes=size_bytes)

    def add_shared_download(self, *, day: date, size_bytes: int) -> None:
        """Count downloads of the whole location, of any organisation."""
        self._add_download(SHARED, day, size_bytes)

    def discard_downloads(self) -> None:
        """Forget the downloads, because they could not be counted completely."""
        self.downloads.clear()
        self.recent_downloads.clear()

    def was_listed(self) -> None:
        """All objects, and all versions if they are counted, were added."""
        self.is_listed = True

    # Owners

    def _owner(self, key: str, *, read_object: bool = False) -> _Owned | None:
        """The owner of a key; None for a foreign key, and for one that another location counts."""
        if self._claimed and key.startswith(self._claimed) and any(claim.holds(key) for claim in self._claims):
            return None
        folder = key[: key.rfind("/")]
        if folder == self._folder:
            self._key_uid = self._folder_uid
            return self._folder_owned
        found = next((match for pattern in self._patterns if (match := pattern.fullmatch(key))), None)
        if found is None:
            return None
        fields = found.groupdict()
        self._key_uid = found["uid"]
        is_artifact = found.re is self._patterns[0]
        # A manifest alone is no stored Recording.
        self._uid = found["uid"] if is_artifact else self._counted_uid
        org, namespace, known = self._index.owner(found["uid"])
        org_in_key, namespace_in_key = self._org_in_key and "org" in fields, self._namespace_in_key
        if org is None and not org_in_key:
            org = self._org_from_object(key, found["uid"], read_object=read_object)
        owned = self._owned_by(
            unescape_id(fields["org"]) if org_in_key else org or UNKNOWN,
            fields["namespace"] if namespace_in_key and "namespace" in fields else namespace or UNKNOWN,
            known=known,
        )
        # The next object of the folder may show an organisation that could not be read from this one.
        if is_artifact and found["uid"] in folder and (read_object or owned.org != UNKNOWN):
            self._folder, self._folder_owned, self._folder_uid = folder, owned, found["uid"]
        return owned

    def _owned_by(self, org: str, namespace: str, *, known: bool) -> _Owned:
        key = (org, namespace, known)
        owned = self._owned.get(key)
        if owned is None:
            owned = _Owned(org, namespace, known, {}, {})
            if len(self._owned) < MOST_OWNERS:
                self._owned[key] = owned
        return owned

    def _count_recording(self, owned: _Owned) -> None:
        self._counted_uid = self._uid
        owner = (owned.org, owned.namespace)
        beyond = owner not in self.recordings and len(self.recordings) >= MOST_OWNERS
        self.recordings[(OTHER, OTHER) if beyond else owner] += 1

    def _org_from_object(self, key: str, uid: str, *, read_object: bool) -> str | None:
        org = self._org_by_uid.get(uid)
        if org is None and read_object and self._org_of is not None:
            org = self._org_of(key, uid)
            if org is not None and len(self._org_by_uid) < MOST_OWNERS:
                self._org_by_uid[uid] = org
        return org

    def _add_foreign(self, key: str, size_bytes: int) -> None:
        # Within another location's prefix, that location decides whether the object is foreign.
        if not (self._claimed and key.startswith(self._claimed)) and not key.startswith(self._reserved):
            self.foreign_bytes += size_bytes

    # Sums

    def _held(self, owned: _Owned, state: State, storage_class: str | None) -> OwnerSum:
        """The sum of an owner, class and state. Owners beyond MOST_OWNERS share one."""
        key = OwnerKey(owned.org, owned.namespace, storage_class or self._default_class, state)
        held = self.sums.get(key)
        if held is None:
            if len(self.sums) >= MOST_OWNERS:
                key = key._replace(org=OTHER, namespace=OTHER)
            held = self.sums.get(key) or self.sums.setdefault(key, self._new_sum(key))
        if state is not State.INCOMPLETE:
            (owned.current if state is State.CURRENT else owned.noncurrent)[storage_class] = held
        return held

    def _new_sum(self, key: OwnerKey) -> OwnerSum:
        young = young_since(self.window.now, self.min_days(key.storage_class))
        earliest = self.window.earliest
        return OwnerSum(key, noted_since=min(young, earliest) if young else earliest, young_since=young)

    def _age(self, held: OwnerSum, last_modified: datetime) -> int | None:
        return (self.window.now - last_modified).days if held.is_tiered else None

    def _note(self, held: OwnerSum, size_bytes: int, at: datetime, etag: str) -> None:
        """Record the upload of an object for this sample and the next. One later than `now` is in the next sample."""
        window = self.window
        if at > window.since:
            upload = self._upload(held, at, ahead=at > window.now)
            upload.add(size_bytes, tiered_age=self._age(held, at))
            upload.writes += writes_of(etag)
            upload.moment += size_bytes * second_of(at)
        elif window.recent_since is not None and at > window.recent_since:
            self.recounted.add(held.key, size_bytes, writes_of(etag))
        if window.now - LATE_WITHIN < at <= window.now:
            self.recent.add(held.key, size_bytes, writes_of(etag))
        if held.young_since is not None and at >= held.young_since:
            young = held.young.get(day := at.date()) or self._new_day(held).young.setdefault(day, StockSum())
            young.add(size_bytes, tiered_age=self._age(held, at))

    def _upload(self, held: OwnerSum, at: datetime, *, ahead: bool = False) -> UploadSum:
        day = at.date()
        days = held.ahead if ahead else held.uploads
        found = days.get(day)
        if found is None:
            held = self._new_day(held)
            found = (held.ahead if ahead else held.uploads).setdefault(day, UploadSum())
        return found

    def _new_day(self, held: OwnerSum) -> OwnerSum:
        """The sum that a new day of an owner belongs to. Owners beyond MOST_DAYS share one for each day."""
        self._days += 1
        if self._days <= MOST_DAYS:
            return held
        key = held.key._replace(org=OTHER, namespace=OTHER)
        return self._others.get(key) or self._others.setdefault(key, self._new_sum(key))

    def _add_download(self, org: str, day: date, size_bytes: int) -> None:
        by_org = self.downloads.setdefault(self._open_day(day), {})
        name = org if org in by_org or len(by_org) < MOST_OWNERS else OTHER
        by_org[name] = by_org.get(name, 0) + size_bytes

    def _open_day(self, day: date) -> date:
        """A request that was reported late counts on the first open day, and one at the very end on the last."""
        last = (self.window.now - timedelta(microseconds=1)).date()
        return min(max(day, self.window.since.date()), last)

    # Results

    def uploads(self) -> Iterator[tuple[OwnerKey, date, UploadSum]]:
        """Uploads in the window. A key and day may come twice."""
        return ((held.key, day, upload) for held in self._all_sums() for day, upload in held.uploads.items())

    def ahead(self) -> Iterator[tuple[OwnerKey, date, UploadSum]]:
        """Uploads during the count."""
        return ((held.key, day, upload) for held in self._all_sums() for day, upload in held.ahead.items())

    def young(self) -> Iterator[tuple[OwnerKey, date, StockSum]]:
        """Objects in a class with a minimum duration that is not over, by day of upload."""
        return ((held.key, day, young) for held in self._all_sums() for day, young in held.young.items())

    def _all_sums(self) -> Iterator[OwnerSum]:
        yield from self.sums.values()
        yield from self._others.values()


def writes_of(etag: str) -> int:
    """Number of write requests for an object. The ETag of a multipart upload in S3 contains its number of parts."""
    _, mark, parts = etag.strip('"').rpartition("-")
    return int(parts) + 2 if mark and parts.isascii() and parts.isdecimal() else 1
