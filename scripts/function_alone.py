#!/usr/bin/env python3
"""Builds the function with plain `cargo build`, and fails if that builds a crate that only sdctl needs.

cargo-lambda and the SAM CLI build the function in the same way.
"""

import json
import subprocess
import sys


def cargo(*arguments):
    """Returns the JSON lines that cargo prints."""
    said = subprocess.run(["cargo", *arguments, "--locked"], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in said.splitlines()]


def closure(root, nodes):
    """Returns the packages that are linked into a package or needed to build it."""
    found, left = set(), [root]
    while left:
        package = left.pop()
        if package in found:
            continue
        found.add(package)
        for dependency in nodes[package]["deps"]:
            if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    return found


def main():
    [metadata] = cargo("metadata", "--format-version", "1")
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    function = metadata["resolve"]["root"]
    own = closure(function, nodes)
    others = {member for member in metadata["workspace_members"] if member != function}
    tools = set.union(*(closure(member, nodes) for member in others)) - own
    built = {message["package_id"] for message in cargo("build", "--message-format", "json") if "package_id" in message}
    if function not in built or built & tools:
        more = ", ".join(sorted(built & tools))
        sys.exit(f"cargo build must build only the function: it builds {more or 'no function'}")
    print(f"{len(built)} packages built; {len(tools)} more belong to sdctl and the tests")


if __name__ == "__main__":
    main()
