"""The service descriptions of botocore, read once for the clients of all locations.

By default each session has its own loader, which takes 12 MiB for each location. docs/decisions/store-transport.md has
the figures.
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
    """The loader that all clients of this process share. Reads only files that are packaged with botocore."""
    loader = _SharedLoader(
        extra_search_paths=[Loader.BUILTIN_DATA_PATH],
        file_loader=_DescriptionFiles(),
        include_default_search_paths=False,
    )
    # Every client needs these, and they are large. When the operator starts, clients of many locations are created at
    # the same time, and without this each of them would read the files.
    loader.load_data("endpoints")
    loader.load_service_model("s3", "service-2")
    loader.load_service_model("s3", "endpoint-rule-set-1")
    return loader


class _SharedLoader(Loader):  # type: ignore[misc]
    """A loader that sessions cannot change."""

    @property
    def search_paths(self) -> list[str]:
        """The folders of descriptions. A copy, because each boto3 session appends a folder that is not needed here."""
        return list(super().search_paths)


class _DescriptionFiles:
    """Reads a description without its documentation, and with endpoints only of the services that are used."""

    def exists(self, file_path: str) -> bool:
        """Whether the file exists. `file_path` has no extension."""
        return any(path.is_file() for path in _candidates(file_path))

    def load_file(self, file_path: str) -> Any:
        """The content of the file; None if it does not exist."""
        hook = _of_our_services if Path(file_path).name == "endpoints" else _without_documentation
        for path in _candidates(file_path):
            if path.is_file():
                data = path.read_bytes()
                return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data, object_pairs_hook=hook)
        return None


def _candidates(file_path: str) -> tuple[Path, Path]:
    return Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")


def _of_our_services(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the list of endpoints. Its key `services` contains the endpoints of one partition."""
    return {
        key: {name: value[name] for name in value if name in _SERVICES} if key == "services" else value
        for key, value in pairs
    }


def _without_documentation(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without its documentation. Strings are interned, because the same ones occur thousands of times.

    The library requires the key `documentation`. A member of a shape may have this name too; then the value is an
    object and is kept.
    """
    return {key: _word(key, value) if isinstance(value, str) else value for key, value in pairs}


def _word(key: str, value: str) -> str:
    return "" if key == "documentation" else sys.intern(value)
