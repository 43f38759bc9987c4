"""From a synthesised CloudFormation template to a stack that one machine can run: its API, its functions, its rights.

What the template lacks is lacking here too. A data source without the right to invoke its function, an authorizer
that AppSync may not invoke and a handler that may not use its table are refused as AWS refuses them, with the reason;
an environment variable, a resolver or a failure destination that is not there is not made up for.
"""

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from appsync_local.api.model import (
    Api,
    AuthMode,
    Code,
    DataSource,
    DynamoDbSource,
    HttpSource,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    Resolver,
    UnitResolver,
)
from appsync_local.authorization.lambda_authorizer import AuthorizerOptions
from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import FunctionSpec
from infrastructure.permissions import BUCKET_ACTIONS, TABLE_ACTIONS
from local_stack.services.dynamodb import table_of
from local_stack.template.intrinsics import Meanings, Resource, Template, TemplateInvalid
from local_stack.template.policies import Role, read_roles

INVOKE: Final = "lambda:InvokeFunction"
CALL_FIELD: Final = "appsync:GraphQL"
AUTHORIZER_TTL: Final = 300  # seconds. Source: AWS::AppSync::GraphQLApi LambdaAuthorizerConfig, its default
UNIT_SECONDS: Final = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")


@dataclass(frozen=True, slots=True)
class TemplateStack:
    """What a template describes.

    Attributes:
        api: The wiring of its API.
        schema: The schema's text.
        code: Texts of resolvers and pipeline functions, by the file that the wiring expects.
        functions: Its Lambda functions.
        fields: Root fields as `Type.field` that each function's role may call, by function.
        schedules: What runs by the clock.
        tables: What CreateTable is told of the tables that data sources work on.
        authorizer: How the Lambda authorizer is used.
        refusals: Names that cannot be invoked, each with the reason; the wiring has them where a right is missing.
        remarks: What else is missing, one sentence each.
    """

    api: Api
    schema: str
    code: Mapping[str, str]
    functions: tuple[FunctionSpec, ...]
    fields: Mapping[str, frozenset[str]]
    schedules: tuple[FunctionSchedule, ...]
    tables: tuple[Mapping[str, Any], ...]
    authorizer: AuthorizerOptions
    refusals: Mapping[str, str]
    remarks: tuple[str, ...]


def read_stack(template: Template, meanings: Meanings) -> TemplateStack:
    """Read the stack of a template that has one GraphQL API.

    Raises:
        TemplateInvalid: There is none, or something in it cannot be served here.
    """
    reader = _Reader(template, meanings)
    return reader.stack()


def unpack_functions(template: Template, into: Path) -> Path:
    """The folder that all functions of a template are imported from, unpacked where it is a zip.

    Raises:
        TemplateInvalid: There are several packages, or one is not beside the template.
    """
    places = {json.dumps(_code_of(function), sort_keys=True) for function in template.functions()}
    if len(places) != 1:
        raise TemplateInvalid(f"functions of one package can be run here, and {template.path.name} has {len(places)}")
    source = _asset(template, json.loads(places.pop()))
    if source.is_dir():
        return source
    with zipfile.ZipFile(source) as zipped:
        zipped.extractall(into)
    return into


def _code_of(function: Resource) -> Any:
    code = function.properties.get("CodeUri") or function.properties.get("Code") or {}
    return code.get("Key") or code.get("S3Key")


def _asset(template: Template, key: str | None) -> Path:
    """Where CDK put a file that it uploads when it deploys."""
    manifest = template.path.with_name(template.path.name.removesuffix(".template.json") + ".assets.json")
    name = Path(key or "").stem
    try:
        path = json.loads(manifest.read_text())["files"][name]["source"]["path"]
    except (OSError, KeyError, ValueError):
        raise TemplateInvalid(
            f"{key or 'code'} of {template.path.name} is not among the assets in {manifest.name}; "
            "keep the template in the folder that CDK wrote"
        ) from None
    return template.path.parent / str(path)


