"""Runs the receiver, for `recording-operator receiver`."""

from dataclasses import dataclass
from typing import Never

from recording_operator import __version__
from recording_operator.cli.process.lifetime import ProcessArguments, run_process
from recording_operator.kube.connection import process_connection
from recording_operator.logs import Redactor
from recording_operator.receiver.serving import Receiver, ReceiverOptions
from recording_operator.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverArguments(ProcessArguments):
    """The command line of the receiver."""

    http_host: str
    http_port: int
    metrics_port: int


def run_receiver(options: ReceiverArguments) -> Never:
    """Run until a signal, then exit."""

    def work(settings: Settings, redactor: Redactor) -> int:
        receiver = Receiver(
            options=ReceiverOptions(
                http_host=options.http_host, http_port=options.http_port, metrics_port=options.metrics_port
            ),
            settings=settings.receiver,
            connection=process_connection(kubeconfig=options.kubeconfig, context=options.context),
            register_secret=redactor.register,
            version=__version__,
        )
        return receiver.run()

    run_process(options, work, name="receiver")
