"""Keys that all replicas of the console share. Each period has one, which is created in the period before."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, delete, insert, select

from recording_operator.catalog.tables import KEYS
from recording_operator.catalog.transactions import writing

_BYTES: Final = 32


class SharedKeys:
    """The keys for one purpose, the same for all processes with this database. Thread-safe."""

    def __init__(self, engine: Engine, name: str, *, period: timedelta, now: Callable[[], datetime]) -> None:
        """`period`: what is signed is valid for this time at most, so it never needs more than the key before."""
        self._engine = engine
        self._name = name
        self._period_s = period.total_seconds()
        self._now = now
        self._known: tuple[int, tuple[bytes, ...]] = (-1, ())

    def valid(self) -> tuple[bytes, ...]:
        """The key of this period, the next one, and the one before if there was one. Raises CatalogUnavailable.

        The first one signs. A replica whose clock is ahead signs with the next one already.
        """
        period = int(self._now().timestamp() // self._period_s)
        known = self._known
        if known[0] != period:
            known = self._known = (period, self._read(period))
        return known[1]

    def _read(self, period: int) -> tuple[bytes, ...]:
        table, prefix = KEYS.c, f"{self._name}-"
        with writing(self._engine) as connection:
            rows = connection.execute(select(KEYS).where(table.name.startswith(prefix, autoescape=True)))
            found = {int(row.name.removeprefix(prefix)): bytes(row.value) for row in rows}
            if new := [number for number in (period, period + 1) if number not in found]:
                found |= {number: secrets.token_bytes(_BYTES) for number in new}
                old = [f"{prefix}{number}" for number in found if number < period - 1]
                made = [{"name": f"{prefix}{number}", "value": found[number]} for number in new]
                connection.execute(insert(KEYS), made)
                connection.execute(delete(KEYS).where(table.name.in_(old)))
        return tuple(found[number] for number in (period, period + 1, period - 1) if number in found)
