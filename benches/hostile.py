"""Hostile requests, and the expected status of each.

tests/hostile.json contains the requests and documents its format. This module reads those whose response does not
depend on the table.
"""

import itertools
import json
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[1] / "tests/hostile.json"
TOKEN = "local-token"
BEARER = {"authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Hostile:
    """A request and its expected status."""

    status: int
    target: str
    method: str
    headers: dict


def text(value):
    """Returns a text from its parts."""
    if isinstance(value, list):
        return "".join(map(text, value))
    if isinstance(value, dict):
        part, times = value["repeat"]
        return part * times
    return value


def queries(entry):
    """Returns the query of each request of an entry."""
    yield from (f"?{text(query)}" for query in entry.get("queries", ()))
    for selector in entry.get("selectors", ()):
        yield "?match[]=" + urllib.parse.quote_plus(text(selector), safe="*").replace("~", "%7E")
    if not entry.keys() & {"queries", "selectors"}:
        yield ""


def header(name, value):
    """Returns the header, or all headers that it means."""
    if isinstance(value, dict) and "numbers" in value:
        return {f"{name}{i}": "" for i in range(value["numbers"])}
    return {name: text(value)}


def requests(entry):
    """Returns the requests of an entry."""
    token = BEARER if entry.get("token", True) else {}
    status = entry.get("status", 200)
    ways = itertools.product(entry.get("methods", ["GET"]), entry["paths"], queries(entry), entry.get("headers", [{}]))
    for method, path, query, headers in ways:
        sent = dict(token)
        for name, value in headers.items():
            sent |= header(name, value)
        yield Hostile(status, text(path) + query, method, sent)


def hostile():
    """Returns all requests whose response contains no rows."""
    entries = json.loads(FILE.read_text(encoding="utf-8"))["requests"]
    return [request for entry in entries if entry.get("list", "none") == "none" for request in requests(entry)]
