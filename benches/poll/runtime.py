"""A fake of the Lambda Runtime API, which sends a function one event at a time and receives its responses.

AWS's emulator rejects responses above 6 MB, and adds its own work to every call. Here a call lasts from the first byte
of the event to the last byte of the response. A stream is received at Lambda's pace.
<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
<https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html>
"""

import base64
import contextlib
import json
import queue
import socket
import threading
import time
from dataclasses import dataclass

from scripts.processes import Failed, ensure_running

# The deadline of a call in seconds, long enough for a large fleet and a slow engine.
TIMEOUT = 900
# The separator between head and body of a stream.
PRELUDE_END = b"\0" * 8
# Lambda's limits for a stream in bytes: sent at once, then per second, and in total.
TAKEN_AT_ONCE = 6_000_000
TAKEN_PER_SECOND = 2_000_000
MOST_TAKEN = 200_000_000


@dataclass
class Answer:
    """A response, and the seconds from the event to its first and last byte."""

    payload: bytes
    streamed: bool
    first_byte: float
    seconds: float

    def body(self):
        """Returns the body of the HTTP response. Fails unless the status is 200."""
        if self.streamed:
            head, _, body = self.payload.partition(PRELUDE_END)
            status = json.loads(head)["statusCode"]
        else:
            envelope = json.loads(self.payload)
            status, body = envelope["statusCode"], envelope["body"]
            body = base64.b64decode(body) if envelope.get("isBase64Encoded") else body.encode()
        if status != 200:
            raise Failed(f"unexpected status {status}: {body[:500]!r}")
        return body


class RuntimeApi:
    """Serves one function on a free port. Receives streams at Lambda's pace, or at full speed."""

    def __init__(self, paced=True):
        self._paced = paced
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self._idle = queue.Queue()
        self._events = queue.Queue()
        self._answers = queue.Queue()
        self._connections = []
        self._started = 0.0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Closing the listener would not wake the thread that accepts.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def wait_idle(self, process):
        """Waits until the function requests an event, and returns the time."""
        asked = self._take(self._idle, process)
        self._idle.put(asked)
        return asked

    def invoke(self, event, process):
        """Returns the function's response to an event."""
        self._take(self._idle, process)
        self._events.put(event)
        answer = self._take(self._answers, process)
        if isinstance(answer, Failed):
            raise answer
        return answer

    @staticmethod
    def _take(source, process):
        give_up = time.monotonic() + TIMEOUT
        while time.monotonic() < give_up:
            with contextlib.suppress(queue.Empty):
                return source.get(timeout=1)
            ensure_running(process)
        raise Failed(f"no request from {process.args[0]}")

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb", 1 << 16) as reader:
            while line := reader.readline():
                _, path, _ = line.decode().split(" ", 2)
                headers = read_headers(reader)
                if path.endswith("/invocation/next"):
                    self._hand_out(connection)
                else:
                    first_byte = time.perf_counter() - self._started
                    payload = read_body(reader, headers, self._paced)
                    self._receive(path, headers, payload, first_byte)
                    connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    def _hand_out(self, connection):
        self._idle.put(time.perf_counter())
        event = self._events.get()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"
            "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:bench\r\n"
            f"Lambda-Runtime-Deadline-Ms: {int((time.time() + TIMEOUT) * 1000)}\r\n"
            f"Content-Length: {len(event)}\r\n\r\n"
        )
        message = head.encode() + event
        self._started = time.perf_counter()
        connection.sendall(message)

    def _receive(self, path, headers, payload, first_byte):
        seconds = time.perf_counter() - self._started
        if len(payload) > MOST_TAKEN:
            self._answers.put(Failed(f"the function sent {len(payload)} bytes, but Lambda takes {MOST_TAKEN}"))
        elif path.endswith("/response"):
            streamed = headers.get("lambda-runtime-function-response-mode") == "streaming"
            self._answers.put(Answer(payload, streamed, first_byte, seconds))
        else:
            self._answers.put(Failed(f"the function reported an error: {payload[:500]!r}"))


def read_headers(reader):
    """Returns the headers of a request, with names in lower case."""
    headers = {}
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return headers


def read_body(reader, headers, paced):
    """Reads the body of a request, by length or in chunks. Only chunks, a stream, are read at Lambda's pace."""
    if headers.get("transfer-encoding") != "chunked":
        return reader.read(int(headers.get("content-length", 0)))
    chunks = []
    taken = 0
    started = time.perf_counter()
    while size := int(reader.readline().split(b";")[0], 16):
        chunks.append(reader.read(size))
        reader.readline()
        taken += size
        if paced:
            due = started + (taken - TAKEN_AT_ONCE) / TAKEN_PER_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
    # A failed stream ends with trailers.
    trailers = read_headers(reader)
    if "lambda-runtime-function-error-type" in trailers:
        raise ValueError(trailers)
    return b"".join(chunks)
