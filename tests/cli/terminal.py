"""The program in a terminal of a given width."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping

from tests.cli.conftest import PROGRAM, Person


def in_terminal(person: Person, *arguments: str, columns: int, env: Mapping[str, str] | None = None) -> str:
    """What the terminal receives, with the escape sequences."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {"TERM": "xterm-256color", "LANG": "C.UTF-8", **person.environment, **(env or {})}
    environment.pop("COLUMNS", None)
    program = subprocess.Popen([PROGRAM, *arguments], stdin=child, stdout=child, stderr=child, env=environment)
    os.close(child)
    shown = b""
    try:
        while data := os.read(parent, 65_536):
            shown += data
    except OSError:
        pass  # Linux says so when the program has closed the terminal
    finally:
        os.close(parent)
    assert program.wait(60) == 0, shown
    return shown.decode().replace("\r\n", "\n")
