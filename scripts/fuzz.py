#!/usr/bin/env python3
"""Runs each fuzz target of fuzz/fuzz_targets for a time, and prints the number of inputs.

A run starts with the inputs in fuzz/corpus. It writes new inputs that reach more code to target/fuzz/corpus, where the
next run continues, and an input that fails to target/fuzz/artifacts.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

FUZZ = pathlib.Path("fuzz")
# Instrumentation works with stable Rust. A sanitizer needs a nightly toolchain, and finds nothing in safe Rust.
BUILD = ["build", "--fuzz-dir", "fuzz", "--sanitizer", "none", "--target-dir", "target/fuzz", "--codegen-units", "16"]
BUILT = pathlib.Path("target/fuzz")
# The limits of one input: time in seconds, generous for a busy machine, and memory in MB.
LIMITS = ["-timeout=60", "-rss_limit_mb=2048"]
# Longer inputs find nothing new.
MOST_BYTES = 4096


def targets():
    """Returns the names of all targets."""
    return sorted(file.stem for file in (FUZZ / "fuzz_targets").glob("*.rs"))


def host():
    """Returns rustc's host triple, the name of cargo-fuzz's output folder."""
    said = subprocess.run(["rustc", "--version", "--verbose"], check=True, capture_output=True, text=True).stdout
    return re.search(r"^host: (\S+)", said, re.MULTILINE)[1]


def build(names):
    """Builds the target, or all targets if several are named."""
    cargo_fuzz = pathlib.Path(".tools/bin/cargo-fuzz").absolute()
    subprocess.run([cargo_fuzz, *BUILD, *names[: len(names) == 1]], check=True)


def fuzz(name, seconds):
    """Fuzzes one target, and returns the number of inputs, the edges of code reached, and the seconds."""
    found, failed, log = BUILT / "corpus" / name, BUILT / "artifacts" / name, BUILT / f"{name}.log"
    for folder in (found, failed):
        folder.mkdir(parents=True, exist_ok=True)
    command = [BUILT / host() / "release" / name, found, FUZZ / "corpus" / name, f"-max_total_time={seconds}", *LIMITS]
    command += [f"-max_len={MOST_BYTES}", f"-dict={FUZZ}/dictionaries/{name}.dict", f"-artifact_prefix={failed}/"]
    started = time.monotonic()
    with log.open("w") as output:
        code = subprocess.run([*command, "-print_final_stats=1"], stdout=output, stderr=output).returncode
    took, said = time.monotonic() - started, log.read_text(errors="replace")
    if code:
        print(said[-8000:], file=sys.stderr)
        written = re.search(r"Test unit written to (\S+)", said)
        sys.exit(f"fuzz: {name} failed; {f'repeat: {command[0]} {written[1]}' if written else f'see {log}'}")
    edges = re.findall(r"cov: (\d+)", said)[-1]
    inputs = int(re.search(r"number_of_executed_units: +(\d+)", said)[1])
    return inputs, int(edges), took


def minimise(name):
    """Reduces a corpus to the smallest inputs that reach the same code. Returns the former and the new number.

    Inputs that failed once are named in words, and stay.
    """
    kept, fewer = FUZZ / "corpus" / name, BUILT / "minimised" / name
    shutil.rmtree(fewer, ignore_errors=True)
    fewer.mkdir(parents=True)
    command = [BUILT / host() / "release" / name, "-merge=1", fewer, kept, *LIMITS, f"-max_len={MOST_BYTES}"]
    with (BUILT / f"{name}.log").open("w") as output:
        subprocess.run(command, check=True, stdout=output, stderr=output)
    before = list(kept.iterdir())
    for file in before:
        if re.fullmatch(r"[0-9a-f]{40}", file.name) and not (fewer / file.name).exists():
            file.unlink()
    for file in fewer.iterdir():
        shutil.copy(file, kept)
    return len(before), len(list(kept.iterdir()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="target", help=f"one of {', '.join(targets())}; default: all")
    parser.add_argument("--minimise", action="store_true", help="reduce fuzz/corpus instead of fuzzing")
    parser.add_argument(
        "--seconds", type=int, default=600, help="fuzz each target for this many seconds (default: %(default)s)"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(targets())
    if unknown:
        parser.error(f"unknown target {', '.join(sorted(unknown))}: use {', '.join(targets())}")
    os.environ["CARGO_TERM_PROGRESS_WHEN"] = "never"
    build(arguments.targets)
    if arguments.minimise:
        for name in arguments.targets or targets():
            before, after = minimise(name)
            print(f"{name}: {before} inputs, now {after}", flush=True)
        return
    print("| target | inputs tried | edges | seconds |\n|---|---|---|---|", flush=True)
    for name in arguments.targets or targets():
        inputs, edges, took = fuzz(name, arguments.seconds)
        print(f"| `{name}` | {inputs:,} | {edges:,} | {took:.0f} |", flush=True)


if __name__ == "__main__":
    main()
