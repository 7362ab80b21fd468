"""A local AWS for one stack: moto's server, extended by the resource types that its CloudFormation lacks.

Usage: cloudformation.py PORT

moto silently ignores the resource types and properties that this module adds. The module adds each by the API call that
CloudFormation makes, so botocore checks names and types. Rules and parameters of a template are not checked here, but
in tests/template. Only AWS itself shows how AWS handles a value.
"""

import json
import sys

import boto3
from moto.awslambda.models import LambdaFunction
from moto.cloudformation import models as cloudformation
from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler
from moto.iam.access_control import IAMRequestBase
from moto.iam.models import Role
from moto.logs.models import LogGroup
from moto.logs.responses import LogsResponse
from moto.server import main
from samtranslator.translator.transform import transform

PORT = sys.argv[1]


def client(service, region):
    """Returns a client of this server."""
    url = f"http://127.0.0.1:{PORT}"
    keys = {"aws_access_key_id": "cloudformation", "aws_secret_access_key": "cloudformation"}
    return boto3.client(service, region_name=region, endpoint_url=url, **keys)


def lower_camel(value):
    """Converts names to those of the CloudWatch Logs API."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: lower_camel(item) for name, item in value.items()}
    return [lower_camel(item) for item in value] if isinstance(value, list) else value


# --- Types that moto does not know ------------------------------------------------------------------------------------

# moto finds the types among the subclasses, which exist only while they are referenced.
ADDED = []


def add_type(kind, attributes=()):
    """Adds a resource type. `create(name, properties, region)` returns a physical id and its attributes."""

    def decorate(create):
        class Added(CloudFormationModel):
            # moto derives the name of the service from the module.
            __module__ = "moto.cloudformation.added"

            def __init__(self, physical_id, values):
                self.physical_resource_id, self.values = physical_id, values

            @staticmethod
            def cloudformation_name_type():
                return ""

            @staticmethod
            def cloudformation_type():
                return kind

            @classmethod
            def has_cfn_attr(cls, attr):
                return attr in attributes

            def get_cfn_attribute(self, attribute_name):
                return self.values[attribute_name]

            @classmethod
            def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_):
                return cls(*create(resource_name, cloudformation_json["Properties"], region_name))

            @classmethod
            def update_from_cloudformation_json(
                cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
            ):
                return cls(
                    *create(original_resource.physical_resource_id, cloudformation_json["Properties"], region_name)
                )

            @classmethod
            def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
                pass

        ADDED.append(Added)
        return create

    return decorate


@add_type("AWS::Lambda::Url", ("FunctionUrl", "FunctionArn"))
def url(name, properties, region):
    api = client("lambda", region)
    settings = {"FunctionName": properties["TargetFunctionArn"]}
    settings |= {key: properties[key] for key in ("AuthType", "InvokeMode")}
    try:
        made = api.create_function_url_config(**settings)
    except api.exceptions.ResourceConflictException:
        made = api.update_function_url_config(**settings)
    return made["FunctionArn"], {"FunctionUrl": made["FunctionUrl"] + "/", "FunctionArn": made["FunctionArn"]}


@add_type("AWS::CloudWatch::Alarm", ("Arn",))
def alarm(name, properties, region):
    api = client("cloudwatch", region)
    api.put_metric_alarm(AlarmName=name, **properties)
    (made,) = api.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return name, {"Arn": made["AlarmArn"]}


@add_type("AWS::Logs::MetricFilter")
def metric_filter(name, properties, region):
    client("logs", region).put_metric_filter(
        filterName=name,
        filterPattern=properties["FilterPattern"],
        logGroupName=properties["LogGroupName"],
        metricTransformations=lower_camel(properties["MetricTransformations"]),
    )
    return name, {}


@add_type("AWS::Logs::QueryDefinition", ("QueryDefinitionId",))
def query_definition(name, properties, region):
    # moto lacks PutQueryDefinition. cfn-lint checks the properties.
    return name, {"QueryDefinitionId": name}


# --- Properties that moto drops ---------------------------------------------------------------------------------------


def extend_create(model):
    """Runs a function on each resource that a model creates, with the resource's properties."""

    def decorate(extend):
        create = model.create_from_cloudformation_json.__func__

        def create_and_extend(cls, resource_name, cloudformation_json, account_id, region_name, **more):
            properties = cloudformation_json["Properties"]
            made = create(cls, resource_name, cloudformation_json, account_id, region_name, **more)
            extend(made, properties, region_name)
            return made

        model.create_from_cloudformation_json = classmethod(create_and_extend)
        return extend

    return decorate


