"""The use of resources of a run, and whether it grows."""

from collections import Counter
from dataclasses import dataclass, field

from benches.poll.figures import MB, quarter
from scripts.processes import Failed

# The most growth of the medians from the second to the last quarter of a run. The first quarter is the warm-up. The
# heap varies a little with the size of the latest lists, but a leak adds up with each call.
MORE_MEMORY = MB // 2
MORE_DESCRIPTORS = 2
MORE_THREADS = 1


@dataclass(frozen=True)
class Sample:
    """The function's resources after a number of calls."""

    call: int
    resident: int
    descriptors: int
    threads: int

    def __str__(self):
        return f"{self.resident / MB:.2f} MB, {self.descriptors} descriptors, {self.threads} threads"


@dataclass
class Run:
    """The calls of one process of the function."""

    name: str
    settings: dict
    calls: int
    samples: list = field(default_factory=list)
    # The number of responses of each kind.
    answers: Counter = field(default_factory=Counter)
    # Lists for which only one state of the table was possible.
    certain: int = 0
    # Lists that needed no read of all rows, because the function follows changes.
    followed: int = 0
    writes: int = 0
    seconds: float = 0.0
    peak: int = 0

    def median(self, what, number):
        """Returns the median of one quarter (0 to 3) of the samples."""
        return quarter([getattr(sample, what) for sample in self.samples], number)

    def check(self):
        """Fails if a resource has grown."""
        for what, more in (("resident", MORE_MEMORY), ("descriptors", MORE_DESCRIPTORS), ("threads", MORE_THREADS)):
            before, after = self.median(what, 1), self.median(what, 3)
            if after > before + more:
                grown = f"{what} grew from {before:,.0f} in the second quarter of the calls to {after:,.0f} in the last"
                raise Failed(f"{self.name}: {grown}, by more than {more:,}")
