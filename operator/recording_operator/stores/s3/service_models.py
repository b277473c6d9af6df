"""The descriptions of services that botocore reads from its own files, read once for the clients of all locations.

Each session has a loader of its own otherwise: 12 MiB for each location. docs/decisions/store-transport.md has the
figures.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any, Final

from botocore.loaders import Loader

from recording_operator.stores.s3.once import once

# S3 itself, the services that turn an ambient identity into keys, and CloudWatch.
_SERVICES: Final = frozenset({"s3", "sts", "sso", "oidc", "portal.sso", "signin", "monitoring"})


@once
def service_models() -> Loader:
    """The one loader of this process. Reads only files that are packaged with botocore, none of the user."""
    loader = _SharedLoader(
        extra_search_paths=[Loader.BUILTIN_DATA_PATH],
        file_loader=_DescriptionFiles(),
        include_default_search_paths=False,
    )
    # What every client needs and is large. Clients of many locations are made at once when the operator starts, and
    # the loader lets each of them read what none has read yet.
    loader.load_data("endpoints")
    loader.load_service_model("s3", "service-2")
    loader.load_service_model("s3", "endpoint-rule-set-1")
    return loader


class _SharedLoader(Loader):  # type: ignore[misc]
    """A loader that no session changes."""

    @property
    def search_paths(self) -> list[str]:
        """Where descriptions are. A copy: each boto3 session appends a folder of its own, which is not needed here."""
        return list(super().search_paths)


class _DescriptionFiles:
    """Reads a description without its documentation, and with endpoints only of the services that are used."""

    def exists(self, file_path: str) -> bool:
        """Whether there is such a file; its ending is not part of the path."""
        return any(path.is_file() for path in _candidates(file_path))

    def load_file(self, file_path: str) -> Any:
        """What is in the file; None without one."""
        hook = _of_our_services if Path(file_path).name == "endpoints" else _without_documentation
        for path in _candidates(file_path):
            if path.is_file():
                data = path.read_bytes()
                return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data, object_pairs_hook=hook)
        return None


def _candidates(file_path: str) -> tuple[Path, Path]:
    return Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")


def _of_our_services(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the list of addresses; `services` holds those of one partition."""
    return {
        key: {name: value[name] for name in value if name in _SERVICES} if key == "services" else value
        for key, value in pairs
    }


def _without_documentation(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without its documentation, and with each word kept once: the same few occur thousands of times.

    The library requires the key. A member of a shape may have this name too; its description is an object.
    """
    return {key: _word(key, value) if isinstance(value, str) else value for key, value in pairs}


def _word(key: str, value: str) -> str:
    return "" if key == "documentation" else sys.intern(value)
