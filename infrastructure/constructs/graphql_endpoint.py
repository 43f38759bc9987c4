"""The GraphQL API on AppSync, as `appsync_local.api.model` describes it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, assert_never

from aws_cdk import ArnFormat, Aws, Duration, Expiration, Stack
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

from appsync_local.api.limits import Limits
from appsync_local.api.model import Api, AuthMode
from chalicelib.api.authorizer import TOKEN_FORM
from infrastructure.constructs.api_log import acknowledge_log, add_log_group, add_log_role, log_config
from infrastructure.constructs.graphql_fields import add_fields
from infrastructure.stage import Data

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
        client_ids: The app clients whose tokens are accepted.
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
        client_ids: Sequence[str],
    ) -> None:
        super().__init__(scope, id_)
        self._log_role = add_log_role(self)
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
            additional_authentication_providers=[_provider(mode, pool, client_ids) for mode in others],
            xray_enabled=True,
            log_config=log_config(self._log_role),
        )
        acknowledge_log(self.api)
        self._schema = appsync.CfnGraphQLSchema(self, "Schema", api_id=self.api.attr_api_id, definition=schema)
        add_fields(
            self,
            api_id=self.api.attr_api_id,
            invoked_by=self.api.attr_arn,
            wiring=wiring,
            functions=functions,
            code=code,
            after_schema=lambda made: made.add_resource_dependency(self._schema),
        )
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
        """Create the API's log group."""
        add_log_group(self, self.api, self._log_role, days=days, data=data)

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

    def _add_key(self) -> appsync.CfnApiKey:
        return appsync.CfnApiKey(
            self,
            "Key",
            api_id=self.api.attr_api_id,
            description="for the worker, which calls updateStatus and dispatchInference",
            expires=Expiration.after(KEY_LIFE).to_epoch(),
        )


def _provider(mode: AuthMode, pool: cognito.UserPool, client_ids: Sequence[str]) -> Provider:
    match mode:
        case AuthMode.COGNITO:
            return Provider(
                authentication_type=mode.value,
                user_pool_config=appsync.CfnGraphQLApi.CognitoUserPoolConfigProperty(
                    user_pool_id=pool.user_pool_id, aws_region=Aws.REGION, app_id_client_regex="|".join(client_ids)
                ),
            )
        case AuthMode.IAM | AuthMode.API_KEY:
            return Provider(authentication_type=mode.value)
        case AuthMode.LAMBDA | AuthMode.OIDC:
            raise NotImplementedError(f"this stack cannot add the mode {mode.value} to the default one")
        case _:
            assert_never(mode)
