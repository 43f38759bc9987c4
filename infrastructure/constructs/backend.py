"""The handlers on Lambda, made by Chalice's construct."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from aws_cdk import aws_sam
from chalice.cdk import Chalice
from chalice.utils import to_cfn_resource_name
from constructs import Construct

from infrastructure.bundle import Package
from infrastructure.constructs.invocations import LOGGING, add_event_config, add_permission
from infrastructure.constructs.roles import Roles, policy_of
from infrastructure.limits import Limits


class Backend(Chalice):
    """All functions, from one zip.

    Chalice's own construct uses its scope's path as the Chalice stage, and builds into the working directory without
    cleaning up. Here the zip is built beforehand, see `infrastructure.bundle`, and its placeholder role is replaced.
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
                    "LogFormat": LOGGING.log_format,
                    "ApplicationLogLevel": LOGGING.application_log_level,
                    "SystemLogLevel": LOGGING.system_log_level,
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
        """The function of a handler, as a SAM resource."""
        return cast("aws_sam.CfnFunction", self.get_resource(to_cfn_resource_name(handler)))

    def arn(self, handler: str) -> str:
        return self.function(handler).get_att("Arn").to_string()

    def name(self, handler: str) -> str:
        return self.function(handler).ref

    def set_environment(self, handler: str, variables: Mapping[str, Any]) -> None:
        """Add variables to a handler's environment."""
        for name, value in variables.items():
            self.function(handler).add_property_override(f"Environment.Variables.{name}", value)

    def reserve_concurrency(self, handler: str, invocations: int) -> None:
        """Reserve a number of invocations at once for a handler, and limit it to them."""
        self.function(handler).add_property_override("ReservedConcurrentExecutions", invocations)

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
