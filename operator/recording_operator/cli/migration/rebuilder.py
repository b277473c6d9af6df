"""Rebuilds Recordings, for `recording-operator rebuild`."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Never

import click
from pydantic import ValidationError

from recording_operator.api.reasons import Trait
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.units import parse_duration
from recording_operator.cli.caller import open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.location_stores import OpenedStores
from recording_operator.cli.verb import note
from recording_operator.cli.words import for_location, for_secrets
from recording_operator.controller.rebuilding import Rebuilding, RebuildOutcome, RebuildResult
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import (
    ApiUnavailable,
    ConnectionConfigError,
    Forbidden,
    KubeError,
    NotFound,
    TooManyRequests,
)
from recording_operator.kube.secrets import SecretError
from recording_operator.logs import Redactor, configure_logging

_FAILED: Final = 1
_TRY_LATER: Final = 75  # EX_TEMPFAIL of sysexits.h
_SHOW_EVERY_S: Final = 0.2
_CONTINUE: Final = "Run the command again to continue."


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildRequest:
    """The command line of one rebuild."""

    cluster: ClusterOptions
    location: str
    dry_run: bool
    ttl_after_finished: str
    operator_namespace: str | None


@dataclass(slots=True, kw_only=True)
class _Progress:
    """Counts outcomes, and shows them on a terminal."""

    dry_run: bool
    counts: Counter[RebuildOutcome] = field(default_factory=Counter)
    shown_s: float = 0.0
    on_terminal: bool = field(default_factory=sys.stderr.isatty)

    def add(self, result: RebuildResult) -> None:
        """Count one manifest; print why it was not rebuilt."""
        self.counts[result.outcome] += 1
        if result.message:
            self._clear()
            click.echo(f"{result.recording or result.key}: {result.message}", err=True)
        elif self.on_terminal and time.monotonic() - self.shown_s >= _SHOW_EVERY_S:
            self.shown_s = time.monotonic()
            self._clear()
            click.echo(self.summary(), nl=False, err=True)

    def end(self) -> None:
        """Replace the progress by the summary."""
        self._clear()
        click.echo(self.summary())

    def summary(self) -> str:
        """Such as `1,204 manifests: 1,200 created, 4 exist already`."""
        verbs = {one: one.value for one in RebuildOutcome}
        if self.dry_run:
            verbs[RebuildOutcome.CREATED] = "would be created"
        parts = [f"{self.counts[one]:,} {verb}" for one, verb in verbs.items() if self.counts[one]]
        total = self.counts.total()
        return f"{total:,} manifest{'s' * (total != 1)}" + (f": {', '.join(parts)}" if parts else "")

    def _clear(self) -> None:
        if self.on_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)


def run_rebuild(request: RebuildRequest) -> None:
    """Rebuild, print the summary, and exit if not everything was rebuilt."""
    configure_logging(redactor=Redactor(), log_format="text", level=logging.WARNING)
    default_ttl = _duration(request.ttl_after_finished)
    progress = _Progress(dry_run=request.dry_run)
    try:
        _rebuild(request, default_ttl, progress)
    except Forbidden as error:
        _fail(f"{error}. recording-operator rebuild --help says which rights are needed.")
    except (ApiUnavailable, TooManyRequests) as error:
        _fail(f"{error}. {_CONTINUE}", status=_TRY_LATER)
    except (KubeError, ConnectionConfigError) as error:
        _fail(str(error))
    except SecretError as error:
        _fail(for_secrets(error.message))
    except (TransferError, LocationError) as error:
        may_recover = Trait.MAY_RECOVER in error.reason.traits
        message = f"{for_location(error.message).rstrip('.')}."
        _fail(f"{message} {_CONTINUE}" if may_recover else message, status=_TRY_LATER if may_recover else _FAILED)
    if progress.counts[RebuildOutcome.REJECTED]:
        sys.exit(_FAILED)


def _rebuild(request: RebuildRequest, default_ttl: timedelta, progress: _Progress) -> None:
    with open_cluster(request.cluster) as cluster:
        kube = KubeApi(cluster.rest)
        location = _location(kube, request.location)
        with OpenedStores(cluster, operator_namespace=request.operator_namespace) as stores:
            rebuilding = Rebuilding(
                kube=kube,
                store=stores.store(location),
                location=location,
                namespace=request.cluster.namespace,
                default_ttl=default_ttl,
                now=cluster.now,
                dry_run=request.dry_run,
            )
            _show(rebuilding.run(), progress)


def _show(results: Iterable[RebuildResult], progress: _Progress) -> None:
    try:
        for result in results:
            progress.add(result)
    finally:
        progress.end()


def _location(kube: KubeApi, name: str) -> StorageLocation:
    try:
        return StorageLocation.model_validate(kube.get_location(name))
    except NotFound:
        _fail(f"StorageLocation {name} does not exist. Create it as it was in the lost cluster.")
    except ValidationError:
        _fail(f"StorageLocation {name} cannot be read. Its CRD has another version than this program.")


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.UsageError(f"--ttl-after-finished: {error}.") from None


def _fail(message: str, *, status: int = _FAILED) -> Never:
    note(message)
    sys.exit(status)
