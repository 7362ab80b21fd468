"""Clients that attack a server, at full speed or slowly."""

import contextlib
import json
import shutil
import socket
import subprocess
from pathlib import Path

from benches.hostile import BEARER, hostile
from scripts.processes import Failed, beside

TOOLS = Path(".tools/bin")
MIX = Path(__file__).with_name("mix.lua")
HONEST = [
    "/prom/node",
    "/prom/node?meta=true",
    "/prom/node?shard=1&of=4",
    "/prom/node?match[]=%7Benv%3D%22prod%22%7D",
    "/prom/nobody",
    "/-/healthy",
    "/-/ready",
]
GZIP = {"accept-encoding": "gzip"}
# Bytes that are not a request.
BROKEN = {
    400: [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
        b"GET /prom HTTP/9.9\r\nhost: x\r\n\r\n",
        b"GET HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /prom/a b HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /prom/\0 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /prom HTTP/1.1\r\nhost: x\r\nx\r\n\r\n",
        b"GET /prom HTTP/1.1\r\nhost: x\r\nx : y\r\n\r\n",
        b"GET /prom HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET /prom HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    ],
    431: [b"GET /prom HTTP/1.1\r\nhost: x\r\n" + b"x: y\r\n" * 500 + b"\r\n"],
}
# The copies of each honest request, so that half of all requests are honest.
SHARE = 25


def raw(method, target, headers):
    """Returns a request as bytes."""
    lines = [f"{method} {target} HTTP/1.1", "host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def write_requests(file):
    """Writes the requests into a file for wrk."""
    requests = [(200, raw("GET", target, headers)) for target in HONEST for headers in (BEARER, BEARER | GZIP)] * SHARE
    requests += [(request.status, raw(request.method, request.target, request.headers)) for request in hostile()]
    requests += [(status, bytes_) for status, all in BROKEN.items() for bytes_ in all]
    file.write_bytes(b"".join(b"%d %d\n%s" % (status, len(bytes_), bytes_) for status, bytes_ in requests))


def at_full_speed(port, connections, seconds, folder):
    """Sends the requests with wrk, and returns its counts. Fails if a status is wrong."""
    file = folder / "requests"
    write_requests(file)
    wrk = shutil.which("wrk") or TOOLS / "wrk"
    command = [wrk, "--threads", "2", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--timeout", "60s", "--script", MIX, f"http://127.0.0.1:{port}", "--", file]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120)
    if ran.returncode != 0:
        raise Failed(f"wrk failed:\n{ran.stdout}{ran.stderr}")
    counted = json.loads(ran.stdout.splitlines()[-1])
    sent, received = counted["sent"], counted["received"]
    # Requests may lack a response if the run ends, or if the response to another closes their connection.
    lost = connections + counted["broken"]
    for status in sent | received:
        if abs(sent.get(status, 0) - received.get(status, 0)) > lost:
            raise Failed(
                f"expected {sent.get(status)} responses with {status}, received {received.get(status)}: {counted}"
            )
    if counted["timeouts"]:
        raise Failed(f"requests timed out: {counted}")
    return counted


@contextlib.contextmanager
def silent(port, count):
    """Opens connections that send nothing."""
    with contextlib.ExitStack() as sockets:
        for _ in range(count):
            sockets.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
        yield


@contextlib.contextmanager
def slow(port, count):
    """Starts clients of three kinds: slow heads, slow bodies, and clients that do not read a large response."""
    head = b"GET /prom/node HTTP/1.1\r\nhost: x\r\n"
    body = raw("POST", "/prom/node", BEARER | {"content-length": "1000000"})
    large = raw("GET", "/prom/large", BEARER)
    with contextlib.ExitStack() as sockets:

        def connect(first):
            client = sockets.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(60)
            client.connect(("127.0.0.1", port))
            client.sendall(first)
            return client

        for _ in range(count):
            # From now on the server only waits.
            begun = connect(large).recv(12, socket.MSG_PEEK)
            if begun != b"HTTP/1.1 200":
                raise Failed(f"unexpected start of the large list: {begun!r}")
        writers = [connect(first) for first in (head, body) for _ in range(count)]

        def drop_by_drop(enough):
            while not enough.wait(1):
                for writer in writers:
                    with contextlib.suppress(OSError):
                        writer.sendall(b"x")

        with beside(drop_by_drop):
            yield
