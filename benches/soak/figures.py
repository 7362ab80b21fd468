"""What a run took of the machine, and whether that stayed as it was."""

from collections import Counter
from dataclasses import dataclass, field

from benches.poll.figures import MB, quarter
from scripts.processes import Failed

# What the last quarter of a run may have more than the second one, by the medians. The first quarter warms up. The heap
# moves a little with the sizes of what was asked for last; what is lost with each call adds up.
MORE_MEMORY = MB // 2
MORE_DESCRIPTORS = 2
MORE_THREADS = 1


@dataclass(frozen=True)
class Sample:
    """What the function had after so many calls."""

    call: int
    resident: int
    descriptors: int
    threads: int

    def __str__(self):
        return f"{self.resident / MB:.2f} MB, {self.descriptors} descriptors, {self.threads} threads"


@dataclass
class Run:
    """One process of the function, and its calls."""

    name: str
    settings: dict
    calls: int
    samples: list = field(default_factory=list)
    # How many there were of each sort.
    answers: Counter = field(default_factory=Counter)
    # Lists that were compared with the one state that the table can have had.
    certain: int = 0
    writes: int = 0
    seconds: float = 0.0
    peak: int = 0

    def median(self, what, number):
        """The median of a quarter of the samples, from 0 to 3."""
        return quarter([getattr(sample, what) for sample in self.samples], number)

    def check(self):
        """Fails if anything has grown."""
        for what, more in (("resident", MORE_MEMORY), ("descriptors", MORE_DESCRIPTORS), ("threads", MORE_THREADS)):
            before, after = self.median(what, 1), self.median(what, 3)
            if after > before + more:
                grown = f"{what} grew from {before:,.0f} in the second quarter of the calls to {after:,.0f} in the last"
                raise Failed(f"{self.name}: {grown}, by more than {more:,}")
