"""What `Ref` and `Fn::GetAtt` of a resource return, for the kinds of resources whose values follow from their names.

Source: CloudFormation Template Reference, "Return values" of each resource type.
"""

from collections.abc import Mapping
from typing import Any, Final

from local_stack.template.parameters import ACCOUNT, PARTITION

# The property with a resource's own name, for the types that have one.
NAME_PROPERTY: Final = {
    "AWS::AppSync::DataSource": "Name",
    "AWS::Cognito::UserPool": "UserPoolName",
    "AWS::DynamoDB::GlobalTable": "TableName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::RDS::DBCluster": "DBClusterIdentifier",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
NAME: Final = "{name}"
URL: Final = "https://sqs.{region}.amazonaws.com/{account}/{name}"


def _arn(service: str, resource: str) -> str:
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource}"


ARN: Final[Mapping[str, str]] = {
    "AWS::AppSync::Api": _arn("appsync", "apis/{name}"),
    "AWS::AppSync::GraphQLApi": _arn("appsync", "apis/{name}"),
    "AWS::Cognito::UserPool": _arn("cognito-idp", "userpool/{name}"),
    "AWS::DynamoDB::GlobalTable": _arn("dynamodb", "table/{name}"),
    "AWS::DynamoDB::Table": _arn("dynamodb", "table/{name}"),
    "AWS::Events::EventBus": _arn("events", "event-bus/{name}"),
    "AWS::Events::Rule": _arn("events", "rule/{name}"),
    "AWS::IAM::ManagedPolicy": "arn:{partition}:iam::{account}:policy/{name}",
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{name}",
    "AWS::IAM::User": "arn:{partition}:iam::{account}:user/{name}",
    "AWS::KMS::Key": _arn("kms", "key/{name}"),
    "AWS::KinesisFirehose::DeliveryStream": _arn("firehose", "deliverystream/{name}"),
    "AWS::Kinesis::Stream": _arn("kinesis", "stream/{name}"),
    "AWS::Lambda::Function": _arn("lambda", "function:{name}"),
    "AWS::Lambda::LayerVersion": _arn("lambda", "layer:{name}:1"),
    "AWS::Logs::LogGroup": _arn("logs", "log-group:{name}:*"),
    "AWS::RDS::DBCluster": _arn("rds", "cluster:{name}"),
    "AWS::RDS::DBInstance": _arn("rds", "db:{name}"),
    "AWS::S3::Bucket": "arn:{partition}:s3:::{name}",
    "AWS::SNS::Topic": _arn("sns", "{name}"),
    "AWS::SQS::Queue": _arn("sqs", "{name}"),
    "AWS::SSM::Parameter": _arn("ssm", "parameter/{name}"),
    "AWS::SecretsManager::Secret": _arn("secretsmanager", "secret:{name}"),
    "AWS::Serverless::Function": _arn("lambda", "function:{name}"),
    "AWS::StepFunctions::StateMachine": _arn("states", "stateMachine:{name}"),
}
# Types whose `Ref` is their ARN; that of every other type in `NAME_PROPERTY` is the name.
REF_IS_ARN: Final = frozenset(
    {
        "AWS::AppSync::GraphQLApi", "AWS::IAM::ManagedPolicy", "AWS::Lambda::LayerVersion", "AWS::SNS::Topic",
        "AWS::SecretsManager::Secret", "AWS::StepFunctions::StateMachine",
    }
)  # fmt: skip
# Names of attributes that are an ARN or a name for every type that has them.
ARN_ATTRIBUTES: Final = frozenset(
    {"Arn", "DBClusterArn", "DBInstanceArn", "FunctionArn", "LayerVersionArn", "StateMachineArn", "TopicArn"}
)
NAME_ATTRIBUTES: Final = frozenset({"Name", "QueueName", "TopicName"})
OTHERS: Final[Mapping[tuple[str, str], str]] = {
    ("AWS::AppSync::Api", "ApiId"): NAME,
    ("AWS::AppSync::GraphQLApi", "ApiId"): NAME,
    ("AWS::AppSync::GraphQLApi", "GraphQLEndpointArn"): _arn("appsync", "endpoints/graphql-api/{name}"),
    ("AWS::DynamoDB::GlobalTable", "StreamArn"): _arn("dynamodb", "table/{name}/stream/local"),
    ("AWS::DynamoDB::GlobalTable", "TableId"): NAME,
    ("AWS::DynamoDB::Table", "StreamArn"): _arn("dynamodb", "table/{name}/stream/local"),
    ("AWS::IAM::InstanceProfile", "Ref"): NAME,
    ("AWS::KMS::Key", "KeyId"): NAME,
    ("AWS::KMS::Key", "Ref"): NAME,
    ("AWS::S3::Bucket", "DomainName"): "{name}.s3.amazonaws.com",
    ("AWS::S3::Bucket", "RegionalDomainName"): "{name}.s3.{region}.amazonaws.com",
    ("AWS::SQS::Queue", "QueueUrl"): URL,
    ("AWS::SQS::Queue", "Ref"): URL,
    ("AWS::SecretsManager::Secret", "Id"): ARN["AWS::SecretsManager::Secret"],
}


def name_without_own(type_: str, logical_id: str, properties: Mapping[str, Any]) -> str:
    """The name of a resource without a name of its own: its logical id, without characters that the service refuses."""
    if type_ == "AWS::S3::Bucket":
        return f"{logical_id.lower():x<3}"[:63]
    is_fifo = properties.get("FifoQueue", properties.get("FifoTopic")) in (True, "true")
    return f"{logical_id}.fifo" if is_fifo else logical_id


def arn_of(type_: str, name: str, region: str) -> str | None:
    """The ARN of a resource, in an account that does not exist; None for a type that is not known here."""
    form = ARN.get(type_)
    return None if form is None else _filled(form, name, region)


def attribute_of(type_: str, name: str, attribute: str, region: str) -> str | None:
    """An attribute that follows from the name of a resource; `Ref` counts as one. None: it does not, or is unknown.

    Args:
        type_: The resource type.
        name: The name of the resource.
        attribute: As in `Fn::GetAtt`.
        region: The region of the stack.
    """
    if (form := OTHERS.get((type_, attribute))) is not None:
        return _filled(form, name, region)
    if attribute in ARN_ATTRIBUTES or (attribute == "Ref" and type_ in REF_IS_ARN):
        return arn_of(type_, name, region)
    if type_ in NAME_PROPERTY and (attribute == "Ref" or attribute in NAME_ATTRIBUTES):
        return name
    return None


def _filled(form: str, name: str, region: str) -> str:
    return form.format(name=name, region=region, account=ACCOUNT, partition=PARTITION)
