"""Prints the figures. With HTTP_SD_WRITE_DOCS=1 writes them into docs/reliability.md, and draws a plot."""

import os
from pathlib import Path

from benches.poll import machine
from benches.poll.figures import MB
from benches.poll.report import table, write_between

DOCUMENT = Path("docs/reliability.md")
BEGIN = "<!-- The soak: HTTP_SD_WRITE_DOCS=1 make soak -->"
END = "<!-- The end of the soak -->"


def write(runs, calls):
    """Returns the text for the terminal."""
    text = "\n".join([*run_table(runs), origin(calls)])
    if os.environ.get("HTTP_SD_WRITE_DOCS") != "1":
        return f"\n{text}"
    # Imported only here, because loading takes a second.
    from benches.soak import plot

    plot.write(runs)
    write_between(DOCUMENT, BEGIN, END, f"{text}\n![](reliability-soak.svg)\n")
    return f"\n{text}\nWritten to {DOCUMENT} and docs/reliability-soak.svg"


def run_table(runs):
    """Returns a table with a column for each run."""
    both = [[f"{run.median(what, q):,.0f}" for run in runs] for what in ("descriptors", "threads") for q in (1, 3)]
    memory = [[f"{run.median('resident', q) / MB:.2f}" for run in runs] for q in (1, 3)]
    answers = sorted({what for run in runs for what in run.answers})
    rows = [
        ["calls", *(f"{run.calls:,}" for run in runs)],
        ["calls that failed", *("0" for _ in runs)],
        ["writes meanwhile", *(f"{run.writes:,}" for run in runs)],
        ["minutes", *(f"{run.seconds / 60:.1f}" for run in runs)],
        *([f"answers: {what}", *(f"{run.answers[what]:,}" for run in runs)] for what in answers),
        ["lists for which one state alone was possible", *(f"{run.certain:,}" for run in runs)],
        ["lists that followed changes", *(f"{run.followed:,}" for run in runs)],
        ["memory, second quarter, MB", *memory[0]],
        ["memory, last quarter, MB", *memory[1]],
        ["peak memory, MB", *(f"{run.peak / MB:.2f}" for run in runs)],
        ["descriptors, second and last quarter", *(" and ".join(pair) for pair in zip(both[0], both[1], strict=True))],
        ["threads, second and last quarter", *(" and ".join(pair) for pair in zip(both[2], both[3], strict=True))],
    ]
    return table(["", *(run.name for run in runs)], rows)


def origin(calls):
    """Returns the origin of the figures."""
    command = "make soak" if calls == 20_000 else f"make soak CALLS={calls}"
    return machine.origin(command)
