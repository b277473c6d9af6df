"""`python -m localcluster COMMAND`: what the Makefile calls."""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Final

from localcluster import background, demo
from localcluster.builds import ensure_tools
from localcluster.extratools import HELM3, HELM4, PROMTOOL
from localcluster.focusvalidator import FocusValidator
from localcluster.kubectl import KubectlError
from localcluster.otherstores import RcloneServer, S3ProxyServer
from localcluster.process import ComponentError
from localcluster.progress import say
from localcluster.toolchain import ToolchainError


def _tools() -> int:
    """Build what is missing and print where each program is."""
    for name, path in ensure_tools().items():
        print(f"{name}\t{path}")
    return 0


def _test_tools() -> int:
    """Build the other programs of the tests. Within a test, the minutes that this takes would look like a hang."""
    ensure_tools((HELM3, HELM4, PROMTOOL))
    if FocusValidator.python() is not None:
        FocusValidator.installed()
    return _tools()


def _store_tools() -> int:
    """Build the S3 servers that only the tests of stores need."""
    for server in (RcloneServer, S3ProxyServer):
        server.build()
    return _tools()


COMMANDS: Final[Mapping[str, Callable[[], int]]] = {
    "tools": _tools,
    "test-tools": _test_tools,
    "store-tools": _store_tools,
    "up": background.up,
    "down": background.down,
    "serve": background.serve,
    "run": background.run,
    "demo": demo.main,
}


def main() -> int:
    """Run a command and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m localcluster", description=__doc__)
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=", ".join(COMMANDS))
    command = COMMANDS[parser.parse_args().command]
    try:
        return command()
    except (ComponentError, KubectlError, ToolchainError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
