"""Processes for tests and measurements: started, waited for, and stopped however the block ends."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time


class Failed(Exception):
    """Something that is tested or measured, or needed for it, did not do its work."""


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


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
        raise Failed(f"{process.args[0]} ended with {process.returncode}:\n{last_of(process)}")


def wait_until(holds, process, patience=60):
    """Waits until something holds, for as long as the process runs."""
    give_up = time.monotonic() + patience
    while not holds():
        ensure_running(process)
        if time.monotonic() > give_up:
            raise Failed(f"{process.args[0]} is not ready after {patience} s:\n{last_of(process)}")
        time.sleep(0.02)


def last_of(process):
    """What the process printed last."""
    return process.log.read_text(errors="replace")[-2000:]


@contextlib.contextmanager
def beside(work):
    """Does work in a thread of its own until the block ends. It is given the event that says so."""
    enough = threading.Event()
    thread = threading.Thread(target=work, args=(enough,))
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def run_program(name, main):
    """Runs a program, and ends it with one line if it fails or is stopped, after what it has started was stopped."""
    # As after Ctrl-C, which a shell lets programs in the background ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except Failed as failed:
        sys.exit(f"{name}: {failed}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted")
