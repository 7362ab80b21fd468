"""Calls the function under AWS's emulator many times while its table changes: `make soak`.

Every response must match a state of the table between request and response. Memory, descriptors and threads must not
grow. Variables: CALLS=20000, SEED=1 (default: random). HTTP_SD_WRITE_DOCS=1 writes the figures into
docs/reliability.md.
"""

import argparse
import contextlib
import hashlib
import http.client
import os
import random
import tempfile
import time
from pathlib import Path

from benches.hostile import TOKEN
from benches.poll.engines import FOLDER, SDCTL, embedded
from benches.poll.measure import is_listening
from benches.poll.processes import child_of, descriptors, peak_bytes, plain_environment, resident_bytes, threads
from benches.poll.programs import LAMBDA, RELEASE
from benches.soak import report
from benches.soak.ages import Ages
from benches.soak.figures import Run, Sample
from benches.soak.requests import Answer, Requests
from benches.soak.table import TABLE, Table
from scripts.processes import Failed, ensure_running, free_port, run_program, running, wait_until

# The settings of each run, and its part of all calls.
RUNS = {
    "buffered": ({}, 1.0),
    "streamed": ({"HTTP_SD_RESPONSE_MODE": "stream"}, 0.1),
    "buffered, from a cache of 2 s": ({"HTTP_SD_CACHE_SECONDS": "2"}, 0.25),
    # The least maximum age, so that the run has full reads too.
    "buffered, following changes": ({"HTTP_SD_FOLLOW_CHANGES": "on", "HTTP_SD_MAX_AGE_SECONDS": "60"}, 1.0),
}
# The number of samples of a run.
SAMPLES = 200
# One in so many calls runs without writes, so that only one state of the table is possible.
UNCHANGED = 20
# `make tools` installs the emulator, on Linux.
EMULATOR = Path(".tools/bin/aws-lambda-rie").absolute()
PATH = "/2015-03-31/functions/function/invocations"


def say(text):
    """Prints progress."""
    print(f"soak: {text}", flush=True)


