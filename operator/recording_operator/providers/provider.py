"""What a provider of recordings does, and the values that it takes and returns.

A provider is one module here with a class that implements `Provider`; `table.py` names them all. A provider has no
state and makes no decisions: it verifies a delivery, reads it, and asks the provider's API for the media of a
recording. It sees neither Kubernetes nor a store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request to the receiver. Nothing of it is trusted before `Provider.verify` has returned."""

    method: str
    """POST or PUT."""
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case. Of a repeated header, the values are joined with ', '."""
    body: bytes = field(repr=False)
    """The bytes as they were sent. Signatures cover these, and not what a parser makes of them."""


class Rejection(Enum):
    """Why a delivery is not genuine. Metrics name it; the response to the sender does not."""

    NO_SIGNATURE = "no_signature"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_TIME = "wrong_time"
    """The signed time is more than five minutes away from the receiver's clock."""
    NOT_CONFIGURED = "not_configured"
    """The source has no usable verification secret, so nothing can be verified."""


class DeliveryRejected(Exception):  # noqa: N818 - the field's word
    """The delivery is not genuine: the response is 401, without details."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.value)
        self.rejection = rejection


class MalformedDelivery(Exception):  # noqa: N818 - the field's word
    """A genuine delivery that cannot be read: the response is 422. The message names the field, never a value."""


class ProviderError(Exception):
    """The provider's API gives no media now. `reason` is one of the reasons whose name begins with Provider.

    The message says what was seen, what was expected and what to do. It contains no URL, key or response body.
    `only_this_recording` is set if the credentials are valid, and may only not be used for this recording.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        retry_after_s: float | None = None,
        only_this_recording: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s
        self.only_this_recording = only_this_recording


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderObject:
    """An object that a bucket or directory holds already, as LiveKit's egress leaves it."""

    bucket: str | None
    """None if the provider does not say."""
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One file of a recording that the provider offers. It becomes an artifact.

    At most one of `url`, `content` and `stored` is set. If none is, the URL is requested from the API before the
    download.
    """

    name: str
    """Name of the artifact, such as `video`."""
    kind: ArtifactKind
    reference: str = ""
    """The word by which this file is found again in what `fetch_media` returns. Empty: the name."""
    url: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers that the download needs, such as a token. They are sent to the host of the URL only."""
    content: bytes | None = field(default=None, repr=False)
    """The content itself, if the event contains it."""
    stored: ProviderObject | None = None
    content_type: str = ""
    """Empty if the provider does not say: then the type that the source states is taken."""
    size_bytes: int | None = None
    checksum: str | None = None
    """`algorithm:hex`, as in `source.checksum`."""
    expires_at: datetime | None = None
    is_main: bool = False
    """Whether the recording is worthless without it: the video, or the audio of a recording without video. The
    artifact is then required; others are optional."""


class Outcome(Enum):
    """What an event means for the recording."""

    MEDIA = "media"
    """The recording, or a part of it, is available."""
    FAILED = "failed"
    """There will be no recording."""
    IGNORED = "ignored"
    """An event that concerns no file, or one that is not known: it is counted, and the response is 2xx."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a genuine delivery says."""

    kind: str
    """The provider's name of the event, such as `bot.completed`; `unknown` for names that this version does not know,
    so that it can be the label of a metric."""
    outcome: Outcome
    delivery_id: str | None = None
    """Identifies the delivery: the same for each redelivery. None if the provider sends none."""
    recording_id: str = ""
    """The provider's id of the recording, at most 512 characters. All events of one recording have the same."""
    title: str = ""
    occurred_at: datetime | None = None
    media: tuple[Media, ...] = ()
    left_out: tuple[str, ...] = ()
    """Names of files that the event contains, and that are too large to be kept. It has others in `media`."""
    failure: str = ""
    """Of FAILED: the provider's code and words, such as `BOT_NOT_ACCEPTED: The host did not admit the bot`."""
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole payload as JSON. The expressions of `spec.recording.owner` are evaluated on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A request of the provider that only checks the endpoint, such as Zoom's: the receiver responds with `body`."""

    body: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What the RecordingSource says about reading events."""

    kinds: frozenset[ArtifactKind]
    """`spec.recording.artifacts`: kinds that are wanted. For an event that names no files, the provider returns the
    files that a recording usually has; for all others, files of other kinds are left out."""


class ApiClient(Protocol):
    """The provider's API at the endpoint of a source, through `egress`. Implemented by `api_client.py`.

    A path may have a query. What it contains of ids has gone through `api_client.segment`. Both requests raise
    ProviderError for every response other than 2xx, and if there is none; and Stopped.
    """

    @property
    def endpoint(self) -> str:
        """Base URL of the source's API, without '/' at the end; the provider's usual one if the source names none."""

    @property
    def credentials(self) -> Mapping[str, str]:
        """The keys and values of the Secret in `spec.api.secretRef`. Their names are in the page of the provider."""

    def get_json(self, path: str, *, headers: Mapping[str, str], endpoint: str = "") -> Any:
        """GET `path` at the source's endpoint (or another one of the provider, such as its token server)."""

    def post_json(
        self, path: str, *, headers: Mapping[str, str], body: bytes, content_type: str, endpoint: str = ""
    ) -> Any:
        """POST to `path` at the source's endpoint. See `get_json`."""


class Provider(Protocol):
    """One provider of recordings."""

    default_endpoint: str
    """Base URL of its API; empty if it has none, or none that is the same for every customer."""
    has_api: bool
    """Whether `fetch_media` works."""

    def verify(self, delivery: Delivery, secrets: Sequence[bytes], *, now: datetime) -> None:
        """Check that the delivery was signed with one of `secrets`. Raises DeliveryRejected.

        All secrets are tried, in constant time. A provider that signs nothing returns: then only the token in the
        path protects the source.
        """

    def read(self, delivery: Delivery, secrets: Sequence[bytes], options: ReadOptions) -> Event | Challenge:
        """Read a delivery that was verified. Raises MalformedDelivery.

        `secrets` are needed for the response to a challenge only.
        """

    def fetch_media(self, recording_id: str, api: ApiClient, options: ReadOptions) -> tuple[Media, ...]:
        """The files of a recording, with URLs that are fresh. Raises ProviderError."""
