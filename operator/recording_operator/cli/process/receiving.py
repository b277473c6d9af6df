"""Runs the receiver, for `recording-operator receiver`."""

import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Never

from recording_operator import __version__
from recording_operator.cli.verb import note
from recording_operator.controller.process import StartError
from recording_operator.kube.connection import connection
from recording_operator.kube.errors import ConnectionConfigError
from recording_operator.logs import Redactor, configure_logging
from recording_operator.receiver.serving import Receiver, ReceiverOptions
from recording_operator.settings import SettingsError, load_settings

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverArguments:
    """The command line of the receiver."""

    settings_file: Path | None
    kubeconfig: Path | None
    context: str | None
    http_host: str
    http_port: int
    metrics_port: int
    log_format: Literal["json", "text"]
    log_level: str


def run_receiver(options: ReceiverArguments) -> Never:
    """Run until a signal, then exit."""
    redactor = Redactor()
    level = logging.getLevelName(options.log_level.upper())
    configure_logging(redactor=redactor, log_format=options.log_format, level=level)
    try:
        settings = load_settings(options.settings_file)
    except SettingsError as error:
        _fail(redactor.redact(str(error)), status=2)
    try:
        receiver = Receiver(
            options=ReceiverOptions(
                http_host=options.http_host, http_port=options.http_port, metrics_port=options.metrics_port
            ),
            settings=settings.receiver,
            connection=connection(kubeconfig=options.kubeconfig, context=options.context),
            register_secret=redactor.register,
            version=__version__,
        )
        status = receiver.run()
    except (StartError, ConnectionConfigError) as error:
        _fail(redactor.redact(str(error)), status=1)
    except Exception:
        _logger.exception("The receiver failed with an unexpected error")
        status = 1
    logging.shutdown()
    os._exit(status)  # A thread that waits for the API server must not keep the process alive.


def _fail(message: str, *, status: int) -> Never:
    note(message)
    sys.exit(status)
