"""The package's documents and enums compared with the schema, its public names, and its imports."""

import ast
import logging
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from graphql.type import GraphQLEnumType, GraphQLObjectType

import longcall
from longcall import Client, ErrorType, LambdaToken, Role, Status
from longcall.addresses import realtime_url_of
from longcall.operations import Request
from tests.unit.longcall.appsync import AppSync
from tests.unit.longcall.conftest import SHORT

ROOT = Path(__file__).parents[3]
SUPPLIED = """
scalar AWSJSON
scalar AWSURL
scalar AWSDateTime
directive @aws_lambda on OBJECT | FIELD_DEFINITION
directive @aws_cognito_user_pools on OBJECT | FIELD_DEFINITION
directive @aws_iam on OBJECT | FIELD_DEFINITION
directive @aws_subscribe(mutations: [String!]!) on FIELD_DEFINITION
"""
SCHEMA = build_schema(SUPPLIED + (ROOT / "graphql/schema.graphql").read_text("utf-8"))
OPERATIONS = [
    file.name.removesuffix(".graphql")
    for file in (files("longcall") / "documents").iterdir()
    if not file.read_text("utf-8").startswith("fragment")
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_document_is_valid(name: str) -> None:
    assert validate(SCHEMA, parse(Request(name, {}).payload["query"])) == []


NOT_OF_JOBS = ("create_upload", "delete_inference", "list_models", "quote_inference")
PUSHED = {"start_inference", "cancel_inference", "update_status"}


def selected(name: str) -> set[str]:
    return set(Request(name, {}).payload["query"].split())


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in (*NOT_OF_JOBS, "on_my_inferences")])
def test_document_about_jobs_selects_every_field_of_a_job_that_callers_may_read(name: str) -> None:
    job = SCHEMA.type_map["InferenceStatus"]
    assert isinstance(job, GraphQLObjectType)

    assert set(job.fields) - {"checkpoint", "audience"} <= selected(name)


def test_mutations_that_are_pushed_select_the_audience_and_no_other_document_does() -> None:
    assert {name for name in OPERATIONS if "audience" in selected(name)} == PUSHED


def test_the_document_of_a_live_list_selects_what_lists_show_and_no_long_text() -> None:
    left_out = selected("on_inference_status_change") - selected("on_my_inferences")

    assert {name for name in left_out if name.isalpha()} - {"fragment", "on", "InferenceFields"} == {
        "delta", "output", "outputOmitted", "outputKept", "result", "resultOmitted", "resultIsOutput", "resultUrl",
        "resultBytes", "claimed",
    } | {"InferenceStatus"}  # fmt: skip


@pytest.mark.parametrize("words", [Status, ErrorType, Role])
def test_enum_has_the_values_of_the_schema(words: type[Status | ErrorType | Role]) -> None:
    named = SCHEMA.type_map[words.__name__]
    assert isinstance(named, GraphQLEnumType)

    assert {word.value for word in words} == set(named.values)


def test_public_names_are_the_listed_ones() -> None:
    assert longcall.__all__ == sorted(longcall.__all__)
    for name in longcall.__all__:
        assert getattr(longcall, name).__module__.startswith("longcall.") or name == "TokenProvider"
    with pytest.raises(AttributeError, match="nothing"):
        _ = longcall.nothing


def test_package_imports_nothing_else_of_this_repository() -> None:
    ours = {"app", "appsync_local", "chalicelib", "infrastructure", "local_stack", "tests"}
    construct = ROOT / "longcall" / "cdk.py"  # gives a construct a public name, and is imported by CDK apps alone
    for file in set((ROOT / "longcall").rglob("*.py")) - {construct}:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                names.append(node.module)
            assert not {name.partition(".")[0] for name in names} & ours, f"{file}: {names}"


def test_pure_modules_load_no_network_library() -> None:
    code = (
        "import sys, longcall.view, longcall.display, longcall.addresses, longcall.faults\n"
        "print(*{'aiohttp', 'gql', 'websockets', 'asyncio'} & set(sys.modules))"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert loaded.stdout.split() == []


@pytest.mark.parametrize(
    ("graphql_url", "realtime_url"),
    [
        ("http://127.0.0.1:4000/graphql", "ws://127.0.0.1:4000/graphql"),
        (
            "https://abc.appsync-api.eu-west-1.amazonaws.com/graphql",
            "wss://abc.appsync-realtime-api.eu-west-1.amazonaws.com/graphql",
        ),
        ("https://api.example.com/graphql", "wss://api.example.com/graphql/realtime"),
    ],
)
def test_realtime_url_is_derived_from_the_graphql_url(graphql_url: str, realtime_url: str) -> None:
    assert realtime_url_of(graphql_url) == realtime_url


async def test_no_token_and_no_prompt_reaches_a_log(service: AppSync, caplog: pytest.LogCaptureFixture) -> None:
    async def provider() -> str:
        return "a-secret-token"

    async def works(service: AppSync, job_id: str) -> None:
        await service.report(job_id, status="COMPLETED", result="a secret result")

    service.worker = works
    caplog.set_level(logging.DEBUG)

    async with Client(service.url, authorization=LambdaToken(provider), timing=SHORT) as client:
        views = [view async for view in client.run("a secret prompt")]

    assert views[-1].result == "a secret result"
    assert "secret" not in caplog.text
    assert "YS1zZWNyZXQ" not in caplog.text  # the beginning of the token, in base64
