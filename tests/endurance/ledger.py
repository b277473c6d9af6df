"""The API server of these tests, in one file that survives kills: Recordings, their phases, their uploads."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recording_operator.transfer.observer import UploadState

_SCHEMA = """
CREATE TABLE recordings (
  number INTEGER PRIMARY KEY, uid TEXT UNIQUE, phase TEXT, holder INTEGER, upload TEXT, not_before REAL DEFAULT 0
);
CREATE TABLE kills (holder INTEGER);
CREATE INDEX by_phase ON recordings (phase, holder);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A Recording that this process works on now. `phase` is Pending or Deleting."""

    number: int
    uid: str
    phase: str
    upload: UploadState | None


class Ledger:
    """Every method is one transaction. A connection for each thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    @classmethod
    def create(cls, path: Path, *, recordings: int) -> "Ledger":
        """A new ledger with so many pending Recordings."""
        ledger = cls(path)
        connection = ledger._connection
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(_SCHEMA)
        rows = [(number, uid_of(number), "Pending") for number in range(recordings)]
        connection.executemany("INSERT INTO recordings (number, uid, phase) VALUES (?, ?, ?)", rows)
        return ledger

    @property
    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = sqlite3.connect(self._path, timeout=60, isolation_level=None)
            # A killed process loses nothing by this; only a crash of the machine would.
            found.execute("PRAGMA synchronous=OFF")
        return found

    def claim(self, holder: int, *, steal: bool) -> Claimed | None:
        """Claim a Recording. With `steal`, one that another process holds, as after a network partition."""
        free = "holder IS NOT NULL AND holder != :holder" if steal else "holder IS NULL"
        row = self._connection.execute(
            f"""UPDATE recordings SET holder = :holder WHERE number = (
                  SELECT number FROM recordings WHERE phase IN ('Pending', 'Deleting') AND {free} AND not_before <= :now
                  ORDER BY phase, not_before, number LIMIT 1)
                RETURNING number, uid, phase, upload""",  # noqa: S608 - both conditions are ours
            {"holder": holder, "now": time.time()},
        ).fetchone()
        if row is None:
            return None
        upload = UploadState(**json.loads(row[3])) if row[3] else None
        return Claimed(number=row[0], uid=row[1], phase=row[2], upload=upload)

    def save_upload(self, number: int, holder: int, state: UploadState) -> bool:
        """Record the open upload. False if this process no longer holds the Recording."""
        return self._change("upload = ?", "phase = 'Pending'", (json.dumps(asdict(state)),), number, holder)

    def end(self, number: int, holder: int, phase: str) -> bool:
        """Record the final phase. False if this process no longer holds the Recording."""
        return self._change("phase = ?, holder = NULL", "1", (phase,), number, holder)

    def give_back(self, number: int, holder: int, *, after_s: float = 0.0) -> None:
        """Release the claim, so that another process can continue."""
        self._change("holder = NULL, not_before = ?", "1", (time.time() + after_s,), number, holder)

    def _change(self, what: str, when: str, values: tuple[Any, ...], number: int, holder: int) -> bool:
        statement = f"UPDATE recordings SET {what} WHERE number = ? AND holder = ? AND {when}"  # noqa: S608 - ours
        return self._connection.execute(statement, (*values, number, holder)).rowcount == 1

    def release(self, holder: int, *, killed: bool) -> None:
        """This process is dead."""
        if killed:
            self._connection.execute("INSERT INTO kills VALUES (?)", (holder,))
        self._connection.execute("UPDATE recordings SET holder = NULL WHERE holder = ?", (holder,))

    def kills(self) -> int:
        """How many processes were killed or terminated."""
        return int(self._connection.execute("SELECT count(*) FROM kills").fetchone()[0])

    def delete(self, number: int, *, phase: str) -> bool:
        """Delete an unfinished Recording as a user would: `Deleting` with the finalizer, `Gone` without."""
        statement = "UPDATE recordings SET phase = ? WHERE number = ? AND phase = 'Pending' AND holder IS NOT NULL"
        return self._connection.execute(statement, (phase, number)).rowcount == 1

    def deleted_of(self, holder: int) -> set[int]:
        """Recordings that this process works on although they were deleted."""
        rows = self._connection.execute(
            "SELECT number FROM recordings WHERE holder = ? AND phase != 'Pending'", (holder,)
        )
        return {row[0] for row in rows}

    def unfinished(self) -> Iterator[dict[str, Any]]:
        """Unfinished Recordings, with the fields that the sweep needs."""
        rows = self._connection.execute("SELECT uid FROM recordings WHERE phase IN ('Pending', 'Deleting')").fetchall()
        return iter([{"metadata": {"uid": row[0]}, "spec": {}} for row in rows])

    def phases(self) -> dict[str, set[str]]:
        """Uids by phase."""
        found: dict[str, set[str]] = {}
        for uid, phase in self._connection.execute("SELECT uid, phase FROM recordings"):
            found.setdefault(phase, set()).add(uid)
        return found

    def count(self, phase: str) -> int:
        """How many are in this phase."""
        return int(self._connection.execute("SELECT count(*) FROM recordings WHERE phase = ?", (phase,)).fetchone()[0])


def uid_of(number: int) -> str:
    """The uid of a Recording, as the API server would make one."""
    return f"00000000-0000-4000-8000-{number:012d}"
