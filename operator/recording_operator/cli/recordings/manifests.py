"""Reads the manifest of a Recording from a file, for `create --from-file`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from recording_operator.api.names import API_VERSION, RECORDING_KIND

_SET_BY_THE_SERVER: Final = (
    "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "managedFields", "selfLink", "finalizers", "ownerReferences",
)  # fmt: skip
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""It contains the whole manifest, with the signatures of its URLs."""
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_LARGEST_BYTES: Final = 4 * 2**20


def read_manifest(path: Path) -> dict[str, Any]:
    """The Recording in a YAML or JSON file, without what the API server sets. `-` is standard input.

    Raises UsageError.
    """
    import yaml  # noqa: PLC0415 - only for this option

    where = "standard input" if str(path) == "-" else str(path)
    try:
        documents = [one for one in yaml.load_all(_text(path, where), Loader=_loader()) if one is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        raise click.UsageError(f"{where} is neither YAML nor JSON{at}.") from None
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise click.UsageError(f"Expected the manifest of one Recording in {where}, found {len(documents)} documents.")
    return _checked(documents[0], where)


def _loader() -> Any:
    """As yaml.SafeLoader, but times stay texts: the API server gets JSON."""
    import yaml  # noqa: PLC0415 - only for this option

    class ManifestLoader(yaml.SafeLoader):
        pass

    ManifestLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return ManifestLoader


def _text(path: Path, where: str) -> str:
    try:
        if str(path) == "-":
            if sys.stdin is None:
                raise click.UsageError("Standard input is closed, so no manifest can be read from it.")
            data = sys.stdin.buffer.read(_LARGEST_BYTES + 1)
        else:
            with path.open("rb") as file:
                data = file.read(_LARGEST_BYTES + 1)
        if len(data) > _LARGEST_BYTES:
            raise click.UsageError(f"{where} is larger than 4 MiB.")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"{where} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{where} is not UTF-8 text.") from None


def _checked(manifest: dict[str, Any], where: str) -> dict[str, Any]:
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if kind != RECORDING_KIND or version != API_VERSION:
        raise click.UsageError(
            f"{where} is not a Recording: expected kind {RECORDING_KIND} and apiVersion {API_VERSION}."
        )
    metadata, spec = manifest.get("metadata") or {}, manifest.get("spec") or {}
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        raise click.UsageError(f"{where}: metadata and spec must be mappings.")
    for field, value in (("spec.owner", spec.get("owner")), ("metadata.labels", metadata.get("labels"))):
        if value is not None and not isinstance(value, dict):
            raise click.UsageError(f"{where}: {field} must be a mapping.")
    artifacts = spec.get("artifacts") or []
    if not isinstance(artifacts, list) or not all(_is_artifact(one) for one in artifacts):
        raise click.UsageError(f"{where}: spec.artifacts must be a list of mappings, each with a name.")
    return {
        "apiVersion": API_VERSION,
        "kind": RECORDING_KIND,
        "metadata": _metadata(metadata),
        "spec": {**spec, "artifacts": artifacts},
    }


def _is_artifact(one: object) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str):
        return False
    return one.get("source") is None or isinstance(one["source"], dict)


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in metadata.items() if key not in _SET_BY_THE_SERVER}
    annotations = kept.get("annotations")
    if isinstance(annotations, dict):
        kept["annotations"] = {key: value for key, value in annotations.items() if key != _LAST_APPLIED}
    return kept
