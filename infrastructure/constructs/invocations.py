"""Who may invoke a handler, what happens to its asynchronous events, and what it logs."""

from typing import Final

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from chalice.utils import to_cfn_resource_name
from constructs import Construct

from infrastructure.constructs.roles import policy_of

LOGGING: Final = lambda_.CfnFunction.LoggingConfigProperty(
    log_format="JSON", application_log_level="INFO", system_log_level="WARN"
)


def add_event_config(
    scope: Construct,
    handler: str,
    *,
    function_name: str,
    role: iam.Role,
    age: int,
    retries: int,
    on_failure: str | None,
) -> None:
    """Configure how Lambda handles the asynchronous events of a handler.

    Args:
        scope: Gets the resource.
        handler: The handler that receives the events.
        function_name: Its function.
        role: Its role, which must be allowed to send to the destination.
        age: Seconds that an event may wait.
        retries: Invocations after the first one failed.
        on_failure: ARN of the function or queue that receives failed events. None: failed events are dropped.
    """
    config = lambda_.CfnEventInvokeConfig(
        scope,
        f"{to_cfn_resource_name(handler)}Events",
        function_name=function_name,
        qualifier="$LATEST",
        maximum_event_age_in_seconds=age,
        maximum_retry_attempts=retries,
        destination_config=None
        if on_failure is None
        else lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
            on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=on_failure)
        ),
    )
    config.node.add_dependency(policy_of(role))


def add_permission(scope: Construct, name: str, *, function: str, service: str, source_arn: str) -> None:
    """Let one resource of another service invoke a function, which is given by its ARN."""
    lambda_.CfnPermission(
        scope,
        name,
        action="lambda:InvokeFunction",
        function_name=function,
        principal=f"{service}.amazonaws.com",
        source_arn=source_arn,
    )
