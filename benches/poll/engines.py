"""The DynamoDB engines from which the functions read, and their tables."""

import contextlib
import http.client
import itertools
import json
import os
import signal
from pathlib import Path

from benches.poll.processes import plain_environment
from scripts.processes import Failed, free_port, running, wait_until

FOLDER = Path(".bench").absolute()
SDCTL = Path("target/release/sdctl").absolute()
# The version of the rows. A change fills the tables again.
VERSION = 1
# DynamoDB's limit for a transaction. The embedded engine writes rows in a transaction ten times as fast as in a batch,
# whose rows it commits one by one.
TRANSACTION = 100
# The further attributes that `sdctl apply` writes.
OWNED = {"managed_by": {"S": "bench"}, "updated_at": {"N": "1767225600"}}


class Engine:
    """A running engine."""

    def __init__(self, name, port, process):
        self.name = name
        self.process = process
        self.endpoint = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=900)

    def call(self, operation, **body):
        """Calls an operation of the API. Both engines require a signature, and check none."""
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, "
            "SignedHeaders=host, Signature=0",
        }
        self._connection.request("POST", "/", json.dumps(body), headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise Failed(f"{operation}: {answer.status} {text[:500]!r}")
        return json.loads(text)

    def turn_stream(self, table, on):
        """Turns the stream of the keys of changed rows on or off."""
        described = self.call("DescribeTable", TableName=table)["Table"]
        if described.get("StreamSpecification", {}).get("StreamEnabled", False) != on:
            stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"} if on else {"StreamEnabled": False}
            self.call("UpdateTable", TableName=table, StreamSpecification=stream)

    def wait_for_table(self, name):
        """Waits until another process has created a table."""
        wait_until(lambda: name in self.call("ListTables")["TableNames"], self.process)

    @contextlib.contextmanager
    def stopped(self):
        """Pauses the engine's process until the block ends."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def close(self):
        """Closes the connection to the engine."""
        self._connection.close()

    def environment(self):
        """Returns the environment that directs every AWS SDK to this engine."""
        return {
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    def fill(self, fleet, say):
        """Writes a fleet into its table, unless the table is filled."""
        marker = FOLDER / f"{self.name}-{fleet.table}.filled"
        if marker.exists() and marker.read_text() == str(VERSION):
            return
        say(f"filling {fleet.table} with {fleet.groups:,} groups")
        if fleet.table in self.call("ListTables")["TableNames"]:
            self.call("DeleteTable", TableName=fleet.table)
        self.call(
            "CreateTable",
            TableName=fleet.table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "job", "KeyType": "HASH"}, {"AttributeName": "group", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("job", "group")],
        )
        self.put(fleet.table, fleet.rows(), OWNED if fleet.owned else {})
        marker.write_text(str(VERSION))

    def put(self, table, rows, more=OWNED):
        """Writes rows with more attributes into a table."""
        items = (as_item(row) | more for row in rows)
        while some := list(itertools.islice(items, TRANSACTION)):
            self.call("TransactWriteItems", TransactItems=[{"Put": {"TableName": table, "Item": i}} for i in some])

    def read_units(self, fleet):
        """Returns the read units and pages of a whole poll, as the engine counts them."""
        projection = ("job", "group", "targets", "labels", "expires_at", "delete_at")
        request = {
            "TableName": fleet.table,
            "ReturnConsumedCapacity": "TOTAL",
            "ProjectionExpression": ", ".join(f"#{name}" for name in projection),
            "ExpressionAttributeNames": {f"#{name}": name for name in projection},
        }
        if fleet.jobs == 1:
            job = fleet.path.rsplit("/", 1)[-1]
            parts = [("Query", {"KeyConditionExpression": "#job = :job"} | values(job))]
        else:
            parts = [("Scan", {"Segment": i, "TotalSegments": 4}) for i in range(4)]
        units = pages = 0
        for operation, part in parts:
            start = {}
            while start is not None:
                page = self.call(operation, **request, **part, **start)
                units += page["ConsumedCapacity"]["CapacityUnits"]
                pages += 1
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if "LastEvaluatedKey" in page else None
        return units, pages


def values(job):
    """Returns the values of a Query."""
    return {"ExpressionAttributeValues": {":job": {"S": job}}}


def as_item(row):
    """Returns the attributes of a row."""
    job, name, targets, labels = row
    return {
        "job": {"S": job},
        "group": {"S": name},
        "targets": {"L": [{"S": target} for target in targets]},
        "labels": {"M": {label: {"S": value} for label, value in labels.items()}},
    }


@contextlib.contextmanager
def embedded(folder=FOLDER / "embedded", sdctl=SDCTL):
    """Starts the embedded engine of `sdctl serve`."""
    port = free_port()
    command = [sdctl, "serve", "--data", folder, "--port", str(free_port()), "--dynamodb-port", str(port)]
    with running(command, plain_environment(), FOLDER / "logs/embedded.log") as process:
        yield from listening("embedded", port, process)


@contextlib.contextmanager
def dynamodb_local():
    """Starts Amazon's DynamoDB Local."""
    port = free_port()
    home = Path(".tools/dynamodb-local").absolute()
    data = FOLDER / "dynamodb-local/data"
    data.mkdir(parents=True, exist_ok=True)
    command = ["java", f"-Djava.library.path={home}/DynamoDBLocal_lib", "-jar", f"{home}/DynamoDBLocal.jar"]
    command += ["-disableTelemetry", "-sharedDb", "-dbPath", str(data), "-port", str(port)]
    with running(command, plain_environment(), FOLDER / "logs/dynamodb-local.log", home) as process:
        yield from listening("dynamodb-local", port, process)


def listening(name, port, process):
    """Waits until the engine responds, and returns it."""
    engine = Engine(name, port, process)

    def answers():
        with contextlib.suppress(OSError, http.client.HTTPException):
            return "TableNames" in engine.call("ListTables")
        engine.close()
        return False

    wait_until(answers, process)
    yield engine


ENGINES = {"embedded": embedded, "dynamodb-local": dynamodb_local}
