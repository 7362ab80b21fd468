"""The function with and without following changes: its requests, bytes, CPU, memory and costs.

The tables are between two markers of docs/performance.md.
"""

import itertools

from benches.poll import costs, report
from benches.poll.bars import Bar
from benches.poll.figures import MB, figure, of, ratio, size_of
from benches.poll.following import MANY_CHANGED, SHARDS

BEGIN = "<!-- Following changes: make bench ARGS=--following -->"
END = "<!-- The end of following changes -->"
MS = 1000
# The most CPU of an unchanged poll as a multiple of bare's, and the most memory in MB.
MOST_CPU = 1.5
PEAK = {"L": 45, "XL": 300}
# The most of a full read that a poll after one changed row may read, and use of CPU.
MOST_READ, MOST_CPU_OF_CHANGE = 0.1, 1 / 3
MOST_DOLLARS_OF_L = 6
# The part of the costs without following changes.
MOST_OF_XL_IN_SHARDS = 0.1

KINDS = {
    "unchanged": "on, no row changed",
    "one row": "on, one row changed",
    "many rows": "on, {rows:,} rows changed",
    "shards": "on, one of {shards} shards, no row changed",
}
HEADS = ["", "requests of a poll", "bytes read", "CPU, ms", "CPU, of off", "CPU, of bare", "peak, MB", "a month"]


def write(results):
    """Writes the part of the document, and returns the text for the terminal."""
    fleets = [(name, fleet) for name, fleet in results["fleets"].items() if "followed" in fleet]
    every = itertools.chain.from_iterable(rows(name, fleet) for name, fleet in fleets)
    met = itertools.chain.from_iterable(bars(name, fleet) for name, fleet in fleets)
    text = "\n".join([report.origin(results), *report.table(HEADS, list(every)), *report.table_of_bars(met)])
    report.write_between(report.DOCUMENT, BEGIN, END, text)
    return f"\n{text}\nWritten to {report.DOCUMENT}"


def rows(name, fleet):
    """Returns the rows of a fleet."""
    followed, off, bare = fleet["followed"], fleet["runs"]["http-sd"], fleet["runs"]["bare"]
    requests = {"Query" if fleet["jobs"] == 1 else "Scan": fleet["pages"]}
    cost = {"unchanged": costs.cost_following(fleet), "shards": costs.cost_following_in_shards(fleet)}
    yield [
        f"**{name}**, off",
        counted(requests),
        size_of(of([run["full read"]["read"] for run in followed]).median),
        figure(off, "warm call cpu").write(MS),
        "1",
        ratio(off, bare, "warm call cpu").write(),
        figure(off, "peak").write(1 / MB),
        costs.dollars(costs.cost(fleet).total),
    ]
    for kind, title in KINDS.items():
        if kind not in followed[0]:
            continue
        polls = [run[kind] for run in followed]
        yield [
            title.format(shards=SHARDS.get(name), rows=MANY_CHANGED.get(name, 0)),
            counted(polls[0]["requests"]),
            size_of(of([poll["read"] for poll in polls]).median),
            figure(polls, "cpu").write(MS),
            against(polls, off).write(),
            against(polls, bare).write() if kind != "shards" else "–",
            figure(followed, "peak").write(1 / MB) if kind == "unchanged" else "–",
            costs.dollars(cost[kind].total) if cost.get(kind) else "–",
        ]


def bars(name, fleet):
    """Returns the requirements for a fleet that is large enough to be followed."""
    followed, off, bare = fleet["followed"], fleet["runs"]["http-sd"], fleet["runs"]["bare"]
    if followed[0]["unchanged"]["requests"].keys() != {"GetRecords"}:
        return
    unchanged, changed = ([run[kind] for run in followed] for kind in ("unchanged", "one row"))
    asked = of([sum(poll["requests"].values()) for poll in unchanged])
    yield Bar(f"following, {name}: requests of an unchanged poll for each shard", 1, asked)
    ratio_to_bare = against(unchanged, bare)
    yield Bar(f"following, {name}: CPU of an unchanged poll as a multiple of bare's", MOST_CPU, ratio_to_bare, " ×")
    if name == "L":
        read = of([run["one row"]["read"] / run["full read"]["read"] for run in followed])
        yield Bar("following, L: bytes of a poll after one changed row, of a full read", MOST_READ, read, " ×")
        used = against(changed, off)
        yield Bar("following, L: CPU of that poll, of a full read", MOST_CPU_OF_CHANGE, used, " ×")
        dollars = costs.cost_following(fleet).total
        yield Bar("following, L: dollars a month", MOST_DOLLARS_OF_L, of([dollars]))
    if name in PEAK:
        peak = of([run["peak"] / MB for run in followed])
        yield Bar(f"following, {name}: peak memory", PEAK[name], peak, " MB")
    if on := costs.cost_following_in_shards(fleet):
        part = on.total / costs.cost_of_shards(fleet)
        yield Bar(
            f"following, {name} in {SHARDS[name]} shards: cost, of that without", MOST_OF_XL_IN_SHARDS, of([part]), " ×"
        )


def against(polls, runs):
    """Returns the CPU of polls as a multiple of another program's, run by run."""
    return of([poll["cpu"] / run["warm call cpu"] for poll, run in zip(polls, runs, strict=True)])


def counted(requests):
    """Returns the requests of a poll in words."""
    return ", ".join(f"{count:.3g} {operation}" for operation, count in requests.items())
