"""The number of the C library's heaps stays small, and free memory is returned to the system."""

import os
import re
import subprocess
import sys
from typing import Final

import pytest

from localcluster.install import PROJECT
from localcluster.productprocess import ALLOCATOR

_SETTING: Final = re.compile(r"\b(MALLOC_\w+)=(\w+)")
_LIBRARY: Final = """
import ctypes, re, sys, threading, time
from pathlib import Path
from recording_operator.memory import trim_heap

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]


def rss_mib():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def heaps():
    # A heap of a thread begins at a multiple of 64 MiB, and the rest of these is reserved for it.
    made = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights = line.split()[:2]
        made.append((*(int(end, 16) for end in place.split("-")), rights))
    return sum(
        1
        for (begin, end, rights), (more, last, reserved) in zip(made, made[1:])
        if (rights, reserved) == ("rw-p", "---p") and not begin % 2**26 and end == more and last == begin + 2**26
    )
"""
_ARENAS: Final = """
together, done = threading.Barrier(9), threading.Event()


def work():
    kept = [libc.malloc(5000) for _ in range(20)]
    together.wait()
    done.wait()


for _ in range(8):
    threading.Thread(target=work, daemon=True).start()
together.wait()
print(heaps())
done.set()
"""
_HOLES: Final = """
blocks = [libc.malloc(4000) for _ in range(10_000)]
for block in blocks[:-1]:  # the last one keeps the heap's end where it is
    libc.free(block)
before = rss_mib()
trim_heap()
print(before - rss_mib())
"""


def said(script: str, **environment: str) -> float:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", _LIBRARY + script]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=60, env={**inherited, **environment}
    )
    return float(done.stdout)


def test_many_threads_share_few_heaps_with_the_image_s_environment() -> None:
    assert dict(_SETTING.findall((PROJECT / "Dockerfile").read_text())) == ALLOCATOR
    if said(_ARENAS) < 4:
        pytest.skip("this C library does not give each thread a heap")

    assert said(_ARENAS, **ALLOCATOR) <= 1  # beside the first, which is no mapping of this kind


def test_holes_go_back_to_the_system() -> None:
    assert said(_HOLES) > 20
