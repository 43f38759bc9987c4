"""Reads the GraphQL API of a template: modes, data sources, pipeline functions, resolvers and their code."""

import json
from collections.abc import Mapping
from typing import Any, Final

from appsync_local.api.limits import MOST_RESOLVERS, Introspection, Limits
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
    RdsSource,
    Resolver,
    UnitResolver,
)
from appsync_local.authorization.lambda_authorizer import AuthorizerOptions
from local_stack.template.document import Resource, Template, TemplateInvalid
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.policies import Permissions

INVOKE: Final = "lambda:InvokeFunction"
AUTHORIZER_TTL: Final = 300  # seconds. Source: AWS::AppSync::GraphQLApi LambdaAuthorizerConfig, its default
TABLE_INDEXES: Final = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")


class ApiReader:
    """Reads one API.

    Attributes:
        code: Texts of resolvers and pipeline functions, by the file name that the API expects.
        tables: Parameters of CreateTable for the tables of data sources, by table.
        refusals: Functions that AppSync may not invoke, by the name that the API has for them, each with the reason.
    """

    def __init__(self, template: Template, intrinsics: IntrinsicResolver, permissions: Permissions) -> None:
        self._template = template
        self._intrinsics = intrinsics
        self._permissions = permissions
        self.code: dict[str, str] = {}
        self.tables: dict[str, Mapping[str, Any]] = {}
        self.refusals: dict[str, str] = {}

    def read(self, resource: Resource) -> Api:
        """Read the API of an `AWS::AppSync::GraphQLApi`.

        Raises:
            TemplateInvalid: The API uses something that the local stack does not support.
        """
        properties = resource.properties
        others = (it["AuthenticationType"] for it in properties.get("AdditionalAuthenticationProviders", []))
        modes = tuple(AuthMode(mode) for mode in (properties["AuthenticationType"], *others))
        config = properties.get("LambdaAuthorizerConfig")
        steps = {it.name: it for it in self._template.of_type("AWS::AppSync::FunctionConfiguration")}
        return Api(
            modes=modes,
            authorizer=None if config is None else self._authorizer(resource, config["AuthorizerUri"]),
            sources=tuple(self._source(it) for it in self._template.of_type("AWS::AppSync::DataSource")),
            functions=tuple(self._pipeline_function(it) for it in steps.values()),
            resolvers=tuple(self._resolver(it, steps) for it in self._template.of_type("AWS::AppSync::Resolver")),
            environment={
                name: self._intrinsics.text(value) for name, value in properties.get("EnvironmentVariables", {}).items()
            },
        )

    def _authorizer(self, api: Resource, uri: Any) -> str:
        function = self._intrinsics.function(uri)
        name, arn = self._intrinsics.name(function), self._intrinsics.arn(function)
        if self._permissions.lets_service_invoke(function, "appsync.amazonaws.com", self._intrinsics.arn(api)):
            return name
        reason = f"appsync.amazonaws.com is not authorized to perform: {INVOKE} on resource: {arn}"
        return self._refuse(f"authorizer {name}", reason)

    def _source(self, resource: Resource) -> DataSource:
        name = self._intrinsics.text(resource.properties["Name"])
        match resource.properties["Type"]:
            case "NONE":
                return NoneSource(name)
            case "HTTP":
                return HttpSource(name, self._intrinsics.text(resource.properties["HttpConfig"]["Endpoint"]))
            case "AMAZON_DYNAMODB":
                return DynamoDbSource(name, self._table(name, resource.properties["DynamoDBConfig"]["TableName"]))
            case "RELATIONAL_DATABASE":
                return RdsSource(name, self._cluster(resource.properties["RelationalDatabaseConfig"]))
            case "AWS_LAMBDA":
                function = self._intrinsics.function(resource.properties["LambdaConfig"]["LambdaFunctionArn"])
                arn = self._intrinsics.arn(function)
                role = self._permissions.role(resource.properties.get("ServiceRoleArn"))
                if role.may(INVOKE, arn):
                    return LambdaSource(name, self._intrinsics.name(function))
                return LambdaSource(name, self._refuse(f"data source {name}", role.denial(INVOKE, arn)))
            case other:
                raise TemplateInvalid(f"data source {name} is of type {other}, which the local stack does not support")

    def _cluster(self, config: Mapping[str, Any]) -> str:
        """The name of a database cluster, from its ARN or identifier."""
        identifier = self._intrinsics.text(config["RdsHttpEndpointConfig"]["DbClusterIdentifier"])
        return identifier.rpartition(":")[2].removesuffix(".DBClusterArn")

    def _table(self, source: str, reference: Any) -> str:
        name = self._intrinsics.text(reference)
        for resource in self._template.of_type("AWS::DynamoDB::Table"):
            if self._intrinsics.name(resource) == name:
                self.tables[name] = _create_table_parameters(name, resource.properties)
                return name
        raise TemplateInvalid(f"data source {source} uses table {name}, which is not a table of this stack")

    def _pipeline_function(self, resource: Resource) -> PipelineFunction:
        name = self._intrinsics.text(resource.properties["Name"])
        code = self._read_code(resource, f"functions/{name}.js")
        source = self._intrinsics.text(resource.properties["DataSourceName"])
        return PipelineFunction(name, source, code, int(resource.properties.get("MaxBatchSize", 0)))

    def _resolver(self, resource: Resource, steps: Mapping[str, Resource]) -> Resolver:
        field = f"{resource.properties['TypeName']}.{resource.properties['FieldName']}"
        code = self._read_code(resource, f"resolvers/{field}.js")
        if resource.properties.get("Kind") != "PIPELINE":
            source = self._intrinsics.text(resource.properties["DataSourceName"])
            return UnitResolver(field, source, code, int(resource.properties.get("MaxBatchSize", 0)))
        names = []
        for step in resource.properties["PipelineConfig"]["Functions"]:
            match step:
                case {"Fn::GetAtt": [str(logical_id), "FunctionId"]} if logical_id in steps:
                    names.append(self._intrinsics.text(steps[logical_id].properties["Name"]))
                case _:
                    raise TemplateInvalid(f"{field} uses pipeline function {json.dumps(step)}, which does not exist")
        return PipelineResolver(field, tuple(names))

    def _read_code(self, resource: Resource, file: str) -> Code:
        if templates := [name for name in resource.properties if "MappingTemplate" in name]:
            raise TemplateInvalid(
                f"{resource.name} has {templates[0]}; the local stack supports resolvers in JavaScript only"
            )
        if "Code" not in resource.properties and "CodeS3Location" not in resource.properties:
            return Code.DIRECT
        self.code[file] = self._intrinsics.text_or_asset(resource, "Code", "CodeS3Location")
        return Code.FILE

    def _refuse(self, name: str, reason: str) -> str:
        self.refusals[name] = reason
        return name


