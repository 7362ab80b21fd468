"""Service discovery from the same table, as commonly written in Python: boto3, a list, json.dumps."""

import json
import os

import boto3
from boto3.dynamodb.conditions import Key

table = boto3.resource("dynamodb").Table(os.environ["HTTP_SD_TABLE"])


def handler(event, context):
    """Responds to a Function URL event with the groups of the job in its path."""
    job = event["rawPath"].rsplit("/", 1)[-1]
    groups = []
    start = {}
    while start is not None:
        page = table.query(KeyConditionExpression=Key("job").eq(job), **start)
        groups += [{"targets": row["targets"], "labels": row.get("labels", {})} for row in page["Items"]]
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if "LastEvaluatedKey" in page else None
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(groups)}
