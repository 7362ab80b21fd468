"""`sdctl serve` under load: `make load`.

First wrk at full speed, honest and hostile requests mixed; then silent and slow clients; then more clients than there
are descriptors. Meanwhile an honest client asks and is to be answered, soon and right. Variables: DURATION=60 of full
speed; HTTP_SD_WRITE_DOCS=1 writes the figures into docs/reliability.md.
"""

import argparse
import contextlib
import os
import resource
import tempfile
import threading
import time
from pathlib import Path

from benches.load import clients, report
from benches.load.server import Watch, ask, served
from benches.poll.engines import SDCTL
from benches.poll.figures import MB, quarter
from scripts.processes import Failed, run_program

CONNECTIONS = 64
SILENT = 1000
SLOW = 20
# As many as most systems allow.
DESCRIPTORS = 1024
# How many times as long as the others' an honest request may take, by the medians, when it is one of many.
FAIR = 10
# What the last quarter of the time at full speed may take more memory than the second, by the medians.
MORE_MEMORY = 1.1
MORE_MEMORY_BESIDES = 8 * MB
# What a client that does not read its answer of 8 MB may take of the server's memory, and any other connection.
MOST_FOR_READER = 20 * MB
MOST_FOR_CONNECTION = MB // 20
# How long the server may take to let go of whoever is silent, in seconds: it waits for half a minute.
LET_GO = 120
# How long is looked at honest requests beside those who are silent, and at the CPU, in seconds.
LOOK = 10


def say(text):
    """Prints progress."""
    print(f"load: {text}", flush=True)


def require(holds, what):
    """Fails unless it holds."""
    if not holds:
        raise Failed(what)


def alone(server, figures):
    """Without any load."""
    with Watch(server) as watch:
        time.sleep(5)
    figures["alone"] = watch
    say(f"alone: {watch}")


def full_speed(server, seconds, folder, figures):
    """Honest and hostile requests, as fast as they go."""
    with Watch(server) as watch:
        counted = clients.at_full_speed(server.port, CONNECTIONS, seconds, folder)
    say(f"at full speed: {watch}; {counted}")
    limit = FAIR * (counted["median"] / 1e6 + figures["alone"].median)
    require(watch.median < limit, f"honest requests took {watch.median:.3f} s, more than {limit:.3f} s")
    before, after = quarter(watch.memory, 1), quarter(watch.memory, 3)
    require(after < before * MORE_MEMORY + MORE_MEMORY_BESIDES, f"memory grew from {before:,} to {after:,} bytes")
    wait_for_none(server)
    figures |= {"full speed": watch, "wrk": counted, "after": server.memory()}


def slowly(server, figures):
    """Those who are silent or slow."""
    with clients.slow(server.port, SLOW), clients.silent(server.port, SILENT):
        started = time.monotonic()
        with Watch(server) as watch:
            time.sleep(LOOK / 2)
            held = server.connections()
            time.sleep(LOOK / 2)
        say(f"beside silent and slow clients: {watch}; {held} connections")
        limit = FAIR * figures["alone"].median
        require(held > SILENT, f"only {held} connections are open: nothing is shown")
        require(watch.median < limit, f"honest requests took {watch.median:.3f} s, more than {limit:.3f} s")
        most = figures["after"] + SLOW * MOST_FOR_READER + held * MOST_FOR_CONNECTION
        require(max(watch.memory) < most, f"they take {max(watch.memory):,} bytes, more than {most:,}")
        wait_for_none(server)
        figures |= {
            "slow": watch,
            "held": held,
            "let go": time.monotonic() - started,
            "memory at the end": server.memory(),
        }
    say(f"all were let go after {figures['let go']:.0f} s")


def wait_for_none(server):
    """Waits until the server holds no connection open, whatever its client does."""
    give_up = time.monotonic() + LET_GO
    while count := server.connections():
        require(time.monotonic() < give_up, f"{count} connections are still open after {LET_GO} s")
        time.sleep(0.2)


def without_descriptors(server, figures):
    """More clients than there can be."""
    took = []
    with clients.silent(server.port, DESCRIPTORS + 100):
        honest = threading.Thread(target=lambda: took.append(ask(server)))
        honest.start()
        before = server.cpu()
        time.sleep(LOOK)
        cpu = (server.cpu() - before) / LOOK
        require(not took, "there were descriptors enough: nothing is shown")
        honest.join()
    require(took, "an honest request was not answered once there were descriptors again")
    require(cpu < 0.5, f"the server took {cpu:.0%} of a CPU while it could accept nobody")
    figures |= {"cpu": cpu, "waited": took[0]}
    say(f"without descriptors: {cpu:.1%} of a CPU; an honest request was answered after {took[0]:.0f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sdctl", type=Path, default=SDCTL)
    sdctl = parser.parse_args().sdctl.absolute()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    seconds = int(os.environ.get("DURATION") or 60)
    figures = {"seconds": seconds}
    with contextlib.ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)]
        with served(sdctl, folders[0]) as server:
            alone(server, figures)
            full_speed(server, seconds, folders[2], figures)
            slowly(server, figures)
        with served(sdctl, folders[1], DESCRIPTORS) as server:
            without_descriptors(server, figures)
    print(report.write(figures))


if __name__ == "__main__":
    run_program("load", main)
