"""A node's clock that a test sets while the operator runs: a library in front of the C library's own."""

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

import pytest

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="the skewed clock is a few lines of C")
_SOURCE: Final = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static volatile long *shared;
__attribute__((constructor)) static void map(void) {
  int file = open(getenv("CLOCK_FILE"), O_RDONLY);
  shared = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
}
static long ahead(void) { return shared && shared != MAP_FAILED ? *shared : 0; }
int clock_gettime(clockid_t clock, struct timespec *now) {
  int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
  int status = real(clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec += ahead();
  return status;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
  int status = real(now, zone);
  now->tv_sec += ahead();
  return status;
}
time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
"""


class SkewedClock:
    """The wall clock of processes that have `environment`; the uptime and the monotonic clock stay right."""

    def __init__(self, folder: Path) -> None:
        source, library = folder / "clock.c", folder / "clock.so"
        self._file = folder / "clock"
        self.set(ahead_s=0)
        source.write_text(_SOURCE)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(self._file)}

    def set(self, *, ahead_s: int) -> None:
        """Set it, also in processes that run."""
        mode = "r+b" if self._file.exists() else "wb"
        with self._file.open(mode) as file:  # in place: the processes have it mapped
            file.write(struct.pack("@l", ahead_s))
