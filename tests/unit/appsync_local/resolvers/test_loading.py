"""Faults that stop the engine from starting, and their messages."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsync_local import AuthorizerOptions, DefaultAction, Engine
from appsync_local.api.limits import Limits
from appsync_local.api.model import Api, AuthMode, CodeFile, NoneSource, PipelineResolver, UnitResolver
from appsync_local.api.schema import load_schema
from appsync_local.errors import ApiInvalid, PortInUse
from appsync_local.resolvers.loading import load
from appsync_local.resolvers.resolution import LocalFunction, Pipeline, Unit
from tests.support.engine_doubles import API, HANDLERS, NOTES, SCHEMA, RecordingInvoker

CODE = "export function request(ctx) { return {}; }\nexport function response(ctx) { return null; }\n"
WIRING = Api(
    modes=(AuthMode.IAM,),
    authorizer=None,
    sources=(NoneSource("Nothing"),),
    functions=(),
    resolvers=(UnitResolver("Query.a", "Nothing"),),
)


def problems(tmp_path: Path, schema: str, code: str = CODE, wiring: Api = WIRING) -> str:
    path = tmp_path / "schema.graphql"
    path.write_text(schema, encoding="utf-8")
    (tmp_path / "resolvers").mkdir(exist_ok=True)
    (tmp_path / "resolvers" / "Query.a.js").write_text(code, encoding="utf-8")
    with pytest.raises(ApiInvalid) as caught:
        load(wiring, schema=path, code=tmp_path, handlers=frozenset(), invoker=RecordingInvoker())
    return str(caught.value)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("type Query {\n  a: String\n", "schema.graphql:3:1: Syntax Error"),
        ("type Query {\n  a: Strange\n}", "schema.graphql:2:6: Unknown type 'Strange'"),
        ("type Query {\n  a: String @nope\n}", "schema.graphql:2:13: Unknown directive '@nope'"),
        ("type Query { a: String }\ntype Empty", "schema.graphql:2:1: "),
        (
            "type AWSJSON { b: Int } type Query { a: String }",
            "schema.graphql:1:6: There can be only one type named 'AWSJSON'",
        ),
        (
            (
                "type Query { a: String }\ntype Mutation { b: Int }\ntype Subscription {\n"
                '  c: Int @aws_subscribe(mutations: ["gone"])\n}'
            ),
            "schema.graphql:4:3: Subscription.c listens to gone, which is not a mutation",
        ),
        (
            (
                "type Query { a: String }\ntype Mutation { b: Int }\ntype Subscription {\n"
                '  c: String @aws_subscribe(mutations: ["b"])\n}'
            ),
            "schema.graphql:4:3: Subscription.c must have the type of Mutation.b: Int",
        ),
        ("type Query { b: String }", "Query.a has a resolver and is not a field of the schema"),
    ],
)
def test_a_fault_of_the_schema_is_named_with_file_and_line(tmp_path: Path, schema: str, expected: str) -> None:
    assert expected in problems(tmp_path, schema)


def test_a_fault_of_the_code_is_named_with_file_and_line(tmp_path: Path) -> None:
    text = problems(tmp_path, "type Query { a: String }", code="export function request() {}\n")

    assert "Query.a.js:1:1: no response handler; add `export function response(ctx)`" in text


def test_a_missing_schema_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ApiInvalid, match=r"absent\.graphql cannot be read"):
        load_schema(tmp_path / "absent.graphql")


def test_a_fault_of_the_api_is_named() -> None:
    with pytest.raises(ApiInvalid, match="the authorizer is gone, and there is no such handler"):
        load(
            replace(API, authorizer="gone"),
            schema=SCHEMA,
            code=NOTES,
            handlers=HANDLERS,
            invoker=RecordingInvoker(),
        )


@pytest.mark.parametrize(
    ("modes", "options", "problem"),
    [
        ((*API.modes, AuthMode.IAM), {}, "AWS_IAM is among the modes 2 times; an API may have it once"),
        (API.modes, {"default_action": DefaultAction.DENY}, "the default action DENY needs AMAZON_COGNITO_USER_POOLS"),
        (API.modes, {"limits": Limits(depth=76)}, "the depth limit is 76; it must be 0 for no limit, or 1 to 75"),
        (API.modes, {"limits": Limits(resolvers=0)}, "the limit of resolvers is 0; it must be 1 to 10000"),
    ],
)
def test_settings_that_appsync_rejects_are_rejected(
    modes: tuple[AuthMode, ...], options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ApiInvalid, match=problem):
        load(
            replace(API, modes=modes),
            schema=SCHEMA,
            code=NOTES,
            handlers=HANDLERS,
            invoker=RecordingInvoker(),
            **options,
        )


def test_an_identity_validation_that_is_not_a_regular_expression_is_rejected() -> None:
    with pytest.raises(ApiInvalid, match="identity validation is not a regular expression"):
        Engine(
            api=API,
            schema=SCHEMA,
            code=NOTES,
            invoker=RecordingInvoker(),
            handlers=HANDLERS,
            authorizer=AuthorizerOptions(identity_validation="("),
        )


def make_engine() -> Engine:
    return Engine(api=API, schema=SCHEMA, code=NOTES, invoker=RecordingInvoker(), handlers=HANDLERS)


async def test_a_port_in_use_is_rejected_and_the_first_engine_continues() -> None:
    first, second = make_engine(), make_engine()
    await first.start(port=0)
    port = int(first.graphql_url.rsplit(":", 1)[1].split("/")[0])

    with pytest.raises(PortInUse, match=f"port {port} on 127.0.0.1 is in use"):
        await second.start(port=port)

    assert first.realtime_url == f"ws://127.0.0.1:{port}/graphql"
    await first.stop()
    await second.start(port=port)
    await second.stop()
    await second.stop()


def test_a_shared_code_file_is_loaded_once(tmp_path: Path) -> None:
    shared = CodeFile("resolvers/shared.js")
    (tmp_path / "schema.graphql").write_text("type Query { a: String b: String c: String }", encoding="utf-8")
    (tmp_path / "resolvers").mkdir()
    (tmp_path / "resolvers" / "shared.js").write_text(CODE, encoding="utf-8")
    resolvers = (
        UnitResolver("Query.a", "Nothing", shared),
        UnitResolver("Query.b", "Nothing", shared),
        PipelineResolver("Query.c", (), shared),
    )

    api = load(
        replace(WIRING, resolvers=resolvers), schema=tmp_path / "schema.graphql", code=tmp_path, handlers=frozenset(),
        invoker=RecordingInvoker(),
    )  # fmt: skip

    a, b, c = (api.resolvers[resolver.field] for resolver in resolvers)
    assert isinstance(a, Unit)
    assert isinstance(b, Unit)
    assert isinstance(c, Pipeline)
    assert isinstance(a.function, LocalFunction)
    assert isinstance(b.function, LocalFunction)
    assert a.function.handlers is b.function.handlers is c.handlers
