"""Compares the catalog with what a complete list of Kubernetes says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, select, update

from recording_operator.catalog.rebuilt import former_uids
from recording_operator.catalog.tables import RECORDINGS
from recording_operator.catalog.transactions import transaction, writing
from recording_operator.catalog.writing import remove_recordings

_ROWS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtfulRow:
    """A row that the list and the catalog say different things about: only Kubernetes itself can tell."""

    uid: str
    namespace: str
    name: str
    version: int


class Reconciler:
    """Finds rows of Recordings that are no longer in Kubernetes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def after_list(self, versions: Mapping[str, int], *, version: int) -> list[DoubtfulRow]:
        """Everything that was listed is written. Note what is gone, and return what may be.

        A row whose version is older than the list, and that is not in it, is gone. A newer one was written by another
        console meanwhile, or the data of the API server was restored from a backup. The same is true of a row that is
        newer than the listed object: it should have been listed so.
        """
        gone: list[str] = []
        doubtful: list[DoubtfulRow] = []
        for row in self._rows_of(list(versions)):
            listed = versions.get(row.uid)
            if listed is None and row.version <= version:
                gone.append(row.uid)
            elif row.version > (version if listed is None else listed):
                doubtful.append(row)
        self._note_gone(gone, version=version)
        self._remove_former()
        return doubtful

    def note_gone(self, row: DoubtfulRow) -> None:
        """It is not in Kubernetes, unless a newer version was written since."""
        self._note_gone([row.uid], version=row.version)

    def forget_versions(self) -> None:
        """Let any version replace every row: Kubernetes counts its versions from an earlier one again."""
        table, last = RECORDINGS.c, 0
        following = select(table.id).order_by(table.id).limit(_ROWS)
        while True:
            with writing(self._engine) as connection:
                ids = list(connection.scalars(following.where(table.id > last)))
                if not ids:
                    return
                some = table.id.between(ids[0], ids[-1])
                connection.execute(update(RECORDINGS).where(some, table.version > 0).values(version=0))
            last = ids[-1]

    def _rows_of(self, listed: Sequence[str]) -> Iterator[DoubtfulRow]:
        """The rows that are in Kubernetes, and those that are listed, but are not in Kubernetes for the catalog."""
        table = RECORDINGS.c
        query = select(table.uid, table.namespace, table.name, table.version)
        with transaction(self._engine) as connection:
            for row in connection.execution_options(yield_per=_ROWS).execute(query.where(table.in_cluster)):
                yield DoubtfulRow(uid=row.uid, namespace=row.namespace, name=row.name, version=row.version)
        for some in _batches(listed):
            with transaction(self._engine) as connection:
                rows = connection.execute(query.where(~table.in_cluster, table.uid.in_(some))).all()
            for row in rows:
                yield DoubtfulRow(uid=row.uid, namespace=row.namespace, name=row.name, version=row.version)

    def _note_gone(self, uids: Sequence[str], *, version: int) -> None:
        table = RECORDINGS.c
        for some in _batches(uids):
            with writing(self._engine) as connection:
                change = update(RECORDINGS).where(table.uid.in_(some), table.version <= version)
                connection.execute(change.values(in_cluster=False, version=version))

    def _remove_former(self) -> None:
        with transaction(self._engine) as connection:
            uids = former_uids(connection)
        for some in _batches(uids):
            with writing(self._engine) as connection:
                remove_recordings(connection, some)


def _batches(uids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(uids), _ROWS):
        yield uids[start : start + _ROWS]
