"""The rows of a report: current stock and cost of a day, by organisation, namespace, location or storage class."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from recording_operator.api.storagereport import ReportRow
from recording_operator.costs.charges import LocationOwner
from recording_operator.costs.money import ZERO
from recording_operator.usage.sample import OTHER, UNKNOWN, State
from recording_operator.usage.stock import Stock


@dataclass(slots=True, kw_only=True)
class _Sums:
    cost: Decimal = ZERO
    objects: int = 0
    size_bytes: int = 0
    recordings: int = 0

    def add(self, more: "_Sums") -> None:
        self.cost += more.cost
        self.objects += more.objects
        self.size_bytes += more.size_bytes
        self.recordings += more.recordings


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """The current stock in scope and the cost of a day, by owner."""

    stock: Mapping[LocationOwner, Stock]
    costs: Mapping[LocationOwner, Decimal] = field(default_factory=dict)

    def rows(self, by: Callable[[LocationOwner], str], recordings: Mapping[str, int], *, most: int) -> list[ReportRow]:
        """Rows grouped by `by`, the largest first: at most `most`, and (other) for the rest."""
        sums: dict[str, _Sums] = {name: _Sums(recordings=count) for name, count in recordings.items()}
        for owner, stock in self.stock.items():
            into = sums.setdefault(by(owner), _Sums())
            into.objects += stock.objects if owner.key.state is not State.INCOMPLETE else 0
            into.size_bytes += stock.size_bytes
        for owner, cost in self.costs.items():
            if cost or owner in self.stock:
                sums.setdefault(by(owner), _Sums()).cost += cost
        named = sorted(sums.keys() - {OTHER}, key=lambda name: (-sums[name].cost, -sums[name].size_bytes, name))[:most]
        rest = sums.keys() - set(named)
        found = [_row(name, sums[name]) for name in named]
        return [*found, _row(OTHER, _total(sums[name] for name in rest))] if rest else found

    def objects(self, state: State) -> int:
        """The number of objects in a state."""
        return sum(stock.objects for owner, stock in self.stock.items() if owner.key.state is state)

    def size_bytes(self, state: State) -> int:
        """The bytes in a state."""
        return sum(stock.size_bytes for owner, stock in self.stock.items() if owner.key.state is state)


def class_name(owner: LocationOwner) -> str:
    """The name of the row of a storage class."""
    name = owner.key.storage_class or UNKNOWN
    return f"{name} (noncurrent)" if owner.key.state is State.NONCURRENT else name


def _row(name: str, sums: _Sums) -> ReportRow:
    return ReportRow(name=name, recordings=sums.recordings, objects=sums.objects, bytes=sums.size_bytes, cost=sums.cost)


def _total(parts: Iterable[_Sums]) -> _Sums:
    total = _Sums()
    for part in parts:
        total.add(part)
    return total
