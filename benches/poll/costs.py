"""What polls cost in a month, from what was measured and from named prices.

The prices are those of us-east-1 in US dollars, without the free tier, as published by AWS since DynamoDB's reduction
of November 2024, and looked up in November 2026. Each is a constant with its source here, so that it can be changed.
"""

from dataclasses import dataclass

from benches.poll.figures import figure

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
    seconds: float
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
    """What it costs that one Prometheus polls a fleet once a minute."""
    runs = fleet["runs"]["http-sd"]
    memory = memory_size(figure(runs, "peak").median)
    cpu = figure(runs, "warm call cpu").median
    seconds = cpu * max(1.0, ONE_VCPU_MB / memory) + fleet["pages"] * PAGE_SECONDS
    size = figure(runs, "bytes").median
    streamed = max(0.0, size - FREE_STREAMED_BYTES)
    return Cost(
        memory_mb=memory,
        seconds=seconds,
        read_units=fleet["read units"],
        table=POLLS * fleet["read units"] / 1e6 * MILLION_READ_UNITS,
        function=POLLS * (seconds * memory / 1024 * GB_SECOND + MILLION_REQUESTS / 1e6),
        streaming=POLLS * streamed / GB * STREAMED_GB,
        out=POLLS * fleet["bytes"] / GB * OUT_GB,
    )


def memory_size(peak):
    """The template's default, or in steps of 128 MB what leaves a quarter above the peak."""
    size = 256
    while size * 1_048_576 < 1.25 * peak:
        size += 128
    return size
