"""Recordings that a provider keeps: how an artifact names one, and the rules about it."""

from typing import Annotated, Final

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.cel import Rule
from recording_operator.api.meta import ApiModel

MAX_PROVIDER_ID_CHARS: Final = 512
MAX_FAILURE_CHARS: Final = 256
_PRINTABLE: Final = r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}"
_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"


def _provider(rule: str, message: str, field: str = "") -> Rule:
    """A rule about the provider. It belongs to the source, because its message must not repeat a misplaced URL."""
    return Rule(rule=f"!has(self.provider) || {rule}", message=message, field_path=f".provider{field}")


_HAS_URL: Final = "has(self.url) || has(self.urlSecretRef)"

PROVIDER_RULES: Final = (
    _provider("!has(self.object)", "provider may stand beside url or urlSecretRef, but not beside object"),
    _provider(
        f"{_HAS_URL} || (!has(self.headersSecretRef) && !has(self.expiresAt))",
        "headersSecretRef and expiresAt belong to a URL; leave them out if there is none",
    ),
    _provider(
        f"!has(self.provider.failure) || !({_HAS_URL} || has(self.size) || has(self.checksum))",
        "failure says that there is no recording; leave out url, urlSecretRef, size and checksum",
        ".failure",
    ),
    _provider(
        "!has(self.provider.failure) || self.provider.failure != ''",
        f"write the provider's code and message, 1 to {MAX_FAILURE_CHARS} characters",
        ".failure",
    ),
    _provider(
        f"self.provider.recordingSource.matches('{cel.OBJECT_NAME_PATTERN}')",
        cel.OBJECT_NAME_MESSAGE,
        ".recordingSource",
    ),
    _provider(
        rf"(self.provider.id != '' && !self.provider.id.matches(r'[^{_PRINTABLE}]'))",
        f"write the provider's id of the recording, 1 to {MAX_PROVIDER_ID_CHARS} printable characters",
        ".id",
    ),
    _provider(
        f"self.provider.media.matches('^{_LABEL}$')",
        "write the name of one of the recording's files, such as video; docs/providers lists them",
        ".media",
    ),
)


class ProviderRecording(ApiModel):
    """A recording that a provider keeps, and the file of it that becomes the artifact."""

    model_config = ConfigDict(json_schema_extra=cel.ATOMIC)

    recording_source: Annotated[str, WithJsonSchema(cel.string(max_length=253))] = Field(
        description="Name of the RecordingSource in the same namespace, whose spec.api is used."
    )
    id: Annotated[str, WithJsonSchema(cel.string(max_length=MAX_PROVIDER_ID_CHARS))] = Field(
        description="The provider's id of the recording."
    )
    media: Annotated[str, WithJsonSchema(cel.string(max_length=63))] = Field(
        description="Which file of the recording, such as video. docs/providers has the names for each provider."
    )
    failure: Annotated[str, WithJsonSchema(cel.string(max_length=MAX_FAILURE_CHARS))] | None = Field(
        default=None,
        description="Set if the provider has reported that there will be no recording: its code and message. The "
        "artifact then fails with reason ProviderFailed. Cannot be added to an artifact that exists.",
    )
