"""What a synthesised CloudFormation template describes, as far as one machine can run it.

Rights are checked as on AWS. A data source whose role may not invoke its function, an authorizer that AppSync may not
invoke and a function that may not use its table are refused with the reason. A missing environment variable, resolver
or failure destination stays missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appsync_local.api.limits import DEFAULT_LIMITS, Limits
from appsync_local.api.model import Api
from appsync_local.authorization.lambda_authorizer import DEFAULT_OPTIONS, AuthorizerOptions
from appsync_local.authorization.oidc import OidcProvider
from appsync_local.authorization.user_pools import DefaultAction
from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import FunctionSpec
from local_stack.template.api import ApiReader, api_of, authorizer_options, default_action, operation_limits
from local_stack.template.api_names import GRAPHQL_API
from local_stack.template.document import Resource, Template, TemplateInvalid
from local_stack.template.functions import FunctionReader
from local_stack.template.ignored import ignored
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.policies import Permissions
from local_stack.template.problems import Problems

EVENT_API: Final = "AWS::AppSync::Api"
PARTS: Final = tuple(
    f"AWS::AppSync::{it}" for it in ("ApiKey", "DataSource", "FunctionConfiguration", "GraphQLSchema", "Resolver")
)


@dataclass(frozen=True, slots=True)
class TemplateApi:
    """A GraphQL API of a template.

    Attributes:
        name: As it is used in a path; it is unique in the template.
        resource: The logical id.
        api: Its definition.
        schema: The schema's text.
        code: Texts of resolvers and pipeline functions, by the file name that the API expects.
        origins: Where each of these texts is written, by the same file name; that of the schema is `schema.graphql`.
        authorizer: How the Lambda authorizer is used.
        limits: What one operation may ask for.
        default_action: What fields without a directive allow to callers of the user pool.
        keys: Logical ids of its API keys.
        oidc_providers: The OpenID Connect providers that it names.
    """

    name: str
    resource: str
    api: Api
    schema: str
    code: Mapping[str, str]
    origins: Mapping[str, str]
    authorizer: AuthorizerOptions
    limits: Limits
    default_action: DefaultAction
    keys: tuple[str, ...]
    oidc_providers: tuple[OidcProvider, ...]


@dataclass(frozen=True, slots=True)
class TemplateStack:
    """What a template describes.

    Attributes:
        apis: Its GraphQL APIs.
        functions: Its Lambda functions.
        fields: Root fields, as `Type.field`, that each function's role may call; by function.
        schedules: The functions that run on a schedule.
        tables: Names of the tables of data sources.
        refusals: Function names of the APIs that cannot be invoked because a right is missing, each with the reason.
        unsupported: Function names that this machine cannot run, each with the reason.
        problems: What cannot be run, one sentence each.
        warnings: What is left out, one sentence each.
    """

    apis: tuple[TemplateApi, ...]
    functions: tuple[FunctionSpec, ...]
    fields: Mapping[str, frozenset[str]]
    schedules: tuple[FunctionSchedule, ...]
    tables: frozenset[str]
    refusals: Mapping[str, str]
    unsupported: Mapping[str, str]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def read_stack(template: Template, intrinsics: IntrinsicResolver, names: Mapping[str, str]) -> TemplateStack:
    """Read the stack of a template; what cannot be run of it is among its problems.

    Args:
        template: The template.
        intrinsics: Resolves its references.
        names: See `api_names`.

    Raises:
        TemplateInvalid: The template has no GraphQL API.
    """
    resources = tuple(template.of_type(GRAPHQL_API))
    if not resources:
        raise TemplateInvalid(f"{template.path} has no {GRAPHQL_API}{_instead(template)}")
    problems = Problems(template.problems)
    permissions = Permissions(template, intrinsics)
    readers = {it.name: ApiReader(template, intrinsics, permissions, problems, it) for it in resources}
    apis = tuple(_read_api(readers[it.name], it, names[it.name], problems) for it in resources)
    for part in template.of_type(*PARTS):
        owner = api_of(part, intrinsics)
        if owner not in readers and owner not in {it.name for it in template.of_type(EVENT_API)}:
            problems.add(
                part, f"it belongs to the API {owner or 'of another stack'}, which this template does not have"
            )
    function_reader = FunctionReader(template, intrinsics, permissions, problems)
    functions = function_reader.read()
    fields = {
        it.name: frozenset[str]().union(
            *(function_reader.callable_fields(it, template.resources[api.resource], api.schema) for api in apis)
        )
        for it in functions
    }
    refusals = {name: reason for reader in readers.values() for name, reason in reader.refusals.items()}
    return TemplateStack(
        apis=apis,
        functions=functions,
        fields=fields,
        schedules=tuple(function_reader.schedules()),
        tables=frozenset[str]().union(*(reader.tables for reader in readers.values())),
        refusals=refusals | function_reader.refusals,
        unsupported=function_reader.unsupported,
        problems=tuple(problems.found),
        warnings=(
            *template.warnings,
            *ignored(template),
            *function_reader.unsupported.values(),
            *function_reader.warnings,
            *permissions.warnings,
        ),
    )


def _read_api(reader: ApiReader, resource: Resource, name: str, problems: Problems) -> TemplateApi:
    limits, authorizer, action = DEFAULT_LIMITS, DEFAULT_OPTIONS, DefaultAction.ALLOW
    with problems.of(resource):
        limits, authorizer, action = (
            operation_limits(resource), authorizer_options(resource), default_action(resource),
        )  # fmt: skip
    return TemplateApi(
        name=name,
        resource=resource.name,
        schema=reader.schema(),
        api=reader.read(),
        code=reader.code,
        origins=reader.origins,
        authorizer=authorizer,
        limits=limits,
        default_action=action,
        keys=reader.api_keys(),
        oidc_providers=reader.oidc_providers(),
    )


def _instead(template: Template) -> str:
    if any(template.of_type(EVENT_API)):
        return f"; it has an {EVENT_API}, an Events API, which the local stack does not support"
    return "; name the template of the stack with the API"
