"""What a report includes: a filter over charges and volumes, which are the same in every report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from recording_operator.api.storagereport import ReportScope
from recording_operator.usage.sample import OTHER, UNKNOWN, OwnerKey

_MOST_NAMED: Final = 5
_NOT_KNOWN = frozenset([UNKNOWN, OTHER])


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeFilter:
    """Decides what is included. An empty set includes all."""

    orgs: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()

    @classmethod
    def of(cls, scope: ReportScope) -> "ScopeFilter":
        """The filter of a report's scope."""
        return cls(
            orgs=frozenset(scope.orgs),
            namespaces=frozenset(scope.namespaces),
            locations=frozenset(scope.storage_locations),
        )

    def includes_location(self, name: str) -> bool:
        """Whether the location is included."""
        return not self.locations or name in self.locations

    def includes_owner(self, org: str, namespace: str) -> bool:
        """Whether usage of the owner is included."""
        return (not self.orgs or org in self.orgs) and (not self.namespaces or namespace in self.namespaces)

    def includes(self, location: str, key: OwnerKey) -> bool:
        """Whether usage of the owner in the location is included."""
        return self.includes_location(location) and self.includes_owner(key.org, key.namespace)

    def may_include(self, org: str, namespace: str) -> bool:
        """Whether usage is not included, but would be if its owner were known and belonged to the scope."""
        if self.includes_owner(org, namespace):
            return False
        return (not self.orgs or org in self.orgs | _NOT_KNOWN) and (
            not self.namespaces or namespace in self.namespaces | _NOT_KNOWN
        )


def with_deleted(scope: ReportScope, deleted: Mapping[str, str]) -> ReportScope:
    """The scope with deleted locations: those that had one of its names. `deleted` has the name that each had."""
    names = tuple(key for key, name in deleted.items() if name in scope.storage_locations)
    return scope.model_copy(update={"storage_locations": (*scope.storage_locations, *names)})


def scope_of(scope: ReportScope | None) -> str:
    """What a report includes."""
    if scope is None or scope == ReportScope():
        return "everything"
    parts = (
        ("organisations", scope.orgs),
        ("namespaces", scope.namespaces),
        ("StorageLocations", scope.storage_locations),
    )
    return "; ".join(f"{kind} {some_of(names)}" for kind, names in parts if names)


def some_of(names: tuple[str, ...]) -> str:
    """The first of these names, and how many more there are."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
