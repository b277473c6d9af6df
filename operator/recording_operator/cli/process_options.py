"""The options of every process of the cluster: operator and receiver."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from recording_operator.cli.arguments import settings_option

_LEVELS: Final = ("debug", "info", "warning", "error")


def port_option(name: str, *, default: int, purpose: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A port that the process listens on. `purpose`: what it is for, as the beginning of the help text."""
    return click.option(
        name, default=default, show_default=True, type=click.IntRange(0, 65535), help=f"{purpose} 0: any free port."
    )


def service_options(*, purpose: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--http-host, --http-port and --metrics-port of a process that serves others. `purpose`: that of --http-port."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            port_option("--metrics-port", default=8081, purpose="Port for /healthz, /readyz and /metrics."),
            port_option("--http-port", default=8080, purpose=purpose),
            click.option("--http-host", default="", help="Address of both ports. Default: all addresses."),
        ):
            command = option(command)
        return command

    return add


def process_options(*, settings: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --settings with the help text `settings`, --kubeconfig, --context, --log-format and --log-level."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--log-level",
                default="info",
                show_default=True,
                type=click.Choice(_LEVELS),
                help="Lowest severity that is logged.",
            ),
            click.option(
                "--log-format",
                default="json",
                show_default=True,
                type=click.Choice(["json", "text"]),
                help="json is for log collectors, text for people.",
            ),
            click.option("--context", help="Context of the kubeconfig. Default: the current context."),
            click.option(
                "--kubeconfig",
                type=click.Path(path_type=Path, dir_okay=False),
                help="Kubeconfig file. Default: the pod's service account, KUBECONFIG, then ~/.kube/config.",
            ),
            settings_option(settings),
        ):
            command = option(command)
        return command

    return add
