"""The requirements for the function, and whether the medians meet them."""

from dataclasses import dataclass

from benches.poll.figures import MB, Figure, of, ratio
from benches.poll.programs import (
    ALL_JOBS,
    BY_SELECTOR,
    CACHED,
    IN_SHARDS,
    JOB_PAGE,
    JOB_PAGE_CACHED,
    SHARDS,
    START_PAGE,
    UNOWNED_LIST,
    UNOWNED_PAGE,
)


@dataclass(frozen=True)
class Bar:
    """A requirement and the measured figure."""

    subject: str
    limit: float
    measured: Figure
    unit: str = ""
    # The limit is a minimum, for ratios of which more is better.
    at_least: bool = False

    @property
    def met(self):
        """Returns whether the median meets the limit."""
        return self.measured.median >= self.limit if self.at_least else self.measured.median <= self.limit


# The most CPU of a warm call as a multiple of sdk-query's, and the most memory in MB.
CPU = {"M": 0.65, "L": 0.42}
PEAK = {"L": 36, "XL": 260}


def bars(results):
    """Returns all requirements with figures."""
    found = [*size_bars(results["sizes"]["http-sd"]), start_bar(results["emulated"])]
    for name, fleet in results["fleets"].items():
        runs = fleet["runs"]
        ours = runs["http-sd"]
        if name == "S":
            start = ratio(ours, runs["bare"], "ready cpu")
            found.append(Bar("CPU of initialisation as a multiple of bare's", 1.5, start, " ×"))
            versus = ratio(ours, runs["sdk-query"], "warm call")
            found.append(Bar("warm call, S, as a multiple of sdk-query's", 1.15, versus, " ×"))
            versus = ratio(runs[START_PAGE], runs[ALL_JOBS], "warm call cpu")
            found.append(Bar("CPU of the start page, S, as a multiple of a poll of all jobs", 1.5, versus, " ×"))
        if name in CPU:
            versus = ratio(ours, runs["sdk-query"], "warm call cpu")
            found.append(Bar(f"CPU of a warm call, {name}, as a multiple of sdk-query's", CPU[name], versus, " ×"))
        if name == "M":
            found += python_bars(ours, runs["Python"])
        if CACHED in runs:
            versus = ratio(runs[CACHED], runs["bare"], "warm call")
            found.append(Bar(f"repeated call from the cache, {name}, as a multiple of bare's", 1.3, versus, " ×"))
        if name == "L":
            found += part_bars(runs)
            versus = ratio(runs[JOB_PAGE], ours, "warm call cpu")
            found.append(Bar("CPU of the job's page, L, as a multiple of a poll", 1.2, versus, " ×"))
            versus = ratio(runs[UNOWNED_PAGE], runs[UNOWNED_LIST], "warm call cpu")
            found.append(Bar("the same with rows without owners, of which both read the same", 1.2, versus, " ×"))
            page = of([run["warm call cpu"] * 1000 for run in runs[JOB_PAGE_CACHED]])
            found.append(Bar("CPU of the job's page from the cache, L", 20, page, " ms"))
        if name in PEAK:
            found.append(Bar(f"peak memory, {name}", PEAK[name], of([run["peak"] / MB for run in ours]), " MB"))
    return found


def size_bars(size):
    """Returns the requirements for the size of the zip."""
    return [
        Bar("stripped binary", 6, of([size["binary"] / MB]), " MB"),
        Bar("zip archive", 3, of([size["zip"] / MB]), " MB"),
    ]


def start_bar(emulated):
    """Returns the requirement for the initialisation, as AWS's emulator reports it."""
    versus = ratio(emulated["http-sd"], emulated["bare"], "init")
    return Bar("initialisation as a multiple of bare's", 1.5, versus, " ×")


def python_bars(ours, python):
    """Returns the requirements for warm calls as ratios to Python."""
    names = (("wall time", "warm call", 3), ("CPU", "warm call cpu", 10), ("peak memory", "peak", 3))
    return [
        Bar(f"{subject} of a warm call, M, times less than Python's", limit, ratio(python, ours, name), " ×", True)
        for subject, name, limit in names
    ]


def part_bars(runs):
    """Returns the requirements for parts of the fleet from the cache, relative to a poll that reads."""
    parts = {f"one of {SHARDS['L']} shards": IN_SHARDS, "one selector": BY_SELECTOR}
    return [
        Bar(f"CPU of {part} from the cache, L, as a multiple of a poll that reads", 0.25, versus, " ×")
        for part, name in parts.items()
        for versus in [ratio(runs[name], runs["http-sd"], "warm call cpu")]
    ]
