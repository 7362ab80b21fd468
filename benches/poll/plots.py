"""Draws the figures as plots: docs/performance-*.svg."""

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt  # noqa: E402

from benches.poll import costs  # noqa: E402
from benches.poll.figures import MB, figure  # noqa: E402
from benches.poll.programs import BY_SELECTOR, CACHED, IN_SHARDS, WARMED_UP  # noqa: E402

# The same figures give the same files.
mpl.rcParams.update({"svg.hashsalt": "http-sd-lambda", "svg.fonttype": "none", "font.size": 9})
METADATA = {"Date": None, "Creator": None}
COLOURS = {
    "http-sd": "#0b6e99",
    WARMED_UP: "#0b9970",
    CACHED: "#7fc4dd",
    IN_SHARDS: "#8a6bbf",
    BY_SELECTOR: "#c98bc4",
    "sdk-query": "#d98032",
    "bare": "#9a9a9a",
    "Python": "#c2b04a",
}
SHADES = ("#8fb8c9", "#0b6e99", "#d98032", "#7a2e2e")
POLLERS = (1, 2, 5, 10, 20)


def write(results):
    """Writes every plot."""
    start(results)
    calls(results)
    cost(results)


def save(plot, name):
    """Writes one plot."""
    plot.savefig(f"docs/performance-{name}.svg", metadata=METADATA, bbox_inches="tight")
    plt.close(plot)


def errors(figures, scale):
    """Returns the distances from the median to minimum and maximum."""
    below = [(f.median - f.least) * scale for f in figures]
    return [below, [(f.most - f.median) * scale for f in figures]]


def start(results):
    """Draws the start until the first response."""
    names = list(results["emulated"])
    plot, axes = plt.subplots(figsize=(7, 2.0))
    figures = [figure(results["emulated"][name], "init") for name in names]
    for i, (name, f) in enumerate(zip(names, figures, strict=True)):
        axes.errorbar(f.median * 1000, i, xerr=errors([f], 1000), fmt="o", color=COLOURS[name], capsize=3)
        axes.annotate(f"{f.median * 1000:.1f}", (f.most * 1000, i), (6, -3), textcoords="offset points")
    axes.set_yticks(range(len(names)), names)
    axes.set_xscale("log")
    axes.set_xlim(1, 2000)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("initialisation under AWS's emulator, ms (logarithmic), median and range")
    axes.grid(which="major", axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    save(plot, "start")


def calls(results):
    """Draws time, CPU and memory of warm calls, by fleet and function."""
    panels = [("warm call", 1000, "wall, ms"), ("warm call cpu", 1000, "CPU, ms"), ("peak", 1 / MB, "peak memory, MB")]
    fleets = results["fleets"]
    plot, all_axes = plt.subplots(1, 3, figsize=(10, 3.2))
    names = [name for name in COLOURS if any(name in fleet["runs"] for fleet in fleets.values()) and name != WARMED_UP]
    width = 0.8 / len(names)
    for axes, (what, scale, title) in zip(all_axes, panels, strict=True):
        for i, name in enumerate(names):
            there = [(j, fleet["runs"][name]) for j, fleet in enumerate(fleets.values()) if name in fleet["runs"]]
            figures = [figure(runs, what) for _, runs in there]
            places = [j - 0.4 + (i + 0.5) * width for j, _ in there]
            heights = [f.median * scale for f in figures]
            bars = errors(figures, scale)
            axes.errorbar(places, heights, yerr=bars, fmt="o", ms=5, color=COLOURS[name], label=name, capsize=2)
        axes.set_yscale("log")
        axes.grid(which="major", axis="y", alpha=0.3)
        axes.set_title(title)
        axes.set_xticks(range(len(fleets)), [f"{name}\n{f['targets']:,}" for name, f in fleets.items()])
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = all_axes[0].get_legend_handles_labels()
    plot.legend(handles, labels, loc="lower center", ncols=len(names), frameon=False)
    plot.suptitle("A warm call, by fleet and its number of targets (logarithmic), median and range")
    plot.tight_layout(rect=(0, 0.08, 1, 1))
    save(plot, "calls")


def cost(results):
    """Draws the monthly cost by pollers and by targets."""
    plot, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
    for (name, fleet), colour in zip(results["fleets"].items(), SHADES, strict=False):
        total = costs.cost(fleet).total
        left.plot(POLLERS, [pollers * total for pollers in POLLERS], "o-", ms=4, color=colour)
        left.annotate(name, (POLLERS[-1], POLLERS[-1] * total), (6, -3), textcoords="offset points", color=colour)
        right.plot(fleet["targets"], total, "o", color=colour)
        text = f"{name}: {fleet['groups']:,} groups"
        right.annotate(text, (fleet["targets"], total), (-8, -3), textcoords="offset points", ha="right", color=colour)
    left.set_xlabel("pollers, each once a minute (logarithmic)")
    left.set_ylabel("US dollars a month (logarithmic)")
    right.set_xlabel("targets, one poller (logarithmic)")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.grid(which="major", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    left.set_xticks(POLLERS, POLLERS)
    left.minorticks_off()
    right.set_xlim(0.5, 3e6)
    plot.tight_layout()
    save(plot, "cost")
