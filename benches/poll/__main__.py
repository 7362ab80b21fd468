"""Compares the function with a bare function, the AWS SDK alone, and Python: `make bench`.

Variables: FLEETS="S M L XL" (default S M L), RUNS=11, ENGINE=embedded or dynamodb-local. --render writes the report
from the figures of the last run.
"""

import argparse
import functools
import json
import os
import time

from benches.poll import machine, on_off, plots, report
from benches.poll.engines import ENGINES, FOLDER
from benches.poll.fleets import FLEETS, UNOWNED
from benches.poll.following import follow
from benches.poll.measure import run, run_emulated
from benches.poll.programs import FOLLOWING, SHARDS, programs, sizes
from scripts.processes import run_program

RESULTS = FOLDER / "results.json"
# Few runs suffice for the largest fleet, which shows size, not small differences.
RUNS_OF_XL = 3
COMPARED_WITH_FOLLOWING = ("http-sd", "bare", FOLLOWING)


def say(text):
    """Prints progress."""
    print(f"bench: {text}", flush=True)


def rounds(name, chosen, count, once):
    """Runs every program once in each round, in varying order, and returns the runs by program."""
    runs = {program.name: [] for program in chosen}
    for i in range(count):
        started = time.monotonic()
        shift = i % len(chosen)
        for program in chosen[shift:] + chosen[:shift]:
            runs[program.name].append(once(program))
        say(f"{name}: run {i + 1} of {count}, {time.monotonic() - started:.0f} s")
    return runs


def measure_fleet(fleet, engine, count, names):
    """Measures the programs of these names with a fleet, or all."""
    engine.fill(fleet, say)
    if fleet.name in UNOWNED:
        engine.fill(UNOWNED[fleet.name], say)
    units, pages = engine.read_units(fleet)
    chosen = [program for program in programs(fleet) if not names or program.name in names]

    def once(program):
        return (follow if program.name == FOLLOWING else run)(program, fleet, engine)

    runs = rounds(f"fleet {fleet.name}", chosen, count, once)
    return {
        "name": fleet.name,
        "groups": fleet.groups,
        "targets": fleet.targets,
        "jobs": fleet.jobs,
        "bytes": len(fleet.answer),
        "shards": SHARDS.get(fleet.name),
        "read units": units,
        "pages": pages,
        # The figures of several kinds of polls.
        "followed": runs.pop(FOLLOWING),
        "runs": runs,
    }


def measure_emulated(fleet, engine, count):
    """Measures all programs under AWS's emulator."""
    engine.fill(fleet, say)
    chosen = [
        program for program in programs(fleet) if not (program.cached or program.path or program.name == FOLLOWING)
    ]
    once = functools.partial(run_emulated, fleet=fleet, engine=engine)
    return rounds("under AWS's emulator", chosen, count, once)


def measure(names, engine_name, count, only_following):
    """Measures all fleets, and writes the file of results."""
    results = {
        "machine": machine.describe(),
        "engine": engine_name,
        "command": machine.command(names, engine_name, count) + (" ARGS=--following" if only_following else ""),
        "sizes": {} if only_following else sizes(),
        "fleets": {},
    }
    say(f"starting {engine_name}")
    with ENGINES[engine_name]() as engine:
        if not only_following:
            results["emulated"] = measure_emulated(FLEETS["S"], engine, count)
        for name in names:
            runs = min(count, RUNS_OF_XL) if name == "XL" else count
            results["fleets"][name] = measure_fleet(
                FLEETS[name], engine, runs, COMPARED_WITH_FOLLOWING if only_following else ()
            )
            # Figures are saved after each fleet, so that a later failure does not lose them.
            RESULTS.write_text(json.dumps(results, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", action="store_true", help="measure nothing, and write the report from the last run")
    parser.add_argument("--following", action="store_true", help="measure and write only the part on following changes")
    options = parser.parse_args()
    if not options.render:
        names = os.environ.get("FLEETS", "S M L").split()
        engine = os.environ.get("ENGINE", "embedded")
        if unknown := set(names) - set(FLEETS) or {engine} - set(ENGINES):
            parser.error(
                f"unknown {', '.join(unknown)}: FLEETS accepts {', '.join(FLEETS)}, ENGINE {', '.join(ENGINES)}"
            )
        measure(names, engine, int(os.environ.get("RUNS", "11")), options.following)
    results = json.loads(RESULTS.read_text())
    if not options.following:
        plots.write(results)
        print(report.write(results))
    print(on_off.write(results))


if __name__ == "__main__":
    run_program("bench", main)
