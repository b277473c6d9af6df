"""Recordings that were rebuilt: each has another uid in Kubernetes than in the metadata of its objects.

The row that was made of the manifest of the lost one is about the same Recording.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, select

from recording_operator.catalog.tables import RECORDINGS

OWNER: Final = ("namespace", "name", "org", "user", "project")
"""Anyone may write any `spec.identity`: both must be of the same owner."""


def former_uids(connection: Connection, rebuilt: Collection[str] | None = None) -> list[str]:
    """The uids of rows that rebuilt Recordings replace: all of them, or those with these uids."""
    former, now = RECORDINGS.alias("former"), RECORDINGS.alias("rebuilt")
    query = (
        select(former.c.uid)
        .join(now, former.c.uid == now.c.stored_uid)
        .where(now.c.uid != now.c.stored_uid, ~former.c.in_cluster)
        .where(*(former.c[name] == now.c[name] for name in OWNER))
    )
    if rebuilt is not None:
        query = query.where(now.c.uid.in_(list(rebuilt)))
    return list(connection.scalars(query))