@extend_create(Table)
def table(made, properties, region):
    api = client("dynamodb", region)
    # CloudFormation converts the text of a parameter to a boolean.
    made.deletion_protection_enabled = properties["DeletionProtectionEnabled"] == "true"
    # moto creates the key, but expects the word of DynamoDB's API.
    made.sse_specification["Enabled"] = properties["SSESpecification"]["SSEEnabled"]
    api.update_time_to_live(TableName=made.name, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
    recovery = properties["PointInTimeRecoverySpecification"]
    api.update_continuous_backups(TableName=made.name, PointInTimeRecoverySpecification=recovery)


@extend_create(LambdaFunction)
def function(made, properties, region):
    made.architectures = properties["Architectures"]
    made.logging_config = properties["LoggingConfig"]
    made.environment_vars = {name: str(value) for name, value in made.environment_vars.items()}


# The ARN of a log group ends with ":*", which includes its streams:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-logs-loggroup.html
LogGroup.get_cfn_attribute = lambda self, attribute_name: {"Arn": f"{self.arn}:*"}[attribute_name]


clean = parsing.clean_json


def clean_lists(resource_json, resources_map):
    """Removes AWS::NoValue also from lists, as CloudFormation does."""
    cleaned = clean(resource_json, resources_map)
    return [item for item in cleaned if item is not None] if isinstance(cleaned, list) else cleaned


parsing.clean_json = clean_lists

update_resource = parsing.parse_and_update_resource
find_changes = parsing.ResourceMap.build_resource_diff


def update_or_keep(logical_id, resource_json, resources_map, account_id, region_name):
    """Keeps a resource that moto cannot update, and skips one whose condition does not hold."""
    before = resources_map[logical_id]
    if before is None:
        return None
    return update_resource(logical_id, resource_json, resources_map, account_id, region_name) or before


def find_changes_in_conditions(self, other_template, parameters=None):
    """Updates each resource with a condition in a property. moto looks only for references to parameters."""
    found = find_changes(self, other_template, parameters)
    for name, resource in other_template["Resources"].items():
        if name in self._resource_json_map and name not in found["Modify"] and "Fn::If" in json.dumps(resource):
            found["Modify"].append(name)
    return found


parsing.parse_and_update_resource = update_or_keep
parsing.ResourceMap.build_resource_diff = find_changes_in_conditions

delete_resources = parsing.ResourceMap.delete


def delete_all_but_retained(self):
    """Deletes a stack's resources. moto knows no RetainExceptOnCreate, which equals Retain when a stack is deleted."""
    for resource in self._resource_json_map.values():
        if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
            resource["DeletionPolicy"] = "Retain"
    delete_resources(self)


parsing.ResourceMap.delete = delete_all_but_retained


# --- The role in force ------------------------------------------------------------------------------------------------

put_policy = Role.put_policy


def put_policy_as_text(self, policy_name, policy_json):
    put_policy(self, policy_name, policy_json if isinstance(policy_json, str) else json.dumps(policy_json))


def request_of(handler):
    return json.loads(handler.body) if isinstance(handler.body, str | bytes) else handler.body or {}


def arn(handler, service, resource):
    return f"arn:aws:{service}:{handler.region}:{handler.current_account}:{resource}"


def dynamodb_resource(self):
    """Returns the resource of a request to DynamoDB, which a policy's Resource restricts."""
    request = request_of(self)
    # A batch of this project names one table.
    name = request.get("TableName") or next(iter(request.get("RequestItems", ())), None)
    return arn(self, "dynamodb", f"table/{name}") if name else "*"


def stream_resource(self):
    """Returns the resource of a request to a stream. A shard iterator begins with the ARN of its stream."""
    request = request_of(self)
    return request.get("StreamArn") or request.get("ShardIterator", "*").partition("|")[0]


def logs_resource(self):
    """Returns the resource of a request to CloudWatch Logs."""
    request = request_of(self)
    group, stream = request.get("logGroupName"), request.get("logStreamName")
    return arn(self, "logs", f"log-group:{group}:log-stream:{stream}") if group and stream else "*"


check_action = IAMRequestBase.check_action_permitted
WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def check_each_action(self, resource):
    """Checks the permission of each write in a transaction. IAM has no permission for transactions."""
    if self._action != "dynamodb:TransactWriteItems":
        check_action(self, resource)
        return
    for item in json.loads(self._body)["TransactItems"]:
        for write, details in item.items():
            self._action = f"dynamodb:{WRITES[write]}"
            check_action(self, f"arn:aws:dynamodb:{self._region}:{self.account_id}:table/{details['TableName']}")


Role.put_policy = put_policy_as_text
DynamoHandler._determine_resource = dynamodb_resource
DynamoDBStreamsHandler._determine_resource = stream_resource
LogsResponse._determine_resource = logs_resource
IAMRequestBase.check_action_permitted = check_each_action


# --- AWS's transform, and the outputs of a stack that a change set makes ----------------------------------------------


class NoManagedPolicies:
    def load(self):
        return {}


def transformed(template, given=None):
    if "AWS::Serverless-2016-10-31" not in str(template.get("Transform", "")):
        return template
    values = {name: p["Default"] for name, p in template.get("Parameters", {}).items() if "Default" in p}
    return json.loads(json.dumps(transform(template, values | (given or {}), NoManagedPolicies())))


parse_template = cloudformation.Stack.parse_template
parse_change_set = cloudformation.ChangeSet._parse_template
apply_change_set = cloudformation.ChangeSet.apply


def parse_and_transform(self):
    parse_change_set(self)
    self.template_dict = transformed(self.template_dict, self.parameters)


def apply_with_outputs(self):
    apply_change_set(self)
    self.stack.template = self.template
    self.stack._parse_template()
    self.stack.template_dict = self.stack.resource_map._template = self.template_dict
    self.stack.output_map = self.stack._create_output_map()


cloudformation.Stack.parse_template = staticmethod(lambda template: transformed(parse_template(template)))
cloudformation.ChangeSet._parse_template = parse_and_transform
cloudformation.ChangeSet.apply = apply_with_outputs

if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", PORT])
