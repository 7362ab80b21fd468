"""The environment of a process, and its use of resources."""

import contextlib
import ctypes
import os
import time
from pathlib import Path

from scripts.processes import Failed

LIBC = ctypes.CDLL(None, use_errno=True)


def plain_environment():
    """Returns the environment without the settings of AWS and of this project."""
    own = ("AWS_", "HTTP_SD_", "BENCH_", "LAMBDA_", "RUST_LOG", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def cpu_seconds(pid):
    """Returns user and system time of a process, including threads that have ended.

    The sum equals utime and stime of /proc/PID/stat. Those are in hundredths of a second, longer than a whole call;
    this clock has nanoseconds.
    """
    clock = ctypes.c_int()
    if LIBC.clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
        raise Failed(f"process {pid} has no clock: has it ended?")
    return time.clock_gettime(clock.value)


def peak_bytes(pid):
    """Returns the peak resident memory of a process."""
    return status(pid, "VmHWM") * 1024


def resident_bytes(pid):
    """Returns the resident memory of a process."""
    return status(pid, "VmRSS") * 1024


def threads(pid):
    """Returns the number of threads of a process."""
    return status(pid, "Threads")


def descriptors(pid):
    """Returns the number of open descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def status(pid, field):
    """Returns a number from the status of a process. Sizes are in kB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise Failed(f"process {pid} has no {field}: has it ended?")


def child_of(pid):
    """Returns the child of a process, or `None`."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for path in [children, *Path(f"/proc/{pid}/task").glob("*/children")]:
        with contextlib.suppress(OSError):
            if found := path.read_text(encoding="utf-8").split():
                return int(found[0])
    return None
