"""The keys of the Secret in `spec.api.secretRef`, with which a provider's API is called."""

from recording_operator.api.reasons import Reason
from recording_operator.providers.provider import ApiClient, ProviderError


def credential(api: ApiClient, name: str) -> str:
    """The value of a key, without the line break with which files end. Raises ProviderError."""
    value = api.credentials.get(name, "").strip()
    if not value:
        raise ProviderError(
            Reason.PROVIDER_DENIED,
            f"The Secret in spec.api.secretRef of the RecordingSource has no value for the key {name}. Add it.",
        )
    if not value.isascii() or not value.isprintable():
        raise ProviderError(
            Reason.PROVIDER_DENIED,
            f"The value of the key {name} in the Secret in spec.api.secretRef of the RecordingSource is not printable "
            "ASCII. Correct it.",
        )
    return value
