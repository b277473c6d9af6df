"""Runs the checks of the verb `check`, and prints one line for each."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

import click

from recording_operator.cli.administration.checks.admission import check_admission
from recording_operator.cli.administration.checks.checked import Checked, CheckState, failed, not_checked, run_check
from recording_operator.cli.administration.checks.definitions import check_definitions
from recording_operator.cli.administration.checks.objects import (
    check_locations,
    check_recordings,
    check_reports,
    check_sinks,
    check_sources,
)
from recording_operator.cli.administration.checks.operator import (
    check_leader,
    check_operator,
    check_receiver,
    check_settings,
    check_webhooks,
)
from recording_operator.cli.administration.checks.server import check_api_server, check_clock, check_rights
from recording_operator.cli.administration.installation import SeveralOperatorsError, find_operator
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.screen.text import clean, wants_colour
from recording_operator.cli.verb import EXIT_FAILED, note
from recording_operator.kube.errors import Forbidden
from recording_operator.user_actions.rights import right_of

_COLOURS: Final = {CheckState.OK: "green", CheckState.WARNING: "yellow", CheckState.FAILED: "red"}
_OF_OPERATOR: Final[tuple[tuple[str, Callable[[Cluster, str], Iterable[Checked]]], ...]] = (
    ("operator", check_operator),
    ("leader", check_leader),
    ("receiver", check_receiver),
    ("webhooks", check_webhooks),
    ("source policy", check_settings),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """The command line."""

    cluster: ClusterOptions
    operator_namespace: str | None
    output: str


def run_checks(request: CheckRequest) -> None:
    """Print the results. Exits with 1 if a check failed. Raises KubeError if the API server does not respond."""
    found: list[Checked] = []
    with open_cluster(request.cluster) as cluster:
        for one in all_checks(cluster, request):
            found.append(one)
            if request.output == "table":
                sys.stdout.write(_line(one, colour=wants_colour()))
                sys.stdout.flush()  # some checks take seconds
    counts = Counter(one.state for one in found)
    if request.output == "json":
        document = {"failed": counts[CheckState.FAILED], "checks": [asdict(one) for one in found]}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    note(_summary(counts))
    if counts[CheckState.FAILED]:
        sys.exit(EXIT_FAILED)


def all_checks(cluster: Cluster, request: CheckRequest) -> Iterator[Checked]:
    """All checks, in the order in which one would look for the cause of a failure."""
    yield from check_api_server(cluster)  # if the API server does not respond, nothing else can be checked
    yield from check_clock(cluster)
    yield from run_check("crds", partial(check_definitions, cluster))
    yield from _of_operator(cluster, request.operator_namespace)
    yield from run_check("admission", partial(check_admission, cluster))
    yield from run_check("rights", partial(check_rights, cluster))
    namespace = None if request.cluster.all_namespaces else cluster.namespace
    yield from run_check("locations", partial(check_locations, cluster))
    yield from run_check("reports", partial(check_reports, cluster))
    yield from run_check("sources", partial(check_sources, cluster, namespace=namespace))
    yield from run_check("sinks", partial(check_sinks, cluster, namespace=namespace))
    yield from run_check("recordings", partial(check_recordings, cluster, namespace=namespace))


def _of_operator(cluster: Cluster, given: str | None) -> Iterator[Checked]:
    try:
        place = find_operator(cluster, given)
    except Forbidden as error:
        right = right_of(error.method, error.path)
        yield not_checked("operator", f"You may not {right}. --operator-namespace names the namespace of the operator.")
        return
    except SeveralOperatorsError as error:
        yield failed("operator", error.message)
        return
    if place is None:
        yield failed("operator", "No operator was found: there is no Lease and no Deployment of the chart.")
        return
    for name, check in _OF_OPERATOR:
        yield from run_check(name, partial(check, cluster, place.namespace))


def _line(one: Checked, *, colour: bool) -> str:
    state = f"{one.state:<11}"
    if colour:
        state = click.style(state, fg=_COLOURS.get(one.state))
    return f"{state}  {clean(one.name):<22}  {clean(one.message)}\n"


def _summary(counts: Counter[CheckState]) -> str:
    parts = [f"{counts[state]} {state}" for state in CheckState if counts[state]]
    return f"{', '.join(parts)}."
