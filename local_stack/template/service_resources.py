"""Reads the resources of a template that are created in the local services: tables, buckets, queues, topics and more.

Source: CloudFormation Template Reference, each resource type; the API reference of each service for its parameters.
"""

import json
import secrets
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from local_stack.creation import Creation
from local_stack.template.document import TABLES, Resource, Template
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.parameters import ACCOUNT
from local_stack.template.problems import Problems

INDEXES: Final = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
INDEX_MEMBERS: Final = ("IndexName", "KeySchema", "Projection")
QUEUE: Final = "AWS::SQS::Queue"
TOPIC: Final = "AWS::SNS::Topic"
BUCKET: Final = "AWS::S3::Bucket"
STATE_MACHINE: Final = "AWS::StepFunctions::StateMachine"
# Attributes that have the same name in a template and in CreateQueue or CreateTopic.
QUEUE_ATTRIBUTES: Final = (
    "ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoQueue", "FifoThroughputLimit",
    "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy",
    "RedrivePolicy", "VisibilityTimeout",
)  # fmt: skip
TOPIC_ATTRIBUTES: Final = ("ContentBasedDeduplication", "DisplayName", "FifoTopic")
# Types whose resources are created, in an order in which each exists before it is used.
CREATED: Final = (*TABLES, BUCKET, QUEUE, TOPIC, "AWS::SSM::Parameter", "AWS::SecretsManager::Secret",
                  "AWS::Events::EventBus", STATE_MACHINE)  # fmt: skip


def creations_of(
    template: Template, intrinsics: IntrinsicResolver, problems: Problems, types: Sequence[str]
) -> tuple[Creation, ...]:
    """The calls that create the resources of a template that are of these types of `CREATED`."""
    found: list[Creation] = []
    for type_ in types:
        read = _READERS[type_]
        resources = sorted(template.of_type(type_), key=lambda it: "RedrivePolicy" in it.properties)
        for resource in resources:
            with problems.of(resource):
                properties = intrinsics.resolve(resource.properties)
                found.extend(
                    Creation(resource.name, service, operation, parameters)
                    for service, operation, parameters in read(resource, properties, intrinsics)
                )
    return tuple(found)


def queue_addresses(template: Template, intrinsics: IntrinsicResolver, endpoint: str) -> dict[tuple[str, str], str]:
    """The values of `Ref` and `QueueUrl` of every queue, at the endpoint of the local services."""
    return {
        (it.name, attribute): f"{endpoint}/{ACCOUNT}/{intrinsics.name(it)}"
        for it in template.of_type(QUEUE)
        for attribute in ("Ref", "QueueUrl")
    }


Calls = Iterator[tuple[str, str, dict[str, Any]]]


def _table(resource: Resource, properties: Mapping[str, Any], intrinsics: IntrinsicResolver) -> Calls:
    """Name, keys, indexes and stream; settings that affect only the bill are left out."""
    name = intrinsics.name(resource)
    indexes = {
        kind: [{key: value for key, value in it.items() if key in INDEX_MEMBERS} for it in found]
        for kind in INDEXES
        if (found := properties.get(kind))
    }
    stream = properties.get("StreamSpecification")
    yield (
        "dynamodb", "create_table",
        {
            "TableName": name,
            "KeySchema": properties["KeySchema"],
            "AttributeDefinitions": properties["AttributeDefinitions"],
            "BillingMode": "PAY_PER_REQUEST",
            **indexes,
            **({"StreamSpecification": {"StreamEnabled": True, "StreamViewType": stream["StreamViewType"]}}
               if stream else {}),
        },
    )  # fmt: skip
    expiry = properties.get("TimeToLiveSpecification")
    if expiry and expiry.get("Enabled") in (True, "true") and expiry.get("AttributeName"):
        specification = {"Enabled": True, "AttributeName": expiry["AttributeName"]}
        yield "dynamodb", "update_time_to_live", {"TableName": name, "TimeToLiveSpecification": specification}


def _bucket(resource: Resource, properties: Mapping[str, Any], intrinsics: IntrinsicResolver) -> Calls:
    name = intrinsics.name(resource)
    yield "s3", "create_bucket", {"Bucket": name}
    if (versions := properties.get("VersioningConfiguration")) is not None:
        yield "s3", "put_bucket_versioning", {"Bucket": name, "VersioningConfiguration": versions}


def _queue(resource: Resource, properties: Mapping[str, Any], intrinsics: IntrinsicResolver) -> Calls:
    attributes = {name: _text(properties[name]) for name in QUEUE_ATTRIBUTES if name in properties}
    yield "sqs", "create_queue", {"QueueName": intrinsics.name(resource), "Attributes": attributes}


def _topic(resource: Resource, properties: Mapping[str, Any], intrinsics: IntrinsicResolver) -> Calls:
    attributes = {name: _text(properties[name]) for name in TOPIC_ATTRIBUTES if name in properties}
    yield "sns", "create_topic", {"Name": intrinsics.name(resource), "Attributes": attributes}


def _parameter(resource: Resource, properties: Mapping[str, Any], intrinsics: IntrinsicResolver) -> Calls:
    yield (
        "ssm", "put_parameter",
        {"Name": intrinsics.name(resource), "Value": _text(properties["Value"]), "Type": properties["Type"]},
    )  # fmt: skip


def _secret(resource: Resource, properties: Mapping[str, Any], intrinsics: IntrinsicResolver) -> Calls:
    generated = properties.get("GenerateSecretString")
    value = _generated(generated) if generated is not None else _text(properties.get("SecretString", ""))
    yield "secretsmanager", "create_secret", {"Name": intrinsics.name(resource), "SecretString": value}


def _bus(resource: Resource, properties: Mapping[str, Any], intrinsics: IntrinsicResolver) -> Calls:  # noqa: ARG001
    yield "events", "create_event_bus", {"Name": intrinsics.name(resource)}


def _state_machine(resource: Resource, properties: Mapping[str, Any], intrinsics: IntrinsicResolver) -> Calls:
    if "Definition" in properties:
        definition = json.dumps(properties["Definition"])
    else:
        definition = intrinsics.text_or_asset(resource, "DefinitionString", "DefinitionS3Location")
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        definition = definition.replace(f"${{{name}}}", _text(value))
    yield (
        "stepfunctions", "create_state_machine",
        {
            "name": intrinsics.name(resource),
            "definition": definition,
            "roleArn": properties.get("RoleArn", f"arn:aws:iam::{ACCOUNT}:role/{resource.name}"),
            "type": properties.get("StateMachineType", "STANDARD"),
        },
    )  # fmt: skip


_READERS: Final[Mapping[str, Callable[[Resource, Mapping[str, Any], IntrinsicResolver], Calls]]] = {
    **dict.fromkeys(TABLES, _table),
    BUCKET: _bucket,
    QUEUE: _queue,
    TOPIC: _topic,
    "AWS::SSM::Parameter": _parameter,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::Events::EventBus": _bus,
    STATE_MACHINE: _state_machine,
}


def _generated(given: Mapping[str, Any]) -> str:
    """A secret text as Secrets Manager generates it: 32 characters, or in the member of a JSON text that is given."""
    excluded = set(given.get("ExcludeCharacters", ""))
    alphabet = [it for it in string.ascii_letters + string.digits if it not in excluded]
    password = "".join(secrets.choice(alphabet) for _ in range(int(given.get("PasswordLength", 32))))
    if "GenerateStringKey" not in given:
        return password
    return json.dumps({**json.loads(given.get("SecretStringTemplate", "{}")), given["GenerateStringKey"]: password})


def _text(value: Any) -> str:
    """An attribute as the services take it: text, and everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
