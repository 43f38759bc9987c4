"""Reads the GraphQL API of a template: modes, data sources, pipeline functions, resolvers and their code."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from appsync_local.api.limits import MOST_RESOLVERS, Introspection, Limits
from appsync_local.api.model import (
    Api,
    AuthMode,
    BedrockSource,
    Code,
    DataSource,
    DynamoDbSource,
    EventBridgeSource,
    HttpSigning,
    HttpSource,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    RdsSource,
    Resolver,
    Templates,
    UnitResolver,
)
from appsync_local.authorization.lambda_authorizer import AuthorizerOptions
from appsync_local.authorization.oidc import OidcProvider
from appsync_local.authorization.user_pools import DefaultAction
from local_stack.template.document import TABLES, Resource, Template, TemplateInvalid
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.policies import Permissions
from local_stack.template.problems import Problems, place_of

INVOKE: Final = "lambda:InvokeFunction"
AUTHORIZER_TTL: Final = 300  # seconds. Source: AWS::AppSync::GraphQLApi LambdaAuthorizerConfig, its default
SCHEMA: Final = "AWS::AppSync::GraphQLSchema"

Part = TypeVar("Part")


def api_of(resource: Resource, intrinsics: IntrinsicResolver) -> str | None:
    """The logical id of the API that a part belongs to; None if it is not known."""
    try:
        return intrinsics.text(resource.properties.get("ApiId"))
    except TemplateInvalid:
        return None


class ApiReader:
    """Reads one API. What cannot be run is added to `problems`.

    Attributes:
        code: Texts of resolvers and pipeline functions, by the file name that the API expects.
        origins: Where each of these texts is written, by the same file name.
        tables: Names of the tables of data sources.
        refusals: Functions that AppSync may not invoke, by the name that the API has for them, each with the reason.
    """

    def __init__(
        self,
        template: Template,
        intrinsics: IntrinsicResolver,
        permissions: Permissions,
        problems: Problems,
        resource: Resource,
    ) -> None:
        self._template = template
        self._intrinsics = intrinsics
        self._permissions = permissions
        self._problems = problems
        self._resource = resource
        self._names: dict[str, str] = {}  # of pipeline functions, by logical id
        self.code: dict[str, str] = {}
        self.origins: dict[str, str] = {}
        self.tables: set[str] = set()
        self.refusals: dict[str, str] = {}

    def read(self) -> Api:
        """Read the parts of the API that can be run."""
        modes: tuple[AuthMode, ...] = ()
        authorizer = None
        environment: dict[str, str] = {}
        with self._problems.of(self._resource):
            properties = self._resource.properties
            if properties.get("ApiType") == "MERGED":
                raise TemplateInvalid("a merged API is not supported by the local stack; start one of its source APIs")
            modes = self._modes()
            environment = self._intrinsics.resolve(properties.get("EnvironmentVariables", {}))
            if (config := properties.get("LambdaAuthorizerConfig")) is not None:
                authorizer = self._authorizer(self._resource, config["AuthorizerUri"])
        return Api(
            modes=modes,
            authorizer=authorizer,
            sources=self._each("AWS::AppSync::DataSource", self._source),
            functions=self._each("AWS::AppSync::FunctionConfiguration", self._pipeline_function),
            resolvers=self._each("AWS::AppSync::Resolver", self._resolver),
            environment={name: self._intrinsics.text(value) for name, value in environment.items()},
        )

    def schema(self) -> str:
        """The text of the schema; empty if it cannot be read."""
        if not any(self._parts(SCHEMA)):
            self._problems.add(self._resource, f"it must have an {SCHEMA}, and does not")
        return next(iter(self._each(SCHEMA, self._schema_text)), "")

    def _schema_text(self, resource: Resource) -> str:
        self.origins["schema.graphql"] = self._origin(resource, "Definition", "DefinitionS3Location")
        return self._intrinsics.text_or_asset(resource, "Definition", "DefinitionS3Location")

    def api_keys(self) -> tuple[str, ...]:
        """The logical ids of the keys of the API."""
        return tuple(it.name for it in self._parts("AWS::AppSync::ApiKey"))

    def oidc_providers(self) -> tuple[OidcProvider, ...]:
        """The OpenID Connect providers of the API, in the order of their modes."""
        properties = self._resource.properties
        found: list[OidcProvider] = []
        with self._problems.of(self._resource):
            modes = (properties, *properties.get("AdditionalAuthenticationProviders", []))
            configs = (it["OpenIDConnectConfig"] for it in modes if "OpenIDConnectConfig" in it)
            found.extend(_oidc_provider(self._intrinsics.resolve(it)) for it in configs)
        return tuple(found)

    def _each(self, type_: str, read: Callable[[Resource], Part]) -> tuple[Part, ...]:
        parts = []
        for resource in self._parts(type_):
            with self._problems.of(resource):
                parts.append(read(resource))
        return tuple(parts)

    def _parts(self, type_: str) -> Iterator[Resource]:
        """The resources of a type that belong to the API."""
        return (it for it in self._template.of_type(type_) if api_of(it, self._intrinsics) == self._resource.name)

    def _modes(self) -> tuple[AuthMode, ...]:
        properties = self._resource.properties
        others = (it["AuthenticationType"] for it in properties.get("AdditionalAuthenticationProviders", []))
        return tuple(AuthMode(self._intrinsics.text(mode)) for mode in (properties["AuthenticationType"], *others))

    def _origin(self, resource: Resource, inline: str, stored: str) -> str:
        """Where a text is written: a file, or a property of the template."""
        if inline in resource.properties or stored not in resource.properties:
            return f"{place_of(resource)}: {resource.name}.{inline}"
        return str(self._template.asset(self._intrinsics.text(resource.properties[stored])))

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
                config = self._intrinsics.resolve(resource.properties["HttpConfig"])
                return HttpSource(name, str(config["Endpoint"]), _signing(config.get("AuthorizationConfig")))
            case "AMAZON_EVENTBRIDGE":
                bus = resource.properties["EventBridgeConfig"]["EventBusArn"]
                return EventBridgeSource(name, self._intrinsics.text(bus))
            case "AMAZON_DYNAMODB":
                return DynamoDbSource(name, self._table(name, resource.properties["DynamoDBConfig"]["TableName"]))
            case "AMAZON_BEDROCK_RUNTIME":
                return BedrockSource(name)
            case "RELATIONAL_DATABASE":
                return RdsSource(name, self._cluster(resource.properties["RelationalDatabaseConfig"]))
            case "AWS_LAMBDA":
                reference = resource.properties["LambdaConfig"]["LambdaFunctionArn"]
                function, arn = self._intrinsics.function(reference), self._intrinsics.text(reference)
                role = self._permissions.role(resource.properties.get("ServiceRoleArn"))
                if role.may(INVOKE, arn):
                    return LambdaSource(name, self._intrinsics.name(function))
                return LambdaSource(name, self._refuse(f"data source {name}", role.denial(INVOKE, arn)))
            case other:
                raise TemplateInvalid(f"data source {name} is of type {other}, which the local stack does not support")

    def _cluster(self, config: Mapping[str, Any]) -> str:
        """The name of a database cluster, from its ARN or identifier."""
        identifier = self._intrinsics.text(config["RdsHttpEndpointConfig"]["DbClusterIdentifier"])
        return identifier.rpartition(":")[2]

    def _table(self, source: str, reference: Any) -> str:
        name = self._intrinsics.text(reference)
        for resource in self._template.of_type(*TABLES):
            if self._intrinsics.name(resource) == name:
                self.tables.add(name)
                return name
        raise TemplateInvalid(
            f"data source {source} uses table {name}, which is not a table of this stack; "
            "define it, or add the template with it beside this one"
        )

    def _pipeline_function(self, resource: Resource) -> PipelineFunction:
        name = self._intrinsics.text(resource.properties["Name"])
        if name in self._names.values():
            name = f"{name}-{resource.name}"  # AppSync knows functions by their ids
        self._names[resource.name] = name
        code = self._read_code(resource, f"functions/{name}")
        source = self._intrinsics.text(resource.properties["DataSourceName"])
        return PipelineFunction(name, source, code, int(resource.properties.get("MaxBatchSize", 0)))

    def _resolver(self, resource: Resource) -> Resolver:
        field = f"{resource.properties['TypeName']}.{resource.properties['FieldName']}"
        code = self._read_code(resource, f"resolvers/{field}")
        if resource.properties.get("Kind") != "PIPELINE":
            source = self._intrinsics.text(resource.properties["DataSourceName"])
            return UnitResolver(field, source, code, int(resource.properties.get("MaxBatchSize", 0)))
        steps = [self._intrinsics.text(step) for step in resource.properties.get("PipelineConfig", {})["Functions"]]
        if missing := [step for step in steps if step not in self._names]:
            raise TemplateInvalid(f"{field} uses pipeline function {missing[0]}, which does not exist")
        # A pipeline may have neither code nor templates.
        around = Templates() if code is Code.DIRECT else code
        return PipelineResolver(field, tuple(self._names[step] for step in steps), around)

    def _read_code(self, resource: Resource, file: str) -> Code | Templates:
        """Store the code or the templates of a resolver or pipeline function; `file` is their path without a suffix."""
        if self._store(resource, f"{file}.js", "Code"):
            return Code.FILE
        request, response = f"{file}.request.vtl", f"{file}.response.vtl"
        templates = Templates(
            request if self._store(resource, request, "RequestMappingTemplate") else None,
            response if self._store(resource, response, "ResponseMappingTemplate") else None,
        )
        return Code.DIRECT if templates == Templates() else templates

    def _store(self, resource: Resource, file: str, inline: str) -> bool:
        """Store the text of a property, or of the asset that it names. Returns whether there is one."""
        stored = f"{inline}S3Location"
        if inline not in resource.properties and stored not in resource.properties:
            return False
        self.origins[file] = self._origin(resource, inline, stored)
        self.code[file] = self._intrinsics.text_or_asset(resource, inline, stored)
        return True

    def _refuse(self, name: str, reason: str) -> str:
        self.refusals[name] = reason
        return name


def authorizer_options(api: Resource) -> AuthorizerOptions:
    """How the API uses its Lambda authorizer."""
    config = api.properties.get("LambdaAuthorizerConfig") or {}
    ttl = int(config.get("AuthorizerResultTtlInSeconds", AUTHORIZER_TTL))
    return AuthorizerOptions(ttl, config.get("IdentityValidationExpression"))


def default_action(api: Resource) -> DefaultAction:
    """What fields without a directive allow if user pools are the API's default mode.

    Raises:
        TemplateInvalid: AppSync does not accept the value.
    """
    value = (api.properties.get("UserPoolConfig") or {}).get("DefaultAction", DefaultAction.ALLOW.value)
    try:
        return DefaultAction(value)
    except ValueError:
        raise TemplateInvalid(f"the DefaultAction of its UserPoolConfig must be ALLOW or DENY, not {value}") from None


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
            f"AppSync does not accept its IntrospectionConfig, QueryDepthLimit or ResolverCountLimit: {error}"
        ) from None


def _oidc_provider(config: Mapping[str, Any]) -> OidcProvider:
    """AppSync reads 0 milliseconds as no limit."""
    return OidcProvider(
        str(config["Issuer"]),
        client_id_regex=config.get("ClientId") or None,
        iat_ttl_ms=int(config.get("IatTTL") or 0) or None,
        auth_ttl_ms=int(config.get("AuthTTL") or 0) or None,
    )


def _signing(config: Mapping[str, Any] | None) -> HttpSigning | None:
    """How an HTTP data source signs; None if it does not."""
    if config is None or config.get("AuthorizationType") != AuthMode.IAM.value:
        return None
    return HttpSigning(config["AwsIamConfig"]["SigningRegion"], config["AwsIamConfig"]["SigningServiceName"])
