"""Reads the Secrets that a Recording or a StorageLocation names.

Secrets of a Recording are read only in its own namespace (there is no namespace field), those of a StorageLocation in
the namespace of the operator. A Secret is sent as request headers only if its owner has permitted it with a label, and
only to the hosts in an annotation. Otherwise anyone who can create Recordings could send any Secret of the namespace to
any server.
"""

import re
from typing import Final

from recording_operator.api.names import ALLOWED_HOSTS_ANNOTATION, CDN_PRIVATE_KEY, SOURCE_HEADERS_LABEL
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.errors import ReasonedError
from recording_operator.kube.client import KubeApi, SecretData
from recording_operator.kube.errors import Forbidden, NotFound
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.presigning import CdnKey

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, section 5.5: neither CR, LF nor NUL
# Headers that decide where the request goes, which part is requested, or how it is framed: only the operator sets them.
_RESERVED: Final = frozenset(
    {
        *("host", "range", "if-match", "if-none-match", "if-range", "if-modified-since", "if-unmodified-since"),
        *("accept-encoding", "connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "content-length", "expect"),
    }
)


class SecretError(ReasonedError):
    """A Secret cannot be used. The message names Secret and key, never a value."""


def resolve_url(kube: KubeApi, *, namespace: str, name: str, key: str) -> str:
    """The URL in `source.urlSecretRef`. Raises SecretError, and KubeError if the API server does not respond."""
    secret = _source_secret(kube, namespace=namespace, name=name)
    if key not in secret.data:
        raise SecretError(Reason.SECRET_NOT_FOUND, f"Secret {name!r} has no key {key!r}.")
    url = _text(secret.data[key], encoding="utf-8")
    if url is None or not url.strip():
        raise SecretError(Reason.SECRET_NOT_USABLE, f"Key {key!r} of Secret {name!r} is not text. Write the URL there.")
    return url.strip()


def resolve_content(kube: KubeApi, *, namespace: str, name: str, key: str) -> bytes:
    """The content in `contentSecretRef`. Raises SecretError, and KubeError if the API server does not respond."""
    secret = _source_secret(kube, namespace=namespace, name=name)
    if not secret.data.get(key):
        message = f"Secret {name!r} has no key {key!r}, or it is empty. Write the content there."
        raise SecretError(Reason.SECRET_NOT_FOUND, message)
    return secret.data[key]


def resolve_headers(kube: KubeApi, *, namespace: str, name: str, host: str) -> dict[str, str]:
    """The headers in `source.headersSecretRef`, to be sent to `host` (the URL's own host name) and nowhere else.

    Each key is the name of a header. Raises SecretError, and KubeError if the API server does not respond.
    """
    secret = _source_secret(kube, namespace=namespace, name=name)
    if secret.labels.get(SOURCE_HEADERS_LABEL) != "true":
        raise SecretError(
            Reason.SECRET_NOT_USABLE,
            f"Secret {name!r} may not be used for headers. Its owner must add the label {SOURCE_HEADERS_LABEL}=true.",
        )
    if not host_allowed(host, allowed_hosts=secret.annotations.get(ALLOWED_HOSTS_ANNOTATION, "")):
        raise SecretError(
            Reason.SECRET_NOT_USABLE,
            f"Secret {name!r} may not be sent to the host of the source. "
            f"Its annotation {ALLOWED_HOSTS_ANNOTATION} must list the host.",
        )
    return {key: _header_value(secret.name, key, value) for key, value in secret.data.items()}


def host_allowed(host: str, *, allowed_hosts: str) -> bool:
    """Whether `host` is in the comma-separated list, itself or by `*.example.com` (subdomains, not example.com)."""
    wanted = _plain_host(host)
    if not wanted:
        return False
    return any(_host_matches(wanted, _plain_host(pattern)) for pattern in allowed_hosts.split(","))


def location_credentials(
    kube: KubeApi, location: StorageLocation, *, operator_namespace: str
) -> StoreCredentials | None:
    """The keys in the Secret that `s3.credentials` names, from the operator's own namespace; None if it names none.

    With a role, they are the keys that assume it. Raises SecretError(CREDENTIALS_NOT_FOUND), and KubeError if the API
    server does not respond.
    """
    credentials = location.store.credentials
    name = credentials.key_secret if credentials is not None else None
    if name is None:
        return None
    secret = _location_secret(kube, operator_namespace=operator_namespace, name=name)
    token = secret.data.get("AWS_SESSION_TOKEN")
    return StoreCredentials(
        access_key_id=_credential(secret, "AWS_ACCESS_KEY_ID"),
        secret_access_key=_credential(secret, "AWS_SECRET_ACCESS_KEY"),
        session_token=_credential(secret, "AWS_SESSION_TOKEN") if token else None,
    )


def location_cdn(kube: KubeApi, location: StorageLocation, *, operator_namespace: str) -> CdnKey | None:
    """The CDN of `s3.cdn` with its private key, from the operator's own namespace; None if the location has none.

    Raises SecretError(CREDENTIALS_NOT_FOUND), and KubeError if the API server does not respond.
    """
    cdn = location.store.cdn
    if cdn is None:
        return None
    secret = _location_secret(kube, operator_namespace=operator_namespace, name=cdn.private_key_secret)
    if not secret.data.get(CDN_PRIVATE_KEY):
        raise SecretError(Reason.CREDENTIALS_NOT_FOUND, f"Secret {secret.name!r} has no key {CDN_PRIVATE_KEY}.")
    return CdnKey(domain=cdn.domain, key_pair_id=cdn.key_pair_id, private_key_pem=secret.data[CDN_PRIVATE_KEY])


def _location_secret(kube: KubeApi, *, operator_namespace: str, name: str) -> SecretData:
    try:
        return kube.read_secret(operator_namespace, name)
    except NotFound:
        message = f"Secret {name!r} does not exist in the operator's namespace {operator_namespace!r}."
        raise SecretError(Reason.CREDENTIALS_NOT_FOUND, message) from None
    except Forbidden:
        message = f"The operator may not read Secret {name!r} in its namespace {operator_namespace!r}. Grant it get."
        raise SecretError(Reason.CREDENTIALS_NOT_FOUND, message) from None


def _source_secret(kube: KubeApi, *, namespace: str, name: str) -> SecretData:
    try:
        return kube.read_secret(namespace, name)
    except NotFound:
        raise SecretError(Reason.SECRET_NOT_FOUND, f"Secret {name!r} does not exist in this namespace.") from None
    except Forbidden:
        message = (
            f"The operator may not read Secret {name!r} in this namespace. "
            "Bind the ClusterRole recording-operator-secrets to it with a RoleBinding here."
        )
        raise SecretError(Reason.SECRET_NOT_FOUND, message) from None


def _header_value(secret: str, key: str, value: bytes) -> str:
    if not _TOKEN.fullmatch(key) or key.lower() in _RESERVED:
        raise SecretError(Reason.SECRET_NOT_USABLE, f"Secret {secret!r}: {key!r} cannot be sent as a header.")
    # A Secret written with an editor or `echo` ends with an unintended newline.
    text = _text(value.rstrip(b"\r\n"), encoding="latin-1")
    if text is None or not _VALUE.fullmatch(text):
        raise SecretError(
            Reason.SECRET_NOT_USABLE, f"Secret {secret!r}: the value of {key!r} contains control characters."
        )
    return text.strip()


def _credential(secret: SecretData, key: str) -> str:
    text = (_text(secret.data.get(key, b""), encoding="ascii") or "").strip()
    if not text:
        raise SecretError(
            Reason.CREDENTIALS_NOT_FOUND, f"Secret {secret.name!r} has no key {key}, or it is not plain text."
        )
    return text


def _text(value: bytes, *, encoding: str) -> str | None:
    try:
        return value.decode(encoding)
    except UnicodeDecodeError:
        return None


def _plain_host(host: str) -> str:
    return host.strip().lower().rstrip(".").strip("[]")


def _host_matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return len(pattern) > len("*.") and host.endswith(pattern[1:]) and len(host) > len(pattern[1:])
    return host == pattern
