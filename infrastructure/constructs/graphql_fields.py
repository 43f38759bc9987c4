"""Data sources, pipeline functions and resolvers on AppSync, as `appsync_local.api.model` describes them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, assert_never

from aws_cdk import Aws, CfnResource
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_iam as iam
from constructs import Construct

from appsync_local.api.model import (
    Api,
    DataSource,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    Resolver,
    UnitResolver,
    code_file,
)
from infrastructure.constructs.roles import policy_of

RUNTIME: Final = appsync.CfnResolver.AppSyncRuntimeProperty(name="APPSYNC_JS", runtime_version="1.0.0")


def add_fields(
    scope: Construct,
    *,
    api_id: str,
    invoked_by: str | list[str],
    wiring: Api,
    functions: Mapping[str, str],
    code: Path,
    after_schema: Callable[[CfnResource], object],
) -> None:
    """Add what answers the fields of an API.

    Args:
        scope: Gets the resources.
        api_id: The API.
        invoked_by: ARN of the API, or of every API, for which AppSync may invoke the functions.
        wiring: Data sources, pipeline functions and resolvers.
        functions: ARNs of the handlers, by name.
        code: The folder with `resolvers/` and `functions/`.
        after_schema: Makes a resource depend on the schema of the API.
    """
    sources = {source.name: _add_source(scope, source, api_id, invoked_by, functions) for source in wiring.sources}
    steps = {}
    for function in wiring.functions:
        step = appsync.CfnFunctionConfiguration(
            scope,
            f"Function{function.name.capitalize()}",
            api_id=api_id,
            name=function.name,
            data_source_name=sources[function.source].attr_name,
            runtime=appsync.CfnFunctionConfiguration.AppSyncRuntimeProperty(
                name=RUNTIME.name, runtime_version=RUNTIME.runtime_version
            ),
            code=_read(code, function),
        )
        after_schema(step)
        steps[function.name] = step.attr_function_id
    for resolver in wiring.resolvers:
        after_schema(_add_resolver(scope, resolver, api_id, sources, steps, _read(code, resolver)))


def _add_source(
    scope: Construct, source: DataSource, api_id: str, invoked_by: str | list[str], functions: Mapping[str, str]
) -> appsync.CfnDataSource:
    match source:
        case LambdaSource(name, function):
            role = iam.Role(
                scope,
                f"{name}Role",
                # AppSync may take the role for these APIs only.
                # Source: AppSync Developer Guide, "Cross-service confused deputy prevention".
                assumed_by=iam.ServicePrincipal(
                    "appsync.amazonaws.com",
                    conditions={
                        "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                        "ArnLike": {"aws:SourceArn": invoked_by},
                    },
                ),
            )
            arn = functions[function]
            role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[arn]))
            made = appsync.CfnDataSource(
                scope,
                name,
                api_id=api_id,
                name=name,
                type="AWS_LAMBDA",
                lambda_config=appsync.CfnDataSource.LambdaConfigProperty(lambda_function_arn=arn),
                service_role_arn=role.role_arn,
            )
            made.node.add_dependency(policy_of(role))
            return made
        case NoneSource(name):
            return appsync.CfnDataSource(scope, name, api_id=api_id, name=name, type="NONE")
        case _:
            raise NotImplementedError(f"data source {source.name} is of a kind that this stack cannot create")


def _add_resolver(
    scope: Construct,
    resolver: Resolver,
    api_id: str,
    sources: Mapping[str, appsync.CfnDataSource],
    steps: Mapping[str, str],
    code: str,
) -> appsync.CfnResolver:
    type_name, _, field_name = resolver.field.partition(".")
    source_name, pipeline = None, None
    match resolver:
        case UnitResolver(_, source):
            source_name = sources[source].attr_name
        case PipelineResolver(_, functions):
            pipeline = appsync.CfnResolver.PipelineConfigProperty(functions=[steps[name] for name in functions])
        case _:
            assert_never(resolver)
    return appsync.CfnResolver(
        scope,
        f"{type_name}{field_name[0].upper()}{field_name[1:]}",
        api_id=api_id,
        type_name=type_name,
        field_name=field_name,
        kind="UNIT" if pipeline is None else "PIPELINE",
        data_source_name=source_name,
        pipeline_config=pipeline,
        runtime=RUNTIME,
        code=code,
    )


def _read(folder: Path, unit: Resolver | PipelineFunction) -> str:
    file = code_file(unit)
    if file is None:
        raise NotImplementedError("this stack can only create resolvers and pipeline functions that have code")
    return (folder / file).read_text("utf-8")