class _Reader:
    """Reads one template; collects what is refused and what is remarkable on the way."""

    def __init__(self, template: Template, meanings: Meanings) -> None:
        self._template = template
        self._meanings = meanings
        self._roles = read_roles(template, meanings)
        self._refusals: dict[str, str] = {}
        self._remarks: list[str] = []
        self._code: dict[str, str] = {}
        self._tables: dict[str, Mapping[str, Any]] = {}

    def stack(self) -> TemplateStack:
        apis = [*self._template.of_type("AWS::AppSync::GraphQLApi")]
        if len(apis) != 1:
            raise TemplateInvalid(f"{self._template.path.name} has to have one GraphQL API, and has {len(apis)}")
        api = self._read_api(apis[0])
        functions = tuple(self._read_function(it) for it in self._template.functions())
        for function in functions:
            self._check_stores(function)
        return TemplateStack(
            api=api,
            schema=self._text_or_asset(self._only("AWS::AppSync::GraphQLSchema"), "Definition", "DefinitionS3Location"),
            code=self._code,
            functions=functions,
            fields={it.name: self._fields_of(it, apis[0]) for it in functions},
            schedules=tuple(self._read_schedules()),
            tables=tuple(self._tables.values()),
            authorizer=_authorizer_options(apis[0]),
            refusals=self._refusals,
            remarks=tuple(self._remarks),
        )

    def _read_api(self, resource: Resource) -> Api:
        properties = resource.properties
        others = (it["AuthenticationType"] for it in properties.get("AdditionalAuthenticationProviders", []))
        modes = tuple(AuthMode(mode) for mode in (properties["AuthenticationType"], *others))
        config = properties.get("LambdaAuthorizerConfig")
        steps = {it.name: it for it in self._template.of_type("AWS::AppSync::FunctionConfiguration")}
        return Api(
            modes=modes,
            authorizer=None if config is None else self._authorizer(resource, config["AuthorizerUri"]),
            sources=tuple(self._read_source(it) for it in self._template.of_type("AWS::AppSync::DataSource")),
            functions=tuple(self._read_step(it) for it in steps.values()),
            resolvers=tuple(self._read_resolver(it, steps) for it in self._template.of_type("AWS::AppSync::Resolver")),
        )

    def _authorizer(self, api: Resource, uri: Any) -> str:
        function, arn = self._function(uri), self._meanings.arn(api)
        if self._is_permitted(function, "appsync.amazonaws.com", arn):
            return self._meanings.name(function)
        return self._refuse(
            f"authorizer {self._meanings.name(function)}",
            f"appsync.amazonaws.com is not authorized to perform: {INVOKE} on resource: {self._meanings.arn(function)}",
        )

    def _read_source(self, resource: Resource) -> DataSource:
        name = self._meanings.text(resource.properties["Name"])
        match resource.properties["Type"]:
            case "NONE":
                return NoneSource(name)
            case "HTTP":
                return HttpSource(name, self._meanings.text(resource.properties["HttpConfig"]["Endpoint"]))
            case "AMAZON_DYNAMODB":
                return DynamoDbSource(name, self._keep_table(name, resource.properties["DynamoDBConfig"]["TableName"]))
            case "AWS_LAMBDA":
                function = self._function(resource.properties["LambdaConfig"]["LambdaFunctionArn"])
                arn, role = self._meanings.arn(function), self._role(resource.properties.get("ServiceRoleArn"))
                if role.may(INVOKE, arn):
                    return LambdaSource(name, self._meanings.name(function))
                return LambdaSource(name, self._refuse(f"data source {name}", role.missing(INVOKE, arn)))
            case other:
                raise TemplateInvalid(f"data source {name} is of type {other}, which is not served here")

    def _keep_table(self, source: str, reference: Any) -> str:
        table = self._meanings.text(reference)
        for resource in self._template.of_type("AWS::DynamoDB::Table"):
            if self._meanings.name(resource) == table:
                self._tables[table] = table_of(resource, self._meanings)
                return table
        raise TemplateInvalid(f"data source {source} works on table {table}, which is no table of this stack")

    def _read_step(self, resource: Resource) -> PipelineFunction:
        name = self._meanings.text(resource.properties["Name"])
        code = self._keep_code(resource, f"functions/{name}.js")
        source = self._meanings.text(resource.properties["DataSourceName"])
        return PipelineFunction(name, source, code, int(resource.properties.get("MaxBatchSize", 0)))

    def _read_resolver(self, resource: Resource, steps: Mapping[str, Resource]) -> Resolver:
        field = f"{resource.properties['TypeName']}.{resource.properties['FieldName']}"
        code = self._keep_code(resource, f"resolvers/{field}.js")
        if resource.properties.get("Kind") != "PIPELINE":
            source = self._meanings.text(resource.properties["DataSourceName"])
            return UnitResolver(field, source, code, int(resource.properties.get("MaxBatchSize", 0)))
        names = []
        for step in resource.properties["PipelineConfig"]["Functions"]:
            match step:
                case {"Fn::GetAtt": [str(logical), "FunctionId"]} if logical in steps:
                    names.append(self._meanings.text(steps[logical].properties["Name"]))
                case _:
                    raise TemplateInvalid(f"{field} uses pipeline function {json.dumps(step)}, which is not there")
        return PipelineResolver(field, tuple(names))

    def _keep_code(self, resource: Resource, file: str) -> Code:
        if templates := [name for name in resource.properties if "MappingTemplate" in name]:
            raise TemplateInvalid(f"{resource.name} has {templates[0]}; resolvers in JavaScript are served here")
        if "Code" not in resource.properties and "CodeS3Location" not in resource.properties:
            return Code.DIRECT
        self._code[file] = self._text_or_asset(resource, "Code", "CodeS3Location")
        return Code.FILE

    def _text_or_asset(self, resource: Resource, inline: str, stored: str) -> str:
        if inline in resource.properties:
            return self._meanings.text(resource.properties[inline])
        if stored not in resource.properties:
            raise TemplateInvalid(f"{resource.name} has to have {inline} or {stored}, and has neither")
        return _asset(self._template, self._meanings.text(resource.properties[stored])).read_text("utf-8")

    def _read_function(self, resource: Resource) -> FunctionSpec:
        properties, name = resource.properties, self._meanings.name(resource)
        if not str(properties.get("Runtime", "")).startswith("python"):
            raise TemplateInvalid(f"{name} runs on {properties.get('Runtime')}; functions in Python are run here")
        variables = properties.get("Environment", {}).get("Variables", {})
        spec = FunctionSpec(
            name=name,
            handler=properties["Handler"],
            environment={key: self._meanings.text(value) for key, value in variables.items()},
            timeout=float(properties.get("Timeout", 3)),
            memory_mb=int(properties.get("MemorySize", 128)),
            reserved_concurrency=properties.get("ReservedConcurrentExecutions"),
        )
        for config in self._template.of_type("AWS::Lambda::EventInvokeConfig"):
            if self._meanings.text(config.properties["FunctionName"]) in (name, self._meanings.arn(resource)):
                return self._with_events(spec, resource, config.properties)
        return spec

    def _with_events(self, spec: FunctionSpec, function: Resource, config: Mapping[str, Any]) -> FunctionSpec:
        destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        return replace(
            spec,
            maximum_retries=int(config.get("MaximumRetryAttempts", 2)),
            maximum_event_age=float(config.get("MaximumEventAgeInSeconds", 21_600)),
            on_failure=None if destination is None else self._destination(function, self._meanings.text(destination)),
        )

    def _destination(self, function: Resource, arn: str) -> str | None:
        role = self._role(function.properties.get("Role"))
        for other in self._template.functions():
            if self._meanings.arn(other) == arn:
                if role.may(INVOKE, arn):
                    return self._meanings.name(other)
                self._remarks.append(f"failures of {function.name} are dropped: {role.missing(INVOKE, arn)}")
        return None  # a queue, which only AWS has

    def _read_schedules(self) -> Iterator[FunctionSchedule]:
        for rule in self._template.of_type("AWS::Events::Rule"):
            rate = _RATE.fullmatch(rule.properties.get("ScheduleExpression", ""))
            if rate is None or rule.properties.get("State") == "DISABLED":
                self._remarks.append(f"rule {rule.name} does not run here; rules of the form rate(1 minute) do")
                continue
            for target in rule.properties.get("Targets", []):
                function = self._function(target["Arn"])
                name = self._meanings.name(function)
                if not self._is_permitted(function, "events.amazonaws.com", self._meanings.arn(rule)):
                    self._remarks.append(f"{name} does not run by the clock: rule {rule.name} may not invoke it")
                elif name in self._refusals:
                    self._remarks.append(f"{name} does not run by the clock: {self._refusals[name]}")
                else:
                    yield FunctionSchedule(name, every=int(rate[1]) * UNIT_SECONDS[rate[2]])

    def _check_stores(self, function: FunctionSpec) -> None:
        """Refuse a handler that may not do to table and bucket what it does: here both are another place's."""
        role = self._role_of(function)
        for action, arn in (*self._on_tables(function), *self._on_buckets(function)):
            if not role.may(action, arn):
                self._refusals.setdefault(function.name, f"AccessDeniedException: {role.missing(action, arn)}")

    def _on_tables(self, function: FunctionSpec) -> Iterator[tuple[str, str]]:
        for table in self._template.of_type("AWS::DynamoDB::Table"):
            for action, index in TABLE_ACTIONS.get(function.handler, ()):
                yield action, self._meanings.arn(table) + (f"/index/{index}" if index else "")

    def _on_buckets(self, function: FunctionSpec) -> Iterator[tuple[str, str]]:
        for bucket in self._template.of_type("AWS::S3::Bucket"):
            for action, folder in BUCKET_ACTIONS.get(function.handler, ()):
                yield action, self._meanings.arn(bucket) + (f"/{folder}some-object" if folder else "")

    def _fields_of(self, function: FunctionSpec, api: Resource) -> frozenset[str]:
        """Root fields that a function's role may call, signed."""
        role, arn = self._role_of(function), self._meanings.arn(api)
        schema = self._text_or_asset(self._only("AWS::AppSync::GraphQLSchema"), "Definition", "DefinitionS3Location")
        return frozenset(
            f"{type_name}.{field}"
            for type_name, field in _root_fields(schema)
            if role.may(CALL_FIELD, f"{arn}/types/{type_name}/fields/{field}")
        )

    def _role_of(self, function: FunctionSpec) -> Role:
        (resource,) = (it for it in self._template.functions() if self._meanings.name(it) == function.name)
        return self._role(resource.properties.get("Role"))

    def _role(self, reference: Any) -> Role:
        arn = self._meanings.text(reference) if reference is not None else "no role"
        return self._roles.get(arn, Role(arn, ()))

    def _function(self, reference: Any) -> Resource:
        arn = self._meanings.text(reference)
        for function in self._template.functions():
            if arn in (self._meanings.arn(function), self._meanings.name(function)):
                return function
        raise TemplateInvalid(f"{arn} in {self._template.path.name} is no function of this stack")

    def _is_permitted(self, function: Resource, principal: str, source: str) -> bool:
        """Whether the function's own policy lets a service invoke it on behalf of `source`."""
        for it in self._template.of_type("AWS::Lambda::Permission"):
            target = self._meanings.text(it.properties["FunctionName"])
            if target in (self._meanings.arn(function), self._meanings.name(function)):
                given = it.properties.get("SourceArn")
                if it.properties["Principal"] == principal and (given is None or self._meanings.text(given) == source):
                    return True
        return False

    def _refuse(self, name: str, reason: str) -> str:
        self._refusals[name] = reason
        return name

    def _only(self, type_: str) -> Resource:
        found = [*self._template.of_type(type_)]
        if len(found) != 1:
            raise TemplateInvalid(f"{self._template.path.name} has to have one {type_}, and has {len(found)}")
        return found[0]


def _authorizer_options(api: Resource) -> AuthorizerOptions:
    config = api.properties.get("LambdaAuthorizerConfig") or {}
    ttl = int(config.get("AuthorizerResultTtlInSeconds", AUTHORIZER_TTL))
    return AuthorizerOptions(ttl, config.get("IdentityValidationExpression"))


def _root_fields(schema: str) -> Iterator[tuple[str, str]]:
    from graphql import ObjectTypeDefinitionNode, parse

    for definition in parse(schema).definitions:
        if isinstance(definition, ObjectTypeDefinitionNode) and definition.name.value in (
            "Query",
            "Mutation",
            "Subscription",
        ):
            for field in definition.fields or ():
                yield definition.name.value, field.name.value
