"""Applications that are not Longcall, served from their templates over HTTP."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.acceptance.stack import READY, LocalStack, running_stack, wait_until
from tests.contract.conftest import ROOT

API = {"Fn::GetAtt": ["Api", "ApiId"]}
APPLICATIONS = Path(__file__).with_name("applications")


async def ask(stack: LocalStack, query: str, *, url: str = "", key: str = "") -> Any:
    """The answer to an operation, from the stack's first API and with its first key by default."""
    headers = {"x-api-key": key or stack.description["apiKeys"][0]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url or stack.url, json={"query": query}, headers=headers) as response,
    ):
        return await response.json()


async def page(stack: LocalStack, path: str) -> tuple[int, str]:
    """Status and text of a page of the stack."""
    async with aiohttp.ClientSession() as session, session.get(URL(stack.url).with_path(path)) as response:
        return response.status, await response.text()


async def test_api_without_functions_and_resolvers_is_served_without_anything_of_longcall(tmp_path: Path) -> None:
    resources = {
        "Api": {"Type": "AWS::AppSync::GraphQLApi", "Properties": {"Name": "bare", "AuthenticationType": "API_KEY"}},
        "Key": {"Type": "AWS::AppSync::ApiKey", "Properties": {"ApiId": API}},
        "Schema": {
            "Type": "AWS::AppSync::GraphQLSchema",
            "Properties": {"ApiId": API, "Definition": "type Query { hello: String }"},
        },
    }
    template = tmp_path / "bare.template.json"
    template.write_text(json.dumps({"Resources": resources}))
    data = tmp_path / "data"

    with running_stack(data, "--template", str(template)) as stack:
        answer = await ask(stack, "{ hello __typename }")
        status, explorer = await page(stack, "/")
        jobs, _ = await page(stack, "/jobs/1")

    assert answer == {"data": {"hello": None, "__typename": "Query"}}
    assert (status, jobs) == (200, 404)
    assert "explorer" in explorer.lower()
    assert not (data / "jobs.db").exists()
    log = (tmp_path / "data.log").read_text()
    assert "The application is running at" in log
    assert "longcall run" not in log
    assert "jobs" not in log


async def test_each_of_several_apis_has_a_path_and_keys_of_its_own(tmp_path: Path) -> None:
    template = tmp_path / "two.yaml"
    template.write_text("".join(map(small_api, ("Shop", "Stock"))).join(("Resources:\n", "")))

    with running_stack(tmp_path / "data", "--template", str(template)) as stack:
        urls, keys = stack.description["apis"], stack.description["apiKeys"]
        _, configuration = await page(stack, "/console/config.json")
        answers = [await ask(stack, "{ name }", url=url, key=key) for url in urls.values() for key in keys]

    assert json.loads(configuration)["graphqlUrl"] == "/Shop/graphql"
    assert "(of Shop)" in (tmp_path / "data.log").read_text()
    assert [name.rsplit("/", 2)[-2:] for name in urls.values()] == [["Shop", "graphql"], ["Stock", "graphql"]]
    assert [it.get("data") for it in answers] == [{"name": "Shop"}, None, None, {"name": "Stock"}]


def small_api(name: str) -> str:
    """The resources of an API whose only field answers with the API's variable `NAME`."""
    return f"""
  {name}:
    Type: AWS::AppSync::GraphQLApi
    Properties: {{Name: {name}, AuthenticationType: API_KEY, EnvironmentVariables: {{NAME: {name}}}}}
  {name}Key: {{Type: 'AWS::AppSync::ApiKey', Properties: {{ApiId: !GetAtt {name}.ApiId}}}}
  {name}Schema:
    Type: AWS::AppSync::GraphQLSchema
    Properties: {{ApiId: !GetAtt {name}.ApiId, Definition: 'type Query {{ name: String }}'}}
  {name}Source:
    Type: AWS::AppSync::DataSource
    Properties: {{ApiId: !GetAtt {name}.ApiId, Name: none, Type: NONE}}
  {name}Resolver:
    Type: AWS::AppSync::Resolver
    Properties:
      ApiId: !GetAtt {name}.ApiId
      TypeName: Query
      FieldName: name
      DataSourceName: !GetAtt {name}Source.Name
      Code: |
        export const request = (ctx) => ({{ payload: ctx.env.NAME }});
        export const response = (ctx) => ctx.result;
"""


