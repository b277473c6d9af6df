"""Runs the operator, for `recording-operator run`."""

import logging
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Never

from recording_operator import __version__
from recording_operator.cli.verb import note
from recording_operator.controller.compose import make_leader
from recording_operator.controller.process import Process, ProcessOptions, StartError
from recording_operator.kube.connection import connection
from recording_operator.kube.errors import ConnectionConfigError
from recording_operator.kube.watch import Watcher
from recording_operator.logs import Redactor, configure_logging
from recording_operator.settings import SettingsError, load_settings

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of the operator."""

    settings_file: Path | None
    namespace: str | None
    kubeconfig: Path | None
    context: str | None
    http_host: str
    http_port: int
    log_format: Literal["json", "text"]
    log_level: str


def run_operator(options: Options) -> Never:
    """Run until a signal, then exit."""
    redactor = Redactor()
    level = logging.getLevelName(options.log_level.upper())
    configure_logging(redactor=redactor, log_format=options.log_format, level=level)
    try:
        settings = load_settings(options.settings_file)
    except SettingsError as error:
        _fail(redactor.redact(str(error)), status=2)
    try:
        server = connection(kubeconfig=options.kubeconfig, context=options.context)
        process = Process(
            options=ProcessOptions(
                namespace=options.namespace or server.namespace,
                http_host=options.http_host,
                http_port=options.http_port,
            ),
            settings=settings,
            connection=server,
            redactor=redactor,
            version=__version__,
            make_leader=partial(make_leader, make_watcher=Watcher),
        )
        status = process.run()
    except (StartError, SettingsError, ConnectionConfigError) as error:
        _fail(redactor.redact(str(error)), status=1)
    except Exception:
        # Transfers would keep a process alive that has released the Lease.
        _logger.exception("The operator failed with an unexpected error")
        status = 1
    logging.shutdown()
    os._exit(status)  # A thread that waits for a store or the API server must not keep the process alive.


def _fail(message: str, *, status: int) -> Never:
    note(message)
    sys.exit(status)
