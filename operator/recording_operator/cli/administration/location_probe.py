"""Probes the store of a StorageLocation with the caller's rights, for `location check`."""

import json
import logging
import sys
import uuid
from dataclasses import dataclass

from pydantic import ValidationError

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.capabilities import capability_lines
from recording_operator.cli.administration.locations import store_address
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.location_stores import OpenedStores
from recording_operator.cli.screen.text import clean, table
from recording_operator.cli.verb import Failure, note
from recording_operator.cli.words import for_location, for_secrets
from recording_operator.errors import LocationError
from recording_operator.kube.resources import LOCATIONS
from recording_operator.kube.secrets import SecretError
from recording_operator.logs import Redactor, configure_logging
from recording_operator.stores.capabilities import Capabilities
from recording_operator.times import relative


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationProbeRequest:
    """The command line."""

    cluster: ClusterOptions
    name: str
    operator_namespace: str | None
    output: str


class _NoCredentialsError(Exception):
    """The caller cannot read the Secret. The message says which right is missing."""


def probe_location(request: LocationProbeRequest) -> None:
    """Print what the store supports. Raises Failure if the probe fails, and KubeError."""
    configure_logging(redactor=Redactor(), log_format="text", level=logging.CRITICAL)  # it says itself what failed
    with open_cluster(request.cluster) as cluster:
        manifest = cluster.resources.get(LOCATIONS, request.name)
        address = clean(store_address(manifest))
        try:
            location = StorageLocation.model_validate(manifest)
        except ValidationError:
            raise Failure(
                f"StorageLocation {request.name} cannot be read. Its CRD has another version than this program."
            ) from None
        if location.spec.s3 is None:
            _show_last(location, cluster)
            raise Failure(
                f"StorageLocation {request.name} is a directory in the operator's pods. Only the operator can check it."
            )
        try:
            found = _probed(cluster, location, address, request.operator_namespace)
        except _NoCredentialsError as error:
            _show_last(location, cluster)
            raise Failure(f"The store was not checked now. {error}") from None
        except LocationError as error:
            raise Failure(f"{error.reason}: {for_location(error.message)}") from None
    _show(request, address, found)


def _probed(cluster: Cluster, location: StorageLocation, address: str, given: str | None) -> Capabilities:
    """Write, read and delete test objects of a name of their own: those of the operator are not touched."""
    note(f"Test objects are written to {address} and removed. This may take a minute.")
    with OpenedStores(cluster, operator_namespace=given) as stores:
        try:
            store = stores.store(location)
        except SecretError as error:
            raise _NoCredentialsError(for_secrets(error.message)) from None
        return store.probe(name=f"check-{uuid.uuid4().hex[:12]}", joins=None)


def _show(request: LocationProbeRequest, address: str, found: Capabilities) -> None:
    status = found.as_status()
    if request.output == "json":
        document = {"name": request.name, "verifiedBy": str(found.verified_by), "capabilities": status}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    sys.stdout.write(f"{address} can be written to. Objects are verified by {found.verified_by}.\n")
    sys.stdout.write(table((), capability_lines(status)))


def _show_last(location: StorageLocation, cluster: Cluster) -> None:
    """What the operator found when it checked the store last."""
    ready, status = location.ready_condition, location.status
    if ready is None:
        note("The operator has not checked the store yet.")
        return
    then = "" if status.last_probe_time is None else relative(status.last_probe_time.isoformat(), now=cluster.now)
    note(f"The operator checked it {then}: {clean(ready.reason)}: {clean(ready.message)}")
    sys.stdout.write(table((), capability_lines(status.capabilities)) if status.capabilities else "")
