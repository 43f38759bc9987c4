"""The handlers as plain Lambda functions, for a stack that has functions of its own.

Our own stack takes them from Chalice's construct. That adds the SAM transform and logical ids that are the same
everywhere, so it fits one stack only.
"""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as assets
from chalice.utils import to_cfn_resource_name
from constructs import Construct

from infrastructure.bundle import RUNTIME
from infrastructure.constructs.handlers import LOGGING, Handlers
from infrastructure.constructs.roles import Roles, policy_of
from infrastructure.limits import Limits


def plain_functions(scope: Construct, *, archive: Path, roles: Roles, limits: Mapping[str, Limits]) -> Handlers:
    """Create all functions, from one zip.

    Args:
        scope: Gets the functions.
        archive: The zip, see `infrastructure.bundle`.
        roles: The handlers' roles.
        limits: The handlers, and what one invocation of each may use.
    """
    code = assets.Asset(scope, "Code", path=str(archive))
    functions: dict[str, lambda_.CfnFunction] = {}
    for handler, limit in limits.items():
        function = lambda_.CfnFunction(
            scope,
            to_cfn_resource_name(handler),
            runtime=RUNTIME,
            architectures=["x86_64"],
            handler=f"app.{handler}",
            code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key),
            role=roles.role(handler).role_arn,
            timeout=limit.timeout,
            memory_size=limit.memory_mb,
            tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(
                log_group=roles.log(handler).log_group_name,
                log_format=LOGGING.log_format,
                application_log_level=LOGGING.application_log_level,
                system_log_level=LOGGING.system_log_level,
            ),
        )
        function.node.add_dependency(policy_of(roles.role(handler)))
        Validations.of(function).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-L1",
                reason="the zip has wheels and bytecode for this version of Python, with which it is tested",
            )
        )
        functions[handler] = function
    return Handlers(scope, functions, roles)
