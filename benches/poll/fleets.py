"""The fleets that are served, the same in every run."""

import functools
import json
from dataclasses import dataclass

# How many values the label `team` has.
TEAMS = 25


@dataclass(frozen=True)
class Fleet:
    """Groups of targets in a table of their own."""

    name: str
    groups: int
    targets_per_group: int
    # Six labels as instances have them, with an id each, or three.
    six_labels: bool = False
    jobs: int = 1
    # Whether its answer is too large for a buffered response.
    streamed: bool = False
    # What the function has, in MB; 256 is the template's default.
    memory: int = 256

    @property
    def targets(self):
        """How many targets there are."""
        return self.groups * self.targets_per_group

    @property
    def table(self):
        """The name of its table."""
        return f"bench-{self.name.lower()}"

    @property
    def path(self):
        """The path of a poll that returns all of it."""
        return "/prom" if self.jobs > 1 else f"/prom/{job_name(0)}"

    def event(self, query=""):
        """A Function URL event that asks for all of it, or for what a query leaves of it."""
        with open("events/job.json", encoding="utf-8") as file:
            event = json.load(file)
        event["rawPath"] = event["requestContext"]["http"]["path"] = self.path
        event["rawQueryString"] = query
        return json.dumps(event).encode()

    def rows(self):
        """The groups, as job, name, targets and labels, in the order in which they are served."""
        for job in range(self.jobs):
            for i in range(job, self.groups, self.jobs):
                yield job_name(job), f"group-{i:07}", self.targets_of(i), self.labels_of(i)

    def targets_of(self, i):
        """The targets of a group."""
        first = i * self.targets_per_group
        addresses = range(first, first + self.targets_per_group)
        return [f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}:9100" for n in addresses]

    def labels_of(self, i):
        """The labels of a group, by name."""
        if not self.six_labels:
            return {"env": "prod", "region": f"eu-{i % 7}", "team": f"team-{i % TEAMS}"}
        return {
            "az": f"az-{i % 3}",
            "env": "prod",
            "instance_id": f"i-{i:017x}",
            "region": f"eu-{i % 7}",
            "role": f"role-{i % 40}",
            "team": f"team-{i % TEAMS}",
        }

    @functools.cached_property
    def answer(self):
        """The body of a complete and correct answer, byte by byte."""
        groups = (
            json.dumps({"targets": targets, "labels": labels}, separators=(",", ":"))
            for _, _, targets, labels in self.rows()
        )
        return f"[{','.join(groups)}]".encode()


def job_name(i):
    """The name of a job."""
    return f"job-{i:02}"


FLEETS = {
    fleet.name: fleet
    for fleet in (
        Fleet("S", groups=10, targets_per_group=2),
        Fleet("M", groups=10_000, targets_per_group=10),
        Fleet("L", groups=100_000, targets_per_group=1, six_labels=True, streamed=True),
        Fleet("XL", groups=1_000_000, targets_per_group=1, six_labels=True, jobs=20, streamed=True, memory=512),
    )
}
