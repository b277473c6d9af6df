"""All providers by name. A new provider is a module here and a line in this table."""

from collections.abc import Callable, Mapping
from typing import Final

from recording_operator.api.recordingsource import ProviderName, RecordingSourceSpec
from recording_operator.egress.policy import SourcePolicy
from recording_operator.egress.url import parse_url
from recording_operator.providers.fireflies import Fireflies
from recording_operator.providers.generic import Generic
from recording_operator.providers.gladia import Gladia
from recording_operator.providers.livekit import LiveKit
from recording_operator.providers.meetingbaas import MeetingBaas
from recording_operator.providers.provider import Provider, ReadOptions
from recording_operator.providers.recall import Recall
from recording_operator.providers.zoom import Zoom, token_server

PROVIDERS: Final[Mapping[ProviderName, Callable[[RecordingSourceSpec], Provider]]] = {
    ProviderName.MEETING_BAAS: lambda _: MeetingBaas(),
    ProviderName.RECALL: lambda _: Recall(),
    ProviderName.ZOOM: lambda _: Zoom(),
    ProviderName.LIVEKIT: lambda _: LiveKit(),
    ProviderName.GLADIA: lambda _: Gladia(),
    ProviderName.FIREFLIES: lambda _: Fireflies(),
    ProviderName.GENERIC: Generic,
}


def provider_of(spec: RecordingSourceSpec) -> Provider:
    """The provider of a source."""
    return PROVIDERS[spec.provider](spec)


def read_options(spec: RecordingSourceSpec) -> ReadOptions:
    """What the source says about reading events."""
    return ReadOptions(kinds=frozenset(spec.recording.artifacts))


def endpoint_of(spec: RecordingSourceSpec) -> str:
    """Base URL of the API of a source, without '/' at the end; empty if it has none."""
    named = spec.api.endpoint if spec.api else None
    return (named or provider_of(spec).default_endpoint).rstrip("/")


def hosts_of_secret(spec: RecordingSourceSpec) -> tuple[str, ...]:
    """The hosts to which the Secret of `spec.api` is sent. Raises InvalidUrlError."""
    endpoint = endpoint_of(spec)
    servers = (endpoint, token_server(endpoint)) if spec.provider is ProviderName.ZOOM else (endpoint,)
    return tuple(dict.fromkeys(parse_url(server).host for server in servers))


def api_policy(policy: SourcePolicy, spec: RecordingSourceSpec) -> SourcePolicy:
    """The policy for requests to the API of a source.

    It is the policy of sources, except that the provider's usual endpoint, and Zoom's token server, need no entry in
    `allowedHosts`.
    """
    usual = provider_of(spec).default_endpoint
    if not usual or not policy.allowed_hosts:
        return policy
    hosts = (
        parse_url(usual).host,
        *((parse_url(token_server(usual)).host,) if spec.provider is ProviderName.ZOOM else ()),
    )
    return policy.model_copy(update={"allowed_hosts": (*policy.allowed_hosts, *hosts)})
