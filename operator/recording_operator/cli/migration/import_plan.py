"""Which Recordings are made of existing files: grouping, owners, names. Pure; the files are read once, in order."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from posixpath import basename, splitext
from typing import Any, Final

from recording_operator.api.keytemplate import is_owner_id, key_pattern, manifest_patterns
from recording_operator.api.names import API_VERSION, RECORDING_KIND, RESERVED_FOLDER
from recording_operator.api.recording_rules import MAX_ARTIFACTS
from recording_operator.api.source_object import is_key
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.imports import opens
from recording_operator.stores.inventory import ListedObject
from recording_operator.user_actions.file_types import file_type

_MAX_NAME: Final = 63
_MAX_TITLE: Final = 256
_NOT_UTF8: Final = "\ufffd"
"""What a listing of files shows in the place of bytes that are not text."""


class Skip(StrEnum):
    """Why files are left out."""

    NO_OWNER = "--owner-from does not match"
    BAD_OWNER = "a Recording cannot have this owner"
    BAD_KEY = "a Recording cannot name this key"
    NOT_OPEN = "spec.imports of the StorageLocation does not open the key to the namespace"
    TOO_MANY = f"the directory has more than {MAX_ARTIFACTS} files; use --group file, or a deeper directory"
    STORED = "it belongs to a Recording already"


class ListingOutOfOrderError(Exception):
    """Keys were not listed in order, so it is not known when a directory is complete."""


@dataclass(slots=True)
class FileGroup:
    """The files of one Recording. Only as many are kept as a Recording can have, and one more."""

    key: str
    """The directory with its slash, or the key of the only file."""
    files: list[ListedObject] = field(default_factory=list)
    count: int = 0

    def add(self, found: ListedObject) -> None:
        """Add a file."""
        self.count += 1
        if len(self.files) <= MAX_ARTIFACTS:
            self.files.append(found)

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(found.size_bytes for found in self.files)


@dataclass(slots=True)
class Tally:
    """What was found."""

    files: int = 0
    size_bytes: int = 0
    skipped: Counter[Skip] = field(default_factory=Counter)
    examples: dict[Skip, str] = field(default_factory=dict)

    def skip(self, reason: Skip, key: str, count: int = 1) -> None:
        """Count files that are left out."""
        self.skipped[reason] += count
        self.examples.setdefault(reason, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """How files become Recordings."""

    source: StorageLocation
    target: str | None
    namespace: str
    owner_from: re.Pattern[str]
    by_directory: bool

    def groups(self, objects: Iterable[ListedObject], tally: Tally) -> Iterator[FileGroup]:
        """The files of each Recording, as soon as they are complete."""
        files = self._importable(_in_order(objects), tally)
        return _by_directory(files) if self.by_directory else _each(files)

    def recording(self, group: FileGroup, tally: Tally) -> dict[str, Any] | None:
        """The manifest of a Recording; None if the files are skipped."""
        owner = self._owner(group.key)
        reason = self._obstacle(group, owner)
        if owner is None or reason is not None:
            tally.skip(reason or Skip.NO_OWNER, group.files[0].key, group.count)
            return None
        spec: dict[str, Any] = {
            "owner": owner,
            "artifacts": [self._artifact(name, found) for name, found in _named(group.files)],
        }
        title = basename(group.key.rstrip("/")) if self.by_directory else _stem(group.key)
        if title.isprintable() and len(title) <= _MAX_TITLE:
            spec["title"] = title
        if self.target is not None:
            spec["storageLocation"] = self.target
        return {
            "apiVersion": API_VERSION,
            "kind": RECORDING_KIND,
            "metadata": {"name": self._name(group.key, title), "namespace": self.namespace},
            "spec": spec,
        }

    def _importable(self, objects: Iterable[ListedObject], tally: Tally) -> Iterator[ListedObject]:
        own = _keys_of_recordings(self.source)
        for found in objects:
            key = found.key
            if key.endswith("/") or RESERVED_FOLDER in key:
                continue  # the marker of a folder, or an object of the operator
            tally.files += 1
            tally.size_bytes += found.size_bytes
            if any(pattern.fullmatch(key) for pattern in own):
                tally.skip(Skip.STORED, key)
            elif not is_key(key) or _NOT_UTF8 in key:
                tally.skip(Skip.BAD_KEY, key)
            elif not opens(self.source, key, namespace=self.namespace):
                tally.skip(Skip.NOT_OPEN, key)
            else:
                yield found

    def _obstacle(self, group: FileGroup, owner: dict[str, str] | None) -> Skip | None:
        if group.count > MAX_ARTIFACTS:
            return Skip.TOO_MANY
        if owner is not None and not all(map(is_owner_id, owner.values())):
            return Skip.BAD_OWNER
        return None

    def _owner(self, key: str) -> dict[str, str] | None:
        match = self.owner_from.match(key)
        if match is None or match["org"] is None:
            return None
        return {name: value for name, value in match.groupdict().items() if value}

    def _name(self, key: str, title: str) -> str:
        """Readable, and always the same for the same files."""
        digest = hashlib.sha256(f"{self.source.metadata.name}\0{key}".encode()).hexdigest()[:16]
        readable = _slug(title)[: _MAX_NAME - len(digest) - 1].rstrip("-")
        return f"{readable or 'import'}-{digest}"

    def _artifact(self, name: str, found: ListedObject) -> dict[str, Any]:
        kind, media_type = file_type(found.key)
        source = {"storageLocation": self.source.metadata.name, "key": found.key}
        artifact = {"name": name, "kind": kind.value, "source": {"object": source, "size": found.size_bytes}}
        return {**artifact, "contentType": media_type} if media_type else artifact


def _keys_of_recordings(location: StorageLocation) -> Sequence[re.Pattern[str]]:
    prefix, template = location.store.prefix, location.spec.key_template
    own = key_pattern(prefix=prefix, template=template)
    return (*([own] if own else []), *manifest_patterns(prefix=prefix, template=template))


def _in_order(objects: Iterable[ListedObject]) -> Iterator[ListedObject]:
    last = b""
    for found in objects:
        key = found.key.encode("utf-8", "surrogatepass")
        if key < last:
            raise ListingOutOfOrderError
        last = key
        yield found


def _each(files: Iterable[ListedObject]) -> Iterator[FileGroup]:
    for found in files:
        yield FileGroup(key=found.key, files=[found], count=1)


def _by_directory(files: Iterable[ListedObject]) -> Iterator[FileGroup]:
    """In the order of keys, only the directories above the current file are incomplete."""
    incomplete: list[FileGroup] = []
    for found in files:
        directory = found.key[: found.key.rfind("/") + 1]
        while incomplete and not found.key.startswith(incomplete[-1].key):
            yield incomplete.pop()
        if not incomplete or incomplete[-1].key != directory:
            incomplete.append(FileGroup(key=directory))
        incomplete[-1].add(found)
    yield from reversed(incomplete)


def _named(files: Sequence[ListedObject]) -> Iterator[tuple[str, ListedObject]]:
    """A name for each file, unique and independent of the order: the stem, or the whole name if that is taken."""
    stems = [_slug(_stem(found.key))[:_MAX_NAME].strip("-") for found in files]
    names = [_slug(basename(found.key))[:_MAX_NAME].strip("-") for found in files]
    chosen = [stem if stem and stems.count(stem) == 1 else name for stem, name in zip(stems, names, strict=True)]
    for name, found in zip(chosen, files, strict=True):
        if name and chosen.count(name) == 1:
            yield name, found
        else:
            digest = hashlib.sha256(found.key.encode()).hexdigest()[:16]
            yield f"{name[: _MAX_NAME - len(digest) - 1].rstrip('-') or 'file'}-{digest}", found


def _stem(key: str) -> str:
    return splitext(basename(key))[0]


def _slug(text: str) -> str:
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
