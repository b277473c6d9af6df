"""kubectl and kubeconfig files."""

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from localcluster.pki import write_private

JsonObject = dict[str, Any]
_TOKEN_SECONDS: Final = 7 * 24 * 3600


class KubectlError(RuntimeError):
    """kubectl failed; the message is its output."""


class Kubectl:
    """Runs kubectl as one user."""

    def __init__(self, *, program: Path, kubeconfig: Path, cache: Path) -> None:
        self.program = program
        self.kubeconfig = kubeconfig
        self._cache = cache

    def __call__(self, *arguments: str, stdin: str | None = None, timeout_s: float = 60) -> str:
        """Return the output of kubectl. Raises KubectlError if it fails."""
        done = self.run(*arguments, stdin=stdin, timeout_s=timeout_s)
        if done.returncode != 0:
            raise KubectlError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def run(self, *arguments: str, stdin: str | None = None, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run kubectl and return exit status and output, even if it fails."""
        return subprocess.run(
            self.command(*arguments),
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        )

    def command(self, *arguments: str) -> list[str]:
        """Return the command line, for callers that start it themselves."""
        return [str(self.program), f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self._cache}", *arguments]

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects on the server's side. Raises KubectlError."""
        listing = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listing))

    def token(self, namespace: str, account: str) -> str:
        """Return a token of a ServiceAccount, valid for seven days. Raises KubectlError."""
        return self("create", "token", account, f"--namespace={namespace}", f"--duration={_TOKEN_SECONDS}s").strip()

    def json(self, *arguments: str) -> JsonObject:
        """Return the parsed output of `kubectl … -o json`. Raises KubectlError."""
        parsed: JsonObject = json.loads(self(*arguments, "-o", "json"))
        return parsed


def write_kubeconfig(path: Path, *, server: str, ca: Path, user: Mapping[str, str]) -> Path:
    """Write a kubeconfig with one cluster, user and context; readable by its owner only."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "localcluster",
        "clusters": [
            {"name": "localcluster", "cluster": {"server": server, "certificate-authority-data": base64_of(ca)}}
        ],
        "users": [{"name": "user", "user": dict(user)}],
        "contexts": [{"name": "localcluster", "context": {"cluster": "localcluster", "user": "user"}}],
    }
    write_private(path, json.dumps(config, indent=1).encode())  # JSON is YAML
    return path


def write_token_kubeconfig(path: Path, *, kubectl: Kubectl, namespace: str, account: str) -> Path:
    """Write a kubeconfig with a token of a ServiceAccount, made by `kubectl`'s user, valid for seven days.

    The current namespace is the ServiceAccount's. Raises KubectlError.
    """
    token = kubectl.token(namespace, account)
    config = json.loads(kubectl.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    config["contexts"][0]["context"]["namespace"] = namespace
    write_private(path, json.dumps(config, indent=1).encode())
    return path


def base64_of(path: Path) -> str:
    """Return the content of a file as a kubeconfig field contains it (base64)."""
    return base64.b64encode(path.read_bytes()).decode()
