"""What an API on AppSync logs, and the role with which it writes."""

from aws_cdk import Acknowledgment, Aws, RemovalPolicy, Validations
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infrastructure.constructs.roles import RETENTION
from infrastructure.stage import Data


def add_log_role(scope: Construct) -> iam.Role:
    """The role with which AppSync writes the log. It has no permissions yet."""
    account = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    return iam.Role(scope, "LogRole", assumed_by=iam.ServicePrincipal("appsync.amazonaws.com", conditions=account))


def log_config(role: iam.Role) -> appsync.CfnGraphQLApi.LogConfigProperty:
    """Errors of fields are logged, without what callers sent."""
    return appsync.CfnGraphQLApi.LogConfigProperty(
        cloud_watch_logs_role_arn=role.role_arn,
        field_log_level="ERROR",
        exclude_verbose_content=True,  # headers and arguments contain tokens and prompts
    )


def add_log_group(scope: Construct, api: appsync.CfnGraphQLApi, role: iam.Role, *, days: int, data: Data) -> None:
    """Create the API's log group. AppSync names it after the API, so it is created after the API."""
    group = logs.LogGroup(
        scope,
        "Log",
        log_group_name=f"/aws/appsync/apis/{api.attr_api_id}",
        retention=RETENTION[days],
        removal_policy=RemovalPolicy.RETAIN if data is Data.RETAINED else RemovalPolicy.DESTROY,
    )
    group.grant_write(role)


def acknowledge_log(api: appsync.CfnGraphQLApi) -> None:
    """Explain to cdk-nag why headers and arguments are left out."""
    Validations.of(api).acknowledge(
        Acknowledgment(
            id="AwsSolutions::AwsSolutions-ASC3",
            reason="requests are logged without their headers and arguments, which contain tokens and prompts",
        )
    )
