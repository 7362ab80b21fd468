"""The cost of polls in a month, from measured figures and published prices.

The prices are those of us-east-1 in US dollars, without the free tier. AWS has published them since DynamoDB's price
reduction of November 2024; they were checked in November 2026. Each is a constant here, with its source.
"""

from dataclasses import dataclass

from benches.poll.figures import figure, of
from benches.poll.following import SHARDS
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
# GetRecords of DynamoDB Streams. The first 2.5 million a month are free, and not counted here:
# <https://aws.amazon.com/dynamodb/pricing/on-demand/>
MILLION_STREAM_READS = 0.20
# Each GB that leaves AWS for a Prometheus elsewhere: <https://aws.amazon.com/ec2/pricing/on-demand/>
OUT_GB = 0.09

# 730 hours, one poll a minute.
POLLS = 43_800
# At this size a function has one vCPU, and in proportion less below it:
# <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
ONE_VCPU_MB = 1769
# An assumption: the time that AWS takes for a page, which a local engine cannot show.
PAGE_SECONDS = 0.010
# An assumption: the open shards of a stream, one for each partition of the table. A new table on demand has four:
# <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>
STREAM_SHARDS = 4
# The maximum age in seconds: the default, and that of a fleet in shards.
MAX_AGE, MAX_AGE_IN_SHARDS = 900, 3600
MONTH = POLLS * 60
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


def cost_following(fleet):
    """Returns the cost if one Prometheus polls a fleet once a minute, and the function follows changes."""
    if fleet["pages"] <= STREAM_SHARDS:
        # A read needs no more requests than a look at the stream, so the function reads as before.
        return cost(fleet)
    return price_following(fleet, "unchanged", calls=1, max_age=MAX_AGE)


def cost_following_in_shards(fleet):
    """Returns the same in shards, each polled once a minute at one warm function. `None` for a fleet without them."""
    if "shards" not in fleet["followed"][0]:
        return None
    return price_following(fleet, "shards", calls=SHARDS[fleet["name"]], max_age=MAX_AGE_IN_SHARDS)


def cost_of_shards(fleet):
    """Returns the dollars for the table if each of these shards reads it."""
    return SHARDS[fleet["name"]] * cost(fleet).table


def price_following(fleet, kind, calls, max_age):
    """Returns the cost of polls of `calls` calls that meet no change, and of a full read after each maximum age."""
    followed = fleet["followed"]
    polls = [run[kind] for run in followed]
    memory = memory_size(figure(followed, "peak").median)
    stretch = max(1.0, ONE_VCPU_MB / memory)
    size = figure(polls, "bytes").median
    sending = calls * max(0.0, size - TAKEN_AT_ONCE) / TAKEN_PER_SECOND
    seconds = calls * (figure(polls, "cpu").median * stretch + PAGE_SECONDS) + sending
    full_reads = MONTH / max_age
    full_cpu = of([run["full read"]["cpu"] for run in followed]).median
    all_seconds = POLLS * seconds + full_reads * (full_cpu * stretch + fleet["pages"] * PAGE_SECONDS)
    # A strongly consistent read costs twice as much.
    read_units = 2 * fleet["read units"] * full_reads
    asked = POLLS * calls * STREAM_SHARDS * of([poll["requests"]["GetRecords"] for poll in polls]).median
    return Cost(
        memory_mb=memory,
        seconds=seconds,
        sending=sending,
        read_units=read_units / POLLS,
        table=read_units / 1e6 * MILLION_READ_UNITS + asked / 1e6 * MILLION_STREAM_READS,
        function=all_seconds * memory / 1024 * GB_SECOND + POLLS * calls * MILLION_REQUESTS / 1e6,
        streaming=POLLS * calls * max(0.0, size - FREE_STREAMED_BYTES) / GB * STREAMED_GB,
        out=POLLS * fleet["bytes"] / GB * OUT_GB,
    )


def dollars(amount):
    """Returns an amount in dollars."""
    return f"${amount:,.2f}" if amount >= 0.01 else f"${amount:.4f}"


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
