"""A program in a real terminal: a pseudo terminal of the kernel, and an emulator that keeps what a person would see."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Final, Self

import pyte

from tests.support.waiting import eventually

_EXIT_S: Final = 20.0
_IN_TERMINAL: Final = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Becomes the program, in a session whose terminal is standard input: Ctrl-C reaches it."""


class Terminal:
    """Runs a program in a terminal of its own. Standard input, output and error are the terminal."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        columns: int = 80,
        lines: int = 24,
        terminal_type: str = "xterm-256color",
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = Lock()
        self._received = bytearray()
        self._ours, theirs = pty.openpty()
        self._set_size(columns, lines)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**env, "TERM": terminal_type},
            start_new_session=True,
        )
        os.close(theirs)
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(_EXIT_S)
        os.close(self._ours)

    @property
    def text(self) -> str:
        """The screen: its lines without the blanks at their ends, and without empty lines at the end."""
        with self._lock:
            return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    @property
    def received(self) -> bytes:
        """Everything that the program has written."""
        with self._lock:
            return bytes(self._received)

    @property
    def has_cursor(self) -> bool:
        """Whether the cursor is visible."""
        with self._lock:
            return not self._screen.cursor.hidden

    def wait_for(self, text: str, *, within_s: float = 30.0) -> str:
        """Wait until the screen has the text; the screen."""
        try:
            eventually(lambda: text in self.text, within_s=within_s)
        except AssertionError:
            raise AssertionError(f"{text!r} is not on the screen:\n{self.text}") from None
        return self.text

    def resize(self, *, columns: int, lines: int) -> None:
        """Change the size, as a person who drags the corner of the window."""
        with self._lock:
            self._screen.resize(lines, columns)
        self._set_size(columns, lines)

    def type(self, keys: str) -> None:
        """Press keys. \\x03 is Ctrl-C."""
        os.write(self._ours, keys.encode())

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def wait_exit(self) -> int:
        """The exit status, when everything that was written is on the screen."""
        status = self._process.wait(_EXIT_S)
        self._reader.join(_EXIT_S)
        return status

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # the program has ended
                return
            if not data:
                return
            with self._lock:
                self._received += data
                self._stream.feed(data)
