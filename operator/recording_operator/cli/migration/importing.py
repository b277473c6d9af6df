"""Creates Recordings of existing files, for `recording-operator import`."""

import logging
import os
import re
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Never

import click
from pydantic import ValidationError

from recording_operator.api.reasons import Trait
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.units import format_bytes
from recording_operator.cli.arguments import EXIT_INTERRUPTED
from recording_operator.cli.caller import open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.location_stores import OpenedStores
from recording_operator.cli.migration.import_plan import FileGroup, ImportPlan, ListingOutOfOrderError, Tally
from recording_operator.cli.verb import note
from recording_operator.cli.words import for_location, for_secrets
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import (
    AlreadyExists,
    ApiUnavailable,
    ConnectionConfigError,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
    TooManyRequests,
)
from recording_operator.kube.secrets import SecretError
from recording_operator.logs import Redactor, configure_logging
from recording_operator.signals import on_end_signals
from recording_operator.stores.location_store import LocationStore

_FAILED: Final = 1
_TRY_LATER: Final = 75  # EX_TEMPFAIL of sysexits.h
_THREADS: Final = 8
_PENDING: Final = 64
"""So many requests are submitted at most."""
_TRIES: Final = 8
_SHOWN_EVERY_S: Final = 0.2
_LOGGED_EVERY_S: Final = 10.0
_MOST_REJECTIONS: Final = 10
"""So many are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """The command line of one import."""

    cluster: ClusterOptions
    source: str
    prefix: str
    owner_from: re.Pattern[str]
    target: str | None
    grouping: str
    limit: int | None
    dry_run: bool
    operator_namespace: str | None


class _Created(Enum):
    """What became of a Recording."""

    NEW = auto()
    EXISTED = auto()
    REJECTED = auto()


class _NotPossibleError(Exception):
    """Nothing can be imported. The message says why."""


class _InterruptedError(Exception):
    """A signal ended the import."""


def run_import(request: ImportRequest) -> Never:
    """Import, print a summary, and exit."""
    configure_logging(redactor=Redactor(), log_format="text", level=logging.WARNING)
    stop = threading.Event()
    on_end_signals(first=stop.set, again=lambda: os._exit(EXIT_INTERRUPTED))
    status = 0
    with ExitStack() as resources:
        try:
            plan, kube, store = _opened(request, resources)
            status = _Import(request, plan, kube=kube, store=store, stop=stop).run()
        except (_NotPossibleError, ConnectionConfigError) as error:
            status = _fail(str(error))
        except SecretError as error:
            status = _fail(for_secrets(error.message))
        except (TransferError, LocationError) as error:
            may_recover = Trait.MAY_RECOVER in error.reason.traits
            status = _fail(for_location(error.message), _TRY_LATER if may_recover else _FAILED)
        except Forbidden as error:
            status = _fail(f"{error}. recording-operator import --help says which rights are needed.")
        except (ApiUnavailable, TooManyRequests) as error:
            status = _fail(str(error), _TRY_LATER)
        except KubeError as error:
            status = _fail(str(error))
    sys.exit(status)


def _opened(request: ImportRequest, resources: ExitStack) -> tuple[ImportPlan, KubeApi, LocationStore]:
    cluster = resources.enter_context(open_cluster(request.cluster))
    kube = KubeApi(cluster.rest)
    source = _location(kube, request.source)
    if request.target is not None:
        _location(kube, request.target)
    plan = ImportPlan(
        source=source,
        target=request.target,
        namespace=cluster.namespace,
        owner_from=request.owner_from,
        by_directory=request.grouping == "directory",
    )
    if not source.spec.imports:
        raise _NotPossibleError(
            f"StorageLocation {request.source} opens no keys. Add the prefix to its spec.imports first."
        )
    stores = resources.enter_context(OpenedStores(cluster, operator_namespace=request.operator_namespace))
    return plan, kube, stores.store(source)


def _location(kube: KubeApi, name: str) -> StorageLocation:
    try:
        return StorageLocation.model_validate(kube.get_location(name))
    except NotFound:
        raise _NotPossibleError(f"StorageLocation {name} does not exist.") from None
    except ValidationError:
        raise _NotPossibleError(
            f"StorageLocation {name} cannot be read. Its CRD has another version than this program."
        ) from None


class _Import:
    """One run."""

    def __init__(
        self, request: ImportRequest, plan: ImportPlan, *, kube: KubeApi, store: LocationStore, stop: threading.Event
    ) -> None:
        self._request = request
        self._plan = plan
        self._kube = kube
        self._store = store
        self._stop = stop
        self._tally = Tally()
        self._created: Counter[_Created] = Counter()
        self._planned = 0
        self._shown_s = time.monotonic()
        self._bar = sys.stderr.isatty()
        self._rejections: list[str] = []

    def run(self) -> int:
        """Import, and print a summary. Returns the exit status. Raises the errors of the API server and the store."""
        with self._summary(), ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="create") as pool:
            pending: deque[Future[_Created]] = deque()
            try:
                for manifest in self._recordings():
                    if self._request.dry_run:
                        continue
                    pending.append(pool.submit(self._create, manifest))
                    while pending and (len(pending) >= _PENDING or pending[0].done()):
                        self._count(pending.popleft())
                    if self._reached(len(pending)):
                        while pending:
                            self._count(pending.popleft())
                        if self._reached():
                            break
                while pending:
                    self._count(pending.popleft())
            except _InterruptedError:
                _say("Interrupted. Run it again to continue: nothing is created twice.")
                return EXIT_INTERRUPTED
            except ListingOutOfOrderError:
                raise _NotPossibleError("The store does not list keys in order. Use --group file.") from None
            finally:
                for call in pending:
                    call.cancel()
        return _FAILED if self._tally.skipped or self._rejections else 0

    def _recordings(self) -> Iterator[dict[str, Any]]:
        for group in self._plan.groups(self._store.objects(self._request.prefix), self._tally):
            if self._stop.is_set():
                raise _InterruptedError
            self._show_progress()
            manifest = self._plan.recording(group, self._tally)
            if manifest is None:
                continue
            if self._request.dry_run:
                self._print(manifest, group)
                if self._planned == self._request.limit:
                    return
            yield manifest

    def _create(self, manifest: dict[str, Any]) -> _Created:
        for tries_left in reversed(range(_TRIES)):
            try:
                self._kube.create_recording(self._plan.namespace, manifest)
            except AlreadyExists:
                return _Created.EXISTED
            except Invalid as error:
                if len(self._rejections) < _MOST_REJECTIONS:
                    self._rejections.append(f"{manifest['metadata']['name']}: {error}")
                return _Created.REJECTED
            except NotFound:
                raise _NotPossibleError(f"Namespace {self._plan.namespace} does not exist.") from None
            except (ApiUnavailable, TooManyRequests) as error:
                if not tries_left or self._stop.wait(getattr(error, "retry_after_s", 1.0)):
                    raise
            else:
                return _Created.NEW
        raise AssertionError  # the last try returns or raises

    def _count(self, call: Future[_Created]) -> None:
        self._created[call.result()] += 1

    def _reached(self, pending: int = 0) -> bool:
        """Whether the limit is reached if all pending requests create one."""
        limit = self._request.limit
        return limit is not None and self._created[_Created.NEW] + pending >= limit

    # What is printed

    def _print(self, manifest: dict[str, Any], group: FileGroup) -> None:
        self._planned += 1
        owner = " ".join(f"{name}={value}" for name, value in manifest["spec"]["owner"].items())
        files = "1 file" if group.count == 1 else f"{group.count} files"
        click.echo(f"{manifest['metadata']['name']}\t{owner}\t{files}\t{format_bytes(group.size_bytes)}\t{group.key}")

    def _show_progress(self) -> None:
        now_s = time.monotonic()
        if now_s - self._shown_s < (_SHOWN_EVERY_S if self._bar else _LOGGED_EVERY_S) or self._request.dry_run:
            return
        self._shown_s = now_s
        text = f"{self._tally.files:,} files listed, {self._created[_Created.NEW]:,} Recordings created"
        click.echo(f"\r{text:<78}" if self._bar else text, nl=not self._bar, err=True)

    @contextmanager
    def _summary(self) -> Iterator[None]:
        """Print what was done, also if it ends early."""
        try:
            yield
        finally:
            if self._bar:
                click.echo(f"\r{'':<78}\r", nl=False, err=True)
            for line in self._lines():
                _say(line)

    def _lines(self) -> Iterator[str]:
        tally, created = self._tally, self._created
        yield f"{tally.files:,} files listed below {self._request.prefix}, {format_bytes(tally.size_bytes)}."
        if self._request.dry_run:
            yield f"{self._planned:,} Recordings would be created in {self._plan.namespace}, unless they exist."
        else:
            existed = f" {created[_Created.EXISTED]:,} existed already." if created[_Created.EXISTED] else ""
            yield f"{created[_Created.NEW]:,} Recordings created in {self._plan.namespace}.{existed}"
        if created[_Created.REJECTED]:
            yield f"{created[_Created.REJECTED]:,} Recordings were rejected by the API server:"
            yield from (f"  {rejection}" for rejection in self._rejections)
        for reason, count in sorted(tally.skipped.items()):
            yield f"{count:,} files skipped: {reason}. The first: {_printable(tally.examples[reason])}"


def _printable(key: str) -> str:
    """The key without characters that a terminal might obey."""
    return "".join(character if character.isprintable() else "?" for character in key)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _fail(message: str, status: int = _FAILED) -> int:
    note(message)
    return status
