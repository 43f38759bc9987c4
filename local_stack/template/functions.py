"""Reads the Lambda functions of a template: code, limits, failure destinations, schedules and rights."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import FunctionSpec
from infrastructure.permissions import BUCKET_ACTIONS, TABLE_ACTIONS
from local_stack.root_fields import root_fields
from local_stack.template.api import INVOKE
from local_stack.template.document import TABLES, Resource, Template
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.policies import Permissions, Role
from local_stack.template.problems import Problems
from local_stack.template.runtimes import remarks_on_versions, why_not_run

CALL_FIELD: Final = "appsync:GraphQL"
UNIT_SECONDS: Final = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")


class FunctionReader:
    """Reads the functions of one template.

    Attributes:
        refusals: Functions that cannot run because their role lacks a right, each with the reason.
        unsupported: Functions that this machine cannot run, each with the reason.
        warnings: What the template asks for and the local stack leaves out, one sentence each.
    """

    def __init__(
        self, template: Template, intrinsics: IntrinsicResolver, permissions: Permissions, problems: Problems
    ) -> None:
        self._template = template
        self._intrinsics = intrinsics
        self._permissions = permissions
        self._problems = problems
        self.refusals: dict[str, str] = {}
        self.unsupported: dict[str, str] = {}
        self.warnings: list[str] = []

    def read(self) -> tuple[FunctionSpec, ...]:
        """All functions that the APIs and their schedules may invoke, and that this machine can run.

        A function that the template describes wrongly is a problem.
        """
        for resource in self._template.functions():
            if (reason := why_not_run(resource.properties)) is not None:
                name = self._intrinsics.name(resource)
                self.unsupported[name] = f"{name} cannot be run: {reason}"
        functions: list[FunctionSpec] = []
        for resource in self._template.functions():
            with self._problems.of(resource):
                if self._is_supported(resource):
                    functions.append(self._function(resource))
        for function in functions:
            self._check_stores(function)
        self.warnings += remarks_on_versions(functions)
        return tuple(functions)

    def schedules(self) -> Iterator[FunctionSchedule]:
        """What EventBridge rules invoke; to be called after `read`.

        Raises:
            TemplateInvalid: A rule invokes a function that the template does not have.
        """
        for rule in self._template.of_type("AWS::Events::Rule"):
            if "ScheduleExpression" not in rule.properties:
                continue  # a rule with a pattern is an event source
            rate = _RATE.fullmatch(rule.properties["ScheduleExpression"])
            if rate is None or rule.properties.get("State") == "DISABLED":
                self.warnings.append(
                    f"rule {rule.name} does not run: the local stack supports enabled rules of the form rate(1 minute)"
                )
                continue
            for target in rule.properties.get("Targets", []):
                function = self._intrinsics.function(target["Arn"])
                name = self._intrinsics.name(function)
                if not self._permissions.lets_service_invoke(
                    function, "events.amazonaws.com", self._intrinsics.arn(rule)
                ):
                    self.warnings.append(f"{name} does not run on schedule: rule {rule.name} may not invoke it")
                elif (reason := self.refusals.get(name) or self.unsupported.get(name)) is not None:
                    self.warnings.append(f"{name} does not run on schedule: {reason}")
                else:
                    yield FunctionSchedule(name, every=int(rate[1]) * UNIT_SECONDS[rate[2]])

    def callable_fields(self, function: FunctionSpec, api: Resource, schema: str) -> frozenset[str]:
        """Root fields, as `Mutation.updateStatus`, that the function's role may call with a signature."""
        role, arn = self._role_of(function), self._intrinsics.arn(api)
        return frozenset(
            f"{type_name}.{field}"
            for type_name, field in root_fields(schema)
            if role.may(CALL_FIELD, f"{arn}/types/{type_name}/fields/{field}")
        )

    def _function(self, resource: Resource) -> FunctionSpec:
        properties, name, runtime = resource.properties, self._intrinsics.name(resource), resource.properties["Runtime"]
        variables = properties.get("Environment", {}).get("Variables", {})
        spec = FunctionSpec(
            name=name,
            handler=properties["Handler"],
            environment={key: self._intrinsics.text(value) for key, value in variables.items()},
            timeout=float(properties.get("Timeout", 3)),
            memory_mb=int(properties.get("MemorySize", 128)),
            reserved_concurrency=properties.get("ReservedConcurrentExecutions"),
            runtime=runtime,
        )
        for config in self._template.of_type("AWS::Lambda::EventInvokeConfig"):
            if self._intrinsics.text(config.properties["FunctionName"]) in (name, self._intrinsics.arn(resource)):
                return self._with_event_options(spec, resource, config.properties)
        return spec

    def _with_event_options(self, spec: FunctionSpec, function: Resource, config: Mapping[str, Any]) -> FunctionSpec:
        destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        arn = None if destination is None else self._intrinsics.text(destination)
        return replace(
            spec,
            maximum_retries=int(config.get("MaximumRetryAttempts", 2)),
            maximum_event_age=float(config.get("MaximumEventAgeInSeconds", 21_600)),
            on_failure=None if arn is None else self._failure_destination(function, arn),
        )

    def _failure_destination(self, function: Resource, arn: str) -> str | None:
        """The function that failures are sent to; None for what the local stack does not have."""
        role = self._permissions.role(function.properties.get("Role"))
        for other in self._template.functions():
            if self._intrinsics.arn(other) == arn:
                name = self._intrinsics.name(other)
                if role.may(INVOKE, arn) and name not in self.unsupported:
                    return name
                reason = self.unsupported.get(name) or role.denial(INVOKE, arn)
                self.warnings.append(f"failures of {function.name} are dropped: {reason}")
        return None

    def _is_supported(self, function: Resource) -> bool:
        return self._intrinsics.name(function) not in self.unsupported

    def _check_stores(self, function: FunctionSpec) -> None:
        """Refuse a function whose role lacks rights on the table or bucket: locally, neither would check them."""
        role = self._role_of(function)
        for action, arn in (*self._table_actions(function), *self._bucket_actions(function)):
            if not role.may(action, arn):
                self.refusals.setdefault(function.name, f"AccessDeniedException: {role.denial(action, arn)}")

    def _table_actions(self, function: FunctionSpec) -> Iterator[tuple[str, str]]:
        for table in self._template.of_type(*TABLES):
            for action, index in TABLE_ACTIONS.get(function.handler, ()):
                yield action, self._intrinsics.arn(table) + (f"/index/{index}" if index else "")

    def _bucket_actions(self, function: FunctionSpec) -> Iterator[tuple[str, str]]:
        for bucket in self._template.of_type("AWS::S3::Bucket"):
            if self._intrinsics.name(bucket) not in function.environment.values():
                continue  # it runs only during a deployment, for example to copy files
            for action, folder in BUCKET_ACTIONS.get(function.handler, ()):
                yield action, self._intrinsics.arn(bucket) + (f"/{folder}some-object" if folder else "")

    def _role_of(self, function: FunctionSpec) -> Role:
        return self._permissions.role(self._intrinsics.function(function.name).properties.get("Role"))
