"""Draws memory and descriptors over the calls: docs/reliability-soak.svg."""

from benches.poll.figures import MB
from benches.poll.plots import METADATA, plt

COLOURS = ("#0b6e99", "#d98032", "#0b9970")


def write(runs):
    """Writes the plot."""
    plot, (memory, descriptors) = plt.subplots(1, 2, figsize=(9, 2.8))
    for run, colour in zip(runs, COLOURS, strict=True):
        calls = [sample.call for sample in run.samples]
        memory.plot(calls, [sample.resident / MB for sample in run.samples], color=colour, label=run.name)
        descriptors.plot(calls, [sample.descriptors for sample in run.samples], color=colour)
    for axes, title in ((memory, "memory, MB"), (descriptors, "descriptors")):
        axes.set_title(title)
        axes.set_xlabel("calls")
        axes.set_ylim(0, axes.get_ylim()[1] * 1.1)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    plot.legend(loc="lower center", ncols=len(runs), frameon=False)
    plot.tight_layout(rect=(0, 0.08, 1, 1))
    plot.savefig("docs/reliability-soak.svg", metadata=METADATA, bbox_inches="tight")
    plt.close(plot)
