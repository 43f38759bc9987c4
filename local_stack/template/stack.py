"""What a synthesised CloudFormation template describes, as far as one machine can run it.

Rights are checked as on AWS. A data source whose role may not invoke its function, an authorizer that AppSync may not
invoke and a function that may not use its table are refused with the reason. A missing environment variable, resolver
or failure destination stays missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appsync_local.api.limits import Limits
from appsync_local.api.model import Api
from appsync_local.authorization.lambda_authorizer import AuthorizerOptions
from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import FunctionSpec
from local_stack.template.api import ApiReader, authorizer_options, operation_limits
from local_stack.template.document import Template
from local_stack.template.functions import FunctionReader
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.policies import Permissions


@dataclass(frozen=True, slots=True)
class TemplateStack:
    """What a template describes.

    Attributes:
        api: Its GraphQL API.
        schema: The schema's text.
        code: Texts of resolvers and pipeline functions, by the file name that the API expects.
        functions: Its Lambda functions.
        fields: Root fields, as `Type.field`, that each function's role may call; by function.
        schedules: The functions that run on a schedule.
        tables: Parameters of CreateTable for the tables of data sources.
        authorizer: How the Lambda authorizer is used.
        limits: What one operation may ask for.
        refusals: Function names of the API that cannot be invoked because a right is missing, each with the reason.
        warnings: What else is left out, one sentence each.
    """

    api: Api
    schema: str
    code: Mapping[str, str]
    functions: tuple[FunctionSpec, ...]
    fields: Mapping[str, frozenset[str]]
    schedules: tuple[FunctionSchedule, ...]
    tables: tuple[Mapping[str, Any], ...]
    authorizer: AuthorizerOptions
    limits: Limits
    refusals: Mapping[str, str]
    warnings: tuple[str, ...]


def read_stack(template: Template, intrinsics: IntrinsicResolver) -> TemplateStack:
    """Read the stack of a template.

    Raises:
        TemplateInvalid: The template does not have exactly one GraphQL API, or uses something that the local stack
            does not support.
    """
    permissions = Permissions(template, intrinsics)
    api_resource = template.only("AWS::AppSync::GraphQLApi")
    schema_resource = template.only("AWS::AppSync::GraphQLSchema")
    schema = intrinsics.text_or_asset(schema_resource, "Definition", "DefinitionS3Location")
    api_reader = ApiReader(template, intrinsics, permissions)
    api = api_reader.read(api_resource)
    function_reader = FunctionReader(template, intrinsics, permissions)
    functions = function_reader.read()
    return TemplateStack(
        api=api,
        schema=schema,
        code=api_reader.code,
        functions=functions,
        fields={it.name: function_reader.callable_fields(it, api_resource, schema) for it in functions},
        schedules=tuple(function_reader.schedules()),
        tables=tuple(api_reader.tables.values()),
        authorizer=authorizer_options(api_resource),
        limits=operation_limits(api_resource),
        refusals=api_reader.refusals | function_reader.refusals,
        warnings=(*function_reader.warnings, *permissions.warnings),
    )
