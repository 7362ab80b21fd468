"""`sdctl table create` creates the table of the template: its requests to DynamoDB, compared with the resource."""

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from render import TEMPLATE, Stack

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
KEYS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "eu-central-1"}


class DynamoDb(BaseHTTPRequestHandler):
    """Records each request, and answers as DynamoDB does for a table that is active at once."""

    requests = {}

    def do_POST(self):
        operation = self.headers["X-Amz-Target"].split(".")[1]
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests[operation] = request
        arn = f"arn:aws:dynamodb:eu-central-1:123456789012:table/{request['TableName']}"
        table = self.requests.get("CreateTable", {}) | {"TableStatus": "ACTIVE", "TableArn": arn}
        answer = json.dumps({"Table": table, "TableDescription": table}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def created_by_sdctl(*options):
    """Returns the settings of the table that sdctl creates, from all its requests."""

    class Recorder(DynamoDb):
        requests = {}

    program = os.environ.get("SDCTL_BIN", str(TEMPLATE.parent / "target/debug/sdctl"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = KEYS | {"AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{server.server_port}"}
        command = [program, "table", "create", "--table", "http-sd", *options]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        server.shutdown()
    assert ran.returncode == 0, ran.stderr
    requests = {name: value for name, value in Recorder.requests.items() if not name.startswith("Describe")}
    assert all(request.pop("TableName") == "http-sd" for request in requests.values())
    # DynamoDB's defaults: a key that AWS owns, and no protection.
    settings = {"SSESpecification": {"Enabled": False}, "DeletionProtectionEnabled": False}
    for request in requests.values():
        settings |= request
    return settings


def created_by_template(**given):
    """Returns the settings of the template's table in the words of DynamoDB's API."""
    (table,) = Stack(TokenSha256=HASH, **given).of_type("AWS::DynamoDB::Table").values()
    encryption = table["SSESpecification"]
    settings = {
        "SSESpecification": {"Enabled": encryption["SSEEnabled"]},
        "DeletionProtectionEnabled": table["DeletionProtectionEnabled"] == "true",
    }
    if stream := table.get("StreamSpecification"):
        settings["StreamSpecification"] = stream | {"StreamEnabled": True}
    return table | settings


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ([], {}),
        (["--deletion-protection"], {"DeletionProtection": "true"}),
        (["--stream"], {"FollowChanges": "on"}),
    ],
    ids=["default", "protected", "followed"],
)
def test_sdctl_creates_the_table_of_the_template(options, given):
    assert created_by_sdctl(*options) == created_by_template(**given)


def test_comparison_covers_each_setting():
    complete, fewer = created_by_template(), created_by_sdctl("--no-recovery")
    assert complete != fewer
    assert complete.keys() - fewer.keys() == {"PointInTimeRecoverySpecification"}
