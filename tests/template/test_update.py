"""A stack of version 0.2.0 can be updated to this template without losing its table, its URL or its log.

`stack-0.2.0.json` has the resources of that version's template as translated, for its default parameters and without
long texts. cfn-lint carries CloudFormation's resource schemas, which name the properties whose change needs a new
resource.
"""

import json
from pathlib import Path

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from render import Stack

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BEFORE = json.loads(Path(__file__).with_name("stack-0.2.0.json").read_text())
KEPT = {"Table", "Function", "Role", "Url", "PublicUrlPermission", "PublicInvokePermission", "LogGroup"}


def replacing(kind):
    """Returns the properties of a resource type whose change replaces the resource, always or under conditions."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    pointers = schema.get("createOnlyProperties", []) + schema.get("conditionalCreateOnlyProperties", [])
    return {pointer.split("/")[2] for pointer in pointers}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Monitoring": "full"},
        {"Monitoring": "none"},
        {"DeletionProtection": "true", "KmsKeyArn": KEY, "ResponseMode": "stream"},
        {"FollowChanges": "on", "MaxAgeSeconds": "3600"},
        {"PermissionsBoundary": "arn:aws:iam::123456789012:policy/boundary", "Architecture": "x86_64"},
    ],
    ids=lambda given: "-".join(given) or "defaults",
)
def test_update_replaces_no_resource(given):
    after = Stack(TokenSha256=HASH, **given).resources
    assert after.keys() >= KEPT
    for name in BEFORE.keys() & after.keys():
        old, new = BEFORE[name], after[name]
        assert old["Type"] == new["Type"], name
        for prop in replacing(old["Type"]):
            assert old["Properties"].get(prop) == new["Properties"].get(prop), f"{name}.{prop}"


def test_schemas_name_replacing_properties():
    assert replacing("AWS::DynamoDB::Table") >= {"TableName", "KeySchema"}
    assert "SSESpecification" not in replacing("AWS::DynamoDB::Table")
    assert replacing("AWS::Lambda::Url") >= {"TargetFunctionArn"}
    assert "AuthType" not in replacing("AWS::Lambda::Url")
