"""The tables of the catalog. Times are milliseconds since 1970 in UTC, the same in every database."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, LargeBinary, MetaData, String, Table, Text

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

RECORDINGS: Final = Table(
    "recordings",
    METADATA,
    Column("uid", String(64), primary_key=True),
    Column("namespace", String(63), nullable=False),
    Column("name", String(253), nullable=False),
    Column("org", String(128), nullable=False),
    Column("user", String(128), nullable=False),
    Column("project", String(128), nullable=False),
    Column("title", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("progress", String(16), nullable=False),
    Column("location", String(253), nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("completed", BigInteger),
    Column("expires", BigInteger),
    Column("size_bytes", BigInteger),
    Column("bytes_done", BigInteger),
    Column("artifacts", JSON, nullable=False),
    Column("stored_uid", String(64), nullable=False),
    Column("in_cluster", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index(None, "created", "uid"),
    Index(None, "namespace", "created", "uid"),
    Index(None, "org", "created", "uid"),
    Index(None, "phase", "created", "uid"),
    Index(None, "namespace", "name"),
    comment="One row for each Recording, also if it is no longer in Kubernetes.",
)
"""`uid` is that of the object in Kubernetes; `stored_uid` the one in the metadata of its objects. `version` is the
resourceVersion of the state, 0 for one that was read from a manifest.
"""

FEEDS: Final = Table(
    "feeds",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("complete", BigInteger),
    Column("changed", BigInteger),
    comment="When each feed of the catalog last knew everything.",
)

SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires", BigInteger, nullable=False, index=True),
    comment="Browser sessions: the user's token, encrypted with a key that only the cookie has.",
)

KEYS: Final = Table(
    "keys",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    comment="Keys that all replicas of the console share.",
)
