"""The descriptions of services that botocore reads from its own files, read once for the clients of all locations.

Each botocore session reads them for itself otherwise: 12 MB for each location, most of it documentation and the
addresses of services that are never called. And in each answer it looks, several times, for all that it could tell.
"""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

from botocore.loaders import Loader

# S3 itself, and whoever turns an ambient identity into keys.
_SERVICES: Final = frozenset({"s3", "sts", "sso", "oidc", "portal.sso", "signin"})
_ENDPOINTS: Final = "endpoints"
_SERVICE: Final = "service-2"
# Of the answers that each artifact takes, what is read; HEAD alone could tell of 47 things.
_READ: Final = {
    "HeadObjectOutput": ("ChecksumCRC64NVME", "ContentLength", "ContentType", "ETag", "Metadata", "VersionId"),
    "PutObjectOutput": ("ETag",),
}


@cache
def service_models() -> Loader:
    """The one loader of this process. Only what is packaged with botocore: no file of whoever runs the process."""
    return Loader(
        extra_search_paths=[Loader.BUILTIN_DATA_PATH], file_loader=_LeanFiles(), include_default_search_paths=False
    )


class _LeanFiles:
    """Reads a description, as botocore's own reader does, without documentation."""

    def exists(self, file_path: str) -> bool:
        """Whether there is such a file; its ending is not part of the path."""
        return any(path.is_file() for path in _candidates(file_path))

    def load_file(self, file_path: str) -> Any:
        """What is in the file; None without one."""
        for path in _candidates(file_path):
            if path.is_file():
                with _opened(path) as file:
                    described = json.load(file, object_pairs_hook=_without_documentation)
                return _lean(path, described)
        return None


def _candidates(file_path: str) -> tuple[Path, Path]:
    return Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _lean(path: Path, described: dict[str, Any]) -> dict[str, Any]:
    name = path.name.removesuffix(".gz").removesuffix(".json")
    if name == _ENDPOINTS:
        return _of_our_services(described)
    return _of_our_answers(described) if name == _SERVICE and path.parent.parent.name == "s3" else described


def _without_documentation(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # The library asks for the key. A member of a shape may be called so too; its description is an object.
    return {key: "" if key == "documentation" and isinstance(value, str) else value for key, value in pairs}


def _of_our_services(endpoints: dict[str, Any]) -> dict[str, Any]:
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in _SERVICES}
    return endpoints


def _of_our_answers(service: dict[str, Any]) -> dict[str, Any]:
    for name, read in _READ.items():
        members = service["shapes"][name]["members"]
        service["shapes"][name]["members"] = {member: members[member] for member in read}
    return service
