"""Sends a test event to an EventSink from this machine, for `sink test`."""

import logging
import sys
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from recording_operator.api.eventsink import EventSink
from recording_operator.cli.administration.checks.checked import missing_right
from recording_operator.cli.administration.checks.operator import SETTINGS_FILE, settings_maps
from recording_operator.cli.administration.installation import SeveralOperatorsError, find_operator
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.verb import Failure, note
from recording_operator.cli.words import for_sink
from recording_operator.controller.notifications.targets import TargetResolver
from recording_operator.egress.url import parse_url
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Forbidden
from recording_operator.kube.resources import SINKS
from recording_operator.logs import Redactor, configure_logging
from recording_operator.notify.catalogue import TEST_TYPE
from recording_operator.notify.events import encode_test
from recording_operator.notify.policy import SinkPolicy
from recording_operator.notify.sender import NotAcceptedError, Sender
from recording_operator.settings import SettingsError, parse_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkTrialRequest:
    """The command line."""

    cluster: ClusterOptions
    name: str
    operator_namespace: str | None


def try_sink(request: SinkTrialRequest) -> None:
    """Send one event, and print how the application responds. Raises Failure, KubeError."""
    redactor = Redactor()
    configure_logging(redactor=redactor, log_format="text", level=logging.CRITICAL)  # it says itself what failed
    with open_cluster(request.cluster) as cluster:
        namespace, name = cluster.address(request.name)
        sink = _sink(cluster, namespace, name)
        try:
            target = TargetResolver(KubeApi(cluster.rest), register_secret=redactor.register).resolve(sink)
        except NotAcceptedError as error:
            raise Failure(f"{error.reason}: {for_sink(error.message)}") from None
        policy = _policy(cluster, request.operator_namespace)
    event_id = f"{sink.metadata.uid}/test/{uuid.uuid4().hex}"
    event = encode_test(sink=name, namespace=namespace, event_id=event_id, time=datetime.now(UTC))
    if sink.spec.suspend:
        note("spec.suspend is true: the operator sends nothing. The test is sent.")
    sender = Sender(policy, now=lambda: datetime.now(UTC))
    try:
        sender.send(event, event_id=event_id, target=target, stop=threading.Event())
    except NotAcceptedError as error:
        raise Failure(f"{error.reason}: {for_sink(error.message)}") from None
    signed = f"signed with {len(target.keys)} keys" if len(target.keys) != 1 else "signed with 1 key"
    sys.stdout.write(
        f"{parse_url(target.url).host} accepted the event {TEST_TYPE.type}, {signed}. It was sent from this machine; "
        "the operator may reach it on another way.\n"
    )


def _sink(cluster: Cluster, namespace: str, name: str) -> EventSink:
    try:
        return EventSink.model_validate(cluster.resources.get(SINKS, name, namespace=namespace))
    except ValidationError:
        message = f"EventSink {namespace}/{name} cannot be read. Its CRD has another version than this program."
        raise Failure(message) from None


def _policy(cluster: Cluster, given: str | None) -> SinkPolicy:
    """The operator's sink policy, or the default one if the caller may not read it, or its namespace is a guess."""
    try:
        place = find_operator(cluster, given)
        found = [] if place is None or not place.is_certain else settings_maps(cluster, place.namespace)
    except Forbidden as error:
        note(f"The default policy for addresses is used, not that of the operator. {missing_right(error)}")
        return SinkPolicy()
    except SeveralOperatorsError as error:
        note(f"The default policy for addresses is used, not that of the operator. {error.message}")
        return SinkPolicy()
    if place is not None and not place.is_certain:
        note(
            "The default policy for addresses is used: it is not certain that the operator's namespace is "
            f"{place.namespace}. --operator-namespace names it."
        )
        return SinkPolicy()
    if not found:
        note("The default policy for addresses is used: no settings of the operator were found.")
        return SinkPolicy()
    try:
        return parse_settings(found[0]["data"][SETTINGS_FILE], origin="The operator's settings").sink_policy
    except SettingsError as error:
        raise Failure(f"{error}. Correct the settings.") from None
