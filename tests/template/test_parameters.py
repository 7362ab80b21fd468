"""Parameters that the template accepts, and those that it rejects before it creates a resource."""

import os
import subprocess

import pytest
from render import TEMPLATE, Refused, Stack, fits, source

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
OTHER = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"


def test_every_parameter_has_description_and_group():
    template = source()
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert len(parameter["Description"]) > 30, name
        assert "Default" in parameter, name
        limits = parameter.keys() & {"AllowedValues", "AllowedPattern", "MinValue"}
        assert limits, f"{name} accepts any value"
        if "AllowedPattern" in limits:
            assert parameter["ConstraintDescription"], name
        assert fits(parameter, str(parameter["Default"])), name
    # The console lists required parameters first.
    assert next(iter(template["Parameters"])) == "TokenSha256"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Auth=token requires TokenSha256. Create a token"),
        ({"Auth": "token"}, "Auth=token requires TokenSha256"),
        ({"TokenSha256": ""}, "Auth=token requires TokenSha256"),
        ({"Auth": "open"}, "Parameter 'Auth'"),
        ({"TokenSha256": "hunter2"}, "Parameter 'TokenSha256': 1 to 16 items"),
        ({"TokenSha256": HASH, "ExistingTable": "arn:aws:dynamodb:x:1:table/y"}, "Parameter 'ExistingTable'"),
        ({"TokenSha256": HASH, "ExistingTable": "a b"}, "The name of a DynamoDB table"),
        ({"TokenSha256": HASH, "AlarmTopicArn": "alarms"}, "The ARN of an SNS topic"),
        ({"TokenSha256": HASH, "ReservedConcurrency": "-2"}, "Parameter 'ReservedConcurrency'"),
        ({"TokenSha256": HASH, "MemorySize": "64"}, "Parameter 'MemorySize'"),
        ({"TokenSha256": HASH, "Timeout": "900"}, "Parameter 'Timeout'"),
        ({"TokenSha256": HASH, "Page": "true"}, "Parameter 'Page'"),
        ({"TokenSha256": HASH, "LogRetentionDays": "8"}, "Parameter 'LogRetentionDays'"),
        ({"TokenSha256": HASH, "DeletionProtection": "yes"}, "Parameter 'DeletionProtection'"),
        ({"TokenSha256": HASH, "KmsKeyArn": "alias/aws/dynamodb"}, "The ARN of a KMS key, not of an alias"),
        ({"TokenSha256": HASH, "PermissionsBoundary": "boundary"}, "The ARN of an IAM policy"),
        ({"TokenSha256": HASH, "Monitoring": "some"}, "Parameter 'Monitoring'"),
        ({"TokenSha256": HASH, "FollowChanges": "true"}, "Parameter 'FollowChanges'"),
        ({"TokenSha256": HASH, "MaxAgeSeconds": "59"}, "Parameter 'MaxAgeSeconds'"),
        ({"TokenSha256": HASH, "MaxAgeSeconds": "3601"}, "Parameter 'MaxAgeSeconds'"),
        ({"TokenSha256": HASH, "FollowChanges": "on", "CacheSeconds": "60"}, "requires CacheSeconds=0"),
        ({"TokenSha256": HASH, "UrlAuthType": "NONE"}, "['UrlAuthType'] do not exist"),
    ],
)
def test_conflicting_parameters_are_rejected_with_remedy(given, said):
    with pytest.raises(Refused) as refused:
        Stack(**given)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {"TokenSha256": HASH},
        {"TokenSha256": f"{HASH},{OTHER}"},
        {"Auth": "iam"},
        {"Auth": "none"},
        {"Auth": "iam", "TokenSha256": HASH},
        {"Auth": "iam", "KmsKeyArn": KEY, "PermissionsBoundary": "arn:aws-cn:iam::aws:policy/path/ReadOnlyAccess"},
        {"TokenSha256": HASH, "ExistingTable": "old.table-1_x", "AlarmTopicArn": TOPIC, "ReservedConcurrency": "0"},
        {"TokenSha256": HASH, "Page": "off"},
        {"TokenSha256": HASH, "FollowChanges": "on", "CacheSeconds": "0", "MaxAgeSeconds": "60"},
        {"TokenSha256": HASH, "FollowChanges": "off", "CacheSeconds": "60", "MaxAgeSeconds": "3600"},
    ],
)
def test_valid_combinations_are_accepted(given):
    assert Stack(**given).outputs["Url"] == "Url.FunctionUrl"


def function_says(variable):
    """Returns the function's error at start. A valid value fails later, because the Lambda Runtime API is missing."""
    program = os.environ.get("HTTP_SD_BIN", str(TEMPLATE.parent / "target/debug/http-sd"))
    environment = {"HTTP_SD_TABLE": "http-sd", "HTTP_SD_AUTH": "token", "HTTP_SD_TOKEN_SHA256": variable}
    return subprocess.run([program], env=environment, capture_output=True, text=True, timeout=60).stderr


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (HASH, True),
        (HASH.upper(), True),
        (f"{HASH},{OTHER}", True),
        (f"prometheus-eu:{HASH}", True),
        (f"a.b_c-1:{HASH}:node_exporter,{OTHER}", True),
        (f"a:{HASH}:node_exporter|mysqld,b:{OTHER}:x", True),
        (f"a:{HASH}:a%2Cb:c", True),
        ("hunter2", False),
        (HASH[1:], False),
        (f"{HASH}0", False),
        (f"{HASH},", False),
        (f",{HASH}", False),
        (f":{HASH}", False),
        (f"a b:{HASH}", False),
        (f"{'n' * 65}:{HASH}", False),
        (f"a:{HASH}:", False),
        (f"a:{HASH}:x|", False),
        (f"a:{HASH}:|x", False),
        (f"{HASH}:x", False),
        (",".join(f"{i:064x}" for i in range(16)), True),
        (",".join(f"{i:064x}" for i in range(17)), False),
    ],
)
def test_template_and_function_accept_the_same_hashes(value, taken):
    assert fits(source()["Parameters"]["TokenSha256"], value) == taken
    said = function_says(value)
    assert said.startswith(
        "http-sd: AWS_LAMBDA_RUNTIME_API is not set" if taken else "http-sd: HTTP_SD_TOKEN_SHA256"
    ), said
