"""A store as a plain CDK application: DynamoDB, HTTP and Lambda data sources, batches and pipelines."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_

from appsync_local.api.model import Code, PipelineFunction, PipelineResolver, Resolver, UnitResolver, code_file
from tests.fidelity.store_application import STORE, wiring

FUNCTIONS = Path(__file__).with_name("store")
RUNTIME = appsync.FunctionRuntime.JS_1_0_0
KEYS = {"Orders": ("id",), "Lines": ("order", "sku")}


def synthesise(folder: Path, *, prices_url: str) -> Path:
    """Synthesise the store into a folder and return its template.

    Args:
        folder: The folder of the cloud assembly.
        prices_url: URL of the HTTP data source for prices.
    """
    app = cdk.App(outdir=str(folder))
    stack = cdk.Stack(app, "store")
    api = appsync.GraphqlApi(
        stack,
        "Api",
        name="store",
        definition=appsync.Definition.from_file(str(STORE / "schema.graphql")),
        authorization_config=appsync.AuthorizationConfig(
            default_authorization=appsync.AuthorizationMode(authorization_type=appsync.AuthorizationType.API_KEY)
        ),
    )
    store_api = wiring(prices_url)
    sources = {
        **{name: api.add_dynamo_db_data_source(name, _table(stack, name)) for name in KEYS},
        **{
            name: api.add_lambda_data_source(name, _function(stack, handler))
            for name, handler in (("PriceList", "prices"), ("Carrier", "carrier"))
        },
        "Prices": api.add_http_data_source("Prices", prices_url),
        "Nothing": api.add_none_data_source("Nothing"),
    }
    steps = {
        it.name: sources[it.source].create_function(it.name, name=it.name, runtime=RUNTIME, code=_code(it))
        for it in store_api.functions
    }
    for resolver in store_api.resolvers:
        type_name, field_name = resolver.field.split(".")
        name = f"{type_name}{field_name}"
        match resolver:
            case UnitResolver(source=source, code=Code.DIRECT):
                sources[source].create_resolver(name, type_name=type_name, field_name=field_name)
            case UnitResolver(source=source, max_batch_size=size):
                sources[source].create_resolver(
                    name, type_name=type_name, field_name=field_name, runtime=RUNTIME, code=_code(resolver),
                    max_batch_size=size or None,
                )  # fmt: skip
            case PipelineResolver(functions=names):
                api.create_resolver(
                    name, type_name=type_name, field_name=field_name, runtime=RUNTIME, code=_code(resolver),
                    pipeline_config=[steps[it] for it in names],
                )  # fmt: skip
    app.synth()
    return folder / "store.template.json"


def _table(stack: cdk.Stack, name: str) -> dynamodb.Table:
    keys = [dynamodb.Attribute(name=key, type=dynamodb.AttributeType.STRING) for key in KEYS[name]]
    return dynamodb.Table(stack, name, partition_key=keys[0], sort_key=keys[1] if len(keys) > 1 else None)


def _function(stack: cdk.Stack, handler: str) -> lambda_.Function:
    return lambda_.Function(
        stack, handler, runtime=lambda_.Runtime.PYTHON_3_11, handler=f"shop.{handler}",
        code=lambda_.Code.from_asset(str(FUNCTIONS)), environment={"CENTS_PER_LETTER": "100"},
    )  # fmt: skip


def _code(unit: Resolver | PipelineFunction) -> appsync.Code:
    """The code as an asset; Longcall's own stack has it inline in the template."""
    return appsync.Code.from_asset(str(STORE / str(code_file(unit))))
