"""Requests to the APIs of providers, under the source policy."""

from collections.abc import Mapping

from recording_operator.api.reasons import Reason
from recording_operator.api.recordingsource import ProviderName, RecordingSource
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.policy import SourcePolicy
from recording_operator.providers.api_client import EgressApiClient
from recording_operator.providers.provider import Media, ProviderError, ReadOptions
from recording_operator.providers.table import api_policy, endpoint_of, provider_of
from recording_operator.stopping import Stopped, StopSignal


class ProviderRequests:
    """Asks the provider of a RecordingSource for the files of a recording. Thread-safe."""

    def __init__(self, policy: SourcePolicy, *, stop: StopSignal) -> None:
        self._policy = policy
        self._stop = stop
        self._dialers: dict[ProviderName, Dialer] = {}

    def __call__(
        self, source: RecordingSource, credentials: Mapping[str, str], recording_id: str, options: ReadOptions
    ) -> tuple[Media, ...]:
        """The files that the provider has now. Raises ProviderError."""
        spec = source.spec
        dialer = self._dialers.setdefault(spec.provider, Dialer(api_policy(self._policy, spec)))
        api = EgressApiClient(dialer=dialer, endpoint=endpoint_of(spec), credentials=credentials, stop=self._stop)
        try:
            return provider_of(spec).fetch_media(recording_id, api, options)
        except Stopped:
            message = "The operator is stopping. The next one asks the provider again."
            raise ProviderError(Reason.PROVIDER_UNAVAILABLE, message) from None
