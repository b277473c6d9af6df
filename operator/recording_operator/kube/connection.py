"""The address of the API server and the caller's credentials, from the pod or from a kubeconfig.

One configuration for both clients (the blocking one in `rest.py`, kopf's in `watch/`). A token that comes from a file
is read again for each use: bound ServiceAccount tokens are replaced in place, about hourly.
"""

import base64
import os
import re
import ssl
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from recording_operator.kube.errors import ConnectionConfigError
from recording_operator.kube.kubeconfig import Entry, Kubeconfig, KubeconfigError, SelectedContext, kubeconfig_files

if TYPE_CHECKING:
    from kubernetes.client import Configuration

SERVICE_ACCOUNT_DIR: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LOOPBACK: Final = re.compile(r"https?://(localhost|127(\.\d+){3}|\[::1\])([:/]|$)")


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


class FixedToken:
    """A token in a kubeconfig."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str | None:
        return self._token


class LibraryToken:
    """A token that the Kubernetes client manages: static, or from an exec plug-in."""

    def __init__(self, configuration: "Configuration") -> None:
        self._configuration = configuration
        self._lock = threading.Lock()

    def current(self) -> str | None:
        with self._lock:
            value = self._configuration.get_api_key_with_prefix("BearerToken")
        return value.split(" ", 1)[-1] if value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pem:
    """Certificates or a key, in a file or in memory."""

    file: str | None = None
    data: bytes | None = field(default=None, repr=False)

    @contextmanager
    def as_file(self) -> Iterator[str | None]:
        """Name of a file with them, because the TLS library reads keys from files only; None if there are none.

        A file that is made for this is private, and gone at the end.
        """
        if self.data is None:
            yield self.file
            return
        with tempfile.NamedTemporaryFile(prefix="recording-operator-kube-") as written:
            written.write(self.data)
            written.flush()
            yield written.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The API server's address, its certificate authority, and the operator's credentials."""

    server: str
    namespace: str
    """The namespace of the pod or of the kubeconfig's context; otherwise `default`."""
    token: TokenSource = field(repr=False)
    authority: Pem = Pem()
    """Certificates that are trusted. None: those of the system."""
    certificate: Pem = Pem()
    key: Pem = Pem()
    verify_tls: bool = True
    tls_server_name: str | None = None
    proxy: str | None = None
    context: str | None = None
    """The kubeconfig's; None in a pod."""
    impersonation: tuple[tuple[str, str], ...] = ()
    """Headers that ask the API server to act as another user."""

    def ssl_context(self) -> ssl.SSLContext:
        """A fresh TLS context: files are read again, so that a replaced certificate is used.

        Raises ConnectionConfigError.
        """
        try:
            with ExitStack() as files:
                context = ssl.create_default_context(cafile=files.enter_context(self.authority.as_file()))
                if certificate := files.enter_context(self.certificate.as_file()):
                    key = files.enter_context(self.key.as_file())
                    context.load_cert_chain(certfile=certificate, keyfile=key, password=_no_password)
        except (OSError, ValueError) as error:
            raise ConnectionConfigError(
                f"The certificates for {self.server} cannot be used: {_first_line(error)}."
            ) from None
        if not self.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def connection(*, kubeconfig: Path | None = None, context: str | None = None) -> Connection:
    """The connection of a person: as kubectl finds it, in a kubeconfig or, if there is none, of the pod.

    Raises ConnectionConfigError.
    """
    files = kubeconfig_files(kubeconfig)
    in_pod = bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
    if kubeconfig is None and context is None and in_pod and not any(path.exists() for path in files):
        return from_service_account(SERVICE_ACCOUNT_DIR)
    found = from_kubeconfig(kubeconfig, context=context)
    return found if found.proxy else replace(found, proxy=_proxy_of_environment(found.server))


def process_connection(*, kubeconfig: Path | None = None, context: str | None = None) -> Connection:
    """The connection of a process of the cluster: `kubeconfig`, else the pod's ServiceAccount, else a kubeconfig.

    Raises ConnectionConfigError.
    """
    if kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST") and "KUBECONFIG" not in os.environ:
        return from_service_account(SERVICE_ACCOUNT_DIR)
    return from_kubeconfig(kubeconfig, context=context)


