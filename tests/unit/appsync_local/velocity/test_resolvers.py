"""Templates in unit and pipeline resolvers: versions, missing templates, and code in JavaScript beside them."""

from pathlib import Path
from typing import Any

import pytest

from appsync_local.api.limits import CODE_TIME
from appsync_local.api.model import (
    Api,
    AuthMode,
    Code,
    CodeFile,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    Templates,
    UnitResolver,
)
from appsync_local.authorization.caller import Caller
from appsync_local.errors import ApiInvalid, FieldError, FieldUnauthorized, FunctionFailed
from appsync_local.javascript.context import FieldContext, RequestContext
from appsync_local.resolvers.loading import load
from appsync_local.resolvers.resolution import Resolution, Resolver
from tests.support.engine_doubles import RecordingInvoker

V17, V18 = "2017-02-28", "2018-05-29"
INVOKE = '{"version": "%s", "operation": "Invoke", "payload": $util.toJson($ctx.args)}'
PAYLOAD = '{"version": "2018-05-29", "payload": %s}'
RESULT = "$util.toJson($ctx.result)"


class Desk:
    """Loads and runs one resolver of `Query.a` from templates that a test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.invoker = RecordingInvoker(worker=lambda payload: payload)
        self.requests = RequestContext(Caller(AuthMode.IAM, {"username": "ann"}), {"x-a": "b"}, {})
        (folder / "schema.graphql").write_text("type Query { a(n: Int): AWSJSON }", "utf-8")
        (folder / "resolvers").mkdir()

    def templates(self, name: str, request: str | None, response: str | None) -> Templates:
        return Templates(self._write(name, "request", request), self._write(name, "response", response))

    def _write(self, name: str, kind: str, text: str | None) -> str | None:
        if text is None:
            return None
        path = f"resolvers/{name}.{kind}.vtl"
        (self.folder / path).write_text(text, "utf-8")
        return path

    def script(self, name: str, request: str, response: str) -> CodeFile:
        text = f"export function request(ctx) {{ {request} }}\nexport function response(ctx) {{ {response} }}\n"
        (self.folder / f"resolvers/{name}.js").write_text(text, "utf-8")
        return CodeFile(f"resolvers/{name}.js")

    def load(self, resolver: UnitResolver | PipelineResolver, *functions: PipelineFunction) -> Resolver:
        sources = (LambdaSource("Worker", "worker"), NoneSource("Nothing"))
        api = Api((AuthMode.IAM,), None, sources, functions, (resolver,), {"TABLE": "t"})
        handlers = frozenset({"worker"})
        loaded = load(
            api, schema=self.folder / "schema.graphql", code=self.folder, handlers=handlers, invoker=self.invoker
        )
        return loaded.resolvers["Query.a"]

    def resolution(self) -> Resolution:
        info = {"fieldName": "a", "selectionSetList": ["id"], "selectionSetGraphQL": "{ id }"}
        return Resolution(FieldContext(self.requests, "Query", "a", {"n": 1}, {"id": "s"}, info, {"TABLE": "t"}))

    async def run(self, resolver: UnitResolver | PipelineResolver, *functions: PipelineFunction) -> Any:
        return await self.resolution().run(self.load(resolver, *functions))

    async def unit(self, request: str | None, response: str | None, source: str = "Worker", batch: int = 0) -> Any:
        return await self.run(UnitResolver("Query.a", source, self.templates("a", request, response), batch))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def fail(_: Any) -> Any:
    raise FunctionFailed("Lambda:Unhandled", "boom")


@pytest.mark.parametrize("version", [V17, V18])
async def test_a_unit_resolver_sends_its_request_and_returns_its_response(desk: Desk, version: str) -> None:
    assert await desk.unit(INVOKE % version, '{"got": $ctx.result.n}') == {"got": 1}
    assert desk.invoker.calls("worker") == [{"n": 1}]


async def test_version_2018_gives_an_error_to_the_response_template(desk: Desk) -> None:
    desk.invoker.functions["worker"] = fail

    assert await desk.unit(INVOKE % V18, '["$ctx.error.type", "$ctx.error.message"]') == ["Lambda:Unhandled", "boom"]


async def test_version_2017_fails_the_field_and_puts_the_response_into_the_data_of_the_error(desk: Desk) -> None:
    desk.invoker.functions["worker"] = fail

    with pytest.raises(FieldError) as failed:
        await desk.unit(INVOKE % V17, '{"seen": "$ctx.error.message"}')

    assert (failed.value.type, failed.value.message, failed.value.data) == (
        "Lambda:Unhandled",
        "boom",
        {"seen": "boom"},
    )


@pytest.mark.parametrize("source", ["Worker", "Nothing"])
@pytest.mark.parametrize(("version", "expected"), [(V17, None), (V18, {"ran": True})])
async def test_a_null_result_is_mapped_in_version_2018_only(
    desk: Desk, source: str, version: str, expected: Any
) -> None:
    desk.invoker.functions["worker"] = lambda payload: None
    request = f'{{"version": "{version}", "operation": "Invoke"}}'

    assert await desk.unit(request, '{"ran": true}', source) == expected


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ('{"operation": "Invoke"}', "Value for field '$[version]' not found."),
        ('{"version": "2018-05-29"}', "Value for field '$[operation]' not found."),
        ("[]", "Value for field '$[version]' not found."),
        ('{"version": "2020-01-01"}', "Unsupported template version '2020-01-01'. Supported: 2017-02-28, 2018-05-29."),
        ("#if(false)x#end", "Template transformation yielded an empty response."),
        ("#foreach($i in [1..1001])x#end", "#foreach exceeds the limit of 1000 iterations in AppSync at velocity["),
    ],
)
async def test_a_request_that_is_not_complete_fails_the_field(desk: Desk, request_: str, message: str) -> None:
    with pytest.raises(FieldError) as failed:
        await desk.unit(request_, RESULT)

    assert failed.value.type == "MappingTemplate"
    assert failed.value.message.startswith(message)
    assert desk.invoker.invoked == []


@pytest.mark.parametrize("source", ["Worker", "Nothing"])
async def test_return_in_a_request_template_is_the_value_of_the_field(desk: Desk, source: str) -> None:
    assert await desk.unit('#return({"a": 1})', '{"never": true}', source) == {"a": 1}
    assert desk.invoker.invoked == []


async def test_without_a_request_template_the_function_receives_the_whole_context(desk: Desk) -> None:
    assert await desk.unit(None, "$util.toJson($ctx.result.info.selectionSetList)") == ["id"]

    (event,) = desk.invoker.calls("worker")
    assert event == {
        "arguments": {"n": 1},
        "identity": {"username": "ann"},
        "source": {"id": "s"},
        "request": {"headers": {"x-a": "b"}, "domainName": None},
        "prev": None,
        "info": {
            "fieldName": "a",
            "selectionSetList": ["id"],
            "selectionSetGraphQL": "{ id }",
        },
        "stash": {},
    }


async def test_without_a_request_template_a_batch_size_makes_a_batch(desk: Desk) -> None:
    desk.invoker.functions["worker"] = lambda payloads: [payload["arguments"] for payload in payloads]

    assert await desk.unit(None, RESULT, batch=5) == {"n": 1}


async def test_without_a_response_template_the_result_is_returned_or_its_error_raised(desk: Desk) -> None:
    assert await desk.unit(INVOKE % V18, None) == {"n": 1}

    desk.invoker.functions["worker"] = fail
    with pytest.raises(FieldError) as failed:
        await desk.unit(INVOKE % V18, None)
    assert (failed.value.type, failed.value.message) == ("Lambda:Unhandled", "boom")


async def test_the_context_of_templates(desk: Desk) -> None:
    references = ("$ctx.identity.username", "$context.request.headers.x-a", "$ctx.info.fieldName", "$ctx.source.id")
    shown = ", ".join(f'"{reference}"' for reference in (*references, "$ctx.env.TABLE"))

    assert await desk.unit(PAYLOAD % f"[{shown}]", RESULT, "Nothing") == ["ann", "b", "a", "s", "t"]


async def test_a_pipeline_mixes_templates_and_code(desk: Desk) -> None:
    first = PipelineFunction(
        "first", "Nothing", desk.templates("first", PAYLOAD % '"$ctx.prev.result.begin"', '["$ctx.result", "vtl"]')
    )
    second = PipelineFunction(
        "second",
        "Worker",
        desk.script(
            "second",
            'ctx.stash.js = ctx.stash.vtl; return { operation: "Invoke", payload: [...ctx.prev.result, "js"] };',
            "return ctx.result;",
        ),
    )
    around = desk.templates(
        "around",
        "$util.qr($ctx.stash.put('vtl', 'kept')){\"begin\": \"b\"}",
        '{"result": $util.toJson($ctx.result), "prev": $util.toJson($ctx.prev.result), "stash": "$ctx.stash.js"}',
    )

    assert await desk.run(PipelineResolver("Query.a", ("first", "second"), around), first, second) == {
        "result": ["b", "vtl", "js"],
        "prev": ["b", "vtl", "js"],
        "stash": "kept",
    }


async def test_a_pipeline_function_needs_no_version_in_its_request(desk: Desk) -> None:
    request = INVOKE.replace('"version": "%s", ', "")
    step = PipelineFunction("step", "Worker", desk.templates("step", request, RESULT))

    assert await desk.run(PipelineResolver("Query.a", ("step",), Templates()), step) == {"n": 1}


async def test_return_in_a_function_goes_to_the_next_function(desk: Desk) -> None:
    first = PipelineFunction("first", "Worker", desk.templates("first", "#return('early')", '"never"'))
    second = PipelineFunction("second", "Nothing", desk.templates("second", PAYLOAD % '"after $ctx.prev.result"', None))

    assert await desk.run(PipelineResolver("Query.a", ("first", "second"), Templates()), first, second) == "after early"


async def test_return_in_a_before_template_ends_the_resolver(desk: Desk) -> None:
    step = PipelineFunction("step", "Worker", Code.DIRECT)
    around = desk.templates("around", "#return('early')", '"never"')

    assert await desk.run(PipelineResolver("Query.a", ("step",), around), step) == "early"
    assert desk.invoker.invoked == []


async def test_an_error_of_a_template_ends_the_pipeline(desk: Desk) -> None:
    step = PipelineFunction("step", "Worker", desk.templates("step", "$util.error('no', 'T', {'a': 1}, 'i')", None))

    with pytest.raises(FieldError) as failed:
        await desk.run(PipelineResolver("Query.a", ("step", "step"), Templates()), step)

    assert (failed.value.message, failed.value.type, failed.value.data, failed.value.info) == ("no", "T", {"a": 1}, "i")


async def test_unauthorized_is_worded_as_appsync_does(desk: Desk) -> None:
    with pytest.raises(FieldUnauthorized, match="Not Authorized to access a on type Query"):
        await desk.unit("$util.unauthorized()", RESULT)


async def test_templates_count_towards_the_time_of_the_request(desk: Desk) -> None:
    desk.requests.code_time = CODE_TIME + 0.1

    with pytest.raises(FieldError) as failed:
        await desk.unit(PAYLOAD % "1", RESULT, "Nothing")

    assert failed.value.type == "ExecutionTimeout"


def test_templates_that_cannot_be_loaded_are_all_named(desk: Desk) -> None:
    templates = desk.templates("a", "#if(", "\n#end")

    with pytest.raises(ApiInvalid) as refused:
        desk.load(UnitResolver("Query.a", "Worker", templates))

    first, second = refused.value.problems
    assert "resolvers/a.request.vtl:1:5: expected a value" in first
    assert "resolvers/a.response.vtl:2:1: #end has no #if" in second


def test_a_missing_request_template_needs_a_lambda_function(desk: Desk) -> None:
    with pytest.raises(ApiInvalid, match=r"Query\.a has no request template, and its data source Nothing invokes"):
        desk.load(UnitResolver("Query.a", "Nothing", Templates()))


def test_a_template_that_does_not_exist_and_one_that_is_not_used_are_named(desk: Desk) -> None:
    desk.templates("b", "{}", None)

    with pytest.raises(ApiInvalid) as refused:
        desk.load(UnitResolver("Query.a", "Worker", Templates("resolvers/c.request.vtl")))

    assert [problem.split("/", 1)[1] for problem in refused.value.problems] == [
        "resolvers/c.request.vtl is used and does not exist; did you mean resolvers/b.request.vtl?",
        "resolvers/b.request.vtl exists and is not used; add its resolver or function to the API, or delete it",
    ]
