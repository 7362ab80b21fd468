"""`sdctl serve` under load, and its use of resources."""

import contextlib
import hashlib
import http.client
import json
import os
import re
import statistics
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benches.hostile import BEARER, TOKEN
from benches.poll.engines import FOLDER, listening
from benches.poll.figures import MB, quarter
from benches.poll.processes import cpu_seconds, plain_environment, resident_bytes
from scripts.processes import Failed, ensure_running, free_port, running

TABLE = "http-sd"
NODE = [
    {"targets": [f"host-{i}.invalid:9100", f"host-{i}.invalid:9104"], "labels": {"env": "prod", "rack": f"{i:03}"}}
    for i in range(100)
]
# About 8 MB, more than the system buffers for a client that does not read.
LARGE = [{"targets": [f"host-{i}.invalid:9100"], "labels": {"padding": "x" * 300_000}} for i in range(28)]
# The response to an honest request.
ANSWER = json.dumps(NODE, separators=(",", ":")).encode()
# The time-out of an honest client in seconds, longer than the server waits for a silent client.
PATIENCE = 120


@dataclass
class Server:
    """A running `sdctl serve`."""

    port: int
    process: object

    def connections(self):
        """Returns the number of open client connections."""
        local = re.compile(rf"^ *\d+: [0-9A-F]+:{self.port:04X} [0-9A-F]+:[0-9A-F]+ (?!0A)", re.M)
        tcp = Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()
        inodes = {line.split()[9] for line in tcp if local.match(line)}
        open_sockets = set()
        for descriptor in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                open_sockets.add(os.readlink(descriptor).removeprefix("socket:[").removesuffix("]"))
        return len(inodes & open_sockets)

    def memory(self):
        """Returns the resident memory in bytes."""
        ensure_running(self.process)
        return resident_bytes(self.process.pid)

    def cpu(self):
        """Returns the CPU seconds so far."""
        return cpu_seconds(self.process.pid)


@contextlib.contextmanager
def served(sdctl, folder, descriptors=None):
    """Starts a server with a filled table and an optional limit of descriptors."""
    port, dynamodb_port = free_port(), free_port()
    command = [sdctl, "serve", "--data", folder, "--port", str(port), "--dynamodb-port", str(dynamodb_port)]
    if descriptors:
        command = ["bash", "-c", f'ulimit -n {descriptors} && exec "$@"', "bash", *command]
    own = {"HTTP_SD_AUTH": "token", "HTTP_SD_TOKEN_SHA256": hashlib.sha256(TOKEN.encode()).hexdigest()}
    own |= {"HTTP_SD_RESPONSE_MODE": "stream"}
    # A log line for each request would fill the disk.
    own |= {"RUST_LOG": "error"}
    with running(command, plain_environment() | own, FOLDER / "logs/load.log") as process:
        for engine in listening("embedded", dynamodb_port, process):
            engine.wait_for_table(TABLE)
            for job, groups in (("node", NODE), ("large", LARGE)):
                for i, group in enumerate(groups):
                    engine.call("PutItem", TableName=TABLE, Item=as_item(job, f"{i:03}", group))
            engine.close()
            yield Server(port, process)
        ensure_running(process)


def as_item(job, name, group):
    """Returns a group as a row."""
    return {
        "job": {"S": job},
        "group": {"S": name},
        "targets": {"L": [{"S": target} for target in group["targets"]]},
        "labels": {"M": {label: {"S": value} for label, value in group["labels"].items()}},
    }


def ask(server):
    """Sends an honest request on a new connection, and returns its seconds. Fails without a correct response."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request("GET", "/prom/node", headers=BEARER)
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
    except OSError as error:
        raise Failed(f"no response to an honest request: {error!r}") from error
    finally:
        connection.close()
    if (status, body) != (200, ANSWER):
        raise Failed(f"an honest request received {status}: {body[:500]!r}")
    return time.perf_counter() - started


class Watch:
    """Sends honest requests and measures memory, in two threads, until the block ends."""

    def __init__(self, server):
        self._server = server
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(work,)) for work in (self._ask, self._look)]
        self.failure = None
        # Seconds of honest requests, and the server's memory, in order.
        self.times = []
        self.memory = []

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._enough.set()
        for thread in self._threads:
            thread.join()
        if self.failure:
            raise self.failure

    def _run(self, work):
        try:
            while not self._enough.is_set():
                work()
        except Exception as failure:
            self.failure = failure

    def _ask(self):
        self.times.append(ask(self._server))
        time.sleep(0.02)

    def _look(self):
        self.memory.append(self._server.memory())
        time.sleep(0.1)

    def __str__(self):
        return (
            f"{len(self.times)} honest requests, {self.median * 1000:.1f} ms, "
            f"at worst {max(self.times) * 1000:.0f} ms; "
            f"memory {quarter(self.memory, 1) / MB:.1f} and {quarter(self.memory, 3) / MB:.1f} MB"
        )

    @property
    def median(self):
        """Returns the median seconds of honest requests."""
        return statistics.median(self.times)
