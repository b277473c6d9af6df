"""Compares the catalog with what a complete list of Kubernetes says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, bindparam, select, update

from recording_operator.catalog.tables import RECORDINGS
from recording_operator.catalog.transactions import transaction, writing

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
        for row in self._in_kubernetes():
            listed = versions.get(row.uid)
            if listed is None and row.version <= version:
                gone.append(row.uid)
            elif row.version > (version if listed is None else listed):
                doubtful.append(row)
        self._note_gone(gone, version=version)
        return doubtful

    def note_gone(self, row: DoubtfulRow) -> None:
        """It is not in Kubernetes, unless a newer version was written since."""
        self._note_gone([row.uid], version=row.version)

    def forget_versions(self) -> None:
        """Let any version replace every row: Kubernetes counts its versions from an earlier one again."""
        with writing(self._engine) as connection:
            connection.execute(update(RECORDINGS).values(version=0))

    def _in_kubernetes(self) -> Iterator[DoubtfulRow]:
        table = RECORDINGS.c
        query = select(table.uid, table.namespace, table.name, table.version).where(table.in_cluster)
        with transaction(self._engine) as connection:
            for row in connection.execution_options(yield_per=_ROWS).execute(query):
                yield DoubtfulRow(uid=row.uid, namespace=row.namespace, name=row.name, version=row.version)

    def _note_gone(self, uids: list[str], *, version: int) -> None:
        if not uids:
            return
        table = RECORDINGS.c
        change = update(RECORDINGS).where(table.uid == bindparam("gone"), table.version <= version)
        with writing(self._engine) as connection:
            connection.execute(change.values(in_cluster=False, version=version), [{"gone": uid} for uid in uids])
