"""`recording-operator run`: the operator itself."""

import logging
import os
import sys
from pathlib import Path
from typing import Literal

import click

from recording_operator import __version__
from recording_operator.controller.app import App, AppOptions, StartError
from recording_operator.handlers import Watcher
from recording_operator.kube.connection import ConnectionConfigError, connection
from recording_operator.logs import Redactor, configure_logging
from recording_operator.memory import bound_arenas
from recording_operator.settings import SettingsError, load_settings

_LEVELS = ("debug", "info", "warning", "error")


@click.command()
@click.option(
    "--policy",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file with the operator's settings, such as sourcePolicy. Without it: public https sources only.",
)
@click.option(
    "--namespace",
    envvar="POD_NAMESPACE",
    help="Namespace of the operator itself: its Lease and the StorageLocations' Secrets. Default: that of the pod.",
)
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Default: the pod's own account.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--http-host", default="", help="Address for /healthz, /readyz and /metrics. Default: all.")
@click.option("--http-port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--log-format", default="json", show_default=True, type=click.Choice(["json", "text"]))
@click.option("--log-level", default="info", show_default=True, type=click.Choice(_LEVELS))
def run(
    *,
    policy: Path | None,
    namespace: str | None,
    kubeconfig: Path | None,
    context: str | None,
    http_host: str,
    http_port: int,
    log_format: Literal["json", "text"],
    log_level: str,
) -> None:
    """Run the operator until SIGTERM or SIGINT.

    The first signal lets transfers end for shutdown.grace; another one, a second later or more, stops them at once.
    Exit status: 0 after a signal, 1 when it cannot start (one line says why), 3 when the Lease was lost.
    """
    bound_arenas()
    redactor = Redactor()
    configure_logging(redactor=redactor, log_format=log_format, level=logging.getLevelName(log_level.upper()))
    try:
        settings = load_settings(policy)
        server = connection(kubeconfig=kubeconfig, context=context)
        app = App(
            options=AppOptions(namespace=namespace or server.namespace, http_host=http_host, http_port=http_port),
            settings=settings,
            connection=server,
            redactor=redactor,
            version=__version__,
            make_watcher=Watcher,
        )
        status = app.run()
    except (StartError, SettingsError, ConnectionConfigError) as error:
        click.echo(f"recording-operator: {redactor.redact(str(error))}", err=True)
        sys.exit(1)
    logging.shutdown()
    os._exit(status)  # Threads that still wait for a store or an API server must not keep the process.
