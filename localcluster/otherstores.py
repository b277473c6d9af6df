"""S3 servers that leave out more of S3 than versitygw does: rclone's and s3proxy's, on the loopback address.

    with RcloneServer(folder) as store:
        store.start()
        store.create_bucket("recordings")

For the tests of what a store can do; nothing else needs them. Errors: ComponentError (did not start), ToolchainError
(cannot be built here).
"""

import hashlib
import shutil
import socket
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

import boto3
from botocore.config import Config

from localcluster.builds import cache_folder, ensure_tools, locked
from localcluster.extratools import RCLONE
from localcluster.ports import LOOPBACK, free_port
from localcluster.process import Process
from localcluster.progress import Progress, say
from localcluster.s3server import REGION, Credentials, new_root
from localcluster.toolchain import KUBERNETES, ToolchainError, find_go

_READY_TIMEOUT_S: Final = 60.0
_POM: Final = KUBERNETES.folder.parent / "s3proxy" / "pom.xml"
_ERROR_TAIL_CHARS: Final = 3000


class OtherStore(ABC):
    """One server with its own folder; `argv` of a subclass says how it is started."""

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.root: Final[Credentials] = new_root()
        self.port: Final = free_port()
        self.data: Final = self.folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.process = Process(name=self.name, argv=self._argv(), log=self.folder / f"{self.name}.log", env=None)

    @property
    def endpoint(self) -> str:
        """URL of the server."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it listens. Raises ComponentError."""
        self.process.start()
        self.process.wait_ready(self._listens, timeout_s=_READY_TIMEOUT_S)

    def create_bucket(self, name: str) -> None:
        """Create a bucket with a request. A new folder is not enough, because servers cache the list of folders."""
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.root.access_key,
            aws_secret_access_key=self.root.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}),
        )
        client.create_bucket(Bucket=name)
        client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()

    @staticmethod
    @abstractmethod
    def build() -> Path:
        """What is run, made if need be. Raises ToolchainError."""

    @staticmethod
    @abstractmethod
    def is_built() -> bool:
        """Whether `build` has nothing to do."""

    @abstractmethod
    def _argv(self) -> list[str | Path]:
        """The command."""

    def _listens(self) -> bool:
        with socket.create_connection((LOOPBACK, self.port), timeout=1):
            return True


class RcloneServer(OtherStore):
    """`rclone serve s3` over a folder: no checksums, no MD5 in its ETags."""

    name = "rclone"

    @staticmethod
    def build() -> Path:
        """The program, built if need be. Raises ToolchainError."""
        return ensure_tools([RCLONE])["rclone"]

    @staticmethod
    def is_built() -> bool:
        """Whether `build` has nothing to do."""
        go = find_go(cache_folder() / "toolchain", [RCLONE])
        return (cache_folder() / "tools" / RCLONE.cache_key(go.version) / "rclone").exists()

    def _argv(self) -> list[str | Path]:
        keys = f"--auth-key={self.root.access_key},{self.root.secret_key}"
        listen = f"--addr={LOOPBACK}:{self.port}"
        return [self.build(), "serve", "s3", keys, listen, f"--config={self.folder / 'none'}", self.data]


class S3ProxyServer(OtherStore):
    """s3proxy over a folder: ETags of MD5, no checksums that hold. Needs Java, and Maven to be fetched once."""

    name = "s3proxy"

    @staticmethod
    def build() -> Path:
        """The folder of its jars, fetched if need be. Raises ToolchainError."""
        for program in ("java", "mvn"):
            if shutil.which(program) is None:
                raise ToolchainError(f"s3proxy needs {program}, which is not in PATH")
        folder = _jars()
        if folder.exists():
            return folder
        with locked(folder.with_name(f"{folder.name}.lock"), waiting_for="s3proxy"):
            if not folder.exists():
                _fetch(folder)
        return folder

    @staticmethod
    def is_built() -> bool:
        """Whether `build` has nothing to do."""
        return _jars().exists() and shutil.which("java") is not None

    def _argv(self) -> list[str | Path]:
        settings = {
            "s3proxy.authorization": "aws-v2-or-v4",
            "s3proxy.endpoint": self.endpoint,
            "s3proxy.identity": self.root.access_key,
            "s3proxy.credential": self.root.secret_key,
            "jclouds.provider": "filesystem-nio2",
            "jclouds.filesystem.basedir": str(self.data),
        }
        path = self.folder / "s3proxy.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        path.chmod(0o600)
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-DLOG_LEVEL=warn"]
        java = shutil.which("java") or "java"
        return [java, *options, "-cp", f"{self.build()}/*", "org.gaul.s3proxy.Main", "--properties", path]


def _jars() -> Path:
    key = hashlib.sha256(_POM.read_bytes()).hexdigest()[:16]
    return cache_folder() / "tools" / f"s3proxy-{key}"


def _fetch(folder: Path) -> None:
    """Have Maven bring the jars into a folder beside, then move that to its place."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    say("fetching s3proxy (once, one to three minutes)")
    command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
    with Progress("fetching s3proxy"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolchainError(f"s3proxy could not be fetched:\n{(done.stdout + done.stderr)[-_ERROR_TAIL_CHARS:]}")
    partial.rename(folder)
