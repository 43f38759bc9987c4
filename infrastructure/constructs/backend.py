"""The handlers on Lambda, by Chalice's construct."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sam
from chalice.cdk import Chalice
from chalice.utils import to_cfn_resource_name
from constructs import Construct

from infrastructure.bundle import Package
from infrastructure.constructs.roles import Roles, policy_of
from infrastructure.stages import Limits


class Backend(Chalice):
    """All functions, from one zip.

    Chalice's own construct makes its scope's path the Chalice stage, builds into the working directory and leaves it
    there. Here the zip is made before, see `infrastructure.bundle`, and a placeholder role is replaced.
    """

    def __init__(
        self, scope: Construct, id_: str, *, source: Path, package: Package, roles: Roles, limits: Mapping[str, Limits]
    ) -> None:
        self._package = package
        self._roles = roles
        with tempfile.TemporaryDirectory() as folder:
            self._folder = Path(folder)
            super().__init__(scope, id_, source_dir=str(source))
        for handler, limit in limits.items():
            function = self.function(handler)
            for name, value in {
                "Role": roles.role(handler).role_arn,
                "Timeout": limit.timeout,
                "MemorySize": limit.memory_mb,
                "Tracing": "Active",
                "LoggingConfig": {
                    "LogGroup": roles.log(handler).log_group_name,
                    "LogFormat": "JSON",
                    "ApplicationLogLevel": "INFO",
                    "SystemLogLevel": "WARN",
                },
            }.items():
                function.add_property_override(name, value)
            function.node.add_dependency(policy_of(roles.role(handler)))

    def _package_app(self) -> None:
        self._sam_package_dir = str(self._folder)
        shutil.copy(self._package.archive, self._folder / "deployment.zip")

    def _generate_sam_template_with_assets(self, chalice_out_dir: str, package_id: str) -> str:  # noqa: ARG002
        (self._folder / "sam.json").write_text(json.dumps(self._package.sam_template))
        return super()._generate_sam_template_with_assets(str(self._folder), package_id)

    def function(self, handler: str) -> aws_sam.CfnFunction:
        """A handler's function as SAM has it."""
        return cast("aws_sam.CfnFunction", self.get_resource(to_cfn_resource_name(handler)))

    def arn(self, handler: str) -> str:
        return self.function(handler).get_att("Arn").to_string()

    def name(self, handler: str) -> str:
        return self.function(handler).ref

    def set_environment(self, handler: str, variables: Mapping[str, Any]) -> None:
        """Add variables to a handler's environment."""
        for name, value in variables.items():
            self.function(handler).add_property_override(f"Environment.Variables.{name}", value)

    def set_concurrency(self, handler: str, most: int) -> None:
        """Reserve so many invocations at once for a handler, and allow no more."""
        self.function(handler).add_property_override("ReservedConcurrentExecutions", most)

    def set_events(
        self, handler: str, *, age: int, retries: int, on_failure: str | None
    ) -> lambda_.CfnEventInvokeConfig:
        """What becomes of events that cannot be handled.

        Args:
            handler: Whose events.
            age: Seconds that one may wait.
            retries: Tries after the first one failed.
            on_failure: ARN of a function or queue that the handler's role may send to; None: they are dropped.
        """
        config = lambda_.CfnEventInvokeConfig(
            self,
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
        return config

    def let(self, handler: str, *, service: str, source_arn: str, name: str) -> lambda_.CfnPermission:
        """Let one resource of another service invoke a handler."""
        return lambda_.CfnPermission(
            self,
            name,
            action="lambda:InvokeFunction",
            function_name=self.arn(handler),
            principal=f"{service}.amazonaws.com",
            source_arn=source_arn,
        )
