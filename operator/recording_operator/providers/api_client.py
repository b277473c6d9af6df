"""Requests to the APIs of providers. What a response means is decided here, once for all providers.

    401, 402, blocked by the policy             ProviderDenied: a person must act
    403                                         ProviderDenied for this recording: others may be accessible
    408, 421, 425, 429, 5xx, no response        ProviderUnavailable: later, without spending an attempt
    other 4xx                                   ProviderHasNoMedia: the recording does not exist, or not yet

Messages contain the host of the endpoint and the status. They contain no path, key or content.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from recording_operator.api.reasons import Reason
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.errors import BlockedError, EgressError, InvalidHeaderError, InvalidUrlError
from recording_operator.egress.http1.head import Head
from recording_operator.egress.url import parse_url
from recording_operator.http_dates import parse_retry_after
from recording_operator.providers.provider import ProviderError
from recording_operator.stopping import Deadline, Stopped, StopSignal

MOST_RESPONSE_BYTES: Final = 4 * 2**20
_LONGEST_RETRY_AFTER_S: Final = 900.0
_DEADLINE_S: Final = 60.0
"""For a whole request. The minimum rate of the source policy would permit hours."""
_DENIED: Final = frozenset({401, 402})
_FORBIDDEN: Final = 403
_TRANSIENT: Final = frozenset({408, 421, 425, 429})


def segment(provider_id: str) -> str:
    """An id as one segment of a path."""
    return quote(provider_id, safe="")


def credential(credentials: Mapping[str, str], key: str) -> str:
    """The value of one key of the Secret in `spec.api.secretRef`. Raises ProviderError if it is missing."""
    value = credentials.get(key, "").strip()
    if not value:
        raise ProviderError(
            Reason.PROVIDER_DENIED, f"The Secret in spec.api.secretRef has no key {key}. Expected the key of the API."
        )
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressApiClient:
    """The API of one source. Implements `ApiClient`."""

    dialer: Dialer
    endpoint: str
    credentials: Mapping[str, str] = field(repr=False)
    stop: StopSignal
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def get_json(self, path: str, *, headers: Mapping[str, str], endpoint: str = "") -> Any:
        """GET `path` and return the JSON of the response. Raises ProviderError and Stopped."""
        url = joined(endpoint or self.endpoint, path)
        return self._requested(lambda stop: self._get(url, headers, stop))

    def post_json(
        self, path: str, *, headers: Mapping[str, str], body: bytes, content_type: str, endpoint: str = ""
    ) -> Any:
        """POST `body` to `path` and return the JSON of the response. Raises ProviderError and Stopped."""
        url = joined(endpoint or self.endpoint, path)
        return self._requested(lambda stop: self._post(url, headers, body, content_type, stop))

    def _get(self, url: str, headers: Mapping[str, str], stop: StopSignal) -> Any:
        accepted = {"Accept": "application/json"}
        with self.dialer.get(url, user_headers=headers, own_headers=accepted, stop=stop) as response:
            self._check(response.host, response.head)
            body = response.read(MOST_RESPONSE_BYTES + 1)
            if len(body) <= MOST_RESPONSE_BYTES:
                response.read(1)  # raises the error that ended the body, if any
            return _json(response.host, body)

    def _post(self, url: str, headers: Mapping[str, str], body: bytes, content_type: str, stop: StopSignal) -> Any:
        response = self.dialer.post(
            url,
            body=body,
            content_type=content_type,
            user_headers={"Accept": "application/json", **headers},
            stop=stop,
            most_bytes=MOST_RESPONSE_BYTES + 1,
        )
        host = parse_url(url).host
        self._check(host, response.head)
        return _json(host, response.body)

    def _requested(self, request: Callable[[StopSignal], Any]) -> Any:
        stop = Deadline(self.stop, within_s=_DEADLINE_S)
        try:
            return request(stop)
        except Stopped:
            if self.stop.is_set():
                raise
            raise _unavailable(f"The API did not respond completely within {_DEADLINE_S:g} s.") from None
        except BlockedError:
            text = "The source policy of the operator does not allow the address of the API."
            raise ProviderError(Reason.PROVIDER_DENIED, f"{text} Correct spec.api.endpoint.") from None
        except InvalidHeaderError:
            text = "A key in the Secret of spec.api has characters that a header cannot contain."
            raise ProviderError(Reason.PROVIDER_DENIED, f"{text} Correct the Secret.") from None
        except EgressError as error:
            raise _unavailable(str(error)) from None

    def _check(self, host: str, head: Head) -> None:
        status = head.status
        if 200 <= status < 300:  # noqa: PLR2004 - the class of success
            return
        seen = f"{host} responded with status {status}."
        if status in _DENIED:
            advice = "Correct the credentials in the Secret of spec.api."
            raise ProviderError(Reason.PROVIDER_DENIED, f"{seen} {advice}")
        if status == _FORBIDDEN:
            advice = "Give the credentials in the Secret of spec.api the right to read this recording."
            raise ProviderError(Reason.PROVIDER_DENIED, f"{seen} {advice}", only_this_recording=True)
        retry_after_s = parse_retry_after(head.get("retry-after"), self.now(), at_most_s=_LONGEST_RETRY_AFTER_S)
        if status in _TRANSIENT or status >= 500 or status < 400:  # noqa: PLR2004 - classes of statuses
            raise _unavailable(seen, retry_after_s=retry_after_s)
        text = "Expected 200 with the files of the recording; it may not exist, or not yet."
        raise ProviderError(Reason.PROVIDER_HAS_NO_MEDIA, f"{seen} {text}", retry_after_s=retry_after_s)


def joined(endpoint: str, path: str) -> str:
    """The URL of `path` below `endpoint`. Raises ProviderError if it would leave it."""
    try:
        base = parse_url(endpoint)
        if "?" in base.target:
            raise InvalidUrlError
    except InvalidUrlError:
        text = "spec.api.endpoint is not the base URL of an API. Expected an address such as https://api.example.com."
        raise ProviderError(Reason.PROVIDER_DENIED, text) from None
    segments = path.partition("?")[0].split("/")
    url = f"{endpoint.rstrip('/')}{path}"
    try:
        parse_url(url)
        if segments[0] or any(part in {".", ".."} for one in segments for part in _levels(one)):
            raise InvalidUrlError
    except InvalidUrlError:
        text = "The id of the recording cannot be part of a URL. Expected an id as the provider makes them."
        raise ProviderError(Reason.PROVIDER_HAS_NO_MEDIA, text) from None
    return url


def _levels(path_segment: str) -> list[str]:
    """The segments that a server may see in one segment, if it decodes it once or twice."""
    once = unquote(path_segment)
    return [*once.split("/"), *unquote(once).replace("\\", "/").split("/")]


def _json(host: str, body: bytes) -> Any:
    if len(body) > MOST_RESPONSE_BYTES:
        limit = f"Expected at most {MOST_RESPONSE_BYTES // 2**20} MiB."
        raise ProviderError(Reason.PROVIDER_HAS_NO_MEDIA, f"{host} sent a larger response. {limit}")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _unavailable(f"{host} sent a response that is not JSON.") from None


def _unavailable(text: str, *, retry_after_s: float | None = None) -> ProviderError:
    message = f"{text} The request is repeated later."
    return ProviderError(Reason.PROVIDER_UNAVAILABLE, message, retry_after_s=retry_after_s)
