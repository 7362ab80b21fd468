"""What the function has to reach, and whether it does, by the medians."""

from dataclasses import dataclass

from benches.poll.figures import MB, Figure, figure, of, ratio


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


def bars(results):
    """All bars for which there are figures."""
    found = [*size_bars(results["sizes"]["http-sd"]), start_bar(results["emulated"])]
    fleets = results["fleets"]
    for name, fleet in fleets.items():
        ours = fleet["runs"]["http-sd"]
        if name == "S":
            versus = ratio(ours, fleet["runs"]["sdk-query"], "warm call")
            start = ratio(ours, fleet["runs"]["bare"], "ready cpu")
            found.append(Bar("CPU of initialisation as a multiple of bare's", 2.5, start, " ×"))
            found.append(Bar("warm call, S, as a multiple of sdk-query's", 1.25, versus, " ×"))
        if name in ("M", "L"):
            versus = ratio(ours, fleet["runs"]["sdk-query"], "warm call cpu")
            found.append(Bar(f"CPU of a warm call, {name}, as a multiple of sdk-query's", 1.35, versus, " ×"))
        if name == "M":
            found += python_bars(ours, fleet["runs"]["Python"])
        if name in ("S", "M"):
            versus = ratio(fleet["runs"]["http-sd, cache on"], fleet["runs"]["bare"], "warm call")
            found.append(Bar(f"repeated call with the cache on, {name}, as a multiple of bare's", 1.5, versus, " ×"))
        if name == "L":
            limit = 40 + 2 * fleet["bytes"] / MB
            found.append(Bar("peak memory, L: 40 MB and twice the answer", limit, of_peaks(ours), " MB"))
        if name == "XL":
            found.append(Bar("peak memory, XL", 450, of_peaks(ours), " MB"))
            if "L" in fleets:
                found.append(scale_bar("wall time", "warm call", fleet, fleets["L"]))
                found.append(scale_bar("CPU", "warm call cpu", fleet, fleets["L"]))
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
    return Bar("initialisation as a multiple of bare's", 2.5, versus, " ×")


def python_bars(ours, python):
    """How many times less a warm call takes than in Python."""
    names = (("wall time", "warm call", 3), ("CPU", "warm call cpu", 10), ("peak memory", "peak", 3))
    return [
        Bar(f"{subject} of a warm call, M, times less than Python's", limit, ratio(python, ours, name), " ×", True)
        for subject, name, limit in names
    ]


def of_peaks(runs):
    """Peak memory in MB."""
    return of([run["peak"] / MB for run in runs])


def scale_bar(subject, name, largest, large):
    """What each target takes, beside the fleet that is a tenth of the size."""
    base = figure(large["runs"]["http-sd"], name).median / large["targets"]
    versus = of([run[name] / largest["targets"] / base for run in largest["runs"]["http-sd"]])
    return Bar(f"{subject} of a warm call for each target, XL, as a multiple of L's", 1.25, versus, " ×")
