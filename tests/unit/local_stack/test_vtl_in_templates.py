"""Mapping templates in a CloudFormation template: inline, as files, or left out."""

import json
from pathlib import Path
from typing import Any

from appsync_local.api.model import Code, PipelineFunction, PipelineResolver, Templates, UnitResolver
from local_stack.template.api_names import api_names
from local_stack.template.composition import read_template
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.stack import TemplateStack, read_stack

API_ID = {"Fn::GetAtt": ["Api", "ApiId"]}
REQUEST = '{"version": "2018-05-29", "payload": 1}'
RESPONSE = "$util.toJson($ctx.result)"
SCHEMA = "type Query { a: Int b: Int c: Int d: Int }"


def resolver(field: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::AppSync::Resolver",
        "Properties": {"ApiId": API_ID, "TypeName": "Query", "FieldName": field, **properties},
    }


def read(folder: Path, **resources: Any) -> TemplateStack:
    shared = {
        "Api": {"Type": "AWS::AppSync::GraphQLApi", "Properties": {"Name": "a", "AuthenticationType": "API_KEY"}},
        "Schema": {"Type": "AWS::AppSync::GraphQLSchema", "Properties": {"ApiId": API_ID, "Definition": SCHEMA}},
        "Nothing": {
            "Type": "AWS::AppSync::DataSource",
            "Properties": {"ApiId": API_ID, "Name": "Nothing", "Type": "NONE"},
        },
    }
    path = folder / "template.json"
    path.write_text(json.dumps({"Resources": shared | resources}), "utf-8")
    template = read_template(path)
    intrinsics = IntrinsicResolver(template, "us-east-1", {})
    return read_stack(template, intrinsics, api_names(template, intrinsics))


def test_templates_are_read_inline_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "response.vtl").write_text(RESPONSE, "utf-8")

    stack = read(
        tmp_path,
        A=resolver("a", DataSourceName="Nothing", RequestMappingTemplate=REQUEST, ResponseMappingTemplate=RESPONSE),
        B=resolver(
            "b",
            DataSourceName="Nothing",
            RequestMappingTemplate=REQUEST,
            ResponseMappingTemplateS3Location="s3://bucket/response.vtl",
        ),
    )

    (api,) = stack.apis
    files = {name: [f"resolvers/Query.{name}.{kind}.vtl" for kind in ("request", "response")] for name in "ab"}
    assert api.api.resolvers == tuple(
        UnitResolver(f"Query.{name}", "Nothing", Templates(*files[name])) for name in "ab"
    )
    assert api.code == {
        file: text for name in "ab" for file, text in zip(files[name], (REQUEST, RESPONSE), strict=True)
    }


def test_a_pipeline_may_leave_out_its_templates_and_mix_functions(tmp_path: Path) -> None:
    code = "export function request(ctx) { return {}; }\nexport function response(ctx) { return 1; }\n"

    def function(name: str, **properties: Any) -> dict[str, Any]:
        common = {"ApiId": API_ID, "Name": name, "DataSourceName": "Nothing"}
        return {"Type": "AWS::AppSync::FunctionConfiguration", "Properties": common | properties}

    stack = read(
        tmp_path,
        First=function("first", RequestMappingTemplate=REQUEST),
        Second=function("second", Code=code),
        A=resolver(
            "a",
            Kind="PIPELINE",
            PipelineConfig={"Functions": [{"Fn::GetAtt": [name, "FunctionId"]} for name in ("First", "Second")]},
        ),
    )

    (api,) = stack.apis
    assert api.api.functions == (
        PipelineFunction("first", "Nothing", Templates("functions/first.request.vtl")),
        PipelineFunction("second", "Nothing", Code.FILE),
    )
    assert api.api.resolvers == (PipelineResolver("Query.a", ("first", "second"), Templates()),)