def authorizer_options(api: Resource) -> AuthorizerOptions:
    """How the API uses its Lambda authorizer."""
    config = api.properties.get("LambdaAuthorizerConfig") or {}
    ttl = int(config.get("AuthorizerResultTtlInSeconds", AUTHORIZER_TTL))
    return AuthorizerOptions(ttl, config.get("IdentityValidationExpression"))


def operation_limits(api: Resource) -> Limits:
    """What one operation of the API may ask for. AppSync reads 0 as its default.

    Raises:
        TemplateInvalid: A value is not one that AppSync accepts.
    """
    properties = api.properties
    try:
        return Limits(
            Introspection(properties.get("IntrospectionConfig", Introspection.ENABLED.value)),
            depth=int(properties.get("QueryDepthLimit", 0)),
            resolvers=int(properties.get("ResolverCountLimit", 0)) or MOST_RESOLVERS,
        )
    except (TypeError, ValueError) as error:
        raise TemplateInvalid(
            f"{api.name} has an IntrospectionConfig, QueryDepthLimit or ResolverCountLimit that AppSync does not "
            f"accept: {error}"
        ) from None


def _create_table_parameters(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Name, keys and indexes of a table; capacity and other settings that affect only the bill are left out."""
    indexes = {
        kind: [
            {key: value for key, value in it.items() if key in ("IndexName", "KeySchema", "Projection")} for it in found
        ]
        for kind in TABLE_INDEXES
        if (found := properties.get(kind))
    }
    return {
        "TableName": name,
        "KeySchema": properties["KeySchema"],
        "AttributeDefinitions": properties["AttributeDefinitions"],
        "BillingMode": "PAY_PER_REQUEST",
        **indexes,
    }
