"""What the function has to reach, and whether it does, by the medians."""

from dataclasses import dataclass

from benches.poll.figures import MB, Figure, of, ratio
from benches.poll.programs import BY_SELECTOR, CACHED, IN_SHARDS, SHARDS


@dataclass(frozen=True)
class Bar:
    """One requirement and what was measured."""

    subject: str
    limit: float
    measured: Figure
    unit: str = ""
    # For "so many times better" more is better.
    at_least: bool = False

    @property
    def met(self):
        """Whether the median is on the right side."""
        return self.measured.median >= self.limit if self.at_least else self.measured.median <= self.limit


# The most CPU of a warm call as a multiple of sdk-query's, and the most memory in MB.
CPU = {"M": 0.65, "L": 0.42}
PEAK = {"L": 36, "XL": 260}


def bars(results):
    """All bars for which there are figures."""
    found = [*size_bars(results["sizes"]["http-sd"]), start_bar(results["emulated"])]
    for name, fleet in results["fleets"].items():
        runs = fleet["runs"]
        ours = runs["http-sd"]
        if name == "S":
            start = ratio(ours, runs["bare"], "ready cpu")
            found.append(Bar("CPU of initialisation as a multiple of bare's", 1.5, start, " ×"))
            versus = ratio(ours, runs["sdk-query"], "warm call")
            found.append(Bar("warm call, S, as a multiple of sdk-query's", 1.15, versus, " ×"))
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
        if name in PEAK:
            found.append(Bar(f"peak memory, {name}", PEAK[name], of([run["peak"] / MB for run in ours]), " MB"))
    return found


def size_bars(size):
    """What is uploaded."""
    return [
        Bar("stripped binary", 6, of([size["binary"] / MB]), " MB"),
        Bar("zip archive", 3, of([size["zip"] / MB]), " MB"),
    ]


def start_bar(emulated):
    """Initialisation as AWS's emulator reports it."""
    versus = ratio(emulated["http-sd"], emulated["bare"], "init")
    return Bar("initialisation as a multiple of bare's", 1.5, versus, " ×")


def python_bars(ours, python):
    """How many times less a warm call takes than in Python."""
    names = (("wall time", "warm call", 3), ("CPU", "warm call cpu", 10), ("peak memory", "peak", 3))
    return [
        Bar(f"{subject} of a warm call, M, times less than Python's", limit, ratio(python, ours, name), " ×", True)
        for subject, name, limit in names
    ]


def part_bars(runs):
    """The CPU of a part of the fleet from the cache, beside that of a poll that reads."""
    parts = {f"one of {SHARDS['L']} shards": IN_SHARDS, "one selector": BY_SELECTOR}
    return [
        Bar(f"CPU of {part} from the cache, L, as a multiple of a poll that reads", 0.25, versus, " ×")
        for part, name in parts.items()
        for versus in [ratio(runs[name], runs["http-sd"], "warm call cpu")]
    ]
