"""The cost of polls in a month, from measured figures and published prices.

The prices are those of us-east-1 in US dollars, without the free tier. AWS has published them since DynamoDB's price
reduction of November 2024; they were checked in November 2026. Each is a constant here, with its source.
"""

from dataclasses import dataclass

from benches.poll.figures import figure
from benches.poll.programs import IN_SHARDS
from benches.poll.runtime import TAKEN_AT_ONCE, TAKEN_PER_SECOND

# On demand, for each million read request units: <https://aws.amazon.com/dynamodb/pricing/on-demand/>
MILLION_READ_UNITS = 0.125
# <https://aws.amazon.com/lambda/pricing/>: arm64, each GB-second and each million requests; each GB that is streamed,
# but for the first 6 MB of a response.
GB_SECOND = 0.0000133334
MILLION_REQUESTS = 0.20
STREAMED_GB = 0.008
FREE_STREAMED_BYTES = 6 * 1024 * 1024
# Each GB that leaves AWS for a Prometheus elsewhere: <https://aws.amazon.com/ec2/pricing/on-demand/>
OUT_GB = 0.09

# 730 hours, one poll a minute.
POLLS = 43_800
# At this size a function has one vCPU, and in proportion less below it:
# <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
ONE_VCPU_MB = 1769
# An assumption: the time that AWS takes for a page, which a local engine cannot show.
PAGE_SECONDS = 0.010
GB = 1_000_000_000


@dataclass(frozen=True)
class Cost:
    """The monthly cost of one poller in US dollars, and the function's use of resources."""

    memory_mb: int
    # The time of a poll's calls together, and the part for sending at Lambda's pace.
    seconds: float
    sending: float
    read_units: float
    table: float
    function: float
    streaming: float
    out: float

    @property
    def total(self):
        """Returns the cost without traffic that leaves AWS."""
        return self.table + self.function + self.streaming


def cost(fleet):
    """Returns the cost if one Prometheus polls a fleet once a minute, in one response."""
    runs = fleet["runs"]["http-sd"]
    return price(fleet, runs, figure(runs, "warm call cpu").median, calls=1)


def cost_in_shards(fleet):
    """Returns the cost in shards, each polled once a minute. Only the first causes a read."""
    runs = fleet["runs"][IN_SHARDS]
    shards = fleet["shards"]
    cpu = figure(runs, "first call cpu").median + (shards - 1) * figure(runs, "warm call cpu").median
    return price(fleet, runs, cpu, calls=shards)


def price(fleet, runs, cpu, calls):
    """Returns the cost of polls of `calls` calls, which use `cpu` seconds together and read the table once."""
    memory = memory_size(figure(runs, "peak").median)
    size = figure(runs, "bytes").median
    sending = calls * max(0.0, size - TAKEN_AT_ONCE) / TAKEN_PER_SECOND
    seconds = cpu * max(1.0, ONE_VCPU_MB / memory) + fleet["pages"] * PAGE_SECONDS + sending
    streamed = calls * max(0.0, size - FREE_STREAMED_BYTES)
    return Cost(
        memory_mb=memory,
        seconds=seconds,
        sending=sending,
        read_units=fleet["read units"],
        table=POLLS * fleet["read units"] / 1e6 * MILLION_READ_UNITS,
        function=POLLS * (seconds * memory / 1024 * GB_SECOND + calls * MILLION_REQUESTS / 1e6),
        streaming=POLLS * streamed / GB * STREAMED_GB,
        out=POLLS * fleet["bytes"] / GB * OUT_GB,
    )


def memory_size(peak):
    """Returns the memory size: at least 256 MB, in steps of 128 MB, and a quarter above the peak."""
    size = 256
    while size * 1_048_576 < 1.25 * peak:
        size += 128
    return size
