"""The machine, the date and the commit of a measurement."""

import datetime
import os
import platform
import subprocess
from pathlib import Path


def describe():
    """Returns the machine, the kernel, the commit and the date."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "rust": output("rustc", "--version"),
        "python": platform.python_version(),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "load": os.getloadavg()[0],
    }


def origin(command):
    """Returns the origin of figures as a sentence."""
    machine = describe()
    return (
        f"Measured on {machine['date']} at commit {machine['commit']} with `{command}`.\nMachine: {machine['cpu']}, "
        f"{machine['cores']} cores shared with other work, {machine['memory'] / 2**30:.0f} GiB. Software: "
        f"{machine['kernel']}, {machine['rust']}.\n"
    )


def cpu_model():
    """Returns the kernel's name of the CPU."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def commit():
    """Returns the commit, and whether files other than the documentation differ from it."""
    changed = output("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return output("git", "rev-parse", "--short=12", "HEAD") + (" and changes" if changed else "")


def output(*command):
    """Returns the output of a command."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def command(fleets, engine, runs):
    """Returns the command that repeats a run."""
    given = {"FLEETS": f'"{" ".join(fleets)}"', "ENGINE": engine, "RUNS": str(runs)}
    defaults = {"FLEETS": '"S M L"', "ENGINE": "embedded", "RUNS": "11"}
    changed = [f"{name}={value}" for name, value in given.items() if value != defaults[name]]
    return " ".join(["make bench", *changed])
