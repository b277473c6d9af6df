"""The lifetime of a process of the cluster: logs, settings, its work, its exit status."""

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Never

from recording_operator.cli.verb import note
from recording_operator.controller.start_error import StartError
from recording_operator.kube.errors import ConnectionConfigError
from recording_operator.logs import Redactor, configure_logging
from recording_operator.settings import Settings, SettingsError, load_settings

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessArguments:
    """What the command lines of all processes contain."""

    settings_file: Path | None
    kubeconfig: Path | None
    context: str | None
    log_format: Literal["json", "text"]
    log_level: str


def run_process(arguments: ProcessArguments, work: Callable[[Settings, Redactor], int], *, name: str) -> Never:
    """Do the work of the process `name`, such as `operator`, and exit with the status that it returns.

    The work raises StartError, SettingsError or ConnectionConfigError if it cannot start.
    """
    redactor = Redactor()
    level = logging.getLevelName(arguments.log_level.upper())
    configure_logging(redactor=redactor, log_format=arguments.log_format, level=level)
    try:
        settings = load_settings(arguments.settings_file)
    except SettingsError as error:
        _fail(redactor.redact(str(error)), status=2)
    try:
        status = work(settings, redactor)
    except (StartError, SettingsError, ConnectionConfigError) as error:
        _fail(redactor.redact(str(error)), status=1)
    except Exception:
        # Its threads would keep a process alive that has, for example, released the Lease.
        _logger.exception("The %s failed with an unexpected error", name)
        status = 1
    logging.shutdown()
    os._exit(status)  # A thread that waits for a store or the API server must not keep the process alive.


def _fail(message: str, *, status: int) -> Never:
    note(message)
    sys.exit(status)
