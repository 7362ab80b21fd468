#!/usr/bin/env python3
"""Measures time and memory of sdctl for a large fleet: apply, get, export and import.

The table is local. The embedded engine runs in the same process, so its work is part of every figure. Times and memory
are those of the whole process, from the operating system.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time


def fleet(groups):
    """Returns groups of one target and six labels, the usual shape for instances."""
    return [
        {
            "targets": [f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}:9100"],
            "labels": {
                "env": "prod",
                "region": f"eu-{i % 7}",
                "az": f"az-{i % 3}",
                "role": f"role-{i % 40}",
                "team": f"team-{i % 25}",
                "instance_id": f"i-{i:017x}",
            },
        }
        for i in range(groups)
    ]


def as_yaml(groups):
    """Returns the list as block YAML."""
    lines = []
    for group in groups:
        lines.append(f"- targets: [{json.dumps(group['targets'][0])}]\n  labels:\n")
        lines.extend(f"    {name}: {json.dumps(value)}\n" for name, value in group["labels"].items())
    return "".join(lines)


def measure(name, command):
    """Runs a command, and prints its time and memory."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{errors}")
    wall, cpu = time.monotonic() - started, usage.ru_utime + usage.ru_stime
    print(f"| {name} | {wall:.1f} | {cpu:.1f} | {usage.ru_maxrss / 1024:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=100_000)
    parser.add_argument("--sdctl", default="target/release/sdctl")
    options = parser.parse_args()
    groups = fleet(options.groups)
    with tempfile.TemporaryDirectory() as folder:
        # The journal of sdctl.
        os.environ["XDG_STATE_HOME"] = f"{folder}/state"
        files = {"JSON": f"{folder}/fleet.json", "YAML": f"{folder}/fleet.yml"}
        with open(files["JSON"], "w", encoding="utf-8") as file:
            json.dump(groups, file)
        with open(files["YAML"], "w", encoding="utf-8") as file:
            file.write(as_yaml(groups))
        print(f"{options.groups} groups\n")
        print("| | seconds | CPU seconds | peak MB |")
        print("|---|---|---|---|")
        data = ["--data", f"{folder}/data"]
        apply = [options.sdctl, "apply", "--job", "fleet", "--set", "bench", "--prune", "--yes", *data, "-f"]
        measure("apply, all new, JSON", [*apply, files["JSON"]])
        measure("apply again, JSON", [*apply, files["JSON"]])
        measure("apply again, YAML", [*apply, files["YAML"]])
        measure("get -o json", [options.sdctl, "get", "-o", "json", *data])
        backup, other = f"{folder}/backup.json", ["--data", f"{folder}/other"]
        measure("export", [options.sdctl, "export", "-o", backup, *data])
        restore = [options.sdctl, "import", "-f", backup, "--replace", "--yes", *other]
        measure("import, all new", restore)
        measure("import again", restore)


if __name__ == "__main__":
    main()
