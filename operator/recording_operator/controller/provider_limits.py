"""How often providers are queried: the rate limit of each API Secret, and pauses after failures.

A provider that cannot be queried now raises ProviderError with the time to wait, so nothing blocks.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recordingsource import ProviderName
from recording_operator.backoff import exponential_s
from recording_operator.providers.provider import ProviderError

_FAILURES: Final = 3
"""After so many failures in a row, the provider is not queried for a while."""
_FIRST_PAUSE_S: Final = 10.0
_LONGEST_PAUSE_S: Final = 300.0
_LONGEST_RETRY_AFTER_S: Final = 900.0
DENIED_FOR_S: Final = 3600.0
"""After a denial, the provider is queried again when the Secret or the RecordingSource has changed, or after this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRate:
    """Requests that a provider permits. `burst` of them may come at once."""

    per_minute: float
    burst: int


_DEFAULT: Final = RequestRate(per_minute=60, burst=10)
# Low on purpose: the application may use the same key.
RATES: Final[Mapping[ProviderName, RequestRate]] = {
    ProviderName.RECALL: RequestRate(per_minute=200, burst=50),
    ProviderName.ZOOM: RequestRate(per_minute=120, burst=20),
    ProviderName.FIREFLIES: RequestRate(per_minute=30, burst=5),
}


def rate_of(provider: ProviderName) -> RequestRate:
    """The rate at which a provider is queried with one key."""
    return RATES.get(provider, _DEFAULT)


@dataclass(slots=True)
class ProviderAccount:
    """One API Secret: what its provider permits, and what it responded last. Thread-safe."""

    rate: RequestRate
    _tokens: float = -1.0
    _at_s: float = 0.0
    _failures: int = 0
    _paused_until_s: float = 0.0
    _denied_access: str | None = None
    _denied_until_s: float = 0.0
    _denial: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, access: str, now_s: float) -> None:
        """Take a request out of the limit. Raises ProviderError if there is none.

        `access` identifies key and endpoint.
        """
        with self._lock:
            if access == self._denied_access and now_s < self._denied_until_s:
                raise ProviderError(Reason.PROVIDER_DENIED, self._denial)
            if now_s < self._paused_until_s:
                message = "The provider's API has failed repeatedly or queried for a pause. It is queried again later."
                raise unavailable(message, wait_s=self._paused_until_s - now_s)
            self._fill(now_s)
            if self._tokens < 1:
                wait_s = (1 - self._tokens) * 60 / self.rate.per_minute
                raise unavailable("Other Recordings use the rate limit of the provider's API now.", wait_s=wait_s)
            self._tokens -= 1

    def succeeded(self) -> None:
        """The provider has responded, if only that it has no such recording, or that the key may not read it."""
        with self._lock:
            self._failures, self._denied_access = 0, None

    def failed(self, error: ProviderError, access: str, now_s: float) -> None:
        """The provider is unavailable or denies access."""
        with self._lock:
            if error.reason is Reason.PROVIDER_DENIED:
                self._denied_access, self._denied_until_s, self._denial = access, now_s + DENIED_FOR_S, error.message
                return
            self._failures += 1
            pause_s = min(error.retry_after_s or 0.0, _LONGEST_RETRY_AFTER_S)
            if self._failures >= _FAILURES:
                longer = self._failures - _FAILURES + 1
                pause_s = max(pause_s, exponential_s(longer, first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S))
            self._paused_until_s = now_s + pause_s

    def _fill(self, now_s: float) -> None:
        if self._tokens < 0:
            self._tokens = self.rate.burst
        else:
            self._tokens += (now_s - self._at_s) * self.rate.per_minute / 60
        self._tokens, self._at_s = min(self._tokens, self.rate.burst), now_s


def unavailable(message: str, *, wait_s: float | None = None) -> ProviderError:
    """The provider cannot be queried now."""
    return ProviderError(Reason.PROVIDER_UNAVAILABLE, message, retry_after_s=wait_s)
