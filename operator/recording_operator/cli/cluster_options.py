"""The options of kubectl that every verb has which reads or changes a cluster: `-n`, `--context`, `--as` and so on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from recording_operator.cli.durations import Duration
from recording_operator.cli.names import ContextName, NamespaceName

_C = TypeVar("_C", bound=Callable[..., Any])
_CONTEXT_NAMESPACE: Final = "Namespace. Default: that of the context."
_OF_SECRETS: Final = (
    "Namespace of the operator, with the StorageLocations' Secrets. Default: it is found by its Deployment or its "
    "Lease; recording-operator if you may not see these."
)
_OF_OPERATOR: Final = "Namespace of the operator. Default: it is found by its Deployment or its Lease."


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """Which cluster, which namespace, and as whom."""

    namespace: str | None = None
    """None: that of the context."""
    all_namespaces: bool = False
    kubeconfig: Path | None = None
    context: str | None = None
    request_timeout_s: float | None = None
    """For each request. None: 30 s."""
    as_user: str | None = None
    as_groups: tuple[str, ...] = ()


def cluster_options(
    *, namespaced: bool = True, all_namespaces: bool = False, namespace_help: str = _CONTEXT_NAMESPACE
) -> Callable[[_C], Callable[..., Any]]:
    """Add the options. The verb gets them as `cluster`, a ClusterOptions."""
    options = _options(namespaced=namespaced, all_namespaces=all_namespaces, namespace_help=namespace_help)

    def add(command: _C) -> Callable[..., Any]:
        @wraps(command)
        def called(**given: Any) -> Any:
            timeout = given.pop("request_timeout")
            return command(
                cluster=ClusterOptions(
                    namespace=given.pop("namespace", None),
                    all_namespaces=given.pop("all_namespaces", False),
                    kubeconfig=given.pop("kubeconfig"),
                    context=given.pop("context"),
                    request_timeout_s=None if timeout is None else timeout.total_seconds(),
                    as_user=given.pop("as_user"),
                    as_groups=given.pop("as_groups"),
                ),
                **given,
            )

        decorated: Callable[..., Any] = called
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return add


def operator_namespace_option(*, has_secrets: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--operator-namespace`. `has_secrets`: the verb reads the Secrets of StorageLocations there."""
    text = _OF_SECRETS if has_secrets else _OF_OPERATOR
    return click.option("--operator-namespace", type=NamespaceName(), help=text)


def wait_options(
    *, until: str, limit: str = "Longest time to wait. Default: no limit."
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--wait` with the help text `until`, and `--timeout` with that of `limit`."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        timed = click.option("--timeout", type=Duration(), help=limit)(command)
        return click.option("--wait", is_flag=True, help=until)(timed)

    return add


def output_option(*formats: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`-o`. The first format is the default."""
    return click.option(
        "-o", "--output", default=formats[0], show_default=True, type=click.Choice(formats), help="Output format."
    )


def object_list_options(*, labels: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`-l`, `-o` and `--no-headers` of verbs that list objects. `labels`: an example of labels for the help."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("--no-headers", is_flag=True, help="Leave out the names of the columns."),
            output_option("table", "wide", "json", "yaml", "name"),
            click.option("-l", "--selector", metavar="LABELS", help=f"Only those with these labels, such as {labels}."),
        ):
            command = option(command)
        return command

    return add


def _options(
    *, namespaced: bool, all_namespaces: bool, namespace_help: str
) -> list[Callable[[Callable[..., Any]], Callable[..., Any]]]:
    of_namespace = [click.option("-n", "--namespace", type=NamespaceName(), help=namespace_help)]
    of_all = [click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces.")]
    return [
        *(of_namespace if namespaced else ()),
        *(of_all if all_namespaces else ()),
        click.option("--context", type=ContextName(), help="Context of the kubeconfig. Default: the current one."),
        click.option(
            "--kubeconfig",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Kubeconfig file. Default: KUBECONFIG, ~/.kube/config, then the pod's service account.",
        ),
        click.option("--request-timeout", type=Duration(), help="Limit for each request, such as 10s. 0: none."),
        click.option("--as", "as_user", metavar="USER", help="Act as this user."),
        click.option("--as-group", "as_groups", multiple=True, metavar="GROUP", help="Act as a member of this group."),
    ]
