"""Sums over a bucket listing by owner. Memory use grows with the number of owners, not of objects."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple

from recording_operator.api.keytemplate import exact_fields, key_pattern, unescape_id
from recording_operator.costs.arrivals import MOST_OWNERS, OTHER, Amount, Arrivals, UploadDay, Window, earliest
from recording_operator.costs.index import RecordingIndex
from recording_operator.costs.keyspaces import KeyClaim
from recording_operator.costs.profile import Profile, StorageClassPrice

UNKNOWN: Final = "(unknown)"
"""Never the name of an organisation or namespace, because these do not begin with a parenthesis."""


class Holding(NamedTuple):
    """Key of stored bytes: where they are and who owns them."""

    storage_location: str
    storage_class: str
    org: str
    namespace: str


class OpenPart(NamedTuple):
    """A part of an open multipart upload."""

    size_bytes: int
    uploaded_at: datetime


class ClassDay(NamedTuple):
    """Key of bytes in a class with a minimum duration, by the day of their upload."""

    storage_location: str
    storage_class: str
    day: date


@dataclass(slots=True)
class Usage:
    """Everything that was counted."""

    held: dict[Holding, Amount] = field(default_factory=dict)
    arrivals: Arrivals = field(default_factory=Arrivals)
    young: dict[ClassDay, int] = field(default_factory=dict)
    """Billable bytes younger than the minimum duration of their class."""
    downloads: dict[str, dict[date, dict[str, int]]] = field(default_factory=dict)
    """Bytes downloaded by location, day and organisation, of the locations that count them."""
    orphaned_bytes: int = 0
    incomplete_bytes: int = 0
    unsized_uploads: set[str] = field(default_factory=set)
    """Locations with more open uploads than were counted."""
    foreign_bytes: int = 0
    unattributed_bytes: int = 0
    """Bytes that may belong to the scope, because their owner is unknown. Not included in any other number."""
    unattributed_young: dict[ClassDay, int] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    """By listed location: identifies what was counted there. Only equal values can be compared.

    If another location counts its objects, the name of that location."""

    def amount(self, holding: Holding) -> Amount:
        """The amount for a holding. Owners beyond MOST_OWNERS share one amount."""
        found = self.held.get(holding)
        if found is None:
            if len(self.held) >= MOST_OWNERS:
                holding = holding._replace(org=OTHER, namespace=OTHER)
            found = self.held.setdefault(holding, Amount())
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a report includes. An empty set includes all."""

    orgs: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    storage_locations: frozenset[str] = frozenset()

    @property
    def mark(self) -> str:
        """Identifies the scope."""
        parts = [sorted(part) for part in (self.orgs, self.namespaces, self.storage_locations)]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()

    def holds(self, *, org: str, namespace: str) -> bool:
        """Whether an owner is included."""
        return (not self.orgs or org in self.orgs) and (not self.namespaces or namespace in self.namespaces)

    def might_hold(self, *, org: str, namespace: str) -> bool:
        """Whether an owner may be included, if its organisation or namespace is unknown."""
        return (not self.orgs or org in self.orgs or org == UNKNOWN) and (
            not self.namespaces or namespace in self.namespaces or namespace == UNKNOWN
        )