@contextlib.contextmanager
def emulated(function, engine, settings):
    """Starts the emulator with the function. Returns the emulator's port and the function's process."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    command = [EMULATOR, "--runtime-interface-emulator-address", address]
    command += ["--runtime-api-address", f"127.0.0.1:{free_port()}", function]
    own = {
        "HTTP_SD_TABLE": TABLE,
        "HTTP_SD_AUTH": "token",
        "HTTP_SD_TOKEN_SHA256": hashlib.sha256(TOKEN.encode()).hexdigest(),
    }
    own |= {"AWS_LAMBDA_FUNCTION_TIMEOUT": "15", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}
    environment = plain_environment() | LAMBDA | engine.environment() | own | settings
    with running(command, environment, FOLDER / "logs/soak.log") as emulator:
        wait_until(lambda: is_listening(f"http://{address}{PATH}"), emulator)
        yield port, emulator
        if TOKEN in emulator.log.read_text(errors="replace"):
            raise Failed(f"the log contains the token: {emulator.log}")


def soak(name, calls, function, engine, table, seed):
    """Runs a number of calls."""
    settings = RUNS[name][0]
    ages = Ages(settings)
    requests, chance = Requests(seed), random.Random(seed)
    run = Run(name, settings, calls)
    started = time.monotonic()
    if ages.follows:
        engine.turn_stream(TABLE, on=True)
    with emulated(function, engine, settings) as (port, emulator), table.changing():
        caller = Caller(port, table, ages)
        before = table.writes
        process = None
        for i in range(calls):
            with table.unchanged() if chance.randrange(UNCHANGED) == 0 else contextlib.nullcontext():
                what = caller.call(requests.next(caller.known))
            run.answers[what] += 1
            process = process or child_of(emulator.pid)
            if i % max(1, calls // SAMPLES) == 0 or i == calls - 1:
                run.samples.append(Sample(i, resident_bytes(process), descriptors(process), threads(process)))
                ensure_running(emulator)
                if table.failure:
                    raise Failed(f"cannot write to the table: {table.failure!r}")
            if (i + 1) % max(1, calls // 10) == 0:
                say(f"{name}: {i + 1} of {calls} calls, {time.monotonic() - started:.0f} s, {run.samples[-1]}")
        if child_of(emulator.pid) != process:
            raise Failed(f"the function restarted: see {emulator.log}")
        run.peak = peak_bytes(process)
        run.writes = table.writes - before
        run.certain = caller.certain
        log = emulator.log.read_text(errors="replace")
        run.followed = sum(log.count(f'source="{source}"') for source in ("changes", "unchanged"))
        if ages.follows and run.followed < calls // 50:
            raise Failed(f"{name}: {run.followed} lists without a whole read prove little: see {emulator.log}")
    run.seconds = time.monotonic() - started
    run.check()
    return run


class Caller:
    """Calls the function, and compares its responses with the table."""

    def __init__(self, port, table, ages):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._table = table
        self._ages = ages
        # ETag and body by target.
        self.known = {}
        # Lists for which only one state was possible.
        self.certain = 0

    def call(self, request):
        """Sends a request, and fails if the response is wrong. Returns the kind of the response."""
        start, first_second = time.monotonic(), int(time.time())
        self._connection.request("POST", PATH, request.event())
        answer = Answer.read(self._connection.getresponse().read())
        end, last_second = time.monotonic(), int(time.time())
        if request.selection is None:
            self._check_fixed(request, answer)
            return str(answer.status)
        age = self._ages.of_poll(request.selection.job, start)
        self._table.settle(self._ages.settled(start))
        body = answer.body
        if answer.status == 304 and "if-none-match" in request.headers:
            etag, body = self.known[request.target]
            right = not answer.body and answer.headers.get("etag") == etag == request.headers["if-none-match"]
        elif request.method == "HEAD":
            right = answer.status == 200 and not answer.body
        else:
            right = answer.status == 200 and answer.headers.get("content-type") == "application/json"
            self.known[request.target] = answer.headers.get("etag"), body
        if not right:
            raise Failed(f"wrong response to {request}: {answer}")
        if request.method == "HEAD" and answer.status == 200:
            return "200 to HEAD"
        seconds = range(first_second, last_second + 1)
        self.certain += request.selection.check(body, self._table, age, end, seconds)
        coding = ", gzip" if "content-encoding" in answer.headers else ""
        return f"{answer.status}{coding}"

    @staticmethod
    def _check_fixed(request, answer):
        is_right = answer.status == request.status
        if request.body is not None and request.method == "GET":
            is_right = is_right and answer.body == request.body
        if request.status >= 400:
            is_right = is_right and answer.is_error()
        if not is_right:
            raise Failed(f"wrong response to {str(request)[:500]}: {answer}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    function = RELEASE / "http-sd"
    parser.add_argument("--function", type=Path, default=function, help="call this program (default: %(default)s)")
    parser.add_argument("--sdctl", type=Path, default=SDCTL, help="use this sdctl's engine (default: %(default)s)")
    options = parser.parse_args()
    calls = int(os.environ.get("CALLS") or 20_000)
    if not EMULATOR.exists():
        raise Failed(f"AWS's emulator is missing in {EMULATOR}: run `make tools` on Linux")
    seed = int(os.environ.get("SEED") or time.time())
    say(f"SEED={seed} CALLS={calls}")
    with tempfile.TemporaryDirectory() as folder, embedded(folder, options.sdctl.absolute()) as engine:
        engine.wait_for_table(TABLE)
        table = Table(engine, seed)
        runs = [
            soak(name, int(calls * part), options.function.absolute(), engine, table, seed)
            for name, (_, part) in RUNS.items()
        ]
    print(report.write(runs, calls))


if __name__ == "__main__":
    run_program("soak", main)
