"""A real control plane, a real S3 server and a sample media server on this machine, without containers.

The demo, `make cluster` and the tests use it. Everything listens on the loopback address only and ends with the process
that started it.
"""

from localcluster.controlplane import API_SERVER, CONTROLLER_MANAGER, ETCD, ControlPlane, User
from localcluster.kubectl import Kubectl, KubectlError
from localcluster.mediaserver import MediaServer
from localcluster.operatorprocess import OperatorProcess
from localcluster.process import ComponentError, Process
from localcluster.s3server import Credentials, S3Server
from localcluster.toolchain import ToolchainError

__all__ = [
    "API_SERVER",
    "CONTROLLER_MANAGER",
    "ETCD",
    "ComponentError",
    "ControlPlane",
    "Credentials",
    "Kubectl",
    "KubectlError",
    "MediaServer",
    "OperatorProcess",
    "Process",
    "S3Server",
    "ToolchainError",
    "User",
]
