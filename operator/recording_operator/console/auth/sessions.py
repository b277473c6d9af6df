"""Browser sessions. The database has the user's token encrypted, and only the cookie has the key.

Neither the database nor a cookie alone gives the token. The cookie is a random secret and its signature: the id in the
database, the key of the encryption and the CSRF token are derived from it, each for one purpose. The signature keeps
made-up cookies away from the database.
"""

import hashlib
import hmac
import json
import secrets
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from recording_operator.catalog.sessions import SessionTable, StoredSession

_SECRET_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_CLEAN_EVERY: Final = timedelta(minutes=10)
_COOKIE_CHARACTERS: Final = 64
"""The length of a cookie: 48 bytes in base64, which need no padding."""
_MOST_OF_ONE: Final = 50
"""Sessions of one user. Each holds a token in the database, and logging in is all that it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How long sessions last: `idle` without a request, `longest` in any case. Never longer than the token."""

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sealed:
    token: str = field(repr=False)
    ends: float
    """Seconds since 1970."""


class BrowserSessions:
    """Begins, opens and ends sessions. Thread-safe; any number of consoles may share the table."""

    def __init__(
        self,
        table: SessionTable,
        *,
        keys: Callable[[], Sequence[bytes]],
        now: Callable[[], datetime],
        limits: SessionLimits = SessionLimits(),
    ) -> None:
        """`keys` are shared by all replicas. The first one signs; cookies that any of them has signed may be valid."""
        self._table = table
        self._keys = keys
        self._now = now
        self._limits = limits
        self._lock = threading.Lock()
        self._clean_after = datetime.min.replace(tzinfo=UTC)

    def begin(self, token: str, *, owner: str) -> str:
        """Store a new session for the token, and return the value of its cookie.

        The sessions of `owner` that would end first are deleted, if there are too many.
        """
        secret, now, key = secrets.token_bytes(_SECRET_BYTES), self._now(), self._keys()[0]
        cookie = _encoded(secret + _signature(secret, key))
        ends = min(now + self._limits.longest, _expiry_of(token) or datetime.max.replace(tzinfo=UTC))
        session_id = _derived(cookie, "id").hex()
        sealed = _seal(cookie, session_id, _Sealed(token=token, ends=ends.timestamp()))
        expires = min(now + self._limits.idle, ends)
        stored = StoredSession(id=session_id, owner=_owner_id(owner, key), sealed=sealed, expires=expires)
        self._table.add(stored, most=_MOST_OF_ONE)
        self._clean(now)
        return cookie

    def open(self, cookie: str) -> str | None:
        """The token in the session of a cookie, which lasts longer by this; None without a session that is valid."""
        if not self._is_signed(cookie):
            return None
        now, session_id = self._now(), _derived(cookie, "id").hex()
        self._clean(now)
        found = self._table.sealed(session_id, now=now)
        opened = None if found is None else _unseal(cookie, session_id, found[0])
        if found is None or opened is None:
            return None
        # The row says when it is idle for too long; the end is sealed, so writing to the database does not move it.
        ends = datetime.fromtimestamp(opened.ends, UTC)
        if ends <= now:
            self._table.remove(session_id)
            return None
        self._stay(session_id, now=now, ends=ends, left=timedelta(milliseconds=found[1]))
        return opened.token

    def end(self, cookie: str) -> None:
        """Delete the session of a cookie, if there is one."""
        if self._is_signed(cookie):
            self._table.remove(_derived(cookie, "id").hex())

    def _is_signed(self, cookie: str) -> bool:
        try:
            value = urlsafe_b64decode(cookie)
        except ValueError:
            return False
        secret, sent = value[:_SECRET_BYTES], value[_SECRET_BYTES:]
        is_signed = any(hmac.compare_digest(sent, _signature(secret, key)) for key in self._keys())
        return is_signed and len(cookie) == _COOKIE_CHARACTERS

    def _stay(self, session_id: str, *, now: datetime, ends: datetime, left: timedelta) -> None:
        """Not at each request: a page sends many."""
        expires = min(now + self._limits.idle, ends)
        if expires - (now + left) > self._limits.idle / 10:
            self._table.extend(session_id, expires=expires)

    def _clean(self, now: datetime) -> None:
        with self._lock:
            if now < self._clean_after:
                return
            self._clean_after = now + _CLEAN_EVERY
        self._table.remove_expired(now=now)


def csrf_of(cookie: str) -> str:
    """The CSRF token of the session with this cookie. It tells nothing about the cookie."""
    return _encoded(_derived(cookie, "csrf"))


def _seal(cookie: str, session_id: str, content: "_Sealed") -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    key = AESGCM(_derived(cookie, "key"))
    return nonce + key.encrypt(nonce, json.dumps(asdict(content)).encode(), session_id.encode())


def _unseal(cookie: str, session_id: str, sealed: bytes) -> "_Sealed | None":
    nonce, encrypted = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _Sealed(**json.loads(AESGCM(_derived(cookie, "key")).decrypt(nonce, encrypted, session_id.encode())))
    except (InvalidTag, ValueError):
        return None


def _derived(cookie: str, purpose: str) -> bytes:
    return hmac.new(cookie.encode(), f"recording-operator console session {purpose}".encode(), hashlib.sha256).digest()


def _signature(secret: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"recording-operator console session cookie" + secret, hashlib.sha256)[:_SIGNATURE_BYTES]


def _owner_id(owner: str, key: bytes) -> str:
    """The database does not say who has sessions."""
    return hmac.new(key, b"recording-operator console session owner" + owner.encode(), hashlib.sha256).hexdigest()


def _encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def _expiry_of(token: str) -> datetime | None:
    """When a JSON web token expires. It is not verified here: the API server does that for every session."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
