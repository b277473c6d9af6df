"""The receiver as a separate process, as in a cluster.

Errors: ComponentError (it did not start, or not in time; the message ends with its log).
"""

from typing import ClassVar

from localcluster.serviceprocess import ServiceProcess


class ReceiverProcess(ServiceProcess):
    """One `recording-operator receiver`. `url`: for deliveries. `status.path` of a RecordingSource follows."""

    VERB: ClassVar[str] = "receiver"
