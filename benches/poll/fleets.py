"""The fleets, which are the same in every run."""

import functools
import json
from dataclasses import dataclass, replace

# The number of values of the label `team`.
TEAMS = 25


@dataclass(frozen=True)
class Fleet:
    """The target groups of one table."""

    name: str
    groups: int
    targets_per_group: int
    # Six labels with a unique id, as for instances, or three.
    six_labels: bool = False
    jobs: int = 1
    # The list is too large for a buffered response.
    streamed: bool = False
    # The function's memory in MB; 256 is the template's default.
    memory: int = 256
    # The rows have an owner and the time of the last change, as `sdctl apply` writes them.
    owned: bool = True

    @property
    def targets(self):
        """Returns the number of targets."""
        return self.groups * self.targets_per_group

    @property
    def table(self):
        """Returns the name of the table."""
        return f"bench-{self.name.lower()}"

    @property
    def path(self):
        """Returns the path of a poll for the whole fleet."""
        return "/prom" if self.jobs > 1 else f"/prom/{job_name(0)}"

    def event(self, query="", path=None):
        """Returns a Function URL event for the whole fleet, for the part that a query selects, or for another path."""
        with open("events/job.json", encoding="utf-8") as file:
            event = json.load(file)
        event["rawPath"] = event["requestContext"]["http"]["path"] = path or self.path
        event["rawQueryString"] = query
        return json.dumps(event).encode()

    def rows(self):
        """Yields job, name, targets and labels of each group, in the order of the list."""
        for job in range(self.jobs):
            for i in range(job, self.groups, self.jobs):
                yield self.row(i)

    def row(self, i, **labels):
        """Returns job, name, targets and labels of a group, with these further or other labels."""
        return job_name(i % self.jobs), f"group-{i:07}", self.targets_of(i), self.labels_of(i) | labels

    def targets_of(self, i):
        """Returns the targets of a group."""
        first = i * self.targets_per_group
        addresses = range(first, first + self.targets_per_group)
        return [f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}:9100" for n in addresses]

    def labels_of(self, i):
        """Returns the labels of a group, by name."""
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
        """Returns the exact body of a correct response."""
        return f"[{','.join(map(group_json, self.rows()))}]".encode()


def group_json(row):
    """Returns the JSON of a row's group in a list."""
    _, _, targets, labels = row
    return json.dumps({"targets": targets, "labels": labels}, separators=(",", ":"))


def job_name(i):
    """Returns the name of a job."""
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
# The same rows as another program writes them. A list and a page read the same of these rows.
UNOWNED = {"L": replace(FLEETS["L"], name="L-unowned", owned=False)}
