"""The console as a separate process, as in a cluster.

Errors: ComponentError (it did not start, or not in time; the message ends with its log).
"""

from typing import ClassVar

from localcluster.serviceprocess import ServiceProcess


class ConsoleProcess(ServiceProcess):
    """One `recording-operator console`. `url`: for browsers and programs."""

    VERB: ClassVar[str] = "console"
