"""versitygw: a real S3 server on the loopback address, with its data in a folder.

    with S3Server(folder) as s3:
        s3.start()
        s3.create_bucket("recordings")
        s3.client().list_buckets()

Errors: ComponentError (did not start, or rejected a user), ToolchainError.
"""

import json
import os
import secrets
import subprocess
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import boto3
from botocore.config import Config

from localcluster.builds import ensure_tools
from localcluster.ports import LOOPBACK, free_port
from localcluster.process import ComponentError, Process

VERSITYGW: Final = "versitygw"
REGION: Final = "us-east-1"
_HEALTH_PATH: Final = "/localcluster-health"
_READY_TIMEOUT_S: Final = 60.0
_HTTP_TIMEOUT_S: Final = 2.0
_HTTP_OK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An access key and its secret."""

    access_key: str
    secret_key: str = field(repr=False)


def new_root() -> Credentials:
    """Make up a key for a server's root user."""
    return Credentials(access_key="localcluster", secret_key=secrets.token_hex(20))


class S3Server:
    """One server with its own folder. Killed or stopped, it starts again on the same port and data."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        versioning: bool = True,
        root: Credentials | None = None,
        tools: Mapping[str, Path] | None = None,
        host: str = LOOPBACK,
    ) -> None:
        """`versioning`: buckets can have versions (whether one has is set per bucket). `root`: default a new key.

        `host`: the address that is listened on.
        """
        self.folder = folder.absolute()
        self.host = host
        self.root = root or new_root()
        self.access_log = self.folder / "access.log"
        self.port = free_port() if port is None else port
        self._program = (ensure_tools() if tools is None else tools)[VERSITYGW]
        self._versioning = versioning
        self._clients: dict[Credentials, Any] = {}
        self.process = Process(
            name=VERSITYGW,
            argv=[self._program, *self._arguments()],
            log=self.folder / "versitygw.log",
            env={**os.environ, "ROOT_ACCESS_KEY": self.root.access_key, "ROOT_SECRET_KEY": self.root.secret_key},
        )

    @property
    def endpoint(self) -> str:
        """URL of the server."""
        return f"http://{self.host}:{self.port}"

    @property
    def data(self) -> Path:
        """Folder with one folder for each bucket and one file for each object."""
        return self.folder / "data"

    def start(self) -> None:
        """Start the server and wait until it responds. Raises ComponentError."""
        for name in ("data", "versions", "users", "sidecar"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.process.start()
        self.process.wait_ready(self._is_healthy, timeout_s=_READY_TIMEOUT_S)

    def stop(self) -> None:
        """Terminate the server (SIGTERM)."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the server (SIGKILL)."""
        self.process.kill()

    def client(self, credentials: Credentials | None = None) -> Any:
        """Return a boto3 S3 client with these credentials (default: the root user's); each is made once."""
        credentials = credentials or self.root
        if credentials not in self._clients:
            self._clients[credentials] = self._new_client(credentials)
        return self._clients[credentials]

    def _new_client(self, credentials: Credentials) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}),
        )

    def create_bucket(self, name: str, *, versioned: bool = False) -> None:
        """Create a bucket of the root user, unless it is there."""
        client = self.client()
        if name not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=name)
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def allow_pages(self, bucket: str, *, origin: str) -> None:
        """Let pages of an origin send parts of uploads to a bucket: the CORS rule of docs/client-uploads.md."""
        rule = {
            "AllowedOrigins": [origin],
            "AllowedMethods": ["PUT"],
            "AllowedHeaders": ["content-md5", "content-type"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 3600,
        }
        self.client().put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})

    def create_user(self, credentials: Credentials) -> None:
        """Create a user, who has no permissions until a bucket's policy grants some. Raises ComponentError."""
        command = [str(self._program), "admin", f"--endpoint-url={self.endpoint}", "create-user"]
        command += [f"--access={credentials.access_key}", f"--secret={credentials.secret_key}", "--role=user"]
        env = {**os.environ, "ADMIN_ACCESS_KEY": self.root.access_key, "ADMIN_SECRET_KEY": self.root.secret_key}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ComponentError(f"the S3 user {credentials.access_key} was not created: {done.stderr.strip()}")

    def allow(self, credentials: Credentials, *, bucket: str, actions: tuple[str, ...], prefix: str = "") -> None:
        """Allow the user exactly these actions (`s3:PutObject`, …) on the bucket and below the prefix."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": [credentials.access_key]},
            "Action": list(actions),
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/{prefix}*"],
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _arguments(self) -> list[str | Path]:
        # Absolute paths: versitygw changes its working folder.
        arguments: list[str | Path] = [
            f"--port={self.host}:{self.port}",
            f"--iam-dir={self.folder / 'users'}",
            "--iam-cache-disable",
            f"--health={_HEALTH_PATH}",
            f"--access-log={self.access_log}",
            "--quiet",
            "posix",
        ]
        if self._versioning:
            arguments.append(f"--versioning-dir={self.folder / 'versions'}")
        if not _has_attributes(self.folder):
            arguments.append(f"--sidecar={self.folder / 'sidecar'}")
        return [*arguments, self.data]

    def _is_healthy(self) -> bool:
        with urllib.request.urlopen(f"{self.endpoint}{_HEALTH_PATH}", timeout=_HTTP_TIMEOUT_S) as response:
            return bool(response.status == _HTTP_OK)


def _has_attributes(folder: Path) -> bool:
    """Whether files there can have user attributes, in which versitygw stores its metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".attributes"
    probe.touch()
    try:
        os.setxattr(probe, "user.localcluster", b"1")
    except OSError:
        return False
    finally:
        probe.unlink()
    return True
