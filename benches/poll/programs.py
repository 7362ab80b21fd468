"""The functions that are compared, and the start of each."""

import sys
import urllib.parse
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from benches.poll.fleets import TEAMS, UNOWNED, job_name
from benches.poll.processes import plain_environment

RELEASE = Path("target/release").absolute()
PYTHON = Path("benches/python").absolute()
BUILD = Path(".bench/functions").absolute()
# Only its start is measured.
WARMED_UP = "http-sd, warm-up on"
CACHED = "http-sd, cache on"
# Each call returns one of several parts of the fleet, from one cached read.
FOLLOWING = "http-sd, following changes"
IN_SHARDS = "http-sd, in shards"
BY_SELECTOR = "http-sd, by selector"
# Responses to other paths than that of the list.
ALL_JOBS = "http-sd, all jobs"
START_PAGE = "http-sd, start page"
JOB_PAGE = "http-sd, page of the job"
JOB_PAGE_CACHED = "http-sd, page of the job from its cache"
# With rows that have no more than a list reads.
UNOWNED_LIST = "http-sd, rows without owners"
UNOWNED_PAGE = "http-sd, page of the job, rows without owners"
METRICS = "http-sd, metrics"
# The number of shards of a fleet. A shard of XL is below the 6 MB that Lambda sends at once.
SHARDS = {"L": 16, "XL": 32}

# Variables that Lambda sets for every function.
LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "900",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
    "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
}


@dataclass(frozen=True)
class Program:
    """A function to measure."""

    name: str
    command: list
    environment: dict = field(default_factory=dict)
    folder: Path | None = None
    # The response is the list of groups.
    answers: bool = True
    # A stream is received at Lambda's pace.
    paced: bool = True
    # Only the first call reads the table.
    cached: bool = False
    # The queries of successive calls. Their responses together are the list of groups.
    queries: tuple = ("",)
    # The path, if it is another than that of the list, and a text of the correct response.
    path: str | None = None
    text: str | None = None

    def environment_for(self, fleet, engine):
        """Returns the environment, without the address of the Runtime API."""
        own = {"HTTP_SD_TABLE": fleet.table, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(fleet.memory)}
        return plain_environment() | LAMBDA | engine.environment() | own | self.environment


def programs(fleet):
    """Returns the functions to measure with a fleet. The first is http-sd."""
    mode = {"HTTP_SD_AUTH": "none", "HTTP_SD_RESPONSE_MODE": "stream" if fleet.streamed else "buffered"}
    # The other functions read nothing at their start, so the start is compared without the warm-up read.
    mode |= {"HTTP_SD_WARM_UP": "off"}
    ours = [str(RELEASE / "http-sd")]
    chosen = [Program("http-sd", ours, mode)]
    if fleet.name == "S":
        chosen.append(Program(WARMED_UP, ours, mode | {"HTTP_SD_WARM_UP": "on"}))
    # Longer than a run.
    cached = mode | {"HTTP_SD_CACHE_SECONDS": "3600"}
    if fleet.jobs == 1:
        chosen += [
            Program("sdk-query", [str(RELEASE / "bench-sdk-query")], answers=False),
            # At Lambda's pace both would take the same time.
            Program(CACHED, ours, cached, paced=False, cached=True),
        ]
    chosen.append(Program("bare", [str(RELEASE / "bench-bare")], bare_environment(fleet), paced=False))
    # Longer than a run, too.
    followed = mode | {"HTTP_SD_FOLLOW_CHANGES": "on", "HTTP_SD_MAX_AGE_SECONDS": "3600"}
    chosen.append(Program(FOLLOWING, ours, followed, paced=False))
    if not fleet.streamed:
        chosen.append(Program("Python", [sys.executable, "-m", "awslambdaric", "function.handler"], folder=PYTHON))
    if fleet.name in SHARDS:
        of = SHARDS[fleet.name]
        shards = tuple(f"shard={i}&of={of}" for i in range(of))
        chosen.append(Program(IN_SHARDS, ours, cached, cached=True, queries=shards))
    if fleet.name == "S":
        chosen += [
            Program(ALL_JOBS, ours, mode, path="/prom"),
            Program(START_PAGE, ours, mode, path="/", text=f'/{job_name(0)}"'),
        ]
    if fleet.name == "L":
        page = {"path": f"/jobs/{job_name(0)}", "text": f"{fleet.groups:,}"}
        unowned = {"HTTP_SD_TABLE": UNOWNED[fleet.name].table}
        chosen += [
            Program(JOB_PAGE, ours, mode, **page),
            Program(JOB_PAGE_CACHED, ours, cached, cached=True, **page),
            Program(UNOWNED_LIST, ours, mode | unowned),
            Program(UNOWNED_PAGE, ours, mode | unowned, **page),
            Program(METRICS, ours, mode, path="/metrics", text=f'="{job_name(0)}"}} {fleet.targets}\n'),
        ]
        selectors = tuple(urllib.parse.urlencode({"match[]": f'{{team="team-{i}"}}'}) for i in range(TEAMS))
        chosen.append(Program(BY_SELECTOR, ours, cached, cached=True, queries=selectors))
    return chosen


def bare_environment(fleet):
    """Returns variables with which the bare function sends as many bytes, in the same mode."""
    answer = BUILD / f"{fleet.table}.json"
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.write_bytes(fleet.answer)
    return {"BENCH_ANSWER": str(answer)} | ({"BENCH_STREAM": "1"} if fleet.streamed else {})


def sizes():
    """Returns the bytes of each stripped binary and of its zip."""
    found = {}
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("http-sd", "bench-sdk-query", "bench-bare"):
        archive = BUILD / f"{name}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.write(RELEASE / name, "bootstrap")
        binary = (RELEASE / name).stat().st_size
        found[name.removeprefix("bench-")] = {"binary": binary, "zip": archive.stat().st_size}
    return found
