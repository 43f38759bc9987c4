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
from infrastructure.constructs.invocations import LOGGING, add_event_config, add_permission
from infrastructure.constructs.roles import Roles, policy_of
from infrastructure.limits import Limits


class Functions(Construct):
    """All functions, from one zip. See `infrastructure.constructs.jobs.Handlers`.

    Args:
        archive: The zip, see `infrastructure.bundle`.
        roles: The handlers' roles.
        limits: The handlers, and what one invocation of each may use.
    """

    def __init__(
        self, scope: Construct, id_: str, *, archive: Path, roles: Roles, limits: Mapping[str, Limits]
    ) -> None:
        super().__init__(scope, id_)
        self._roles = roles
        code = assets.Asset(self, "Code", path=str(archive))
        self._functions: dict[str, lambda_.CfnFunction] = {}
        for handler, limit in limits.items():
            function = lambda_.CfnFunction(
                self,
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
            self._functions[handler] = function

    def arn(self, handler: str) -> str:
        return self._functions[handler].attr_arn

    def name(self, handler: str) -> str:
        return self._functions[handler].ref

    def set_environment(self, handler: str, variables: Mapping[str, str]) -> None:
        """Add variables to a handler's environment."""
        for name, value in variables.items():
            self._functions[handler].add_property_override(f"Environment.Variables.{name}", value)

    def reserve_concurrency(self, handler: str, invocations: int) -> None:
        """Reserve a number of invocations at once for a handler, and limit it to them."""
        self._functions[handler].add_property_override("ReservedConcurrentExecutions", invocations)

    def set_events(self, handler: str, *, age: int, retries: int, on_failure: str | None) -> None:
        """See `infrastructure.constructs.jobs.Handlers`."""
        add_event_config(
            self,
            handler,
            function_name=self.name(handler),
            role=self._roles.role(handler),
            age=age,
            retries=retries,
            on_failure=on_failure,
        )

    def allow_invocation(self, handler: str, *, service: str, source_arn: str, name: str) -> None:
        """Let one resource of another service invoke a handler."""
        add_permission(self, name, function=self.arn(handler), service=service, source_arn=source_arn)
