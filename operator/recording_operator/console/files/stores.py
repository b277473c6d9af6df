"""The stores of StorageLocations, with the console's own rights."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_store import S3, Filesystem
from recording_operator.console.files.places import StorePlaces, store_unavailable
from recording_operator.console.problems import Problem
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.secrets import SecretError, location_cdn, location_credentials
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.factory import open_store
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.presigning import NotPresignableError
from recording_operator.user_actions.stored_objects import (
    ObjectObstacle,
    ObjectUnavailable,
    StoredRecording,
    location_of,
)

_MOST_KEPT: Final = 32
_GONE: Final = (ObjectObstacle.EXPIRED, ObjectObstacle.REMOVED)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeptStore:
    """An open store, and what it was opened with."""

    spec: S3 | Filesystem
    credentials: StoreCredentials | None = field(repr=False)
    store: LocationStore = field(repr=False)


class ConsoleStores:
    """Finds the stores of Recordings. Thread-safe."""

    def __init__(self, kube: KubeApi, *, operator_namespace: str, roots: Sequence[str]) -> None:
        """`roots`: the directories below which the directories of locations may be."""
        self._kube = kube
        self._operator_namespace = operator_namespace
        self._roots = tuple(roots)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _KeptStore] = OrderedDict()
        self._places = StorePlaces()

    @contextmanager
    def request(self, location: str, *, restore: str = "") -> Iterator[None]:
        """A request to a store, of which only so many run at the same time, with its failures as Problem.

        `restore` is the command that restores the file.
        """
        with self._places.one(location), store_problems(location, restore=restore):
            yield

    def of(self, recording: Recording, *, cdn: bool = False, may_lack_bucket: bool = False) -> StoredRecording:
        """The store of a Recording's objects. Raises ObjectUnavailable, SecretError, KubeError.

        `may_lack_bucket`: the Recording does not say in which bucket they are.
        """
        location = location_of(self._kube, recording, may_lack_bucket=may_lack_bucket)
        namespace = self._operator_namespace
        key = location_cdn(self._kube, location, operator_namespace=namespace) if cdn else None
        return StoredRecording(
            recording=recording,
            location=location,
            credentials=None,
            cdn=key,
            store=self._kept_store(location),
        )

    def opened(self, location: StorageLocation) -> LocationStore:
        """A new store of a location. Raises LocationError, SecretError, KubeError."""
        return open_store(location, self._credentials(location), roots=self._roots)

    def _kept_store(self, location: StorageLocation) -> LocationStore:
        """One that is used again: a new client takes long, and may have to assume a role first."""
        credentials, name = self._credentials(location), location.metadata.name
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or (kept.spec, kept.credentials) != (location.store, credentials):
                # Other threads may use the one before, so it is not closed here.
                store = open_store(location, credentials, roots=self._roots)
                kept = self._kept[name] = _KeptStore(spec=location.store, credentials=credentials, store=store)
            self._kept.move_to_end(name)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            return kept.store

    def _credentials(self, location: StorageLocation) -> StoreCredentials | None:
        return location_credentials(self._kube, location, operator_namespace=self._operator_namespace)


@contextmanager
def store_problems(location: str, *, restore: str) -> Iterator[None]:
    """Turn failures of a store into Problem, without what is only for its administrator.

    `restore` is the command that restores the file.
    """
    try:
        yield
    except ObjectUnavailable as error:
        hint = f": {restore}" if error.obstacle is ObjectObstacle.ARCHIVED else ""
        status = HTTPStatus.GONE if error.obstacle in _GONE else HTTPStatus.CONFLICT
        raise Problem(status, f"{error}{hint}") from None
    except NotPresignableError as error:
        raise Problem(HTTPStatus.GONE if error.is_gone else HTTPStatus.CONFLICT, str(error)) from None
    except SecretError as error:
        _logger.warning("The store of StorageLocation %s cannot be opened: %s", location, error.message)
        raise store_unavailable(f"The credentials of StorageLocation {location} cannot be used.") from None
    except (TransferError, LocationError) as error:
        if error.reason is Reason.IDENTITY_REJECTED:
            raise Problem(HTTPStatus.CONFLICT, error.message) from None
        _logger.warning("The store of StorageLocation %s fails: %s", location, error.message)
        raise store_unavailable(f"The store of StorageLocation {location} fails ({error.reason.value}).") from None
