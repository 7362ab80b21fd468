"""A table that changes all the time, and what it may have held at any instant."""

import contextlib
import random
import threading
import time
from collections import deque
from dataclasses import dataclass

from scripts.processes import beside

TABLE = "http-sd"
# Jobs of one page, one of which has leases, and a job of several pages.
SMALL = ("node", "db", "probe")
LEASED = "leased"
LARGE = "large"
JOBS = (*SMALL, LEASED, LARGE)
# Without a row.
EMPTY = "empty"
# How many groups a job has at least and at most.
SIZES = dict.fromkeys(SMALL, (8, 24)) | {LEASED: (10, 16), LARGE: (36, 48)}
# An attribute that is read past, in characters: of such rows some twenty make a page.
NOTE = 50_000
# How long a lease is, in seconds. The short ones lapse before they are renewed.
LEASES = (2, 4, 60, 600)


@dataclass(frozen=True)
class Row:
    """A group as it is stored."""

    job: str
    name: str
    targets: tuple
    labels: tuple
    expires_at: int | None = None

    def has_lapsed(self, now):
        """Whether its lease is over at that second."""
        return self.expires_at is not None and self.expires_at <= now

    def item(self):
        """As DynamoDB takes it."""
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
    """A row in place of another one, or none. It has taken effect at some instant between its start and its end."""

    name: str
    row: Row | None
    start: float
    end: float


class Table:
    """The table, its only writer, and the log of its writes by job."""

    def __init__(self, engine, seed):
        self._engine = engine
        self._random = random.Random(seed)
        self._rows = {job: {} for job in JOBS}
        # What is certain, and the writes since then.
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
        """Writes in a thread of its own until the block ends."""
        with beside(self._change):
            yield

    @contextlib.contextmanager
    def unchanged(self):
        """No write happens within the block."""
        with self._paused:
            yield

    def states(self, job, since, until):
        """All that the rows of a job can have been between two instants, in order, by name.

        That is a state before each write that may have taken effect after the first instant, and one after each that
        may have before the second.
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
        """Forgets when what was written before that instant was written: nobody asks any more."""
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
            # With another lease, too, which renews it.
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
        # It may take effect from now on.
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
    """What a write makes of the rows of a job."""
    if write.row is None:
        state.pop(write.name, None)
    else:
        state[write.name] = write.row
