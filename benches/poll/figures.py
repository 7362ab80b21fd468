"""Medians, and how they are written."""

import statistics
from dataclasses import dataclass

MB = 1_000_000


@dataclass(frozen=True)
class Figure:
    """What the runs came to."""

    median: float
    least: float
    most: float

    def write(self, scale=1.0, unit=""):
        """As `median (least to most) unit`."""
        median, least, most = (number(value * scale) for value in (self.median, self.least, self.most))
        return f"{median}{unit}" if least == most == median else f"{median}{unit} ({least} to {most})"


def figure(runs, name):
    """What was measured under that name, of all runs."""
    return of([run[name] for run in runs])


def quarter(values, number):
    """The median of a quarter of some values in the order in which they came, from 0 to 3."""
    return statistics.median(values[len(values) * number // 4 : len(values) * (number + 1) // 4])


def ratio(runs, others, name):
    """How many times as much as the others', run by run, so that what disturbed a round disturbed both."""
    return of([run[name] / other[name] for run, other in zip(runs, others, strict=True)])


def of(values):
    """The figure of some values."""
    return Figure(statistics.median(values), min(values), max(values))


def number(value):
    """A number with three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
