"""Child processes of tests and measurements, which stop at the end of their `with` block."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time


class Failed(Exception):
    """A test, a measurement or one of their programs failed."""


def free_port():
    """Returns a port that was free at the time of the call."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command, environment, log, folder=None):
    """Runs a process in a new process group, and stops it with all its children."""
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
    """Fails with the last output of the process if it has ended."""
    if process.poll() is not None:
        raise Failed(f"{process.args[0]} ended with {process.returncode}:\n{last_of(process)}")


def wait_until(holds, process, patience=60):
    """Waits until a condition holds. Fails if the process ends first."""
    give_up = time.monotonic() + patience
    while not holds():
        ensure_running(process)
        if time.monotonic() > give_up:
            raise Failed(f"{process.args[0]} is not ready after {patience} s:\n{last_of(process)}")
        time.sleep(0.02)


def last_of(process):
    """Returns the last output of the process."""
    return process.log.read_text(errors="replace")[-2000:]


@contextlib.contextmanager
def beside(work):
    """Runs `work` in a thread. Its argument is an event that is set when the block ends."""
    enough = threading.Event()
    thread = threading.Thread(target=work, args=(enough,))
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def run_program(name, main):
    """Runs a program. A failure or a signal stops its child processes, and then prints one line."""
    # A shell makes background programs ignore SIGINT, so it is enabled again.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except Failed as failed:
        sys.exit(f"{name}: {failed}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted")
