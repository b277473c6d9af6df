"""The tables of the catalog. Times are milliseconds since 1970 in UTC, the same in every database."""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
    true,
)

from recording_operator.catalog.text import LONGEST_WORD

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

_ID: Final = BigInteger().with_variant(Integer, "sqlite")
"""Only INTEGER is an alias of the row's number in SQLite."""
_WORD: Final = String(LONGEST_WORD).with_variant(String(LONGEST_WORD, collation="C"), "postgresql")
"""In the order of code points, so that a beginning is a range."""

RECORDINGS: Final = Table(
    "recordings",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("uid", String(64), nullable=False, unique=True),
    Column("namespace", String(63), nullable=False),
    Column("name", String(253), nullable=False),
    Column("org", String(128), nullable=False),
    Column("user", String(128), nullable=False),
    Column("project", String(128), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("location", String(253), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("size_order", BigInteger, nullable=False),
    Column("search", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("progress", String(16), nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("completed", BigInteger),
    Column("expires", BigInteger),
    Column("size_bytes", BigInteger),
    Column("bytes_done", BigInteger),
    Column("stored_uid", String(64), nullable=False),
    Column("stored_created", BigInteger),
    Column("in_cluster", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("downloads", BigInteger, nullable=False, server_default="0"),
    Column("downloaded_bytes", BigInteger, nullable=False, server_default="0"),
    Column("message", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("artifacts", JSON, nullable=False),
    Index(None, "created", "id"),
    Index(None, "namespace", "created", "id"),
    Index(None, "org", "created", "id"),
    Index(None, "user", "created", "id"),
    Index(None, "project", "created", "id"),
    Index(None, "phase", "created", "id"),
    Index(None, "location", "created", "id"),
    Index(None, "size_order", "id"),
    Index(None, "namespace", "size_order", "id"),
    Index(None, "downloads", "id"),
    Index(None, "namespace", "downloads", "id"),
    Index(None, "namespace", "phase", "created", "id"),
    Index(None, "org", "phase", "created", "id"),
    Index(None, "namespace", "name"),
    Index(None, "stored_uid"),
    Index(
        "ix_recordings_in_cluster",
        "namespace",
        "phase",
        "created",
        "in_cluster",
        sqlite_where=text("in_cluster = 1"),
        postgresql_where=text("in_cluster"),
    ),
    Index(
        "ix_recordings_expiring",
        "expires",
        "uid",
        "phase",
        sqlite_where=text("in_cluster = 1"),
        postgresql_where=text("in_cluster"),
    ),
    Index(
        "ix_recordings_rebuilt",
        "stored_uid",
        sqlite_where=text("uid != stored_uid"),
        postgresql_where=text("uid != stored_uid"),
    ),
    comment="One row for each Recording, also if it is no longer in Kubernetes.",
)
"""`id` breaks ties between rows of the same time, and is what `words` refers to. `size_order` is `size_bytes`, or -1
where that is unknown: databases do not agree where NULL sorts. `search` has the words with a space around each. Columns
that a search reads come before those that can be long.

`uid` is that of the object in Kubernetes; `stored_uid` the one in the metadata of its objects. `stored_created` is the
time in the keys of its objects, if that is not `created`. `version` is the resourceVersion of the state, 0 for one that
was read from a manifest. `downloads` and `downloaded_bytes` are the sums of the table `downloads`.
"""

WORDS: Final = Table(
    "words",
    METADATA,
    Column("word", _WORD, primary_key=True),
    Column("created", BigInteger, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    comment="The Recordings that have a word, in order of time.",
    sqlite_with_rowid=False,
)
"""`created` and `id` are those of the row in `recordings`."""

MANIFESTS: Final = Table(
    "manifests",
    METADATA,
    Column("location", String(253), primary_key=True),
    Column("key", String(1024), primary_key=True),
    Column("etag", String(128), nullable=False),
    Column("uid", String(64), nullable=False, index=True),
    Column("seen", BigInteger, nullable=False),
    Index(None, "location", "seen"),
    comment="The manifests in the buckets that were read, each with the time of the last listing that had it.",
)

DOWNLOADS: Final = Table(
    "downloads",
    METADATA,
    Column("location", String(253), primary_key=True),
    Column("uid", String(64), primary_key=True, index=True),
    Column("requests", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("exact", Boolean, nullable=False, server_default=true()),
    comment="Recent downloads, by StorageLocation and the uid in the keys of the objects.",
)

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
    Column("owner", String(64), nullable=False, server_default="", index=True),
    comment="Browser sessions: the user's token, encrypted with a key that only the cookie has.",
)

KEYS: Final = Table(
    "keys",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    comment="Keys that all replicas of the console share.",
)
