"""Prints the figures as tables, and writes them between two markers of docs/performance.md."""

from pathlib import Path

from benches.poll import costs
from benches.poll.bars import bars
from benches.poll.figures import MB, figure, number, size_of
from benches.poll.programs import (
    ALL_JOBS,
    BY_SELECTOR,
    CACHED,
    IN_SHARDS,
    JOB_PAGE,
    JOB_PAGE_CACHED,
    METRICS,
    START_PAGE,
    UNOWNED_LIST,
    UNOWNED_PAGE,
    WARMED_UP,
)

DOCUMENT = Path("docs/performance.md")
BEGIN = "<!-- What follows is written by make bench. -->"
END = "<!-- What make bench writes ends here. -->"
MS = 1000

TITLES = {
    "http-sd": "**http-sd**",
    WARMED_UP: "http-sd, with its warm-up read",
    CACHED: "http-sd, from its cache",
    IN_SHARDS: "http-sd, one of {shards} shards from its cache",
    BY_SELECTOR: "http-sd, one selector from its cache",
    ALL_JOBS: "http-sd, all jobs by `/prom`",
    START_PAGE: "http-sd, start page",
    JOB_PAGE: "http-sd, page of the job",
    JOB_PAGE_CACHED: "http-sd, page of the job from its cache",
    UNOWNED_LIST: "http-sd, rows without owners",
    UNOWNED_PAGE: "http-sd, page of the job, rows without owners",
    METRICS: "http-sd, metrics",
    "sdk-query": "sdk-query",
    "bare": "bare",
    "Python": "Python",
}


def write(results):
    """Writes the part of the document, and returns the text for the terminal."""
    parts = [origin(results), *bar_table(results), *start_table(results)]
    parts += ["![](performance-calls.svg)\n"]
    for name, fleet in results["fleets"].items():
        parts += call_table(name, fleet)
    parts += cost_table(results)
    text = "\n".join(parts)
    write_between(DOCUMENT, BEGIN, END, text)
    return f"\n{text}\nWritten to {DOCUMENT} and docs/performance-*.svg"


def origin(results):
    """Returns the origin of the figures."""
    machine = results["machine"]
    engines = {"embedded": "the embedded engine (`sdctl serve`)", "dynamodb-local": "Amazon's DynamoDB Local"}
    return (
        f"Measured on {machine['date']} at commit {machine['commit']} with `{results['command']}`, against "
        f"{engines[results['engine']]}.\nMachine: {machine['cpu']}, {machine['cores']} cores shared with other work "
        f"(load {machine['load']:.1f} at the start), {machine['memory'] / 2**30:.0f} GiB. Software: "
        f"{machine['kernel']}, {machine['rust']}, Python {machine['python']}.\n"
        "Medians, with the least and the most of all runs.\n"
    )


def write_between(document, begin, end, text):
    """Replaces the text between two lines of a document."""
    before, _, rest = document.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    document.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")


def table(heads, rows):
    """Returns a table, with a blank line after it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines] + [""]


def bar_table(results):
    """Returns the table of the requirements."""
    return ["### Against the bars\n", *table_of_bars(bars(results))]


def table_of_bars(found):
    """Returns a table of requirements."""
    rows = []
    for bar in found:
        limit = f"{'≥' if bar.at_least else '≤'} {number(bar.limit)}{bar.unit}"
        rows.append([bar.subject, limit, bar.measured.write(unit=bar.unit), "met" if bar.met else "**not met**"])
    return table(["", "bar", "measured", ""], rows)


def start_table(results):
    """Returns the table of starts, with and without the emulator, and of sizes."""
    rows = []
    small = results["fleets"].get("S", {"runs": {}})["runs"]
    for name, runs in results["emulated"].items():
        size = results["sizes"].get("http-sd" if name == WARMED_UP else name)
        own = small.get(name)
        rows.append(
            [
                TITLES[name],
                figure(runs, "init").write(MS),
                figure(own, "ready cpu").write(MS) if own else "–",
                figure(own, "first call").write(MS) if own else "–",
                figure(own, "first answer").write(MS) if own else "–",
                figure(runs, "warm call").write(MS),
                f"{size['binary'] / MB:.2f} / {size['zip'] / MB:.2f}" if size else "–",
            ]
        )
    heads = ["", "initialisation, ms", "its CPU, ms", "first call, ms", "start to first answer, ms"]
    heads += ["warm call through the emulator, ms", "binary / zip, MB"]
    return ["### Starting, fleet S\n", "![](performance-start.svg)\n", *table(heads, rows)]


def call_table(name, fleet):
    """Returns the table of first and warm calls."""
    count = len(fleet["runs"]["http-sd"])
    title = (
        f"### Fleet {name}: {fleet['groups']:,} groups, {fleet['targets']:,} targets\n\n"
        f"{size_of(fleet['bytes'])} of JSON in {counted(fleet['pages'], 'page')}, {number(fleet['read units'])} read "
        f"units, {counted(fleet['jobs'], 'job')}, {counted(count, 'run')}.\n"
    )
    rows = [
        [
            TITLES[program].format(**fleet),
            figure(runs, "first call").write(MS),
            figure(runs, "first call cpu").write(MS),
            figure(runs, "warm call").write(MS),
            figure(runs, "warm call cpu").write(MS),
            figure(runs, "engine cpu").write(MS),
            figure(runs, "peak").write(1 / MB),
            figure(runs, "sent").write() if runs[0]["sent"] else "–",
        ]
        for program, runs in fleet["runs"].items()
        if program != WARMED_UP
    ]
    heads = ["", "first call, ms", "its CPU, ms", "warm call, ms", "its CPU, ms", "the engine's CPU, ms", "peak, MB"]
    heads.append("warm call until sent at Lambda's pace, s")
    # Only streams are sent at a pace.
    width = len(heads) if any(row[-1] != "–" for row in rows) else len(heads) - 1
    return [title, *table(heads[:width], [row[:width] for row in rows])]


def counted(count, thing):
    """Returns a count with its noun."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def cost_table(results):
    """Returns the table of the costs of one poller."""
    rows = []
    for name, fleet in results["fleets"].items():
        ways = {"": costs.cost(fleet)}
        if IN_SHARDS in fleet["runs"]:
            ways[f" in {fleet['shards']} shards of one read"] = costs.cost_in_shards(fleet)
        rows += [cost_row(f"{name}{way}, {fleet['targets']:,} targets", fleet, cost) for way, cost in ways.items()]
    heads = [
        "fleet",
        "read units a poll",
        "table",
        "function's size, a poll",
        "of which sending",
        "function",
        "streaming",
    ]
    heads += ["a month", "for 1,000 targets", "and if it leaves AWS"]
    return ["### Cost of one poll a minute\n", "![](performance-cost.svg)\n", *table(heads, rows)]


def cost_row(title, fleet, cost):
    """Returns a row of the table of costs."""
    return [
        title,
        number(cost.read_units),
        costs.dollars(cost.table),
        f"{cost.memory_mb} MB, {number(cost.seconds)} s",
        f"{number(cost.sending)} s",
        costs.dollars(cost.function),
        costs.dollars(cost.streaming),
        f"**{costs.dollars(cost.total)}**",
        costs.dollars(cost.total / fleet["targets"] * 1000),
        costs.dollars(cost.out),
    ]
