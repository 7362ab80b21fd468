"""The age that the rows of a response may have."""

from bisect import bisect_right
from dataclasses import dataclass

# The most seconds for which a function that follows changes serves lost targets. It compares whole seconds.
HOLD = 12


@dataclass(frozen=True)
class Age:
    """The instants of the states of the table that a response may show."""

    # The instant since which a state may be shown.
    since: float
    # The instant since which a row must have existed so that the response must contain it.
    complete: float

    @property
    def held(self):
        """Returns whether the response may contain rows that no longer exist, beside those that do."""
        return self.since < self.complete


class Ages:
    """The ages for the settings of a function."""

    def __init__(self, settings):
        self._cache = int(settings.get("HTTP_SD_CACHE_SECONDS", "0"))
        self.follows = settings.get("HTTP_SD_FOLLOW_CHANGES") == "on"
        # The starts of the polls of each job, and of all jobs.
        self._polls = {}

    def of_poll(self, job, start):
        """Returns the age that a poll of a job, or of all jobs, may have. The poll starts at this instant."""
        if not self.follows:
            return Age(start - self._cache, start - self._cache)
        polls = self._polls.setdefault(job, [])
        polls.append(start)
        del polls[: before(polls, start)]
        return Age(polls[0], start)

    def settled(self, start):
        """Returns an instant that is before each age of this poll and of later ones."""
        if not self.follows:
            return start - self._cache
        return min(polls[before(polls, start)] for polls in self._polls.values())


def before(polls, start):
    """Returns the index of the last poll that is older than the hold, or of the first poll.

    The function holds a row from the first poll after its removal. So a row that was removed before that poll is gone.
    """
    return max(0, bisect_right(polls, start - HOLD) - 1)
