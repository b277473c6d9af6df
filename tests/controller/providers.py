"""Providers in tests of the controller."""

from collections.abc import Callable

from recording_operator.api.reasons import Reason
from recording_operator.controller.executors.order import MediaRef
from recording_operator.providers.provider import Media, ProviderError


class NoProviders:
    """There is no RecordingSource."""

    def media(
        self,
        namespace: str,
        ref: MediaRef,
        *,
        is_refused: Callable[[Media], bool],  # noqa: ARG002 - as MediaSource
    ) -> Media:
        """See MediaSource."""
        message = f"RecordingSource {ref.recording_source!r} does not exist in {namespace}"
        raise ProviderError(Reason.PROVIDER_SOURCE_MISSING, message)


class FixedMedia:
    """Providers that have this file, whatever the recording."""

    def __init__(self, media: Media) -> None:
        self.media_given = media

    def media(
        self,
        namespace: str,
        ref: MediaRef,
        *,
        is_refused: Callable[[Media], bool],
    ) -> Media:
        """See MediaSource."""
        if is_refused(self.media_given):
            message = f"{namespace}/{ref.recording_source} gives the same URL again"
            raise ProviderError(Reason.PROVIDER_UNAVAILABLE, message)
        return self.media_given
