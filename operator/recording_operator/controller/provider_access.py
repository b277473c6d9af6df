"""Reads a RecordingSource and the Secret of its API.

The Secret is sent to the provider's own hosts. Another host (`spec.api.endpoint`) needs the annotation of source
headers: otherwise anyone who can create RecordingSources could send any Secret of the namespace to any server.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from recording_operator.api.names import ALLOWED_HOSTS_ANNOTATION
from recording_operator.api.reasons import Reason
from recording_operator.api.recordingsource import ProviderName, RecordingSource
from recording_operator.egress.errors import InvalidUrlError
from recording_operator.egress.url import parse_url
from recording_operator.kube.client import KubeApi, SecretData
from recording_operator.kube.errors import Forbidden, NotFound
from recording_operator.kube.secrets import host_allowed
from recording_operator.providers.provider import ProviderError
from recording_operator.providers.table import endpoint_of, hosts_of_secret

_KEPT_S: Final = 5.0
_MOST_KEPT: Final = 1024
# Providers that have more than one host. The usual one of each provider is always known.
_MORE_HOSTS: Final[Mapping[ProviderName, str]] = {
    ProviderName.RECALL: "*.recall.ai",
    ProviderName.ZOOM: "api.zoom.us,zoom.us,api.zoomgov.com,zoomgov.com",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A RecordingSource and its API Secret. `revision` changes with either."""

    source: RecordingSource
    secret: str
    credentials: Mapping[str, str] = field(repr=False)
    revision: str


class AccessReader:
    """Reads them at most every five seconds. Thread-safe. `register_secret` is called with every value of a Secret."""

    def __init__(self, kube: KubeApi, *, register_secret: Callable[[str], None], steady_s: Callable[[], float]) -> None:
        self._kube = kube
        self._register_secret = register_secret
        self._steady_s = steady_s
        self._read: dict[tuple[str, str], tuple[float, Access]] = {}
        self._lock = threading.Lock()

    def read(self, namespace: str, name: str) -> Access:
        """The RecordingSource and its Secret. Raises ProviderError and KubeError."""
        now_s = self._steady_s()
        with self._lock:
            read_s, access = self._read.get((namespace, name), (-_KEPT_S, None))
        if access is not None and now_s - read_s < _KEPT_S:
            return access
        access = self._fresh(namespace, name)
        with self._lock:
            if len(self._read) >= _MOST_KEPT:
                self._read.clear()
            self._read[namespace, name] = now_s, access
        return access

    def _fresh(self, namespace: str, name: str) -> Access:
        source = self._source(namespace, name)
        api = source.spec.api
        if api is None:
            message = f"RecordingSource {name!r} has no spec.api, so its provider cannot be queried. Add it."
            raise ProviderError(Reason.PROVIDER_SOURCE_MISSING, message)
        secret = self._secret(namespace, api.secret_ref.name)
        _check_host(source, secret)
        credentials = _texts(secret)
        for value in credentials.values():
            self._register_secret(value)
        meta = source.metadata
        identity = json.dumps([meta.uid, meta.generation, sorted(credentials.items())])
        revision = hashlib.sha256(identity.encode()).hexdigest()
        return Access(source=source, secret=secret.name, credentials=credentials, revision=revision)

    def _source(self, namespace: str, name: str) -> RecordingSource:
        try:
            return RecordingSource.model_validate(self._kube.get_recording_source(namespace, name))
        except NotFound:
            message = f"RecordingSource {name!r} does not exist in this namespace. Create it; the Recording waits."
        except Forbidden:
            message = "The operator may not read RecordingSources. Update its ClusterRole."
        except ValidationError:
            message = f"RecordingSource {name!r} cannot be read: its CRD has another version than the operator."
        raise ProviderError(Reason.PROVIDER_SOURCE_MISSING, message)

    def _secret(self, namespace: str, name: str) -> SecretData:
        try:
            return self._kube.read_secret(namespace, name)
        except NotFound:
            message = f"Secret {name!r}, which spec.api of the RecordingSource names, does not exist. Create it."
        except Forbidden:
            message = (
                f"The operator may not read Secret {name!r} in this namespace. "
                "Bind the ClusterRole recording-operator-secrets to it with a RoleBinding here."
            )
        raise ProviderError(Reason.PROVIDER_DENIED, message)


def _check_host(source: RecordingSource, secret: SecretData) -> None:
    try:
        scheme = parse_url(endpoint_of(source.spec)).scheme
        hosts = hosts_of_secret(source.spec)
    except InvalidUrlError:
        message = "spec.api.endpoint of the RecordingSource is not a URL. Write one such as https://api.example.com."
        raise ProviderError(Reason.PROVIDER_DENIED, message) from None
    others = [host for host in hosts if not host_allowed(host, allowed_hosts=_own_hosts(source))]
    if not others:
        if scheme != "https":  # a policy that permits http for other sources must not reveal the key
            message = "spec.api.endpoint of the RecordingSource is a host of the provider: write it with https."
            raise ProviderError(Reason.PROVIDER_DENIED, message)
        return
    annotated = secret.annotations.get(ALLOWED_HOSTS_ANNOTATION, "")
    missing = [host for host in others if not host_allowed(host, allowed_hosts=annotated)]
    if not missing:
        return
    if missing[0] != hosts[0]:
        what = f"{missing[0]}, the host of the token server beside spec.api.endpoint"
    else:
        what = "the host in spec.api.endpoint"
    raise ProviderError(
        Reason.PROVIDER_DENIED,
        f"Secret {secret.name!r} may not be sent to {what}, which is not one of the provider. "
        f"Its annotation {ALLOWED_HOSTS_ANNOTATION} must list the host.",
    )


def _own_hosts(source: RecordingSource) -> str:
    """The hosts of the provider itself."""
    spec = source.spec.model_copy(update={"api": None})
    usual = endpoint_of(spec)
    hosts = [parse_url(usual).host] if usual else []
    return ",".join([*hosts, _MORE_HOSTS.get(spec.provider, "")])


def _texts(secret: SecretData) -> dict[str, str]:
    try:
        return {key: value.decode().strip() for key, value in secret.data.items()}
    except UnicodeDecodeError:
        message = f"Secret {secret.name!r} contains a value that is not text. Write the provider's keys there."
        raise ProviderError(Reason.PROVIDER_DENIED, message) from None
