"""The SAM CLI builds the template and deploys it into a local AWS. The tests use the deployed stack.

They need the output of `make build` and `make test`.
"""

import hashlib
import json
import re
import subprocess
import time

import pytest
from aws import ADMINISTRATOR, REGION, REPOSITORY, SDCTL, bootstrap_for, local_aws, table_arn, tool, zipped
from botocore.exceptions import ClientError

TOKEN = "local-token"
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()
OF_MYSQL = "token-of-mysql"
HASHES = f"prometheus:{HASH},mysql:{hashlib.sha256(OF_MYSQL.encode()).hexdigest()}:mysqld"
GROUP = '[{"targets":["web-1:9100"],"labels":{"env":"prod"}}]'
MYSQL = '[{"targets":["db-1:9104"],"labels":{}}]'


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with local_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield aws


@pytest.fixture(scope="module")
def stack(aws):
    return aws.deploy("http-sd", TokenSha256=HASHES, Monitoring="full")


@pytest.fixture(scope="module")
def filled(aws, stack):
    """Returns the stack with two groups in its table."""
    put = ["put", "node_exporter", "web", "--target", "web-1:9100", "--label", "env=prod"]
    aws.sdctl(ADMINISTRATOR, stack.table, *put)
    aws.sdctl(ADMINISTRATOR, stack.table, "put", "mysqld", "db", "--target", "db-1:9104")
    return stack


