"""Resources of the template, for every combination of the parameters that change more than a value."""

import itertools
import json
import re

import pytest
from render import Stack, source, translate
from samcli.yamlhelper import yaml_parse

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"

# Parameters that conditions or expressions combine: every combination.
COMBINED = {
    "Auth": ["token", "iam", "none"],
    "ExistingTable": ["", "old-table"],
    "KmsKeyArn": ["", KEY],
    "Monitoring": ["full", "alarms", "none"],
    "AlarmTopicArn": ["", TOPIC],
}
# Parameters that each change one property: all first values, then all second values.
SEPARATE = {
    "ResponseMode": ["buffered", "stream"],
    "FollowChanges": ["off", "on"],
    "Architecture": ["arm64", "x86_64"],
    "DeletionProtection": ["false", "true"],
    "ReservedConcurrency": ["-1", "5"],
    "PermissionsBoundary": ["", BOUNDARY],
}
COMBINATIONS = [
    dict(zip(COMBINED, values, strict=True))
    | {"TokenSha256": HASH if values[0] == "token" else ""}
    | {name: choices[second] for name, choices in SEPARATE.items()}
    for *values, second in itertools.product(*COMBINED.values(), [0, 1])
]

READING = {"dynamodb:DescribeTable", "dynamodb:Query", "dynamodb:Scan"}
FOLLOWING = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}
DECRYPTING = {"kms:Decrypt", "kms:DescribeKey"}
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}


@pytest.fixture(
    params=COMBINATIONS,
    ids=lambda given: "-".join(v.rsplit(":")[-1][:9] or "no" for v in given.values()),
    scope="module",
)
def made(request):
    """Returns the parameters and their rendered stack."""
    return request.param, Stack(**request.param)


