"""Runs the console, for `recording-operator console`."""

from dataclasses import dataclass
from typing import Never

from recording_operator import __version__
from recording_operator.cli.process.lifetime import ProcessArguments, run_process
from recording_operator.cli.process.refilling import refill
from recording_operator.console.serving import Console, ConsoleOptions
from recording_operator.kube.connection import process_connection
from recording_operator.logs import Redactor
from recording_operator.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleArguments(ProcessArguments):
    """The command line of the console."""

    namespace: str | None
    http_host: str
    http_port: int
    metrics_port: int
    database_url: str
    rebuild: bool


def run_console(options: ConsoleArguments) -> Never:
    """Run until a signal, then exit."""

    def work(settings: Settings, redactor: Redactor) -> int:
        redactor.register(options.database_url)
        server = process_connection(kubeconfig=options.kubeconfig, context=options.context)
        wanted = ConsoleOptions(
            http_host=options.http_host,
            http_port=options.http_port,
            metrics_port=options.metrics_port,
            database_url=options.database_url,
            settings=settings.console,
            namespace=options.namespace or server.namespace,
            roots=settings.filesystem.roots,
        )
        if options.rebuild:
            return refill(wanted, server)
        return Console(options=wanted, connection=server, version=__version__).run()

    run_process(options, work, name="console")