def denied(call, *arguments, **keywords):
    """Returns whether the caller's policies deny a call."""
    with pytest.raises(ClientError) as error:
        call(*arguments, **keywords)
    return error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_deployed_table_is_restorable_and_cleaned(aws, stack):
    dynamodb = aws.client("dynamodb")
    table = dynamodb.describe_table(TableName=stack.table)["Table"]
    assert not table["DeletionProtectionEnabled"]
    assert "SSEDescription" not in table
    ttl = dynamodb.describe_time_to_live(TableName=stack.table)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "delete_at"}
    backups = dynamodb.describe_continuous_backups(TableName=stack.table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    # sdctl finds no difference to the tables that it creates.
    described = aws.sdctl(ADMINISTRATOR, stack.table, "table", "describe")
    assert "sdctl table" not in described and "aws dynamodb" not in described, described


def test_outputs_match_the_readme(stack):
    configs = {"ScrapeConfig", "VmagentScrapeConfig"}
    assert stack.outputs.keys() == {"Url", "TableName", "FunctionArn", "LogGroupName", "DashboardName"} | configs
    assert stack.outputs["Url"].startswith("https://")
    assert stack.outputs["Url"].endswith("/")
    assert f"url: {stack.outputs['Url']}prom/node_exporter" in stack.outputs["ScrapeConfig"]


def test_prometheus_accepts_scrape_config_of_outputs(stack, tmp_path):
    config = tmp_path / "prometheus.yml"
    config.write_text(stack.outputs["ScrapeConfig"].replace("/etc/prometheus/", f"{tmp_path}/"))
    (tmp_path / "http-sd.token").write_text(TOKEN)
    ran = subprocess.run([tool("promtool"), "check", "config", config], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_vmagent_accepts_scrape_config_of_outputs(stack, tmp_path):
    config = tmp_path / "vmagent.yml"
    config.write_text(stack.outputs["VmagentScrapeConfig"].replace("/etc/vmagent/", f"{tmp_path}/"))
    (tmp_path / "http-sd.token").write_text(TOKEN)
    command = [tool("vmagent"), "-dryRun", f"-promscrape.config={config}", "-remoteWrite.url=http://127.0.0.1:9"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_public_url_has_two_permissions(aws, stack):
    api = aws.client("lambda")
    policy = json.loads(api.get_policy(FunctionName=stack.resources["Function"])["Policy"])
    actions = sorted(statement["Action"] for statement in policy["Statement"])
    assert actions == ["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"]
    url = api.get_function_url_config(FunctionName=stack.resources["Function"])
    assert (url["AuthType"], url["InvokeMode"]) == ("NONE", "BUFFERED")


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_function_reads_table_with_stack_role(aws, filled, architecture, tmp_path):
    bootstrap = bootstrap_for(architecture, tmp_path)
    role = filled.role()
    with aws.policies_in_force(), filled.emulated(bootstrap, tmp_path, role) as function:
        assert function.invoke("job", token=TOKEN) == (200, GROUP)
        assert function.invoke("all-jobs", token=TOKEN) == (200, MYSQL[:-1] + "," + GROUP[1:])
        assert function.invoke("all-jobs", token=OF_MYSQL) == (200, MYSQL)
        assert function.invoke("job", token=OF_MYSQL)[0] == 403
        assert function.invoke("job", token="another")[0] == 401
        assert function.invoke("ready", token=TOKEN) == (200, '{"status":"ready"}')
        assert function.invoke("job", token=TOKEN, path="/prom/none") == (200, "[]")
        callers = {line["fields"].get("caller") for line in function.logged() if line["fields"]["event"] == "request"}
        assert callers == {None, "prometheus", "mysql"}
        assert TOKEN not in function.log.read_text()
        assert OF_MYSQL not in function.log.read_text()


def client_of(aws, service, role):
    """Returns a client with the keys of a role."""
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    return aws.client(service, **dict(zip(names, role.values(), strict=True)))


def test_role_allows_nothing_else(aws, filled):
    role = filled.role()
    dynamodb, own = client_of(aws, "dynamodb", role), {"TableName": filled.table}
    key = {"job": {"S": "node_exporter"}, "group": {"S": "web"}}
    definition = aws.client("dynamodb").describe_table(**own)["Table"]
    like_ours = {name: definition[name] for name in ("AttributeDefinitions", "KeySchema")}
    aws.client("dynamodb").create_table(TableName="another", BillingMode="PAY_PER_REQUEST", **like_ours)
    with aws.policies_in_force():
        assert dynamodb.scan(**own)["Count"] == 2
        assert dynamodb.describe_table(**own)["Table"]["TableName"] == filled.table
        assert denied(dynamodb.scan, TableName="another")
        assert denied(dynamodb.describe_table, TableName="another")
        assert denied(dynamodb.get_item, **own, Key=key)
        assert denied(dynamodb.batch_get_item, RequestItems={filled.table: {"Keys": [key]}})
        assert denied(dynamodb.put_item, **own, Item=key)
        assert denied(dynamodb.update_item, **own, Key=key)
        assert denied(dynamodb.delete_item, **own, Key=key)
        assert denied(dynamodb.delete_table, **own)
        assert denied(
            dynamodb.update_time_to_live, **own, TimeToLiveSpecification={"Enabled": False, "AttributeName": "x"}
        )
        assert denied(dynamodb.list_tables)
        assert denied(client_of(aws, "iam", role).list_roles)
        assert denied(client_of(aws, "s3", role).list_buckets)
        logs, group = client_of(aws, "logs", role), filled.outputs["LogGroupName"]
        assert denied(logs.create_log_group, logGroupName="another")
        assert denied(logs.describe_log_groups)
        logs.create_log_stream(logGroupName=group, logStreamName="own")


@pytest.fixture(scope="module")
def followed(aws):
    """Returns a stack whose function follows changes."""
    return aws.deploy("followed", TokenSha256=HASH, FollowChanges="on", MaxAgeSeconds=60)


def test_followed_table_has_stream_for_its_role_alone(aws, stack, followed):
    variables = followed.function["Environment"]["Variables"]
    assert (variables["HTTP_SD_FOLLOW_CHANGES"], variables["HTTP_SD_MAX_AGE_SECONDS"]) == ("on", "60")
    dynamodb = aws.client("dynamodb")
    table = dynamodb.describe_table(TableName=followed.table)["Table"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    own = table["LatestStreamArn"]
    assert "StreamSpecification" not in dynamodb.describe_table(TableName=stack.table)["Table"]
    key = {"job": {"S": "node_exporter"}, "group": {"S": "web"}}
    streams, rows = (client_of(aws, service, followed.role()) for service in ("dynamodbstreams", "dynamodb"))
    other = client_of(aws, "dynamodbstreams", stack.role())
    with aws.policies_in_force():
        (shard,) = streams.describe_stream(StreamArn=own)["StreamDescription"]["Shards"]
        position = {"StreamArn": own, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = streams.get_shard_iterator(**position)["ShardIterator"]
        assert streams.get_records(ShardIterator=iterator)["Records"] == []
        assert rows.batch_get_item(RequestItems={followed.table: {"Keys": [key]}})["Responses"] == {followed.table: []}
        assert denied(rows.put_item, TableName=followed.table, Item=key)
        assert denied(streams.describe_stream, StreamArn=own.replace(followed.table, "another"))
        assert denied(streams.list_streams)
        # Without the parameter the role may not even read its own stream.
        assert denied(other.describe_stream, StreamArn=own)
        assert denied(other.get_shard_iterator, **position)
        assert denied(other.get_records, ShardIterator=iterator)


def test_function_follows_changes_with_stack_role(aws, followed, tmp_path):
    rows = aws.client("dynamodb")

    def put(group):
        key = {"job": {"S": "node_exporter"}, "group": {"S": group}}
        # Three such rows fill a page. The function reads a job of one page at each poll.
        item = key | {"targets": {"L": [{"S": f"{group}:1"}]}, "note": {"S": "x" * 390_000}}
        rows.put_item(TableName=followed.table, Item=item)

    for group in "abcd":
        put(group)
    bootstrap = bootstrap_for("x86_64", tmp_path)
    with followed.emulated(bootstrap, tmp_path, followed.role()) as function:
        with aws.policies_in_force():
            lists = [function.invoke("job", token=TOKEN) for _ in range(3)]
        put("e")
        with aws.policies_in_force():
            lists.append(function.invoke("job", token=TOKEN))
        requests = [line["fields"] for line in function.logged() if line["fields"]["event"] == "request"]
    assert [(status, body.count("targets")) for status, body in lists] == [(200, 4)] * 3 + [(200, 5)]
    sources = [fields["source"] for fields in requests if "source" in fields]
    assert sources == ["read", "read", "unchanged", "changes"]


def permissions():
    """Returns the table of docs/sdctl.md: commands, and the actions that they need."""
    rows = re.findall(r"^\| (`.*`) \| (`.*`) \|$", (REPOSITORY / "docs/sdctl.md").read_text(), re.MULTILINE)
    return {tuple(re.findall("`([^`]*)`", commands)): re.findall("`([^`]*)`", actions) for commands, actions in rows}


EXAMPLES = {
    "get": [["get"], ["get", "x"], ["get", "x", "b"]],
    "apply": [
        ["apply", "-f", "groups.json", "--job", "x", "--yes"],
        ["apply", "-f", "groups.json", "--job", "x", "--yes"],
    ],
    "put": [["put", "x", "b", "--target", "b:1"], ["put", "x", "b", "--target", "c:1", "--yes"]],
    "label": [["label", "x", "b", "env=prod"]],
    "rm": [["rm", "x", "b"]],
    "register": [["register", "x", "c", "--target", "c:1", "--once"]],
    "table describe": [["table", "describe"]],
}


@pytest.fixture(scope="module")
def edited(aws):
    """Returns a stack whose table sdctl edits."""
    return aws.deploy("edited", TokenSha256=HASH)


@pytest.mark.parametrize("command", EXAMPLES)
def test_sdctl_needs_exactly_the_documented_permissions(aws, edited, command, tmp_path):
    (actions,) = [actions for commands, actions in permissions().items() if command in commands]
    keys = aws.user(command.replace(" ", "-"), [f"dynamodb:{action}" for action in actions], edited.table)
    groups = tmp_path / "groups.json"
    groups.write_text('[{"targets":["a:1"],"labels":{"env":"prod"}}]')
    aws.sdctl(ADMINISTRATOR, edited.table, "put", "x", "b", "--target", "b:1", "--yes")
    with aws.policies_in_force():
        for arguments in EXAMPLES[command]:
            aws.sdctl(keys, edited.table, *[str(groups) if a == "groups.json" else a for a in arguments])


def filtered(pattern, line):
    """Returns whether a metric filter's pattern matches a log line. All comparisons must hold."""
    comparisons = re.findall(r'\$\.([\w.]+) (=|>) (?:"(\w+)"|(\d+))', pattern)
    assert len(comparisons) == pattern.count("$"), pattern
    for path, operator, text, number in comparisons:
        value = line
        for name in path.split("."):
            value = value.get(name, {})
        if not (value == text if operator == "=" else isinstance(value, int) and value > int(number)):
            return False
    return True


def test_queries_and_filters_match_the_log(aws, filled, tmp_path):
    bootstrap = bootstrap_for("x86_64", tmp_path)
    rows = aws.client("dynamodb")
    broken = {"job": {"S": "broken"}, "group": {"S": "b"}, "targets": {"S": "a:1"}}
    rows.put_item(TableName=filled.table, Item=broken)
    for group in "abc":
        ended = {"N": str(int(time.time()) - 10)}
        lapsed = {"job": {"S": "lapsed"}, "group": {"S": group}, "targets": {"L": []}, "expires_at": ended}
        rows.put_item(TableName=filled.table, Item=lapsed)
    with filled.emulated(bootstrap, tmp_path, filled.role()) as function:
        for path in ["/prom/node_exporter", "/prom/none", "/prom/broken", "/prom/lapsed", "/nowhere"]:
            function.invoke("job", token=TOKEN, path=path)
        function.invoke("job-shard", token=TOKEN)
        lines = function.logged()
    with filled.emulated(bootstrap, tmp_path, filled.role(), HTTP_SD_ON_INVALID="skip") as function:
        for _ in range(3):
            assert function.invoke("job", token=TOKEN, path="/prom/broken") == (200, "[]")
        skipping = function.logged()
    for job, group in [("broken", "b"), ("lapsed", "a"), ("lapsed", "b"), ("lapsed", "c")]:
        rows.delete_item(TableName=filled.table, Key={"job": {"S": job}, "group": {"S": group}})

    logged = {f"fields.{name}" for line in lines for name in line["fields"]} | {name for line in lines for name in line}
    # Lines that Lambda adds: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
    reports = {f"record.metrics.{name}" for name in ("initDurationMs", "durationMs", "maxMemoryUsedMB")} | {"type"}
    template = (REPOSITORY / "template.yaml").read_text()
    asked = set(re.findall(r"\b(?:fields|record)\.[a-zA-Z_.]+", template)) | {"level", "type"}
    named = asked - {"fields.event"} - logged - reports
    assert named == set(), named

    filters = aws.client("logs").describe_metric_filters(logGroupName=filled.outputs["LogGroupName"])["metricFilters"]
    counted = {"ChangesUnknown": [], "EmptyJobs": [], "InvalidGroups": [], "LapsedTogether": []}
    for log in (lines, skipping):
        for values in counted.values():
            values.append(0)
        for metric_filter in filters:
            (made,) = metric_filter["metricTransformations"]
            taken = [line["fields"] for line in log if filtered(metric_filter["filterPattern"], line)]
            value = made["metricValue"]
            values = [int(value) if value.isdigit() else fields[value.removeprefix("$.fields.")] for fields in taken]
            counted[made["metricName"]][-1] += sum(values)
    # Each poll counts the broken rows that it read, both if it fails and if it skips them.
    found = {"EmptyJobs": [1, 0], "InvalidGroups": [1, 3], "LapsedTogether": [3, 0], "ChangesUnknown": [0, 0]}
    assert counted == found
    assert [line["level"] for line in skipping if line["fields"]["event"] == "invalid_group"] == ["WARN"] * 3
    assert {line["level"] for line in lines} == {"INFO", "WARN", "ERROR"}


def test_alarms_and_dashboard_exist(aws, stack):
    names = [physical for logical, physical in stack.resources.items() if logical.endswith("Alarm")]
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert len(alarms) == 4
    assert all(alarm["AlarmActions"] == [] for alarm in alarms)
    body = aws.client("cloudwatch").get_dashboard(DashboardName=stack.outputs["DashboardName"])["DashboardBody"]
    text = json.dumps(json.loads(body))
    assert stack.table in text
    assert stack.resources["Function"] in text
    assert REGION in text
    for alarm in alarms:
        assert alarm["AlarmArn"] in text


def test_response_and_invoke_mode_change_together(aws, tmp_path):
    changed = aws.deploy("changing", TokenSha256=HASH, ResponseMode="stream", CacheSeconds=30)
    again = aws.deploy("changing", TokenSha256=HASH, ResponseMode="buffered", CacheSeconds=30)
    for stack, mode in [(changed, "stream"), (again, "buffered")]:
        assert stack.function["Environment"]["Variables"]["HTTP_SD_RESPONSE_MODE"] == mode
    url = aws.client("lambda").get_function_url_config(FunctionName=again.resources["Function"])
    assert url["InvokeMode"] == "BUFFERED"


def test_own_key_protection_and_boundary(aws):
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    given = {"KmsKeyArn": key, "PermissionsBoundary": boundary, "DeletionProtection": "true", "Monitoring": "none"}
    stack = aws.deploy("own-key", TokenSha256=HASH, **given)
    table = aws.client("dynamodb").describe_table(TableName=stack.table)["Table"]
    assert table["SSEDescription"] == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
    assert table["DeletionProtectionEnabled"]
    iam, role = aws.client("iam"), stack.resources["Role"]
    assert iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    (statement,) = iam.get_role_policy(RoleName=role, PolicyName="decrypt-the-table")["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt", "kms:DescribeKey"], key)
    assert not [logical for logical in stack.resources if logical.endswith("Alarm") or logical == "Dashboard"]


def test_iam_url_accepts_callers_that_iam_allows(aws, tmp_path):
    bootstrap = bootstrap_for("x86_64", tmp_path)
    stack = aws.deploy("iam", Auth="iam")
    url = aws.client("lambda").get_function_url_config(FunctionName=stack.resources["Function"])
    assert url["AuthType"] == "AWS_IAM"
    assert "ScrapeConfig" not in stack.outputs
    with pytest.raises(ClientError):
        aws.client("lambda").get_policy(FunctionName=stack.resources["Function"])
    aws.sdctl(ADMINISTRATOR, stack.table, "put", "node_exporter", "web", "--target", "a:1")
    role = stack.role()
    with aws.policies_in_force(), stack.emulated(bootstrap, tmp_path, role) as function:
        assert function.invoke("iam-caller") == (200, '[{"targets":["a:1"],"labels":{}}]')
        assert function.invoke("job", token=TOKEN)[0] == 401


def test_table_survives_stack_and_joins_another(aws, tmp_path):
    bootstrap = bootstrap_for("x86_64", tmp_path)
    first = aws.deploy("first-name", TokenSha256=HASH)
    aws.sdctl(
        ADMINISTRATOR, first.table, "put", "node_exporter", "web", "--target", "web-1:9100", "--label", "env=prod"
    )
    aws.sam("delete", "--stack-name", "first-name", "--region", REGION, "--no-prompts")
    stacks = aws.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
    assert "first-name" not in {stack["StackName"] for stack in stacks["StackSummaries"]}
    second = aws.deploy("second-name", TokenSha256=HASH, ExistingTable=first.table)
    assert second.table == first.table
    assert "Table" not in second.resources
    role = second.role()
    with aws.policies_in_force(), second.emulated(bootstrap, tmp_path, role) as function:
        assert function.invoke("job", token=TOKEN) == (200, GROUP)
    statements = aws.client("iam").get_role_policy(RoleName=second.resources["Role"], PolicyName="read-the-table")
    assert statements["PolicyDocument"]["Statement"][0]["Resource"] == table_arn(first.table)


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_zip_is_small(architecture, tmp_path, capsys):
    folder = REPOSITORY / ".aws-sam" / architecture / "Function"
    size = zipped(folder, tmp_path)
    with capsys.disabled():
        print(f"\n{architecture}: bootstrap of {(folder / 'bootstrap').stat().st_size} bytes, zip of {size} bytes")
    assert [file.name for file in folder.iterdir()] == ["bootstrap"]
    assert size < 3_500_000


def test_sdctl_is_built():
    assert SDCTL.exists(), "sdctl is missing: run cargo build --locked --package sdctl"
