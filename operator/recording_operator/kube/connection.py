"""The address of the API server and the operator's credentials, from the pod or from a kubeconfig.

One configuration for both clients (the blocking one in `rest.py`, kopf's in `handlers.py`). A token that comes from a
file is read again for each use: bound ServiceAccount tokens are replaced in place, about hourly.
"""

import os
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import yaml
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, load_kube_config

SERVICE_ACCOUNT_DIR: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ConnectionConfigError(Exception):
    """There is no usable connection. The message says what is missing."""


class TokenSource(Protocol):
    """Provides the current bearer token, or None if other credentials are used."""

    def current(self) -> str | None: ...


class NoToken:
    """Client certificates only."""

    def current(self) -> str | None:
        return None


class FileToken:
    """A token in a file, read at each use. While the file is unreadable or empty, the last token is used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: str | None = None

    def current(self) -> str | None:
        try:
            token = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return self._last
        self._last = token or self._last
        return self._last


class LibraryToken:
    """A token that the Kubernetes client manages: static, or from an exec plug-in."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._lock = threading.Lock()

    def current(self) -> str | None:
        with self._lock:
            value = self._configuration.get_api_key_with_prefix("BearerToken")
        return value.split(" ", 1)[-1] if value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The API server's address, its certificate authority, and the operator's credentials."""

    server: str
    namespace: str
    """The namespace of the pod or of the kubeconfig's context; otherwise `default`."""
    token: TokenSource = field(repr=False)
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify_tls: bool = True
    tls_server_name: str | None = None
    proxy: str | None = None

    def ssl_context(self) -> ssl.SSLContext:
        """A fresh TLS context: the files are read again, so that a replaced certificate is used."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file:
            context.load_cert_chain(certfile=self.cert_file, keyfile=self.key_file)
        if not self.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def connection(*, kubeconfig: Path | None = None, context: str | None = None) -> Connection:
    """The connection to use: `kubeconfig`, else the pod's ServiceAccount, else $KUBECONFIG or ~/.kube/config.

    Raises ConnectionConfigError.
    """
    if kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST") and "KUBECONFIG" not in os.environ:
        return from_service_account(SERVICE_ACCOUNT_DIR)
    return from_kubeconfig(kubeconfig or _default_kubeconfig(), context=context)


def from_service_account(folder: Path) -> Connection:
    """The connection of a pod: environment variables and the mounted token. Raises ConnectionConfigError."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise ConnectionConfigError("KUBERNETES_SERVICE_HOST is not set, so this is not a pod. Set --kubeconfig.")
    token = FileToken(folder / "token")
    if token.current() is None:
        raise ConnectionConfigError(f"{folder / 'token'} is missing or empty. Set automountServiceAccountToken: true.")
    namespace_file = folder / "namespace"
    return Connection(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=namespace_file.read_text(encoding="utf-8").strip() if namespace_file.exists() else "default",
        token=token,
        ca_file=str(folder / "ca.crt"),
    )


def from_kubeconfig(path: Path, *, context: str | None = None) -> Connection:
    """The connection of a kubeconfig's context. Raises ConnectionConfigError."""
    library = Configuration()
    library.proxy = None  # do not use the proxies of the environment for the API server
    try:
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(path), context=context, client_configuration=library, persist_config=False
        )
        user, namespace = _user_and_namespace(path, context=context)
    except (ConfigException, OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ConnectionConfigError(f"The kubeconfig {path} cannot be used: {_first_line(error)}") from None
    token: TokenSource
    if user.get("tokenFile"):
        token = FileToken(path.parent / str(user["tokenFile"]))
    elif library.api_key.get("BearerToken"):
        token = LibraryToken(library)
    else:
        token = NoToken()
    return Connection(
        server=str(library.host),
        namespace=namespace,
        token=token,
        ca_file=library.ssl_ca_cert,
        cert_file=library.cert_file,
        key_file=library.key_file,
        verify_tls=bool(library.verify_ssl),
        tls_server_name=library.tls_server_name,
        proxy=library.proxy,
    )


def _default_kubeconfig() -> Path:
    return Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config").expanduser()


def _user_and_namespace(path: Path, *, context: str | None) -> tuple[dict[str, Any], str]:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    wanted = context or config["current-context"]
    chosen = next(entry["context"] for entry in config["contexts"] if entry["name"] == wanted)
    user = next((entry.get("user") or {} for entry in config.get("users") or () if entry["name"] == chosen["user"]), {})
    return user, str(chosen.get("namespace") or "default")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