class LocationTally:
    """Adds up the bucket listing of one location. `add` is called for every object, so it must be fast."""

    def __init__(
        self,
        usage: Usage,
        *,
        location: str,
        prefix: str,
        key_template: str,
        claims: tuple[KeyClaim, ...],
        profile: Profile,
        index: RecordingIndex,
        scope: Scope,
        window: Window,
        org_of: Callable[[str, str], str | None] | None = None,
    ) -> None:
        """`claims` are the keys that other locations of the same bucket count.

        `org_of` returns, for key and uid, the organisation of an object if neither key nor Recording shows it; None
        if it is unknown.
        """
        self._usage = usage
        self._location = location
        usage.arrivals.locations.add(location)
        self._pattern = key_pattern(prefix=prefix, template=key_template)
        exact = exact_fields(key_template)
        self._org_in_key, self._namespace_in_key = "org" in exact, "namespace" in exact
        self._claims = claims
        self._claimed = tuple(claim.prefix for claim in claims)
        self._price_of = profile.price_of
        self._default_class = profile.default_storage_class
        self._index = index
        self._scope = scope
        self._window = window
        self._earliest = earliest(window)
        self._org_of = org_of
        self._org_by_uid: dict[str, str] = {}
        self._folder = ""
        self._folder_owner: tuple[str, str, bool] | None = None
        self._amounts: dict[tuple[str, str, str], Amount] = {}
        self._young_since = {
            name: window.now.date().toordinal() - price.min_days
            for name, price in profile.storage_classes.items()
            if price.min_days
        }
        others = profile.other_classes
        others_since = window.now.date().toordinal() - others.min_days if others and others.min_days else None
        self._others_young_since = others_since
        self._basis = (prefix, key_template, [claim.mark for claim in claims], scope.mark)

    def add(
        self, key: str, *, size_bytes: int, storage_class: str | None, last_modified: datetime, etag: str = ""
    ) -> None:
        """Count one object."""
        owner = self._owner(key, read_object=True)
        if owner is None:
            # Within another location's prefix, that location decides whether the object is foreign.
            self._usage.foreign_bytes += 0 if self._claimed and key.startswith(self._claimed) else size_bytes
            return
        org, namespace, known = owner
        name = storage_class or self._default_class
        price = self._price_of(name)
        billable = size_bytes if price is None else price.billable_bytes(size_bytes)
        young_since = self._young_since.get(name, self._others_young_since)
        young = young_since is not None and last_modified.toordinal() > young_since
        if not self._scope.holds(org=org, namespace=namespace):
            if self._scope.might_hold(org=org, namespace=namespace):
                self._usage.unattributed_bytes += size_bytes
                if young:
                    day = ClassDay(self._location, name, last_modified.date())
                    _add(self._usage.unattributed_young, day, billable)
            return
        self._amount(name, org, namespace).add(size_bytes, billable)
        # A Recording that was created after the listing began is not missing.
        if not known and last_modified < self._index.listed_from:
            self._usage.orphaned_bytes += size_bytes
        if last_modified > self._earliest:
            upload = UploadDay(self._location, name, org, last_modified.date())
            amount = Amount(writes_of(etag), size_bytes, billable)
            self._usage.arrivals.add(upload, amount, last_modified, self._window)
        if young:
            _add(self._usage.young, ClassDay(self._location, name, last_modified.date()), billable)

    def was_listed(self) -> None:
        """All objects were added: what the last sample had of this location and this one has not was deleted."""
        mark = hashlib.blake2b(json.dumps(self._basis).encode(), digest_size=8).hexdigest()
        self._usage.bases[self._location] = mark

    def _amount(self, storage_class: str, org: str, namespace: str) -> Amount:
        """The sum for a holding: plain tuples find it faster than the names of its parts."""
        key = (storage_class, org, namespace)
        found = self._amounts.get(key)
        if found is None:
            found = self._usage.amount(Holding(self._location, *key))
            if len(self._amounts) < MOST_OWNERS:
                self._amounts[key] = found
        return found

    def add_incomplete(self, key: str, *, parts: Iterable[OpenPart], storage_class: str | None) -> None:
        """Count the parts of an open multipart upload. Each is billed like an object from the time of its upload."""
        owner = self._owner(key)
        if owner is None or not self._scope.holds(org=owner[0], namespace=owner[1]):
            return
        name = storage_class or self._default_class
        amount = self._usage.amount(Holding(self._location, name, owner[0], owner[1]))
        for part in parts:
            self._usage.incomplete_bytes += part.size_bytes
            amount.add(part.size_bytes, part.size_bytes, 0, incomplete_bytes=part.size_bytes)
            uploaded_at = min(part.uploaded_at, self._window.now)  # a part that was uploaded during the count
            upload = UploadDay(self._location, name, owner[0], uploaded_at.date())
            self._usage.arrivals.add_part(upload, part.size_bytes, uploaded_at, self._window)

    def add_download(self, key: str, *, day: date, size_bytes: int) -> None:
        """Count a download of a key, even if its object no longer exists."""
        owner = self._owner(key)
        if owner is None or not self._scope.holds(org=owner[0], namespace=owner[1]):
            return
        # A request that was reported late counts on the first open day.
        by_org = self._usage.downloads.setdefault(self._location, {}).setdefault(
            max(day, self._window.since.date()), {}
        )
        org = owner[0] if owner[0] in by_org or len(by_org) < MOST_OWNERS else OTHER
        by_org[org] = by_org.get(org, 0) + size_bytes

    def _owner(self, key: str, *, read_object: bool = False) -> tuple[str, str, bool] | None:
        """Organisation, namespace, and whether the Recording exists; None for a foreign key."""
        if self._claimed and key.startswith(self._claimed) and any(claim.holds(key) for claim in self._claims):
            return None
        # Objects of one Recording usually share a folder and follow each other in the listing.
        folder = key[: key.rfind("/")]
        if folder == self._folder:
            return self._folder_owner
        found = self._pattern.fullmatch(key) if self._pattern else None
        if found is None:
            return None
        org, namespace, known = self._index.owner(found["uid"])
        if org is None and not self._org_in_key:
            org = self._org_from_object(key, found["uid"], read_object=read_object)
        owner = (
            unescape_id(found["org"]) if self._org_in_key else org or UNKNOWN,
            found["namespace"] if self._namespace_in_key else namespace or UNKNOWN,
            known,
        )
        if found["uid"] in folder:
            self._folder, self._folder_owner = folder, owner
        return owner

    def _org_from_object(self, key: str, uid: str, *, read_object: bool) -> str | None:
        org = self._org_by_uid.get(uid)
        if org is None and read_object and self._org_of is not None:
            org = self._org_of(key, uid)
            if org is not None and len(self._org_by_uid) < MOST_OWNERS:
                self._org_by_uid[uid] = org
        return org


def _add(sums: dict[ClassDay, int], day: ClassDay, size_bytes: int) -> None:
    sums[day] = sums.get(day, 0) + size_bytes


def writes_of(etag: str) -> int:
    """Number of write requests for an object. The ETag of a multipart upload in S3 contains its number of parts."""
    _, mark, parts = etag.strip('"').rpartition("-")
    return int(parts) + 2 if mark and parts.isascii() and parts.isdecimal() else 1


def billable_of(price: StorageClassPrice | None) -> Callable[[int], int]:
    """The function that returns the billed size of an object."""
    return price.billable_bytes if price is not None else lambda size_bytes: size_bytes
