"""The two sides of a measured transfer, running: a source of bytes and a store, with TLS on both legs.

The source, and the store that keeps nothing, are `peer/` (Go; it costs less than what is measured). versitygw is a real
S3 server that writes to a disk.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from localcluster.builds import ensure_tools
from localcluster.pki import CertificateAuthority
from localcluster.ports import free_port
from localcluster.toolchain import VERSITYGW

HERE: Final = Path(__file__).resolve().parent
BUCKET: Final = "bucket"
_READY_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Where the bytes are, where they go, and whom to trust."""

    source: str
    store: str
    authority: Path
    access_key: str = "AKIABENCH"
    secret_key: str = field(default="bench-secret", repr=False)

    def environment(self) -> dict[str, str]:
        """Variables by which every tool finds keys and trust."""
        ca = str(self.authority)
        return {
            **os.environ,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_CA_BUNDLE": ca,
            "SSL_CERT_FILE": ca,
            "CURL_CA_BUNDLE": ca,
            "REQUESTS_CA_BUNDLE": ca,
        }


@contextmanager
def peer(folder: Path) -> Iterator[tuple[int, Path]]:
    """The Go program, built and running; its port and the authority to trust."""
    subprocess.run(["go", "build", "-o", folder / "peer", "."], cwd=HERE / "peer", check=True)
    authority = CertificateAuthority(folder)
    authority.issue("peer", user="peer", hosts=["127.0.0.1"])
    port = free_port()
    arguments = [f"--listen=127.0.0.1:{port}", f"--cert={folder / 'peer.crt'}", f"--key={folder / 'peer.key'}"]
    with _running([str(folder / "peer"), *arguments], port=port, env={**os.environ}):
        yield port, authority.path("ca.crt")


@contextmanager
def sides(folder: Path, *, store: str) -> Iterator[Sides]:
    """Source and store; `store` is `null` or `versitygw`."""
    with peer(folder) as (port, authority):
        base = f"https://127.0.0.1:{port}"
        if store == "null":
            yield Sides(source=base, store=base, authority=authority)
            return
        (folder / "data" / BUCKET).mkdir(parents=True)
        found = Sides(source=base, store=f"https://127.0.0.1:{free_port()}", authority=authority)
        number = int(found.store.rpartition(":")[2])
        command = [str(ensure_tools((VERSITYGW,))["versitygw"]), f"--port=127.0.0.1:{number}", "--quiet"]
        command += [f"--cert={folder / 'peer.crt'}", f"--key={folder / 'peer.key'}", "posix", str(folder / "data")]
        env = {**os.environ, "ROOT_ACCESS_KEY": found.access_key, "ROOT_SECRET_KEY": found.secret_key}
        with _running(command, port=number, env=env):
            yield found


@contextmanager
def _running(command: list[str], *, port: int, env: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env) as process:
        try:
            _wait_for_port(port)
            yield
        finally:
            process.terminate()


def _wait_for_port(port: int) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the peer does not listen")
