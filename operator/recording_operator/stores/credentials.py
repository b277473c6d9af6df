"""The access keys of a store."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCredentials:
    """A key pair, with a session token if it is temporary. `repr` shows none of it."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
