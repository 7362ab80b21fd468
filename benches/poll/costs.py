"""What polls cost in a month, from what was measured and from named prices.

The prices are those of us-east-1 in US dollars, without the free tier, as published by AWS since DynamoDB's reduction
of November 2024, and looked up in November 2026. Each is a constant with its source here, so that it can be changed.
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
# What a page is waited for at AWS, which cannot be measured here.
PAGE_SECONDS = 0.010
GB = 1_000_000_000


@dataclass(frozen=True)
class Cost:
    """One poller's cost in a month, in US dollars, and what the function needs for it."""

    memory_mb: int
    # How long a poll's calls take together, and what part of it is sending at Lambda's pace.
    seconds: float
    sending: float
    read_units: float
    table: float
    function: float
    streaming: float
    out: float

    @property
    def total(self):
        """All but what leaves AWS."""
        return self.table + self.function + self.streaming


def cost(fleet):
    """What it costs that one Prometheus polls a fleet once a minute, in one answer."""
    runs = fleet["runs"]["http-sd"]
    return price(fleet, runs, figure(runs, "warm call cpu").median, calls=1)


def cost_in_shards(fleet):
    """What it costs in shards, each asked for once a minute, of which the first one causes the only read."""
    runs = fleet["runs"][IN_SHARDS]
    shards = fleet["shards"]
    cpu = figure(runs, "first call cpu").median + (shards - 1) * figure(runs, "warm call cpu").median
    return price(fleet, runs, cpu, calls=shards)


def price(fleet, runs, cpu, calls):
    """What a poll costs of so many calls, which take so much CPU together and read the table once."""
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
    """The template's default, or in steps of 128 MB what leaves a quarter above the peak."""
    size = 256
    while size * 1_048_576 < 1.25 * peak:
        size += 128
    return size
