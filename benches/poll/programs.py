"""The functions that are measured side by side, and how each is started."""

import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from benches.poll.processes import plain_environment

RELEASE = Path("target/release").absolute()
PYTHON = Path("benches/python").absolute()
BUILD = Path(".bench/functions").absolute()
# Measured for its start alone.
WARMED_UP = "http-sd, warm-up on"

# What Lambda sets for every function.
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
    """A function."""

    name: str
    command: list
    environment: dict = field(default_factory=dict)
    folder: Path | None = None
    # Whether its answer is the list of groups.
    answers: bool = True
    # Whether Lambda would take the answer to every fleet from it.
    streams: bool = False

    def environment_for(self, fleet, engine):
        """All variables to start it with, but the address of the Runtime API."""
        own = {"HTTP_SD_TABLE": fleet.table, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(fleet.memory)}
        return plain_environment() | LAMBDA | engine.environment() | own | self.environment


def programs(fleet):
    """The functions that are measured with a fleet. The first one is ours."""
    mode = {"HTTP_SD_AUTH": "none", "HTTP_SD_RESPONSE_MODE": "stream" if fleet.streamed else "buffered"}
    # The start alone is compared with that of functions which read nothing until they are asked.
    mode |= {"HTTP_SD_WARM_UP": "off"}
    ours = [str(RELEASE / "http-sd")]
    cached = mode | {"HTTP_SD_CACHE_SECONDS": "60"}
    chosen = [Program("http-sd", ours, mode, streams=True)]
    if fleet.name == "S":
        chosen.append(Program(WARMED_UP, ours, mode | {"HTTP_SD_WARM_UP": "on"}, streams=True))
    if fleet.jobs == 1:
        chosen.append(Program("sdk-query", [str(RELEASE / "bench-sdk-query")], answers=False, streams=True))
    if not fleet.streamed:
        answer = BUILD / f"{fleet.table}.json"
        answer.parent.mkdir(parents=True, exist_ok=True)
        answer.write_bytes(fleet.answer)
        chosen += [
            Program("http-sd, cache on", ours, cached, streams=True),
            Program("bare", [str(RELEASE / "bench-bare")], {"BENCH_ANSWER": str(answer)}),
            Program("Python", [sys.executable, "-m", "awslambdaric", "function.handler"], folder=PYTHON),
        ]
    return chosen


def sizes():
    """Bytes of each stripped binary, and of the archive that would be uploaded."""
    found = {}
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("http-sd", "bench-sdk-query", "bench-bare"):
        archive = BUILD / f"{name}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.write(RELEASE / name, "bootstrap")
        binary = (RELEASE / name).stat().st_size
        found[name.removeprefix("bench-")] = {"binary": binary, "zip": archive.stat().st_size}
    return found