def _proxy_of_environment(server: str) -> str | None:
    """The proxy that HTTPS_PROXY and NO_PROXY name for the server, as kubectl uses it: none for this machine.

    Source: https://pkg.go.dev/golang.org/x/net/http/httpproxy
    """
    parts = urlsplit(server)
    proxy = _variable(f"{parts.scheme}_proxy")
    if not proxy or _LOOPBACK.match(server):
        return None
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # noqa: PLC0415 - seldom needed; typeshed lacks it

    return None if proxy_bypass_environment(parts.netloc, {"no": _variable("no_proxy")}) else proxy


def _variable(name: str) -> str:
    return os.environ.get(name.upper()) or os.environ.get(name, "")


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
        authority=Pem(file=str(folder / "ca.crt")),
    )


def from_kubeconfig(path: Path | None, *, context: str | None = None) -> Connection:
    """The connection of a kubeconfig's context. Without `path`, of the files that kubectl reads.

    Raises ConnectionConfigError.
    """
    files = kubeconfig_files(path)
    try:
        selected = Kubeconfig.read(files).select(context)
        return _through_client(files, selected) if selected.needs_client else _of_context(selected)
    except (KubeconfigError, OSError) as error:
        shown = os.pathsep.join(map(str, files))
        raise ConnectionConfigError(f"The kubeconfig {shown} cannot be used: {_first_line(error)}.") from None


def _of_context(selected: SelectedContext) -> Connection:
    cluster, user = selected.cluster, selected.user
    return Connection(
        server=str(cluster.text("server")).rstrip("/"),
        namespace=selected.namespace,
        context=selected.name,
        token=_token(user),
        authority=_pem(cluster, "certificate-authority"),
        certificate=_pem(user, "client-certificate"),
        key=_pem(user, "client-key"),
        verify_tls=not cluster.values.get("insecure-skip-tls-verify"),
        tls_server_name=cluster.text("tls-server-name"),
        proxy=cluster.text("proxy-url"),
        impersonation=_impersonation(user),
    )


def _token(user: Entry) -> TokenSource:
    file, token = user.file("tokenFile"), user.text("token")
    if file is not None:
        return FileToken(file)
    return NoToken() if token is None else FixedToken(token)


def _pem(entry: Entry, key: str) -> Pem:
    data, file = entry.text(f"{key}-data"), entry.file(key)
    if data is None:
        return Pem(file=None if file is None else str(file))
    try:
        return Pem(data=base64.b64decode("".join(data.split()), validate=True))
    except ValueError:
        raise KubeconfigError(f"{key}-data is not base64") from None


def _through_client(files: tuple[Path, ...], selected: SelectedContext) -> Connection:
    """The connection of a user whose credentials come from a program, or that this module does not know."""
    from kubernetes.client import Configuration  # noqa: PLC0415 - its import is slow, and seldom needed
    from kubernetes.config import ConfigException, load_kube_config  # noqa: PLC0415 - the same

    library = Configuration()
    library.proxy = None  # do not use the proxies of the environment for the API server
    try:
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=os.pathsep.join(map(str, files)),
            context=selected.name,
            client_configuration=library,
            persist_config=False,
        )
    except (ConfigException, KeyError, TypeError) as error:
        raise KubeconfigError(_first_line(error)) from None
    if "exec" in selected.user.values and not (library.api_key or library.cert_file):
        raise KubeconfigError("the program of its user (exec) printed no credentials")
    return Connection(
        server=str(library.host),
        namespace=selected.namespace,
        context=selected.name,
        token=LibraryToken(library),
        authority=Pem(file=library.ssl_ca_cert),
        certificate=Pem(file=library.cert_file),
        key=Pem(file=library.key_file),
        verify_tls=bool(library.verify_ssl),
        tls_server_name=library.tls_server_name,
        proxy=library.proxy,
        impersonation=_impersonation(selected.user),
    )


def impersonation(*, user: str | None, groups: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """Headers that ask the API server to act as another user."""
    return (*((("Impersonate-User", user),) if user else ()), *(("Impersonate-Group", group) for group in groups))


def _impersonation(user: Entry) -> tuple[tuple[str, str], ...]:
    unsupported = [key for key in ("as-uid", "as-user-extra") if user.values.get(key)]
    if unsupported:
        raise KubeconfigError(f"its user has {unsupported[0]}, which is not supported")
    return impersonation(user=user.text("as"), groups=[str(group) for group in user.values.get("as-groups") or ()])


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
