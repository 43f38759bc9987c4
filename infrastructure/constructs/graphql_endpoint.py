"""The GraphQL API on AppSync, as `appsync_local.api.model` describes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, assert_never

from aws_cdk import Acknowledgment, ArnFormat, Aws, Duration, Expiration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from appsync_local.api.limits import Limits
from appsync_local.api.model import (
    Api,
    AuthMode,
    DataSource,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    Resolver,
    UnitResolver,
    code_file,
)
from chalicelib.api.authorizer import TOKEN_FORM
from infrastructure.constructs.roles import RETENTION, policy_of
from infrastructure.stage import Data

RUNTIME: Final = appsync.CfnResolver.AppSyncRuntimeProperty(name="APPSYNC_JS", runtime_version="1.0.0")
AUTHORIZER_TTL: Final = 300  # seconds that AppSync caches an answer without a TTL of its own
KEY_LIFE: Final = Duration.days(365)  # the longest that AppSync allows
Provider = appsync.CfnGraphQLApi.AdditionalAuthenticationProviderProperty


class GraphqlEndpoint(Construct):
    """The API with its schema, data sources and resolvers.

    Args:
        name: Name in AppSync's console.
        wiring: Data sources, resolvers and modes.
        limits: What one operation may ask for.
        schema: The schema's text.
        code: The folder with `resolvers/` and `functions/`.
        functions: ARNs of the handlers, by name.
        pool: The pool whose users may call.
        client_id: The app client whose tokens are accepted.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        wiring: Api,
        limits: Limits,
        schema: str,
        code: Path,
        functions: Mapping[str, str],
        pool: cognito.UserPool,
        client_id: str,
    ) -> None:
        super().__init__(scope, id_)
        self._functions = functions
        self._code = code
        self._log_role = self._make_log_role()
        default, *others = wiring.modes
        self.api = appsync.CfnGraphQLApi(
            self,
            "Api",
            name=name,
            authentication_type=default.value,
            lambda_authorizer_config=None
            if wiring.authorizer is None
            else appsync.CfnGraphQLApi.LambdaAuthorizerConfigProperty(
                authorizer_uri=functions[wiring.authorizer],
                authorizer_result_ttl_in_seconds=AUTHORIZER_TTL,
                identity_validation_expression=TOKEN_FORM,  # other texts do not invoke the function
            ),
            introspection_config=limits.introspection.value,
            query_depth_limit=limits.depth,
            environment_variables=dict(wiring.environment) or None,
            resolver_count_limit=limits.resolvers,
            additional_authentication_providers=[_provider(mode, pool, client_id) for mode in others],
            xray_enabled=True,
            log_config=appsync.CfnGraphQLApi.LogConfigProperty(
                cloud_watch_logs_role_arn=self._log_role.role_arn,
                field_log_level="ERROR",
                exclude_verbose_content=True,  # headers and arguments contain tokens and prompts
            ),
        )
        Validations.of(self.api).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-ASC3",
                reason="requests are logged without their headers and arguments, which contain tokens and prompts",
            )
        )
        self._schema = appsync.CfnGraphQLSchema(self, "Schema", api_id=self.api.attr_api_id, definition=schema)
        sources = {source.name: self._add_source(source) for source in wiring.sources}
        steps = {}
        for function in wiring.functions:
            step = appsync.CfnFunctionConfiguration(
                self,
                f"Function{function.name.capitalize()}",
                api_id=self.api.attr_api_id,
                name=function.name,
                data_source_name=sources[function.source].attr_name,
                runtime=appsync.CfnFunctionConfiguration.AppSyncRuntimeProperty(
                    name=RUNTIME.name, runtime_version=RUNTIME.runtime_version
                ),
                code=self._read(function),
            )
            step.add_resource_dependency(self._schema)
            steps[function.name] = step.attr_function_id
        for resolver in wiring.resolvers:
            self._add_resolver(resolver, sources, steps)
        self.api_key = self._add_key().attr_api_key if AuthMode.API_KEY in wiring.modes else None

    @property
    def url(self) -> str:
        return self.api.attr_graph_ql_url

    @property
    def api_id(self) -> str:
        return self.api.attr_api_id

    @property
    def type_prefix(self) -> str:
        return ""

    @property
    def realtime_url(self) -> str:
        return self.api.attr_realtime_url

    def keep_log(self, *, days: int, data: Data) -> None:
        """Create the API's log group. AppSync names it after the API, so it is created after the API."""
        group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/appsync/apis/{self.api.attr_api_id}",
            retention=RETENTION[days],
            removal_policy=RemovalPolicy.RETAIN if data is Data.RETAINED else RemovalPolicy.DESTROY,
        )
        group.grant_write(self._log_role)

    def grant_field(self, role: iam.Role, field: str) -> None:
        """Let a role call one field, such as `Mutation.updateStatus`, with IAM authorization."""
        type_name, _, field_name = field.partition(".")
        arn = Stack.of(self).format_arn(
            service="appsync",
            resource="apis",
            resource_name=f"{self.api.attr_api_id}/types/{type_name}/fields/{field_name}",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        role.add_to_policy(iam.PolicyStatement(actions=["appsync:GraphQL"], resources=[arn]))

    def _make_log_role(self) -> iam.Role:
        account = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        return iam.Role(self, "LogRole", assumed_by=iam.ServicePrincipal("appsync.amazonaws.com", conditions=account))

    def _add_source(self, source: DataSource) -> appsync.CfnDataSource:
        match source:
            case LambdaSource(name, function):
                role = iam.Role(
                    self,
                    f"{name}Role",
                    # AppSync may take the role for this API only.
                    # Source: AppSync Developer Guide, "Cross-service confused deputy prevention".
                    assumed_by=iam.ServicePrincipal(
                        "appsync.amazonaws.com",
                        conditions={
                            "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                            "ArnLike": {"aws:SourceArn": self.api.attr_arn},
                        },
                    ),
                )
                arn = self._functions[function]
                role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[arn]))
                made = appsync.CfnDataSource(
                    self,
                    name,
                    api_id=self.api.attr_api_id,
                    name=name,
                    type="AWS_LAMBDA",
                    lambda_config=appsync.CfnDataSource.LambdaConfigProperty(lambda_function_arn=arn),
                    service_role_arn=role.role_arn,
                )
                made.node.add_dependency(policy_of(role))
                return made
            case NoneSource(name):
                return appsync.CfnDataSource(self, name, api_id=self.api.attr_api_id, name=name, type="NONE")
            case _:
                raise NotImplementedError(f"data source {source.name} is of a kind that this stack cannot create")

    def _add_resolver(
        self, resolver: Resolver, sources: Mapping[str, appsync.CfnDataSource], steps: Mapping[str, str]
    ) -> None:
        type_name, _, field_name = resolver.field.partition(".")
        source_name, pipeline = None, None
        match resolver:
            case UnitResolver(_, source):
                source_name = sources[source].attr_name
            case PipelineResolver(_, functions):
                pipeline = appsync.CfnResolver.PipelineConfigProperty(functions=[steps[name] for name in functions])
            case _:
                assert_never(resolver)
        made = appsync.CfnResolver(
            self,
            f"{type_name}{field_name[0].upper()}{field_name[1:]}",
            api_id=self.api.attr_api_id,
            type_name=type_name,
            field_name=field_name,
            kind="UNIT" if pipeline is None else "PIPELINE",
            data_source_name=source_name,
            pipeline_config=pipeline,
            runtime=RUNTIME,
            code=self._read(resolver),
        )
        made.add_resource_dependency(self._schema)

    def _add_key(self) -> appsync.CfnApiKey:
        return appsync.CfnApiKey(
            self,
            "Key",
            api_id=self.api.attr_api_id,
            description="for the worker, which calls updateStatus and dispatchInference",
            expires=Expiration.after(KEY_LIFE).to_epoch(),
        )

    def _read(self, unit: Resolver | PipelineFunction) -> str:
        file = code_file(unit)
        if file is None:
            raise NotImplementedError("this stack can only create resolvers and pipeline functions that have code")
        return (self._code / file).read_text("utf-8")


def _provider(mode: AuthMode, pool: cognito.UserPool, client_id: str) -> Provider:
    match mode:
        case AuthMode.COGNITO:
            return Provider(
                authentication_type=mode.value,
                user_pool_config=appsync.CfnGraphQLApi.CognitoUserPoolConfigProperty(
                    user_pool_id=pool.user_pool_id, aws_region=Aws.REGION, app_id_client_regex=client_id
                ),
            )
        case AuthMode.IAM | AuthMode.API_KEY:
            return Provider(authentication_type=mode.value)
        case AuthMode.LAMBDA | AuthMode.OIDC:
            raise NotImplementedError(f"this stack cannot add the mode {mode.value} to the default one")
        case _:
            assert_never(mode)
