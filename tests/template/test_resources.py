"""Resources of the template, for every combination of the parameters that change more than a value."""

import itertools
import json
import re

import pytest
from render import Stack, source, translate

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"

ACCESS = [("token", "NONE"), ("iam", "AWS_IAM"), ("none", "AWS_IAM")]
COMBINATIONS = [
    {
        "Auth": auth,
        "UrlAuthType": url_auth_type,
        "TokenSha256": HASH if auth == "token" else "",
        "ResponseMode": mode,
        "Architecture": architecture,
        "ExistingTable": table,
        "DeletionProtection": protection,
        "ReservedConcurrency": concurrency,
        "AlarmTopicArn": topic,
    }
    for (auth, url_auth_type), mode, architecture, table, protection, concurrency, topic in itertools.product(
        ACCESS,
        ["buffered", "stream"],
        ["arm64", "x86_64"],
        ["", "old-table"],
        ["true", "false"],
        ["-1", "5"],
        ["", TOPIC],
    )
]

READING = {"dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"}
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
    if given["UrlAuthType"] == "AWS_IAM":
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
    assert url["AuthType"] == given["UrlAuthType"]
    assert (url["InvokeMode"], variables["HTTP_SD_RESPONSE_MODE"]) in [
        ("BUFFERED", "buffered"),
        ("RESPONSE_STREAM", "stream"),
    ]
    assert variables["HTTP_SD_RESPONSE_MODE"] == given["ResponseMode"]
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
    assert trust == {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    table = "arn:aws:dynamodb:eu-central-1:123456789012:table/old-table" if given["ExistingTable"] else "Table.Arn"
    may = {}
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement.keys() == {"Effect", "Action", "Resource"}
            assert statement["Effect"] == "Allow"
            assert isinstance(statement["Resource"], str)
            may.setdefault(statement["Resource"], set()).update(statement["Action"])
    assert may.keys() == {table, "LogGroup.Arn"}
    # The table's permissions are exactly those that the function needs.
    assert may[table] == READING - {"dynamodb:GetItem"}
    assert may["LogGroup.Arn"] == LOGGING
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
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "delete_at", "Enabled": True}
    assert properties["DeletionProtectionEnabled"] == given["DeletionProtection"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert [(key["AttributeName"], key["KeyType"]) for key in properties["KeySchema"]] == [
        ("job", "HASH"),
        ("group", "RANGE"),
    ]
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
    assert function["Environment"]["Variables"]["HTTP_SD_LEASE_GRACE_SECONDS"] == "3600"
    (log,) = [resource for resource in stack.resources.values() if resource["Type"] == "AWS::Logs::LogGroup"]
    assert log["Properties"] == {"RetentionInDays": "30"}


def test_alarms_watch_errors_and_notify_topic(made):
    given, stack = made
    alarms = stack.of_type("AWS::CloudWatch::Alarm")
    watched = set()
    for name, alarm in alarms.items():
        metric = alarm.get("MetricName") or alarm["Metrics"][0]["MetricStat"]["Metric"]["MetricName"]
        watched.add(metric)
        topic = [given["AlarmTopicArn"]] if given["AlarmTopicArn"] else None
        assert alarm.get("AlarmActions") == alarm.get("OKActions") == topic, name
        assert alarm["TreatMissingData"] == "notBreaching", name
        assert len(alarm["AlarmDescription"]) > 80, name
    assert watched == {"Url5xxCount", "Throttles", "InvalidGroups", "Duration"}
    assert alarms["SlowAlarm"]["Metrics"][1]["Expression"] == "longest / 15 / 10"


def test_metric_counts_failing_and_skipped_rows(made):
    _, stack = made
    filters = stack.of_type("AWS::Logs::MetricFilter").values()
    metrics = [(f["FilterPattern"], f["MetricTransformations"][0]) for f in filters]
    assert {metric["MetricName"] for _, metric in metrics} == {"EmptyJobs", "InvalidGroups", "LapsedTogether"}
    assert all(metric["MetricNamespace"] == "http-sd" and metric["DefaultValue"] == 0 for _, metric in metrics)
    broken = [(pattern, m["MetricValue"]) for pattern, m in metrics if m["MetricName"] == "InvalidGroups"]
    assert broken == [
        # A poll that skips rows logs one line with their number.
        ('{ ($.fields.event = "invalid_group") && ($.level = "ERROR") }', "1"),
        ("{ $.fields.skipped > 0 }", "$.fields.skipped"),
    ]


def test_dashboard_shows_resources_of_the_stack(made):
    given, stack = made
    (dashboard,) = stack.of_type("AWS::CloudWatch::Dashboard").values()
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
    _, stack = made
    kinds = {resource["Type"] for resource in stack.resources.values()}
    assert kinds - {"AWS::DynamoDB::Table", "AWS::Lambda::Permission"} == {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Lambda::Url",
        "AWS::Logs::LogGroup",
        "AWS::Logs::MetricFilter",
        "AWS::Logs::QueryDefinition",
    }


def test_translator_adds_no_permission_or_policy():
    written = {name for name, resource in source()["Resources"].items()}
    assert set(translate({"TokenSha256": HASH})["Resources"]) == written


def test_application_repository_metadata_is_complete():
    application = source()["Metadata"]["AWS::ServerlessRepo::Application"]
    assert application.keys() >= {
        "Name",
        "Description",
        "Author",
        "SpdxLicenseId",
        "LicenseUrl",
        "ReadmeUrl",
        "SemanticVersion",
    }
    # https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-template-publishing-applications-metadata-properties.html
    assert re.fullmatch(r"[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", application["Author"])
    assert len(application["Description"]) <= 256
    assert len(application["Labels"]) <= 10
