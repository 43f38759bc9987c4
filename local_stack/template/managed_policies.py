"""The rights in the policies of AWS that applications with AppSync use.

Only actions on services that a template's resources belong to are listed. Source: AWS Managed Policy Reference Guide.
"""

from collections.abc import Mapping
from typing import Final

PREFIX: Final = "arn:aws:iam::aws:policy/"
_LOGS: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
_QUEUE: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_STREAM: Final = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")
_TRACES: Final = ("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules",
                  "xray:GetSamplingTargets", "xray:GetSamplingStatisticSummaries")  # fmt: skip
# Actions that a policy allows on every resource, by its name without path.
ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    "AdministratorAccess": ("*",),
    "AmazonBedrockFullAccess": ("bedrock:*",),
    "AmazonCognitoPowerUser": ("cognito-idp:*", "cognito-identity:*", "cognito-sync:*"),
    "AmazonDynamoDBFullAccess": ("dynamodb:*", "dax:*"),
    "AmazonDynamoDBFullAccess_v2": ("dynamodb:*", "dax:*"),
    "AmazonDynamoDBReadOnlyAccess": ("dynamodb:BatchGetItem", "dynamodb:Describe*", "dynamodb:GetItem",
                                     "dynamodb:List*", "dynamodb:Query", "dynamodb:Scan",
                                     "dynamodb:PartiQLSelect"),
    "AmazonEventBridgeFullAccess": ("events:*", "schemas:*", "scheduler:*", "pipes:*"),
    "AmazonRDSDataFullAccess": ("rds-data:*", "secretsmanager:*", "dbqms:*"),
    "AmazonS3FullAccess": ("s3:*", "s3-object-lambda:*"),
    "AmazonS3ReadOnlyAccess": ("s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*"),
    "AmazonSESFullAccess": ("ses:*",),
    "AmazonSNSFullAccess": ("sns:*",),
    "AmazonSQSFullAccess": ("sqs:*",),
    "AmazonSQSReadOnlyAccess": ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueues"),
    "AmazonSSMFullAccess": ("ssm:*",),
    "AmazonSSMReadOnlyAccess": ("ssm:Describe*", "ssm:Get*", "ssm:List*"),
    "AWSAppSyncAdministrator": ("appsync:*",),
    "AWSAppSyncInvokeFullAccess": ("appsync:GraphQL", "appsync:GetGraphqlApi", "appsync:ListGraphqlApis",
                                   "appsync:ListApiKeys"),
    "AWSAppSyncPushToCloudWatchLogs": _LOGS,
    "AWSLambda_FullAccess": ("lambda:*", *_LOGS),
    "AWSLambda_ReadOnlyAccess": ("lambda:Get*", "lambda:List*"),
    "AWSLambdaBasicExecutionRole": _LOGS,
    "AWSLambdaDynamoDBExecutionRole": (*_STREAM, *_LOGS),
    "AWSLambdaExecute": ("s3:GetObject", "s3:PutObject", "logs:*"),
    "AWSLambdaInvocation-DynamoDB": ("lambda:InvokeFunction", *_STREAM),
    "AWSLambdaRole": ("lambda:InvokeFunction",),
    "AWSLambdaSQSQueueExecutionRole": (*_QUEUE, *_LOGS),
    "AWSLambdaVPCAccessExecutionRole": ("ec2:*NetworkInterface*", *_LOGS),
    "AWSStepFunctionsFullAccess": ("states:*",),
    "AWSXRayDaemonWriteAccess": _TRACES,
    "AWSXrayWriteOnlyAccess": _TRACES,
    "CloudWatchLambdaInsightsExecutionRolePolicy": _LOGS,
    "CloudWatchLogsFullAccess": ("logs:*",),
    "PowerUserAccess": ("*",),
    "SecretsManagerReadWrite": ("secretsmanager:*",),
}  # fmt: skip


def actions_of(arn: str) -> tuple[str, ...] | None:
    """The actions that a policy of AWS allows on every resource; None for a policy that is not known here."""
    return ALLOWED.get(arn.rpartition("/")[2])
