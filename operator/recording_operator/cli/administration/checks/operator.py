"""Checks of the operator and the receiver: their pods, the Lease, the settings, and the admission policies."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from recording_operator import __version__
from recording_operator.cli.administration.checks.checked import Checked, failed, not_checked, ok, warning
from recording_operator.cli.administration.installation import PART_OF, image_of, installed_in, version_of
from recording_operator.cli.caller import Cluster
from recording_operator.egress.policy import SourcePolicy
from recording_operator.kube.errors import ApiUnavailable, NotFound
from recording_operator.kube.lease import LEASE_NAME
from recording_operator.kube.resources import CONFIG_MAPS, LEASES, SERVICES
from recording_operator.settings import SettingsError, parse_settings
from recording_operator.times import parse_time, span

_METRICS_PORT: Final = "metrics"
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""The clock of the operator's node may be so far ahead of that of the API server."""
_CHANGING_LEADER: Final = timedelta(minutes=1)
SETTINGS_FILE: Final = "settings.yaml"


def check_operator(cluster: Cluster, namespace: str) -> Iterator[Checked]:
    """Whether the pods of the operator are ready."""
    found = installed_in(cluster, namespace).operator
    if not found:
        yield warning("operator", f"Namespace {namespace} has no Deployment with the label {PART_OF}.")
    for one in found:
        yield _pods("operator", one)


def check_receiver(cluster: Cluster, namespace: str) -> Iterator[Checked]:
    """Whether the pods of the receiver are ready, if it is installed."""
    found = installed_in(cluster, namespace).receiver
    if not found:
        yield ok("receiver", f"It is not installed in namespace {namespace}. Only webhooks need it.")
    for one in found:
        yield _pods("receiver", one)


def _pods(name: str, workload: Mapping[str, Any]) -> Checked:
    wanted = workload["spec"].get("replicas", 1)
    ready = (workload.get("status") or {}).get("readyReplicas", 0)
    what = f"{ready} of {wanted} pods are ready, image {image_of(workload)}"
    version = version_of(workload)
    if ready < max(wanted, 1):
        problem = failed if ready == 0 else warning
        return problem(name, f"{what}. kubectl -n {workload['metadata']['namespace']} get pods says why.")
    if version and version != __version__:
        return warning(name, f"{what}. Its version is {version}, that of this program {__version__}.")
    return ok(name, f"{what}.")


def check_leader(cluster: Cluster, namespace: str) -> Iterator[Checked]:
    """Whether an operator holds the Lease and renews it."""
    try:
        spec = cluster.resources.get(LEASES, LEASE_NAME, namespace=namespace).get("spec") or {}
    except NotFound:
        yield failed("leader", f"There is no Lease {namespace}/{LEASE_NAME}: no operator has started here.")
        return
    holder, renewed = str(spec.get("holderIdentity") or ""), parse_time(spec.get("renewTime"))
    if not holder or renewed is None:
        yield failed("leader", "No operator holds the Lease, so nothing is done. Start the operator.")
        return
    since = cluster.now + (cluster.clock_offset or timedelta(0)) - renewed
    text = f"{holder} renewed the Lease {span(since.total_seconds())} ago"
    valid = timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))
    if since < -_CLOCKS_DIFFER:
        ahead = span(-since.total_seconds())
        yield failed(
            "leader",
            f"The Lease of {holder} says that it is renewed in {ahead}. Correct the clock of its node, or find out who "
            "has written the Lease.",
        )
        return
    if since <= valid:
        yield ok("leader", f"{text}.")
    elif since <= valid + _CHANGING_LEADER:
        yield warning(
            "leader", f"{text}; it is valid for {span(valid.total_seconds())}. Another one may take over now."
        )
    else:
        yield failed("leader", f"{text}; it is valid for {span(valid.total_seconds())}. The operator does not run.")


def check_webhooks(cluster: Cluster, namespace: str) -> Iterator[Checked]:
    """Whether the receiver responds to the API server, if it is installed."""
    services = cluster.resources.list(
        SERVICES, namespace=namespace, labels=f"{PART_OF},app.kubernetes.io/component=receiver"
    )
    names = [one["metadata"]["name"] for one in services if _has_port(one, _METRICS_PORT)]
    if not names:
        yield ok("webhooks", "The receiver is not installed, so nothing receives webhooks.")
    for name in names:
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/services/{name}:{_METRICS_PORT}/proxy/readyz"
        try:
            cluster.rest.text(path)
        except (ApiUnavailable, NotFound) as error:
            yield failed("webhooks", f"The receiver does not respond at /readyz of Service {name}: {error}")
        else:
            yield ok("webhooks", f"The receiver responds at /readyz of Service {name}.")


def _has_port(service: Mapping[str, Any], name: str) -> bool:
    return any(port.get("name") == name for port in service["spec"].get("ports") or ())


def check_settings(cluster: Cluster, namespace: str) -> Iterator[Checked]:
    """Which sources the settings allow, in words."""
    found = settings_maps(cluster, namespace)
    if not found:
        yield not_checked("source policy", f"Namespace {namespace} has no ConfigMap of the chart with settings.")
    for one in found:
        try:
            settings = parse_settings(one["data"][SETTINGS_FILE], origin=f"ConfigMap {one['metadata']['name']}")
        except SettingsError as error:
            yield failed("source policy", f"{error}.")
        else:
            yield ok("source policy", policy_in_words(settings.source_policy))


def settings_maps(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    """The ConfigMaps with the settings. Raises KubeError."""
    found = cluster.resources.list(CONFIG_MAPS, namespace=namespace, labels=PART_OF)
    return [one for one in found if SETTINGS_FILE in (one.get("data") or {})]


def policy_in_words(policy: SourcePolicy) -> str:
    """What a source policy allows."""
    schemes, ports = " and ".join(sorted(policy.schemes, reverse=True)), sorted(policy.ports)
    at = f"on port {', '.join(map(str, ports))}" if ports else "on any port"
    hosts = ", ".join(policy.allowed_hosts) or "any public host"
    private = ", ".join(map(str, policy.allow_private_cidrs))
    sentences = [f"Sources are read by {schemes} {at}, from {hosts}."]
    if private:
        sentences.append(f"Private addresses are allowed in {private}.")
    if policy.deny_cidrs:
        sentences.append(f"Denied: {', '.join(map(str, policy.deny_cidrs))}.")
    if policy.proxy:
        sentences.append(f"All requests go through {policy.proxy}.")
    return " ".join(sentences)