def test_everything_that_stops_a_start_is_named_at_once_with_its_place(tmp_path: Path) -> None:
    template = tmp_path / "broken.yaml"
    template.write_text(
        "Resources:" + small_api("Shop").replace("Type: NONE", "Type: AMAZON_OPENSEARCH_SERVICE")
        .replace("ctx.env.NAME", "missing.NAME").replace("name: String }", "name: Strin }")
        + "  Gone: {Type: 'AWS::AppSync::Resolver', Properties: {ApiId: !GetAtt Shop.ApiId, TypeName: Query}}\n"
    )  # fmt: skip

    ran = subprocess.run(
        [sys.executable, "-m", "local_stack", "--port", "0", "--data", str(tmp_path / "data"), "--template", template],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=READY,
    )  # fmt: skip

    problems = [it.removeprefix(f"  - {template}:") for it in ran.stderr.splitlines()[1:]]
    assert ran.returncode == 3
    assert problems == [
        "9: ShopSource: data source none is of type AMAZON_OPENSEARCH_SERVICE, which the local stack does not support",
        "22: Gone: it must have FieldName, and does not",
        "6: ShopSchema.Definition:1:20: Unknown type 'Strin'. Did you mean 'String'?",
        "12: ShopResolver.Code:1:45: missing is not declared; declare it, import it, or read it from the context",
    ]


async def test_application_of_cdk_in_python_uses_its_table_and_keeps_to_the_limits_of_its_api(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data", "--template", str(APPLICATIONS / "notes_cdk")) as stack:
        added = await ask(stack, 'mutation { add(text: "hello") { text } }')
        listed = await ask(stack, "{ notes { text } }")
        deep = await ask(stack, "{ notes { same { text } } }")
        introspection = await ask(stack, "{ __schema { types { name } } }")

    assert added == {"data": {"add": {"text": "hello"}}}
    assert listed == {"data": {"notes": [{"text": "hello"}]}}
    assert deep["errors"][0]["errorType"] == "QueryDepthLimitReached"
    assert introspection.get("data") is None
    assert "XrayEnabled of ApiF70053CD" in (tmp_path / "data.log").read_text()


async def test_application_of_sam_runs_with_layers_pipelines_and_parameters(tmp_path: Path) -> None:
    options = ("--template", str(APPLICATIONS / "shop_sam"), "--parameter", "Currency=EUR")

    with running_stack(tmp_path / "data", *options) as stack:
        added = await ask(stack, 'mutation { add(sku: "tea", cents: 1250) { sku cents } }')
        priced = await ask(stack, '{ price(sku: "tea") }')

    assert added == {"data": {"add": {"sku": "tea", "cents": 1250}}}
    assert priced == {"data": {"price": "12.50 EUR at dev.shop.example"}}


MODES = """
Resources:
  Api:
    Type: AWS::AppSync::GraphQLApi
    Properties:
      Name: modes
      AuthenticationType: API_KEY
      AdditionalAuthenticationProviders:
        - {AuthenticationType: AWS_IAM}
        - AuthenticationType: OPENID_CONNECT
          OpenIDConnectConfig: {Issuer: 'https://login.example.test', ClientId: web}
  Schema:
    Type: AWS::AppSync::GraphQLSchema
    Properties: {ApiId: !GetAtt Api.ApiId, Definition: 'type Query { hello: String @aws_api_key @aws_iam @aws_oidc }'}
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed; the printed commands use it")
def test_each_mode_has_a_caller_whose_command_works_as_it_is_printed(tmp_path: Path) -> None:
    template = tmp_path / "modes.yaml"
    template.write_text(MODES)

    with running_stack(tmp_path / "data", "--template", str(template)) as stack:
        wait_until(lambda: "Stop " in stack.log.read_text(), READY)
        lines = stack.log.read_text().splitlines()
        commands = [it.strip() for it in lines if it.strip().startswith("curl ")]
        asked = [command.replace("__typename", "__typename hello") for command in commands]
        answers = [subprocess.check_output(["/bin/bash", "-c", it], cwd=ROOT, timeout=READY) for it in asked]
        stack_file = str(tmp_path / "data" / "stack.json")
        doctor, env = (
            subprocess.run([sys.executable, "-m", "longcall", it, "--stack", stack_file], cwd=ROOT, capture_output=True,
                           text=True, timeout=READY, check=False)
            for it in ("doctor", "env")
        )  # fmt: skip

    assert [json.loads(it) for it in answers] == [{"data": {"__typename": "Query", "hello": None}}] * 3
    assert [it.split()[0] for it in lines if it.startswith("  ") and not it.startswith("   ")] == [
        "Explorer", "GraphQL", "Realtime", "API", "IAM", "Users", "A", "Stop",
    ]  # fmt: skip
    assert (doctor.returncode, env.returncode) == (0, 0), doctor.stdout
    assert "accepted as" in doctor.stdout
    assert "jobs" not in doctor.stdout
