"""The handlers on Lambda, made by Chalice's construct."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from aws_cdk import aws_sam
from chalice.cdk import Chalice
from chalice.utils import to_cfn_resource_name
from constructs import Construct

from infrastructure.bundle import Package
from infrastructure.constructs.handlers import LOGGING, Handlers
from infrastructure.constructs.roles import Roles, policy_of
from infrastructure.limits import Limits


class Backend(Chalice):
    """All functions, from one zip.

    Chalice's own construct uses its scope's path as the Chalice stage, and builds into the working directory without
    cleaning up. Here the zip is built beforehand, see `infrastructure.bundle`, and its placeholder role is replaced.

    Attributes:
        handlers: The functions.
    """

    def __init__(
        self, scope: Construct, id_: str, *, source: Path, package: Package, roles: Roles, limits: Mapping[str, Limits]
    ) -> None:
        self._package = package
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
        self.handlers = Handlers(self, {handler: self.function(handler) for handler in limits}, roles)

    def _package_app(self) -> None:
        self._sam_package_dir = str(self._folder)
        shutil.copy(self._package.archive, self._folder / "deployment.zip")

    def _generate_sam_template_with_assets(self, chalice_out_dir: str, package_id: str) -> str:  # noqa: ARG002
        (self._folder / "sam.json").write_text(json.dumps(self._package.sam_template))
        return super()._generate_sam_template_with_assets(str(self._folder), package_id)

    def function(self, handler: str) -> aws_sam.CfnFunction:
        """The function of a handler, as a SAM resource."""
        return cast("aws_sam.CfnFunction", self.get_resource(to_cfn_resource_name(handler)))