def test_only_public_url_has_both_permissions(made):
    given, stack = made
    permissions = stack.of_type("AWS::Lambda::Permission")
    if given["Auth"] != "token":
        assert permissions == {}
        return
    anybody = {"FunctionName": "Function", "Principal": "*"}
    by_action = {permission["Action"]: permission for permission in permissions.values()}
    assert len(permissions) == 2
    assert by_action == {
        "lambda:InvokeFunctionUrl": anybody | {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
        "lambda:InvokeFunction": anybody | {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
    }


def test_url_and_function_agree(made):
    given, stack = made
    (url,) = stack.of_type("AWS::Lambda::Url").values()
    (function,) = stack.of_type("AWS::Lambda::Function").values()
    variables = function["Environment"]["Variables"]
    assert url["TargetFunctionArn"] == "Function.Arn"
    assert url["AuthType"] == ("NONE" if given["Auth"] == "token" else "AWS_IAM")
    assert (url["InvokeMode"], variables["HTTP_SD_RESPONSE_MODE"]) in [
        ("BUFFERED", "buffered"),
        ("RESPONSE_STREAM", "stream"),
    ]
    assert variables["HTTP_SD_RESPONSE_MODE"] == given["ResponseMode"]
    assert variables["HTTP_SD_PAGE"] == "on"
    assert variables["HTTP_SD_AUTH"] == given["Auth"]
    assert variables.get("HTTP_SD_TOKEN_SHA256") == (HASH if given["Auth"] == "token" else None)
    assert "Cors" not in url


def test_role_reads_table_and_writes_log(made):
    given, stack = made
    kinds = {resource["Type"] for resource in stack.resources.values()}
    assert {kind for kind in kinds if "::IAM::" in kind} == {"AWS::IAM::Role"}
    (role,) = stack.of_type("AWS::IAM::Role").values()
    assert "ManagedPolicyArns" not in role
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert role.get("PermissionsBoundary") == (given["PermissionsBoundary"] or None)
    assert trust == {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    table = "arn:aws:dynamodb:eu-central-1:123456789012:table/old-table" if given["ExistingTable"] else "Table.Arn"
    may = {}
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            only_by_dynamodb = {"StringLike": {"kms:ViaService": "dynamodb.*.amazonaws.com*"}}
            assert statement.pop("Condition", None) == (only_by_dynamodb if statement["Resource"] == KEY else None)
            assert statement.keys() == {"Effect", "Action", "Resource"}
            assert statement["Effect"] == "Allow"
            assert isinstance(statement["Resource"], str)
            may.setdefault(statement["Resource"], set()).update(statement["Action"])
    expected = {table: READING, "LogGroup.Arn": LOGGING}
    if given["KmsKeyArn"]:
        expected[KEY] = DECRYPTING
    if given["FollowChanges"] == "on":
        expected |= {table: READING | {"dynamodb:BatchGetItem"}, f"{table}/stream/*": FOLLOWING}
    assert may == expected
    (function,) = stack.of_type("AWS::Lambda::Function").values()
    assert function["Role"] == "Role.Arn"


def test_table_is_protected(made):
    given, stack = made
    tables = [resource for resource in stack.resources.values() if resource["Type"] == "AWS::DynamoDB::Table"]
    (function,) = stack.of_type("AWS::Lambda::Function").values()
    name = function["Environment"]["Variables"]["HTTP_SD_TABLE"]
    assert stack.outputs["TableName"] == name == (given["ExistingTable"] or "Table")
    if given["ExistingTable"]:
        assert tables == []
        return
    (table,) = tables
    # CloudFormation accepts no RetainExceptOnCreate for a replacement.
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    properties = table["Properties"]
    own_key = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    assert properties["SSESpecification"] == (own_key if given["KmsKeyArn"] else {"SSEEnabled": False})
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "delete_at", "Enabled": True}
    assert properties["DeletionProtectionEnabled"] == given["DeletionProtection"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert [(key["AttributeName"], key["KeyType"]) for key in properties["KeySchema"]] == [
        ("job", "HASH"),
        ("group", "RANGE"),
    ]
    assert properties.get("StreamSpecification") == (
        {"StreamViewType": "KEYS_ONLY"} if given["FollowChanges"] == "on" else None
    )
    # A resource with an explicit name cannot be replaced, and its name may be in use.
    assert "TableName" not in properties


def test_parameters_configure_the_function(made):
    given, stack = made
    (function,) = stack.of_type("AWS::Lambda::Function").values()
    assert function["Architectures"] == [given["Architecture"]]
    assert function.get("ReservedConcurrentExecutions") == (None if given["ReservedConcurrency"] == "-1" else "5")
    assert function["LoggingConfig"]["LogGroup"] == "LogGroup"
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert function["Runtime"] == "provided.al2023"
    variables = function["Environment"]["Variables"]
    assert variables["HTTP_SD_LEASE_GRACE_SECONDS"] == "3600"
    assert variables["HTTP_SD_FOLLOW_CHANGES"] == given["FollowChanges"]
    assert variables.get("HTTP_SD_MAX_AGE_SECONDS") == ("900" if given["FollowChanges"] == "on" else None)
    (log,) = [resource for resource in stack.resources.values() if resource["Type"] == "AWS::Logs::LogGroup"]
    assert log["Properties"] == {"RetentionInDays": "30"}


def test_monitoring_selects_the_billed_resources(made):
    given, stack = made
    counts = {kind: len(stack.of_type(kind)) for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard")}
    filters = stack.of_type("AWS::Logs::MetricFilter")
    metrics = {f["MetricTransformations"][0]["MetricName"] for f in filters.values()}
    assert (*counts.values(), metrics) == {
        "full": (4, 1, {"ChangesUnknown", "EmptyJobs", "InvalidGroups", "LapsedTogether"}),
        "alarms": (4, 0, {"InvalidGroups"}),
        "none": (0, 0, set()),
    }[given["Monitoring"]]
    assert stack.outputs.get("DashboardName") == ("Dashboard" if given["Monitoring"] == "full" else None)


def test_alarms_watch_errors_and_notify_topic(made):
    given, stack = made
    alarms = stack.of_type("AWS::CloudWatch::Alarm")
    watched = set()
    for name, alarm in alarms.items():
        metric = alarm.get("MetricName") or alarm["Metrics"][0]["MetricStat"]["Metric"]["MetricName"]
        watched.add(metric)
        topic = [given["AlarmTopicArn"]] if given["AlarmTopicArn"] else None
        assert alarm.get("AlarmActions") == alarm.get("OKActions") == topic, name
        assert len(alarm["AlarmDescription"]) > 80, name
    if alarms:
        assert watched == {"Url5xxCount", "Throttles", "InvalidGroups", "Duration"}
        assert alarms["SlowAlarm"]["Metrics"][1]["Expression"] == "longest / 15 / 10"


def test_metric_counts_failing_and_skipped_rows(made):
    given, stack = made
    filters = stack.of_type("AWS::Logs::MetricFilter").values()
    metrics = [(f["FilterPattern"], f["MetricTransformations"][0]) for f in filters]
    # A default value would bill the metric in each hour with a poll.
    assert all(metric["MetricNamespace"] == "http-sd" and "DefaultValue" not in metric for _, metric in metrics)
    broken = [(pattern, m["MetricValue"]) for pattern, m in metrics if m["MetricName"] == "InvalidGroups"]
    expected = [
        # A poll that skips rows logs one line with their number.
        ('{ ($.fields.event = "invalid_group") && ($.level = "ERROR") }', "1"),
        ("{ $.fields.skipped > 0 }", "$.fields.skipped"),
    ]
    assert broken == ([] if given["Monitoring"] == "none" else expected)


def test_dashboard_shows_resources_of_the_stack(made):
    given, stack = made
    for dashboard in stack.of_type("AWS::CloudWatch::Dashboard").values():
        widgets = json.loads(dashboard["DashboardBody"])["widgets"]
        assert {widget["type"] for widget in widgets} == {"alarm", "metric", "log"}
        text = dashboard["DashboardBody"]
        assert "${" not in text
        for alarm in stack.of_type("AWS::CloudWatch::Alarm"):
            assert f"{alarm}.Arn" in text
        assert json.dumps(given["ExistingTable"] or "Table") in text
        columns = set()
        for widget in widgets:
            assert widget["x"] + widget["width"] <= 24
            covers = {
                (x, y)
                for x in range(widget["x"], widget["x"] + widget["width"])
                for y in range(widget["y"], widget["y"] + widget["height"])
            }
            assert not covers & columns, f"{widget['properties']['title']} overlaps another"
            columns |= covers


def test_queries_read_the_log_of_the_function(made):
    _, stack = made
    queries = stack.of_type("AWS::Logs::QueryDefinition")
    assert len(queries) == 3
    for query in queries.values():
        assert query["LogGroupNames"] == ["LogGroup"]
        assert re.match(r"http-sd/\w", query["Name"])


def test_only_known_resource_types_are_created(made):
    given, stack = made
    kinds = {resource["Type"] for resource in stack.resources.values()}
    optional = {
        "AWS::DynamoDB::Table": not given["ExistingTable"],
        "AWS::Lambda::Permission": given["Auth"] == "token",
        "AWS::CloudWatch::Alarm": given["Monitoring"] != "none",
        "AWS::CloudWatch::Dashboard": given["Monitoring"] == "full",
        "AWS::Logs::MetricFilter": given["Monitoring"] != "none",
    }
    assert kinds == {kind for kind, expected in optional.items() if expected} | {
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Lambda::Url",
        "AWS::Logs::LogGroup",
        "AWS::Logs::QueryDefinition",
    }


def test_scrape_configs_suit_each_poller(made):
    given, stack = made
    if given["Auth"] != "token":
        assert not stack.outputs.keys() & {"ScrapeConfig", "VmagentScrapeConfig"}
        return
    for output, interval in [("ScrapeConfig", {"refresh_interval": "1m"}), ("VmagentScrapeConfig", {})]:
        config = yaml_parse(stack.outputs[output])
        (job,) = config["scrape_configs"]
        (discovery,) = job["http_sd_configs"]
        assert discovery.pop("authorization").keys() == {"type", "credentials_file"}
        # vmagent refuses refresh_interval.
        assert discovery == {"url": "Url.FunctionUrlprom/node_exporter"} | interval


def test_translator_adds_no_permission_or_policy():
    written = {name for name, resource in source()["Resources"].items()}
    assert set(translate({"TokenSha256": HASH})["Resources"]) == written
