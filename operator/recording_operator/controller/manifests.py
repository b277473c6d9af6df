"""Finds and reads the manifests in the store of a StorageLocation.

Artifacts may be documents too. A manifest counts only if the metadata of the object says that it is the manifest of the
Recording that its key names: an artifact has its own name there, and no artifact can have the name of a manifest.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from recording_operator.api.keytemplate import key_pattern, manifest_patterns
from recording_operator.api.names import MANIFEST_FILE, RESERVED_FOLDER
from recording_operator.api.reasons import Trait
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.manifest import MOST_BYTES, Manifest, ManifestFormatError, decode
from recording_operator.errors import TransferError
from recording_operator.stores.documents import DocumentTooLargeError
from recording_operator.stores.location_store import LocationStore

_MISSING: Final = "There is no manifest in the store."
_UNREADABLE: Final = "The object at the key of the manifest cannot be read as one."


class ManifestKey(NamedTuple):
    """The key of what should be a manifest, and the uid in it. A listing also says when it was last written."""

    key: str
    uid: str
    last_modified: datetime | None = None
    etag: str = ""


class NoManifestError(Exception):
    """There is no manifest at the key, or it cannot be trusted. The text says why, for people."""


class OtherObjectError(NoManifestError):
    """The object at the key is something else, such as an artifact with the name `metadata`."""


def manifest_keys(store: LocationStore, location: StorageLocation) -> Iterator[ManifestKey]:
    """The keys of all manifests of the location, page by page, in the order of the listing. Raises StoreError."""
    return _manifests_below(store, location, "")


def own_manifest_keys(store: LocationStore, location: StorageLocation) -> Iterator[ManifestKey]:
    """The keys of those that are in the operator's own folder, because their Recording has none of its own."""
    return _manifests_below(store, location, f"{RESERVED_FOLDER}/manifests/")


def _manifests_below(store: LocationStore, location: StorageLocation, folder: str) -> Iterator[ManifestKey]:
    prefix = location.store.prefix
    patterns = manifest_patterns(prefix=prefix, template=location.spec.key_template)
    for found in store.objects(f"{prefix}{folder}"):
        if not found.key.endswith(".json"):
            continue
        match = next((one for pattern in patterns if (one := pattern.fullmatch(found.key))), None)
        if match is not None:
            yield ManifestKey(found.key, match["uid"], found.last_modified, found.etag)


def read_manifest(store: LocationStore, at: ManifestKey) -> Manifest:
    """The manifest at the key. Raises NoManifestError, StoreError."""
    try:
        document = store.read_owned_document(at.key, MOST_BYTES)
    except DocumentTooLargeError:
        _check_head(store, at)
        raise NoManifestError(_UNREADABLE) from None
    except TransferError as error:
        if Trait.TRANSIENT not in error.reason.traits:
            _check_head(store, at)  # an archived artifact cannot be read
        raise
    if document is None:
        raise NoManifestError(_MISSING)
    _check_owner(at, document.recording_uid, document.name)
    try:
        manifest = decode(document.data)
    except ManifestFormatError:
        raise NoManifestError(_UNREADABLE) from None
    if manifest.uid != at.uid:
        raise NoManifestError("The manifest names another uid than its key.")
    return manifest


def _check_head(store: LocationStore, at: ManifestKey) -> None:
    head = store.head(at.key)
    if head is None:
        raise NoManifestError(_MISSING)
    _check_owner(at, head.recording_uid, head.artifact)


def _check_owner(at: ManifestKey, uid: str | None, name: str | None) -> None:
    if (uid, name) != (at.uid, MANIFEST_FILE):
        raise OtherObjectError("The object at the key of the manifest was not written as one.")


def has_own_keys(manifest: Manifest, location: StorageLocation) -> bool:
    """Whether the template makes the keys of all its objects, with its uid. Check it before any of its keys is used."""
    pattern = key_pattern(prefix=location.store.prefix, template=location.spec.key_template)
    found = [pattern.fullmatch(artifact.key) if pattern else None for artifact in manifest.artifacts]
    return all(match is not None and match["uid"] == manifest.uid for match in found)
