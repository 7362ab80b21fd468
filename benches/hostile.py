"""Requests of people who mean no good, and the status that each must get.

tests/integration/hostile has many more; these are some of each kind, to be sent among honest ones.
"""

import urllib.parse
from dataclasses import dataclass, field

TOKEN = "local-token"
BEARER = {"authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Hostile:
    """A request, and its status."""

    status: int
    target: str
    method: str = "GET"
    headers: dict = field(default_factory=lambda: dict(BEARER))


PATHS = {
    400: [
        "/prom/%00",
        "/prom/%2e%2e",
        "/prom/a%2Fb",
        "/prom/%C0%AF",
        "/prom/%ED%A0%80",
        "/prom/%FF%FE",
        "/prom/%",
        "/prom/%zz",
        "/prom/%u002e%u002e",
        "/prom/" + "j" * 2049,
        "/prom/" + "j" * 60_000,
        "/prom/" + "%6A" * 2049,
    ],
    404: [
        "/",
        "/prom_jobs",
        "/prom//",
        "//prom/node",
        "/prom/node/web",
        "/prom/../-/ready",
        "/PROM/node",
        "/%70rom/node",
        "/metrics",
        "/.git/config",
        "/wp-login.php",
        "/cgi-bin/.%2e/.%2e/bin/sh",
        "/" + "a/" * 4000,
    ],
    # Names like any other, of which there is no row.
    200: [
        "/prom/node'%20OR%20'1'='1",
        "/prom/%3Cscript%3Ealert(1)%3C%73cript%3E",
        "/prom/%24%7Bjndi:ldap:x%7D",
        "/prom/" + "j" * 2048,
    ],
}
QUERIES = [
    "meta",
    "meta=1",
    "meta=%FF",
    "shard=1",
    "shard=2&of=2",
    "shard=1&shard=0&of=2",
    "shard=-1&of=2",
    "shard=1&of=18446744073709551618",
    "match=x",
    "match[]=",
    "match[]=%7B",
    "match[]=up",
    "&".join(["match[]=%7Bx%3D%22y%22%7D"] * 17),
    *(
        "match[]=" + urllib.parse.quote(text)
        for text in (
            '{x=~"("}',
            '{x=~"((a{1000}){1000}){1000}"}',
            '{x=~"(((a*)*)*){1,999}{1,999}"}',
            '{x=~"' + "(?:" * 300 + "*)" * 300 + '"}',
            "(" * 2000,
            "-" * 2000 + '{x="y"}',
        )
    ),
    "q" * 8193,
]
CALLERS = [
    {},
    {"authorization": "Bearer"},
    {"authorization": "Bearer null"},
    {"authorization": TOKEN},
    {"authorization": "Bearer not-the-token"},
    {"authorization": "Basic ===="},
    {"authorization": "Bearer " + "not-the-token" * 800},
    {"x-api-key": TOKEN},
    {"cookie": f"authorization=Bearer {TOKEN}"},
]
HEADERS = {
    200: [
        {"range": "bytes=0-1"},
        {"accept-encoding": "gzip;q=0, *;q=0, br;q=1e999, ;;;,,,="},
        {"if-none-match": '"' * 9000},
        {"user-agent": "() { :; }; echo"},
        {"cookie": "a=b; " * 2000},
    ],
    304: [{"if-none-match": "*"}],
    431: [{"x": "y" * 17_000}, {f"x-{i}": "" for i in range(64)}],
}
METHODS = ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "GETX"]


def hostile():
    """All of them."""
    requests = [Hostile(status, target) for status, targets in PATHS.items() for target in targets]
    requests += [Hostile(400, f"/prom/nobody?{query}") for query in QUERIES]
    requests += [Hostile(401, "/prom/nobody", headers=headers) for headers in CALLERS]
    requests += [
        Hostile(status, "/prom/nobody", headers=BEARER | headers) for status, all in HEADERS.items() for headers in all
    ]
    requests += [Hostile(405, "/prom/nobody", method) for method in METHODS]
    requests.append(Hostile(401, "/prom/nobody", "POST", {}))
    return requests
