"""Processes: started, watched for what they take of the machine, and stopped however the block ends."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """Something that is measured, or needed to measure it, did not do its work."""


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def plain_environment():
    """The environment without what whoever runs this has set for AWS and for us."""
    own = ("AWS_", "HTTP_SD_", "BENCH_", "LAMBDA_", "RUST_LOG", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


@contextlib.contextmanager
def running(command, environment, log, folder=None):
    """A process in a group of its own, which is stopped with all its children."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    process.log = log
    try:
        yield process
    finally:
        for how in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)


def ensure_running(process):
    """Fails with what the process printed last, if it has ended."""
    if process.poll() is not None:
        last = process.log.read_text(errors="replace")[-2000:]
        raise Failed(f"{process.args[0]} ended with {process.returncode}:\n{last}")


def wait_until(holds, process, patience=60):
    """Waits until something holds, for as long as the process runs."""
    give_up = time.monotonic() + patience
    while not holds():
        ensure_running(process)
        if time.monotonic() > give_up:
            raise Failed(f"{process.args[0]} is not ready after {patience} s: see {process.log}")
        time.sleep(0.02)


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
    """The most memory that a process has had resident: VmHWM."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise Failed(f"process {pid} has no VmHWM")


def child_of(pid):
    """The process that another one has started, or `None`."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for path in [children, *Path(f"/proc/{pid}/task").glob("*/children")]:
        with contextlib.suppress(OSError):
            if found := path.read_text(encoding="utf-8").split():
                return int(found[0])
    return None
