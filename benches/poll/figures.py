"""Medians and their notation."""

import statistics
from dataclasses import dataclass

MB = 1_000_000


@dataclass(frozen=True)
class Figure:
    """The median, minimum and maximum of the runs."""

    median: float
    least: float
    most: float

    def write(self, scale=1.0, unit=""):
        """Returns `median (least to most) unit`."""
        median, least, most = (number(value * scale) for value in (self.median, self.least, self.most))
        return f"{median}{unit}" if least == most == median else f"{median}{unit} ({least} to {most})"


def figure(runs, name):
    """Returns the figure of this name over all runs."""
    return of([run[name] for run in runs])


def quarter(values, number):
    """Returns the median of one quarter (0 to 3) of values in order of time."""
    return statistics.median(values[len(values) * number // 4 : len(values) * (number + 1) // 4])


def ratio(runs, others, name):
    """Returns the ratio to the others, run by run, because a disturbance of a round affects both."""
    return of([run[name] / other[name] for run, other in zip(runs, others, strict=True)])


def of(values):
    """Returns the figure of values."""
    return Figure(statistics.median(values), min(values), max(values))


def number(value):
    """Returns a number with three significant digits."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def size_of(size):
    """Returns a number of bytes."""
    return f"{number(size / MB)} MB" if size >= MB else f"{number(size / 1000)} kB"
