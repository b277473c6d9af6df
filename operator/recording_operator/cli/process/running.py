"""Runs the operator, for `recording-operator run`."""

from dataclasses import dataclass
from functools import partial
from typing import Never

from recording_operator import __version__
from recording_operator.cli.process.lifetime import ProcessArguments, run_process
from recording_operator.controller.compose import make_leader
from recording_operator.controller.process import Process, ProcessOptions
from recording_operator.kube.connection import process_connection
from recording_operator.kube.watch import Watcher
from recording_operator.logs import Redactor
from recording_operator.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ProcessArguments):
    """The command line of the operator."""

    namespace: str | None
    http_host: str
    http_port: int


def run_operator(options: Options) -> Never:
    """Run until a signal, then exit."""

    def work(settings: Settings, redactor: Redactor) -> int:
        server = process_connection(kubeconfig=options.kubeconfig, context=options.context)
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
        return process.run()

    run_process(options, work, name="operator")
