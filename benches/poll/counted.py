"""A proxy in front of an engine, which counts requests by operation, and the bytes of their responses."""

import contextlib
import http.client
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Counted:
    """The proxy. `take` returns what was counted since the last call."""

    def __init__(self, engine):
        self._lock = threading.Lock()
        self._requests, self._bytes = Counter(), 0
        counted, address = self, engine.endpoint.removeprefix("http://")

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Responses are small packets, which must not wait for each other.
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                self.engine = http.client.HTTPConnection(address, timeout=900)

            def finish(self):
                self.engine.close()
                with contextlib.suppress(OSError):
                    super().finish()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.engine.request("POST", "/", body, dict(self.headers))
                answer = self.engine.getresponse()
                content = answer.read()
                counted.add(self.headers["X-Amz-Target"].partition(".")[2], len(content))
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def add(self, operation, size):
        """Counts a request and its response."""
        with self._lock:
            self._requests[operation] += 1
            self._bytes += size

    def take(self):
        """Returns the requests by operation and the bytes of their responses, and starts anew."""
        with self._lock:
            taken = dict(self._requests), self._bytes
            self._requests, self._bytes = Counter(), 0
        return taken
