"""A table that changes all the time, and its possible states at any instant."""

import contextlib
import random
import threading
import time
from collections import deque
from dataclasses import dataclass

from scripts.processes import beside

TABLE = "http-sd"
# Jobs of one page, one of them with leases, and a job of several pages.
SMALL = ("node", "db", "probe")
LEASED = "leased"
LARGE = "large"
JOBS = (*SMALL, LEASED, LARGE)
# A job without rows.
EMPTY = "empty"
# The fewest and the most groups of a job.
SIZES = dict.fromkeys(SMALL, (8, 24)) | {LEASED: (10, 16), LARGE: (36, 48)}
# The length of an ignored attribute, with which some twenty rows fill a page.
NOTE = 50_000
# The durations of leases in seconds. The short ones expire before their renewal.
LEASES = (2, 4, 60, 600)


@dataclass(frozen=True)
class Row:
    """A stored group."""

    job: str
    name: str
    targets: tuple
    labels: tuple
    expires_at: int | None = None

    def has_lapsed(self, now):
        """Returns whether the lease has expired at a second."""
        return self.expires_at is not None and self.expires_at <= now

    def item(self):
        """Returns the row in DynamoDB's JSON."""
        row = {
            "job": {"S": self.job},
            "group": {"S": self.name},
            "targets": {"L": [{"S": target} for target in self.targets]},
            "labels": {"M": {name: {"S": value} for name, value in self.labels}},
        }
        if self.expires_at is not None:
            row["expires_at"] = {"N": str(self.expires_at)}
        if self.job == LARGE:
            row["note"] = {"S": "x" * NOTE}
        return row


@dataclass(frozen=True)
class Write:
    """A write of a row, or its removal. It takes effect at some instant between `start` and `end`."""

    name: str
    row: Row | None
    start: float
    end: float


class Table:
    """The table, its only writer, and the log of the writes of each job."""

    def __init__(self, engine, seed):
        self._engine = engine
        self._random = random.Random(seed)
        self._rows = {job: {} for job in JOBS}
        # The last certain state, and the writes since.
        self._settled = {job: {} for job in (*JOBS, EMPTY)}
        self._log = {job: deque() for job in self._settled}
        self._lock = threading.Lock()
        self._paused = threading.Lock()
        self._number = 0
        self.writes = 0
        self.failure = None
        for job in JOBS:
            for _ in range(SIZES[job][0]):
                self._add(job)

    @contextlib.contextmanager
    def changing(self):
        """Writes in a thread until the block ends."""
        with beside(self._change):
            yield

    @contextlib.contextmanager
    def unchanged(self):
        """Pauses the writes during the block."""
        with self._paused:
            yield

    def states(self, job, since, until):
        """Returns all possible states of a job's rows between two instants, in order, by name.

        A write adds the state before it if it may take effect after the first instant, and the state after it if it may
        take effect before the second.
        """
        with self._lock:
            state = dict(self._settled[job])
            writes = [write for write in self._log[job] if write.start <= until]
        states = []
        for write in writes:
            if write.end >= since:
                states.append(dict(state))
            put(state, write)
        return [*states, state]

    def settle(self, before):
        """Merges the writes before an instant into the certain state."""
        with self._lock:
            for job, log in self._log.items():
                while log and log[0].end < before:
                    put(self._settled[job], log.popleft())

    def _change(self, enough):
        try:
            while not enough.is_set():
                with self._paused:
                    self._write()
                time.sleep(self._random.random() * 0.005)
        except Exception as failure:
            self.failure = failure

    def _write(self):
        job = self._random.choice(JOBS)
        least, most = SIZES[job]
        count = len(self._rows[job])
        what = self._random.choice(("add", "change", "change", "remove"))
        if count <= least or (what == "add" and count < most):
            self._add(job)
        elif what == "remove":
            self._put(job, self._random.choice(list(self._rows[job])), None)
        else:
            # The write also renews the lease.
            self._put(job, name := self._random.choice(list(self._rows[job])), self._new_row(job, name))

    def _add(self, job):
        name = f"{self._random.randrange(100):02}-{self._number}"
        self._put(job, name, self._new_row(job, name))

    def _new_row(self, job, name):
        self._number += 1
        pick = self._random
        targets = tuple(
            f"host-{self._number}-{i}.invalid:{pick.choice((9100, 9104))}" for i in range(pick.randint(1, 3))
        )
        labels = {
            "env": pick.choice(("prod", "test")),
            "id": f"{job}/{name}",
            "note": pick.choice(("", 'a "quoted" é')),
            "revision": str(self._number),
        }
        lease = int(time.time()) + pick.choice(LEASES) if job == LEASED else None
        return Row(job, name, targets, tuple(sorted(labels.items())), lease)

    def _put(self, job, name, row):
        key = {"job": {"S": job}, "group": {"S": name}}
        start = time.monotonic()
        # The write may take effect from now on.
        with self._lock:
            self._log[job].append(Write(name, row, start, float("inf")))
        if row is None:
            self._engine.call("DeleteItem", TableName=TABLE, Key=key)
        else:
            self._engine.call("PutItem", TableName=TABLE, Item=row.item())
        with self._lock:
            self._log[job][-1] = Write(name, row, start, time.monotonic())
        put(self._rows[job], self._log[job][-1])
        self.writes += 1


def put(state, write):
    """Returns the rows of a job after a write."""
    if write.row is None:
        state.pop(write.name, None)
    else:
        state[write.name] = write.row
