"""Lists of media that several providers build."""

from collections.abc import Iterable, Sequence

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.provider import Media, ProviderError, ReadOptions


def wanted(media: Iterable[Media], options: ReadOptions) -> tuple[Media, ...]:
    """The media of the kinds that the source wants."""
    return tuple(one for one in media if one.kind in options.kinds)


def main_name(media: Sequence[tuple[str, ArtifactKind]]) -> str:
    """Name of the file without which the recording is worthless: the video, or else the audio; empty if neither."""
    for kind in (ArtifactKind.VIDEO, ArtifactKind.AUDIO):
        for name, of_kind in media:
            if of_kind is kind:
                return name
    return ""


def found(media: tuple[Media, ...], host: str) -> tuple[Media, ...]:
    """`media` if there is any. Raises ProviderError."""
    if not media:
        text = "Expected URLs of its files; they may not be ready yet, or were deleted."
        raise ProviderError(Reason.PROVIDER_HAS_NO_MEDIA, f"{host} has no file of the recording. {text}")
    return media
