"""The function of the workshop: answers fields, and notes each event that reaches it in a table."""

import os
from typing import Any

import boto3

log = boto3.resource("dynamodb").Table(os.environ["LOG"])


def handle(event: Any, context: object) -> Any:
    if "info" in event:
        return answer(event["info"]["fieldName"], event["arguments"])
    if "step" in event:
        note(event["id"], event["step"])
        return None
    if "detail" in event:
        note(event["detail"]["id"], f"{event['detail-type'].lower()} by a rule of {event['account']}")
        return None
    for record in event["Records"]:
        if "Sns" in record:
            note(record["Sns"]["Message"], "told by a topic")
        elif record["eventSource"] == "aws:sqs":
            note(record["body"], "paid by a queue")
        else:
            note(record["dynamodb"]["Keys"]["id"]["S"], f"{record['eventName'].lower()} by a stream")
    return None


def answer(field: str, arguments: Any) -> Any:
    if field == "order":
        return log.get_item(Key={"id": arguments["id"]}, ConsistentRead=True).get("Item")
    if field == "announce":
        note(arguments["id"], "announced by the API")
        return {}
    if field == "pay":
        boto3.client("sqs").send_message(QueueUrl=os.environ["PAYMENTS"], MessageBody=arguments["id"])
        boto3.client("sns").publish(TopicArn=os.environ["NEWS"], Message=arguments["id"])
        return {"sent": True}
    return reach(arguments["service"])


def reach(service: str) -> Any:
    if service == "s3":
        client = boto3.client("s3")
        client.put_object(Bucket=os.environ["UPLOADS"], Key="a", Body=b"x")
        return client.get_object(Bucket=os.environ["UPLOADS"], Key="a")["Body"].read().decode()
    if service == "ssm":
        return boto3.client("ssm").get_parameter(Name="/workshop/limit")["Parameter"]["Value"]
    if service == "secretsmanager":
        return boto3.client("secretsmanager").get_secret_value(SecretId="workshop")["SecretString"]
    if service == "lambda":
        answered = boto3.client("lambda").invoke(FunctionName="worker", Payload=b'{"step": "called", "id": "lambda"}')
        return str(answered["StatusCode"])
    return boto3.client("ses").list_identities()


def note(order: str, step: str) -> None:
    log.update_item(
        Key={"id": order},
        UpdateExpression="SET #steps = list_append(if_not_exists(#steps, :none), :step)",
        ExpressionAttributeNames={"#steps": "steps"},
        ExpressionAttributeValues={":none": [], ":step": [step]},
    )
