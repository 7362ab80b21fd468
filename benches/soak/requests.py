"""Requests to the function, and the responses that it may send."""

import base64
import gzip
import hashlib
import json
import random
import urllib.parse
from dataclasses import dataclass, field

from benches.hostile import BEARER, hostile
from benches.soak.table import EMPTY, JOBS, LARGE, LEASED, SMALL
from scripts.processes import Failed

# Selectors, and the targets that each selects by labels, address and whether the lease has expired.
SELECTORS = {
    '{env="prod"}': lambda labels, target, lapsed: labels["env"] == "prod",
    '{env!="prod",id!=""}': lambda labels, target, lapsed: labels["env"] != "prod",
    '{note=~".+"}': lambda labels, target, lapsed: labels["note"] != "",
    '{__address__=~".*:9100"}': lambda labels, target, lapsed: target.endswith(":9100"),
    '{__meta_dynamodb_lease!="lapsed",id!=""}': lambda labels, target, lapsed: not lapsed,
    '{__meta_dynamodb_job=~"node|leased"}': lambda labels, target, lapsed: labels["id"].startswith(
        ("node/", "leased/")
    ),
}
# The constants of the rule for leases that lapse together, in seconds.
TOGETHER = 300
GRACE = 3600


@dataclass(frozen=True)
class Selection:
    """The expected content of a list. Without a job the list is that of all jobs."""

    job: str | None
    meta: bool = False
    shard: tuple | None = None
    selector: str | None = None

    @property
    def target(self):
        """Returns path and query."""
        query = {"meta": "true"} if self.meta else {}
        if self.shard:
            query |= dict(zip(("shard", "of"), self.shard, strict=True))
        if self.selector:
            query["match[]"] = self.selector
        path = f"/prom/{self.job}" if self.job else "/prom"
        return f"{path}?{urllib.parse.urlencode(query)}" if query else path

    def group(self, row, lapsed):
        """Returns the JSON of a row's group, or `None` if none of its targets is selected."""
        labels = dict(row.labels)
        targets = [target for target in row.targets if self._has(labels, target, lapsed)]
        if not targets:
            return None
        if self.meta:
            labels |= {"__meta_dynamodb_job": row.job, "__meta_dynamodb_group": row.name}
            labels |= {"__meta_dynamodb_lease": "lapsed"} if lapsed else {}
        return as_json({"targets": targets, "labels": dict(sorted(labels.items()))})

    def _has(self, labels, target, lapsed):
        if self.shard:
            index, of = self.shard
            if int.from_bytes(hashlib.md5(target.encode()).digest()[8:]) % of != index:
                return False
        return not self.selector or SELECTORS[self.selector](labels, target, lapsed)

    def answer(self, rows, now):
        """Returns the whole list for the rows of a job at a second."""
        ends = [row.expires_at for row in rows.values() if row.expires_at is not None]
        kept = {end for end in ends if is_kept(end, ends, now)}
        served = ((rows[name], rows[name].has_lapsed(now)) for name in sorted(rows))
        groups = (self.group(row, lapsed) for row, lapsed in served if not lapsed or row.expires_at in kept)
        return f"[{','.join(filter(None, groups))}]"

    def check(self, body, table, age, until, seconds):
        """Fails unless the list matches a state of the table. Returns whether only one state was possible.

        A job of one page is read at one instant, so the whole list must match one state, at one of the seconds. Several
        pages are read one after the other, so each group must match some state. So must a group if rows are held.
        """
        if self.job and self.job != LARGE and not age.held:
            states = table.states(self.job, age.since, until)
            if all(body != self.answer(rows, now) for rows in states for now in seconds):
                raise Failed(f"{self.target} matches no state of the table:\n{body}\nstates: {states}")
            return len(states) == 1
        may_be = self._may_be(table, age.since, until, seconds, age.held)
        must_be = self._may_be(table, age.complete, until, seconds) if age.held else may_be
        groups = json.loads(body)
        keys = [tuple(group["labels"]["id"].split("/")) for group in groups]
        texts = [as_json(group) for group in groups]
        if keys != sorted(keys if age.held else set(keys)) or body != f"[{','.join(texts)}]":
            raise Failed(f"{self.target} is not sorted: {body}")
        found = {}
        for key, text in zip(keys, texts, strict=True):
            if text not in may_be.get(key, ()):
                raise Failed(f"{self.target} contains {text}, expected one of {may_be.get(key)}")
            found.setdefault(key, set()).add(text)
        if missing := [
            key for key, texts in must_be.items() if None not in texts and texts.isdisjoint(found.get(key, ()))
        ]:
            raise Failed(f"{self.target} lacks {missing}: {body}")
        return all(len(texts) == 1 for texts in may_be.values())

    def _may_be(self, table, since, until, seconds, held=False):
        """Returns the possible JSON of each group, including `None` if the group may be missing.

        The targets of a held row are served without its lease. All targets of this table are different, so a held row
        has all its targets.
        """
        may_be = {}
        for job in [self.job] if self.job else JOBS:
            states = table.states(job, since, until)
            for name in set().union(*states):
                texts = may_be[job, name] = set()
                for row in {state.get(name) for state in states}:
                    lapses = {row.has_lapsed(now) for now in seconds} if row else set()
                    for lapsed in lapses | {False} if held and row else lapses:
                        texts.add(self.group(row, lapsed))
                    # An expired group is kept or not by the leases of the others, which may be on another page.
                    if row is None or any(map(row.has_lapsed, seconds)):
                        texts.add(None)
        return may_be


