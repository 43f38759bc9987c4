"""The API of the stack: its modes, resolvers, data sources and key."""

import re

from appsync_local.api.model import AuthMode, LambdaSource, PipelineFunction, Resolver, UnitResolver, code_file
from infrastructure.api import API
from tests.support.cdk_assembly import ROOT
from tests.support.cloudformation import Template, readable
from tests.unit.infrastructure.stack import HANDLERS, environment

GRAPHQL = ROOT / "graphql"


def test_only_the_worker_of_a_stage_that_asks_for_it_has_a_key(dev: Template, keyed: Template) -> None:
    (key,) = keyed.of_type("AWS::AppSync::ApiKey")

    assert dev.of_type("AWS::AppSync::ApiKey") == {}
    assert environment(keyed, "inference")["LONGCALL_API_KEY"] == f"{key}.ApiKey"
    assert [handler for handler in HANDLERS if "LONGCALL_API_KEY" in environment(keyed, handler)] == ["inference"]


def test_a_key_opens_the_workers_fields_and_what_they_answer_and_nothing_else(dev: Template, keyed: Template) -> None:
    plain = dev.only("AWS::AppSync::GraphQLSchema")["Definition"]
    opened = keyed.only("AWS::AppSync::GraphQLSchema")["Definition"]
    changed = [line for line in opened.splitlines() if "@aws_api_key" in line]

    assert plain == (GRAPHQL / "schema.graphql").read_text()
    assert opened.replace(" @aws_api_key", "") == plain
    assert [re.split(r"\(| @", line)[0].strip() for line in changed] == [
        "type InferenceStatus", "checkpoint: String", "type Audience", "type Cost", "type CostItem",
        "dispatchInference", "updateStatus",
    ]  # fmt: skip


def test_modes_are_those_of_the_wiring(dev: Template, keyed: Template) -> None:
    def modes(template: Template) -> tuple[str, ...]:
        api = template.only("AWS::AppSync::GraphQLApi")
        others = (it["AuthenticationType"] for it in api["AdditionalAuthenticationProviders"])
        return (api["AuthenticationType"], *others)

    assert modes(dev) == tuple(mode.value for mode in API.modes)
    assert modes(keyed) == (*modes(dev), AuthMode.API_KEY.value)
    assert readable(dev.only("AWS::AppSync::GraphQLApi")["LambdaAuthorizerConfig"]["AuthorizerUri"]) == "Authorizer.Arn"


def test_resolvers_are_those_of_the_wiring_with_the_code_of_their_files(dev: Template) -> None:
    steps = {name: it["Name"] for name, it in dev.of_type("AWS::AppSync::FunctionConfiguration").items()}
    sources = {name: it["Name"] for name, it in dev.of_type("AWS::AppSync::DataSource").items()}
    found: set[tuple[str, str | tuple[str, ...], str]] = set()
    for it in dev.of_type("AWS::AppSync::Resolver").values():
        field = f"{it['TypeName']}.{it['FieldName']}"
        if it["Kind"] == "UNIT":
            found.add((field, sources[it["DataSourceName"]["Fn::GetAtt"][0]], it["Code"]))
        else:
            names = tuple(steps[step["Fn::GetAtt"][0]] for step in it["PipelineConfig"]["Functions"])
            found.add((field, names, it["Code"]))

    assert found == {
        (it.field, it.source if isinstance(it, UnitResolver) else it.functions, code_of(it)) for it in API.resolvers
    }


def code_of(unit: Resolver | PipelineFunction) -> str:
    file = code_file(unit)
    assert file is not None
    return (GRAPHQL / file).read_text()


def test_pipeline_functions_and_data_sources_are_those_of_the_wiring(dev: Template) -> None:
    sources = dev.of_type("AWS::AppSync::DataSource")
    functions = {
        (it["Name"], sources[it["DataSourceName"]["Fn::GetAtt"][0]]["Name"], it["Code"])
        for it in dev.of_type("AWS::AppSync::FunctionConfiguration").values()
    }
    invoked = {
        it["Name"]: readable(it["LambdaConfig"]["LambdaFunctionArn"])
        for it in sources.values()
        if it["Type"] == "AWS_LAMBDA"
    }

    assert functions == {(it.name, it.source, code_of(it)) for it in API.functions}
    assert {it["Name"] for it in sources.values()} == {it.name for it in API.sources}
    assert invoked == {
        it.name: f"{it.function.title().replace('_', '')}.Arn" for it in API.sources if isinstance(it, LambdaSource)
    }


def test_the_api_logs_neither_headers_nor_arguments(dev: Template) -> None:
    api = dev.only("AWS::AppSync::GraphQLApi")

    assert api["XrayEnabled"] is True
    assert (api["LogConfig"]["FieldLogLevel"], api["LogConfig"]["ExcludeVerboseContent"]) == ("ERROR", True)
