"""Measures one function that follows changes: a full read, polls without a change, and polls after changes."""

import itertools

from benches.poll.counted import Counted
from benches.poll.engines import FOLDER
from benches.poll.fleets import group_json
from benches.poll.measure import check, groups_of
from benches.poll.processes import cpu_seconds, peak_bytes
from benches.poll.runtime import RuntimeApi
from scripts.processes import Failed, running

# The number of polls without a change, and after a change of one row.
UNCHANGED = {"S": 100, "M": 20, "L": 20, "XL": 3}
CHANGED = {"S": 10, "M": 10, "L": 10, "XL": 2}
# The number of rows that change between two polls, as if machines renewed their leases.
MANY_CHANGED = {"M": 1000}
# The number of shards in which XL is polled.
SHARDS = {"XL": 16}


def follow(program, fleet, engine):
    """Measures one process. Returns for each kind of poll its requests, bytes read and CPU seconds, and the peak."""
    engine.turn_stream(fleet.table, on=True)
    try:
        return follow_in(program, fleet, engine)
    finally:
        # The embedded engine becomes slow with many records.
        engine.turn_stream(fleet.table, on=False)
        engine.put(fleet.table, map(fleet.row, range(MANY_CHANGED.get(fleet.name, CHANGED[fleet.name]))))


def follow_in(program, fleet, engine):
    """Measures one process, and leaves changed rows in the table."""
    log = FOLDER / f"logs/following-{fleet.name}.log"
    with Counted(engine) as counted, RuntimeApi(paced=False) as api:
        environment = program.environment_for(fleet, engine) | {"AWS_LAMBDA_RUNTIME_API": api.address}
        environment |= dict.fromkeys(
            ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"), counted.endpoint
        )
        with running(program.command, environment, log, program.folder) as process:
            polls = Polls(fleet, api, process, counted)

            def whole(answers):
                check(program, fleet, answers)

            # The first poll reads without the stream, and the second reads everything once more to follow it.
            found = {"full read": polls.measure(1, whole), "start": polls.measure(1, whole)}
            found["unchanged"] = polls.measure(UNCHANGED[fleet.name], whole)
            if fleet.name in SHARDS:
                of = SHARDS[fleet.name]
                shards = [f"shard={i}&of={of}" for i in range(of)]
                groups = groups_of([fleet.answer])
                found["shards"] = polls.measure(of, lambda answers: complete(answers, groups), shards)
            found["one row"] = polls.after([Change(fleet, engine, [i]) for i in range(CHANGED[fleet.name])])
            if fleet.name in MANY_CHANGED:
                found["many rows"] = polls.after([Change(fleet, engine, range(MANY_CHANGED[fleet.name]))])
            found["peak"] = peak_bytes(process.pid)
    return found


class Polls:
    """Polls of one process."""

    def __init__(self, fleet, api, process, counted):
        self._fleet, self._api, self._process, self._counted = fleet, api, process, counted
        api.wait_idle(process)
        counted.take()

    def measure(self, count, check_all, queries=("",)):
        """Polls a number of times, and returns the mean of a poll."""
        answers = []
        cpu = self._cpu()
        for query in itertools.islice(itertools.cycle(queries), count):
            # The answers of XL are large.
            answers[: -len(queries)] = []
            answers.append(self._api.invoke(self._fleet.event(query), self._process))
        found = self._mean(count, self._cpu() - cpu, answers)
        check_all(answers[-len(queries) :])
        return found

    def after(self, changes):
        """Polls once after each change, and returns the mean of a poll."""
        used = 0.0
        for change in changes:
            change.write()
            cpu = self._cpu()
            answer = self._api.invoke(self._fleet.event(), self._process)
            used += self._cpu() - cpu
            change.check(answer)
        return self._mean(len(changes), used, [answer])

    def _cpu(self):
        self._api.wait_idle(self._process)
        return cpu_seconds(self._process.pid)

    def _mean(self, count, cpu, answers):
        requests, read = self._counted.take()
        return {
            "requests": {operation: made / count for operation, made in sorted(requests.items())},
            "read": read / count,
            "cpu": cpu / count,
            "bytes": max(len(answer.payload) for answer in answers),
        }


class Change:
    """A change of rows, which every poll after it must show."""

    def __init__(self, fleet, engine, numbers):
        self._fleet, self._engine = fleet, engine
        self._rows = [fleet.row(i, env="changed") for i in numbers]

    def write(self):
        """Writes the rows."""
        self._engine.put(self._fleet.table, self._rows)

    def check(self, answer):
        """Fails unless a response has each group as it is now. It may have the group as it was, too."""
        found = set(groups_of([answer.body()]))
        wrong = [row for row in self._rows if group_json(row).removeprefix('{"targets":').encode() not in found]
        if wrong or len(found) < self._fleet.groups:
            raise Failed(f"{len(found)} groups, without the changed {wrong[:3]}")


def complete(answers, whole):
    """Fails unless the shards together are the whole list."""
    if groups_of([answer.body() for answer in answers]) != whole:
        raise Failed("the shards are not the whole list")
