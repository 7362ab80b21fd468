"""Tests `sdctl serve` under load: `make load`.

First wrk sends honest and hostile requests at full speed. Then silent and slow clients connect, and then more clients
than the server has descriptors. Meanwhile an honest client must receive correct responses in time.

Variables: DURATION=60 sets the seconds of full speed. HTTP_SD_WRITE_DOCS=1 writes the figures into docs/reliability.md.
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
# The limit of most systems.
DESCRIPTORS = 1024
# The most by which load may multiply the median time of an honest request.
FAIR = 10
# The most by which the median memory may grow from the second to the last quarter at full speed.
MORE_MEMORY = 1.1
MORE_MEMORY_BESIDES = 8 * MB
# The most memory for a client that does not read its response of 8 MB, and for any other connection.
MOST_FOR_READER = 20 * MB
MOST_FOR_CONNECTION = MB // 20
# The most seconds until the server has disconnected silent clients. It waits half a minute for each.
LET_GO = 120
# The seconds for which honest requests and the CPU are measured beside silent clients.
LOOK = 10


def say(text):
    """Prints progress."""
    print(f"load: {text}", flush=True)


def require(holds, what):
    """Fails unless the condition holds."""
    if not holds:
        raise Failed(what)


def alone(server, figures):
    """Measures the server without load."""
    with Watch(server) as watch:
        time.sleep(5)
    figures["alone"] = watch
    say(f"alone: {watch}")


def full_speed(server, seconds, folder, figures):
    """Measures the server with honest and hostile requests at full speed."""
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
    """Measures the server with silent and slow clients."""
    with clients.slow(server.port, SLOW), clients.silent(server.port, SILENT):
        started = time.monotonic()
        with Watch(server) as watch:
            time.sleep(LOOK / 2)
            held = server.connections()
            time.sleep(LOOK / 2)
        say(f"beside silent and slow clients: {watch}; {held} connections")
        limit = FAIR * figures["alone"].median
        require(held > SILENT, f"only {held} connections are open: the test proves nothing")
        require(watch.median < limit, f"honest requests took {watch.median:.3f} s, more than {limit:.3f} s")
        most = figures["after"] + SLOW * MOST_FOR_READER + held * MOST_FOR_CONNECTION
        require(max(watch.memory) < most, f"the server takes {max(watch.memory):,} bytes, more than {most:,}")
        wait_for_none(server)
        figures |= {
            "slow": watch,
            "held": held,
            "let go": time.monotonic() - started,
            "memory at the end": server.memory(),
        }
    say(f"the server disconnected all clients after {figures['let go']:.0f} s")


def wait_for_none(server):
    """Waits until the server has closed all connections."""
    give_up = time.monotonic() + LET_GO
    while count := server.connections():
        require(time.monotonic() < give_up, f"{count} connections are still open after {LET_GO} s")
        time.sleep(0.2)


def without_descriptors(server, figures):
    """Measures the server with more clients than descriptors."""
    took = []
    with clients.silent(server.port, DESCRIPTORS + 100):
        honest = threading.Thread(target=lambda: took.append(ask(server)))
        honest.start()
        before = server.cpu()
        time.sleep(LOOK)
        cpu = (server.cpu() - before) / LOOK
        require(not took, "the server did not run out of descriptors: the test proves nothing")
        honest.join()
    require(took, "no response to an honest request after descriptors were free again")
    require(cpu < 0.5, f"the server took {cpu:.0%} of a CPU while it could not accept connections")
    figures |= {"cpu": cpu, "waited": took[0]}
    say(f"without descriptors: {cpu:.1%} of a CPU; an honest request took {took[0]:.0f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sdctl", type=Path, default=SDCTL, help="test this program (default: %(default)s)")
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
