"""The rows of a report: current stock and cost of a day, by organisation, namespace, location or storage class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Self, TypeVar

from recording_operator.api.storagereport import ReportRow
from recording_operator.costs.charges import LocationOwner
from recording_operator.costs.money import ZERO
from recording_operator.usage.sample import OTHER, UNKNOWN, State
from recording_operator.usage.stock import Stock, total


class GroupBy(StrEnum):
    """What a row is about."""

    ORG = "org"
    NAMESPACE = "namespace"
    LOCATION = "location"
    CLASS = "class"

    def of(self, owner: LocationOwner) -> str:
        """The group of an owner."""
        match self:
            case GroupBy.ORG:
                return owner.key.org
            case GroupBy.NAMESPACE:
                return owner.key.namespace or UNKNOWN
            case GroupBy.LOCATION:
                return owner.location
            case GroupBy.CLASS:
                name = owner.key.storage_class or UNKNOWN
                return f"{name} (noncurrent)" if owner.key.state is State.NONCURRENT else name


@dataclass(slots=True, kw_only=True)
class GroupSums:
    """Amounts of a group."""

    def add(self, more: Self) -> None:
        """Add each amount."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(more, one.name))


SumsT = TypeVar("SumsT", bound=GroupSums)


def largest(
    groups: Mapping[str, SumsT], most: int | None, *, size: Callable[[SumsT], tuple[Decimal, int]]
) -> dict[str, SumsT]:
    """The largest groups by name, and (other): the sum of the rest."""

    def rank(name: str) -> tuple[Decimal, int, str]:
        cost, amount = size(groups[name])
        return -cost, -amount, name

    named = sorted(groups.keys() - {OTHER}, key=rank)[:most]
    found = {name: groups[name] for name in named}
    for name in groups.keys() - found.keys():
        found.setdefault(OTHER, type(groups[name])()).add(groups[name])
    return found


@dataclass(slots=True, kw_only=True)
class _RowSums(GroupSums):
    cost: Decimal = ZERO
    objects: int = 0
    size_bytes: int = 0
    recordings: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """The current stock in scope and the cost of a day, by owner."""

    stock: Mapping[LocationOwner, Stock]
    costs: Mapping[LocationOwner, Decimal]

    def rows(self, by: GroupBy, recordings: Mapping[str, int], *, most: int) -> tuple[ReportRow, ...]:
        """Rows grouped by `by`, the largest first: at most `most`, and (other) for the rest."""
        sums = {name: _RowSums(recordings=count) for name, count in recordings.items()}
        for owner, stock in self.stock.items():
            into = sums.setdefault(by.of(owner), _RowSums())
            into.objects += stock.objects if owner.key.state is not State.INCOMPLETE else 0
            into.size_bytes += stock.size_bytes
        for owner, cost in self.costs.items():
            if cost or owner in self.stock:
                sums.setdefault(by.of(owner), _RowSums()).cost += cost
        return tuple(
            ReportRow(name=name, recordings=of.recordings, objects=of.objects, bytes=of.size_bytes, cost=of.cost)
            for name, of in largest(sums, most, size=lambda one: (one.cost, one.size_bytes)).items()
        )

    def in_state(self, state: State) -> Stock:
        """The stock in a state."""
        return total(stock for owner, stock in self.stock.items() if owner.key.state is state)
