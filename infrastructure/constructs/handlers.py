"""The handlers as functions on Lambda: names, environments, capacity, asynchronous events, and who may invoke them."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import CfnResource
from aws_cdk import aws_lambda as lambda_
from chalice.utils import to_cfn_resource_name
from constructs import Construct

from infrastructure.constructs.roles import Roles, policy_of

LOGGING: Final = lambda_.CfnFunction.LoggingConfigProperty(
    log_format="JSON", application_log_level="INFO", system_log_level="WARN"
)


class Handlers:
    """The functions of a stage, as `backend` or `functions` creates them.

    Args:
        scope: Gets the resources that are added here.
        functions: The functions by the names of their handlers.
        roles: The handlers' roles.
    """

    def __init__(self, scope: Construct, functions: Mapping[str, CfnResource], roles: Roles) -> None:
        self._scope = scope
        self._functions = functions
        self._roles = roles

    def arn(self, handler: str) -> str:
        return self._functions[handler].get_att("Arn").to_string()

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
        """Configure how Lambda handles the asynchronous events of a handler.

        Args:
            handler: The handler that receives the events.
            age: Seconds that an event may wait.
            retries: Invocations after the first one failed.
            on_failure: ARN of the function or queue that receives failed events; the handler's role must be allowed to
                send to it. None: failed events are dropped.
        """
        config = lambda_.CfnEventInvokeConfig(
            self._scope,
            f"{to_cfn_resource_name(handler)}Events",
            function_name=self.name(handler),
            qualifier="$LATEST",
            maximum_event_age_in_seconds=age,
            maximum_retry_attempts=retries,
            destination_config=None
            if on_failure is None
            else lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=on_failure)
            ),
        )
        config.node.add_dependency(policy_of(self._roles.role(handler)))

    def allow_invocation(self, handler: str, *, service: str, source_arn: str, name: str) -> None:
        """Let one resource of another service invoke a handler."""
        lambda_.CfnPermission(
            self._scope,
            name,
            action="lambda:InvokeFunction",
            function_name=self.arn(handler),
            principal=f"{service}.amazonaws.com",
            source_arn=source_arn,
        )
