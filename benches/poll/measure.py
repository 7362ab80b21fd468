"""Measures one function with one fleet: a new process, its first call, and warm calls."""

import collections
import contextlib
import itertools
import json
import re
import statistics
import time
import urllib.error
import urllib.request

from benches.poll.engines import FOLDER
from benches.poll.processes import child_of, cpu_seconds, peak_bytes
from benches.poll.runtime import RuntimeApi
from scripts.processes import Failed, free_port, running, wait_until

EMULATOR = FOLDER / "bin/aws-lambda-rie"
# The number of warm calls. Short calls are repeated often, so that one disturbance does not matter.
CALLS = {"S": 200, "M": 5, "L": 3, "XL": 1}
CALLS_FROM_MEMORY = {"S": 200, "M": 20, "L": 20, "XL": 3}
EMULATED_CALLS = 20


def run(program, fleet, engine):
    """Measures one process of the function, in seconds and bytes."""
    events = [fleet.event(query, program.path) for query in program.queries]
    log = FOLDER / f"logs/{program.name.replace(', ', '-').replace(' ', '-')}-{fleet.name}.log"
    with RuntimeApi(program.paced) as api:
        environment = program.environment_for(fleet, engine) | {"AWS_LAMBDA_RUNTIME_API": api.address}
        started = time.perf_counter()
        with running(program.command, environment, log, program.folder) as process:
            ready = api.wait_idle(process) - started
            ready_cpu = cpu_seconds(process.pid)
            first = api.invoke(events[0], process)
            answered = time.perf_counter() - started
            if len(events) == 1:
                check(program, fleet, [first])
            api.wait_idle(process)
            first_cpu = cpu_seconds(process.pid) - ready_cpu
            first_peak = peak_bytes(process.pid)

            count = calls(program, fleet)
            before, engine_before = cpu_seconds(process.pid), cpu_seconds(engine.process.pid)
            warm, sent = [], []
            latest = collections.deque(maxlen=len(events))
            # A paused engine proves that the calls read nothing.
            with engine.stopped() if program.cached else contextlib.nullcontext():
                for event in itertools.islice(itertools.cycle(events), count):
                    latest.append(api.invoke(event, process))
                    warm.append(unpaced_seconds(program, latest[-1]))
                    sent.append(latest[-1].seconds)
                api.wait_idle(process)
            cpu, engine_cpu = cpu_seconds(process.pid) - before, cpu_seconds(engine.process.pid) - engine_before
            peak = peak_bytes(process.pid)
    check(program, fleet, latest)
    return {
        "ready": ready,
        "ready cpu": ready_cpu,
        "first answer": answered,
        "first call": unpaced_seconds(program, first),
        "first call cpu": first_cpu,
        "first call peak": first_peak,
        "warm call": statistics.median(warm),
        "warm call cpu": cpu / count,
        "sent": statistics.median(sent) if first.streamed and program.paced else None,
        "engine cpu": engine_cpu / count,
        "peak": peak,
        "bytes": len(latest[-1].payload),
    }


def calls(program, fleet):
    """Returns the number of warm calls."""
    if len(program.queries) > 1:
        return len(program.queries)
    return CALLS_FROM_MEMORY[fleet.name] if program.cached or program.name == "bare" else CALLS[fleet.name]


def unpaced_seconds(program, answer):
    """Returns the time of a call without Lambda's pace. A stream is complete before its first byte is sent."""
    return answer.first_byte if answer.streamed and program.paced else answer.seconds


def check(program, fleet, answers):
    """Fails unless the responses together are complete and correct."""
    bodies = [answer.body() for answer in answers]
    if program.text:
        right = program.text.encode() in bodies[0]
    elif not program.answers:
        right = int(bodies[0]) == fleet.groups
    elif program.name == "Python":
        right = json.loads(bodies[0]) == json.loads(fleet.answer)
    elif len(bodies) == 1:
        right = bodies[0] == fleet.answer
    else:
        right = groups_of(bodies) == groups_of([fleet.answer])
    if not right:
        size = sum(map(len, bodies))
        raise Failed(f"{program.name} serves fleet {fleet.name} wrongly, {size} bytes: {bodies[0][:300]!r}")


def groups_of(bodies):
    """Returns the JSON of each group of the lists, sorted."""
    return sorted(group for body in bodies for group in (b"," + body[1:-1]).split(b',{"targets":')[1:])


def run_emulated(program, fleet, engine):
    """Measures one process of the function under AWS's emulator: its report, and the time of calls."""
    address = f"127.0.0.1:{free_port()}"
    url = f"http://{address}/2015-03-31/functions/function/invocations"
    command = [str(EMULATOR), "--runtime-interface-emulator-address", address]
    command += ["--runtime-api-address", f"127.0.0.1:{free_port()}", *program.command]
    log = FOLDER / "logs/emulator.log"
    event = fleet.event()
    started = time.perf_counter()
    with running(command, program.environment_for(fleet, engine), log, program.folder) as emulator:
        wait_until(lambda: is_listening(url), emulator)
        post(url, event)
        answered = time.perf_counter() - started
        function = child_of(emulator.pid)
        before = cpu_seconds(function)
        warm = []
        for _ in range(EMULATED_CALLS):
            call_started = time.perf_counter()
            post(url, event)
            warm.append(time.perf_counter() - call_started)
        cpu = (cpu_seconds(function) - before) / EMULATED_CALLS
        peak = peak_bytes(function)
    report = re.search(r"INIT REPORT\(durationMs: ([0-9.]+)\)", log.read_text(errors="replace"))
    if not report:
        raise Failed(f"the emulator reports no initialisation of {program.name}: see {log}")
    return {
        "init": float(report[1]) / 1000,
        "first answer": answered,
        "warm call": statistics.median(warm),
        "warm call cpu": cpu,
        "peak": peak,
    }


def is_listening(url):
    """Returns whether the emulator responds. This does not start the function."""
    try:
        urllib.request.urlopen(url.rsplit("/2015", 1)[0], timeout=10)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def post(url, event):
    """Calls the function through the emulator. Fails unless the response is a 200."""
    with urllib.request.urlopen(urllib.request.Request(url, data=event), timeout=60) as response:
        answer = response.read()
    if json.loads(answer).get("statusCode") != 200:
        raise Failed(f"unexpected response from the emulator: {answer[:500]!r}")
