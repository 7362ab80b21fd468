"""What a process is given, and what it takes of the machine."""

import contextlib
import ctypes
import os
import time
from pathlib import Path

from scripts.processes import Failed

LIBC = ctypes.CDLL(None, use_errno=True)


def plain_environment():
    """The environment without what whoever runs this has set for AWS and for us."""
    own = ("AWS_", "HTTP_SD_", "BENCH_", "LAMBDA_", "RUST_LOG", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def cpu_seconds(pid):
    """User and system time of a process with all its threads, those that have ended, too.

    The same sum as utime and stime in /proc/PID/stat, but in nanoseconds where those are in hundredths of a second,
    which is more than a whole call takes.
    """
    clock = ctypes.c_int()
    if LIBC.clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
        raise Failed(f"process {pid} has no clock: has it ended?")
    return time.clock_gettime(clock.value)


def peak_bytes(pid):
    """The most memory that a process has had resident."""
    return status(pid, "VmHWM") * 1024


def resident_bytes(pid):
    """The memory that a process has resident."""
    return status(pid, "VmRSS") * 1024


def threads(pid):
    """How many threads a process has."""
    return status(pid, "Threads")


def descriptors(pid):
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def status(pid, field):
    """A number that the kernel has of a process. Sizes are in kB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise Failed(f"process {pid} has no {field}: has it ended?")


def child_of(pid):
    """The process that another one has started, or `None`."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for path in [children, *Path(f"/proc/{pid}/task").glob("*/children")]:
        with contextlib.suppress(OSError):
            if found := path.read_text(encoding="utf-8").split():
                return int(found[0])
    return None