def is_kept(end, ends, now):
    """Returns whether a group with an expired lease is kept."""

    def have_lapsed_together(start):
        together = sum(start <= other <= start + TOGETHER and other <= now for other in ends)
        return together >= 3 and together * 2 >= sum(other >= start for other in ends)

    starts = (start for start in ends if end - TOGETHER <= start <= end)
    return end <= now < end + GRACE and any(map(have_lapsed_together, starts))


def as_json(value):
    """Returns JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Request:
    """A request and its expected response: a list, or a status."""

    target: str
    selection: Selection | None = None
    status: int = 200
    body: str | None = None
    method: str = "GET"
    headers: dict = field(default_factory=lambda: dict(BEARER))

    def event(self):
        """Returns the Function URL event."""
        path, _, query = self.target.partition("?")
        http = {"method": self.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.10"}
        event = {"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query}
        event |= {"headers": self.headers, "requestContext": {"http": http, "timeEpoch": 0}, "isBase64Encoded": False}
        return json.dumps(event).encode()


class Requests:
    """Random requests, in the same order for the same seed."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self._hostile = hostile()

    def next(self, known):
        """Returns the next request. `known` maps targets to ETag and body of earlier responses."""
        kind = self._random.randrange(20)
        if kind < 3:
            return self._refused(self._random.choice(self._hostile))
        if kind == 3:
            status = self._random.choice(("healthy", "ready"))
            return Request(f"/-/{status}", body=f'{{"status":"{status}"}}')
        selection = self._selection()
        headers = dict(BEARER)
        if self._random.random() < 0.3:
            headers["accept-encoding"] = "gzip"
        if self._random.random() < 0.3 and selection.target in known:
            headers["if-none-match"] = known[selection.target][0]
        method = "HEAD" if self._random.random() < 0.05 else "GET"
        return Request(selection.target, selection, method=method, headers=headers)

    def _refused(self, request):
        body = "[]" if request.status == 200 else None
        return Request(request.target, None, request.status, body, request.method, request.headers)

    def _selection(self):
        pick = self._random
        job = pick.choice((None, LARGE, LEASED, LEASED, EMPTY, *SMALL, *SMALL))
        of = pick.choice((1, 2, 3, 16))
        return Selection(
            job,
            meta=pick.random() < 0.3,
            shard=(pick.randrange(of), of) if pick.random() < 0.2 else None,
            selector=pick.choice(list(SELECTORS)) if pick.random() < 0.2 else None,
        )


@dataclass
class Answer:
    """A Function URL response, buffered or streamed."""

    status: int
    headers: dict
    body: str

    @classmethod
    def read(cls, payload):
        """Parses the output of the emulator."""
        head, streamed, body = payload.partition(b"\0" * 8)
        try:
            head = json.loads(head)
            if not streamed:
                body = head["body"].encode()
                body = base64.b64decode(body) if head["isBase64Encoded"] else body
            headers = {name.lower(): value for name, value in head["headers"].items()}
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            return cls(head["statusCode"], headers, body.decode())
        except (ValueError, LookupError, OSError, TypeError) as error:
            raise Failed(f"no response ({error!r}): {payload[:2000]!r}") from error

    def is_error(self):
        """Returns whether the body reports the status: as a page, or as JSON."""
        if self.headers.get("content-type", "").startswith("text/html"):
            return f"<h1>Error {self.status}</h1>" in self.body
        return self.body.startswith('{"error":{"code":"')
