"""Data sources as an API defines them."""

from pathlib import Path
from typing import Any

import pytest

from appsync_local.api.model import (
    Api,
    AuthMode,
    Code,
    DynamoDbSource,
    EventBridgeSource,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    UnitResolver,
)
from appsync_local.data_sources.creation import ExternalServices
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.errors import ApiInvalid, FieldError, FunctionFailed
from appsync_local.resolvers.loading import load
from appsync_local.resolvers.resolution import Resolution
from tests.support.engine_doubles import RecordingInvoker
from tests.unit.appsync_local.data_sources.conftest import field_context

ANY = Api(
    modes=(AuthMode.API_KEY,),
    authorizer=None,
    sources=(LambdaSource("Work", "work"), NoneSource("Nothing")),
    functions=(PipelineFunction("first", "Nothing"), PipelineFunction("direct", "Work", Code.DIRECT)),
    resolvers=(PipelineResolver("Query.any", ("first", "direct")),),
)


def folder_of(path: Path) -> Path:
    code = "export function request(ctx) {{ {} }}\nexport function response(ctx) {{ return ctx.result; }}\n"
    files = {
        "resolvers/Query.any.js": "ctx.stash.seen = 1; return {};",
        "functions/first.js": "return { payload: 'first' };",
    }
    (path / "schema.graphql").write_text("type Query { any: AWSJSON }\n", encoding="utf-8")
    for name, body in files.items():
        (path / name).parent.mkdir()
        (path / name).write_text(code.format(body), encoding="utf-8")
    return path


def served(api: Api, path: Path, invoker: RecordingInvoker) -> Any:
    handlers = frozenset({"work"})
    return load(api, schema=path / "schema.graphql", code=path, handlers=handlers, invoker=invoker).resolvers


async def test_a_direct_pipeline_function_receives_the_previous_result_and_the_stash(tmp_path: Path) -> None:
    invoker = RecordingInvoker(work=lambda payload: {"prev": payload["prev"], "stash": payload["stash"]})
    resolver = served(ANY, folder_of(tmp_path), invoker)["Query.any"]

    assert await Resolution(field_context()).run(resolver) == {"prev": {"result": "first"}, "stash": {"seen": 1}}


async def test_the_failure_of_a_direct_pipeline_function_ends_the_field(tmp_path: Path) -> None:
    def throw(_: Any) -> Any:
        raise FunctionFailed("Lambda:Unhandled", "boom", "Boom")

    resolver = served(ANY, folder_of(tmp_path), RecordingInvoker(work=throw))["Query.any"]

    with pytest.raises(FieldError, match="boom") as caught:
        await Resolution(field_context()).run(resolver)
    assert caught.value.type == "Boom"


def test_a_table_without_an_endpoint_is_refused_with_the_fix(tmp_path: Path) -> None:
    path = folder_of(tmp_path)
    (path / "functions" / "first.js").unlink()
    api = Api(ANY.modes, None, (DynamoDbSource("Table", "t"),), (), (UnitResolver("Query.any", "Table"),))

    with pytest.raises(ApiInvalid, match="data source Table uses table t, but no DynamoDB endpoint is given"):
        load(
            api, schema=path / "schema.graphql", code=path, handlers=frozenset(), invoker=RecordingInvoker(),
            services=ExternalServices(HttpClient()),
        )  # fmt: skip


def test_an_event_bus_without_an_endpoint_is_refused_before_anything_starts(tmp_path: Path) -> None:
    api = Api(ANY.modes, None, (EventBridgeSource("Bus", "orders"),), (), (UnitResolver("Query.any", "Bus"),))
    (folder_of(tmp_path) / "functions" / "first.js").unlink()

    with pytest.raises(ApiInvalid, match=r"data source Bus sends events to orders: .* no local counterpart"):
        served(api, tmp_path, RecordingInvoker())
