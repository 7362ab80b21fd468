"""Prints the figures. With HTTP_SD_WRITE_DOCS=1 writes them into docs/reliability.md."""

import os

from benches.poll import machine
from benches.poll.figures import MB, quarter
from benches.poll.report import table, write_between
from benches.soak.report import DOCUMENT

BEGIN = "<!-- The load: HTTP_SD_WRITE_DOCS=1 make load -->"
END = "<!-- The end of the load -->"


def write(figures):
    """Returns the text for the terminal."""
    seconds = figures["seconds"]
    command = "make load" if seconds == 60 else f"make load DURATION={seconds}"
    text = "\n".join([*load_table(figures), machine.origin(command)])
    if os.environ.get("HTTP_SD_WRITE_DOCS") != "1":
        return f"\n{text}"
    write_between(DOCUMENT, BEGIN, END, text)
    return f"\n{text}\nWritten to {DOCUMENT}"


def load_table(figures):
    """Returns a table with a row for each figure."""
    alone, fast, slow, wrk = (figures[name] for name in ("alone", "full speed", "slow", "wrk"))
    rate = wrk["answers"] / (wrk["microseconds"] / 1e6)
    refused = sum(count for status, count in wrk["received"].items() if int(status) >= 400)
    rows = [
        ["honest requests without load", times(alone)],
        ["at full speed: answers, of them errors, a second", f"{wrk['answers']:,}, {refused:,}, {rate:,.0f}"],
        ["wrk's own requests, median and worst, ms", f"{wrk['median'] / 1000:.1f} and {wrk['worst'] / 1000:.0f}"],
        ["honest requests at full speed", times(fast)],
        ["memory before, in the second and in the last quarter, and after, MB", " / ".join(memory(figures))],
        ["honest requests beside silent and slow clients", times(slow)],
        ["their connections, and when the last was closed", f"{figures['held']:,}, {figures['let go']:.0f} s"],
        [
            "memory with them at most, and after, MB",
            f"{max(slow.memory) / MB:.0f} / {figures['memory at the end'] / MB:.0f}",
        ],
        ["without descriptors: CPU; an honest request waited", f"{figures['cpu']:.1%}; {figures['waited']:.0f} s"],
    ]
    return table(["", "figure"], rows)


def times(watch):
    """Returns the number and the times of honest requests."""
    return f"{len(watch.times):,}, all right; {watch.median * 1000:.1f} ms, at worst {max(watch.times) * 1000:.0f} ms"


def memory(figures):
    """Returns the server's memory before, during and after full speed."""
    fast = figures["full speed"]
    return (
        f"{size / MB:.1f}"
        for size in (
            quarter(figures["alone"].memory, 3),
            quarter(fast.memory, 1),
            quarter(fast.memory, 3),
            figures["after"],
        )
    )
