"""The order of handlers and data sources, and early returns and errors."""

import logging
from pathlib import Path
from typing import Any

import pytest

from appsync_local.api.limits import CODE_TIME, RESULT_LIMIT
from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.data_sources import LambdaDataSource
from appsync_local.errors import FieldError, FunctionFailed, SourceFailed
from appsync_local.javascript.context import FieldContext, RequestContext
from appsync_local.javascript.script import Script
from appsync_local.resolvers.resolution import LocalFunction, Pipeline, Resolution, SourceFunction, Unit
from tests.support.engine_doubles import RecordingInvoker


class Code:
    """Writes code files, and runs resolvers that use them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.invoker = RecordingInvoker()
        self.count = 0

    def script(self, request: str = "return {};", response: str = "return ctx.result;") -> Script:
        self.count += 1
        path = self.folder / f"code{self.count}.js"
        path.write_text(
            'import { runtime, util } from "@aws-appsync/utils";\n'
            f"export function request(ctx) {{ {request} }}\nexport function response(ctx) {{ {response} }}\n",
            encoding="utf-8",
        )
        return Script(path)

    def stage(self, request: str = "return {};", response: str = "return ctx.result;") -> LocalFunction:
        return LocalFunction(self.script(request, response))

    def lambda_stage(self, request: str, response: str = "return ctx.result;") -> SourceFunction:
        return SourceFunction(self.script(request, response), LambdaDataSource("worker", self.invoker))

    def resolution(self) -> Resolution:
        request = RequestContext(Caller(AuthMode.LAMBDA, {"resolverContext": {}}), {}, {})
        info = {"fieldName": "f", "selectionSetList": [], "selectionSetGraphQL": ""}
        return Resolution(FieldContext(request, "Query", "f", {}, None, info))

    async def run(self, resolver: Unit | Pipeline) -> Any:
        return await self.resolution().run(resolver)


@pytest.fixture
def code(tmp_path: Path) -> Code:
    return Code(tmp_path)


async def test_an_early_return_from_a_unit_request_is_the_value_and_skips_the_response(code: Code) -> None:
    stage = code.stage("runtime.earlyReturn({ a: 1 });", 'return "never";')

    assert await code.run(Unit(stage)) == {"a": 1}


@pytest.mark.parametrize(("options", "expected"), [("", "after early"), (', { skipTo: "END" }', "early")])
async def test_an_early_return_from_a_function_goes_to_the_next_or_to_the_end(
    code: Code, options: str, expected: str
) -> None:
    first = code.stage(f'runtime.earlyReturn("early"{options});', 'return "never";')
    second = code.stage("return { payload: `after ${ctx.prev.result}` };")

    assert await code.run(Pipeline(code.script(), (first, second))) == expected


async def test_an_early_return_from_a_pipelines_request_skips_all_functions(code: Code) -> None:
    around = code.script('runtime.earlyReturn("early");', "return [ctx.result, ctx.prev.result];")

    assert await code.run(Pipeline(around, (code.stage('util.error("never");'),))) == ["early", "early"]


async def test_functions_see_the_result_before_them_and_share_the_stash(code: Code) -> None:
    around = code.script("ctx.stash.log = []; return 'begin';", "return ctx.stash.log;")
    step = code.stage("ctx.stash.log.push(ctx.prev.result); return { payload: ctx.stash.log.length };")

    assert await code.run(Pipeline(around, (step, step, code.stage("ctx.stash.log.push(ctx.prev.result);")))) == [
        "begin",
        1,
        2,
    ]


async def test_a_failed_invocation_is_shown_to_the_response_handler_which_may_ignore_it(code: Code) -> None:
    def throw(_: Any) -> Any:
        raise FunctionFailed("Lambda:Unhandled", "boom")

    code.invoker.functions["worker"] = throw
    stage = code.lambda_stage('return { operation: "Invoke" };', "return [ctx.error, ctx.result ?? null];")

    assert await code.run(Unit(stage)) == [{"message": "boom", "type": "Lambda:Unhandled"}, None]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("return { payload: 1 };", r"Value for field '\$\[operation\]' not found\."),
        ("return null;", r"Value for field '\$\[operation\]' not found\."),
        ('return { operation: "Query" };', "Unsupported operation 'Query'"),
        ('return { operation: "Invoke", invocationType: "Later" };', "Unsupported invocationType 'Later'"),
    ],
)
async def test_a_malformed_request_ends_the_field(code: Code, request_: str, message: str) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        await code.run(Unit(code.lambda_stage(request_)))

    assert caught.value.type == "MappingTemplate"
    assert code.invoker.invoked == []


async def test_the_payload_alone_is_the_event_of_the_function(code: Code) -> None:
    code.invoker.functions["worker"] = lambda payload: payload

    assert await code.run(Unit(code.lambda_stage('return { operation: "Invoke", payload: { a: [1] } };'))) == {"a": [1]}


async def test_none_answers_with_the_payload_or_null(code: Code) -> None:
    assert await code.run(Unit(code.stage("return { payload: { a: 1 } };"))) == {"a": 1}
    assert await code.run(Unit(code.stage())) is None


@pytest.mark.parametrize("stage_of", ["stage", "lambda_stage"])
async def test_only_the_stash_is_kept_between_the_two_handlers(code: Code, stage_of: str) -> None:
    code.invoker.functions["worker"] = lambda payload: payload
    request = (
        "ctx.args.n = 2; ctx.stash.n = 3; const kept = { n: 4, gone: undefined, nan: 0 / 0 }; ctx.stash.kept = kept;"
        'return { operation: "Invoke", payload: kept };'
    )
    response = (
        "ctx.result.n = 5; return [ctx.args, ctx.arguments, ctx.stash, ctx.result, ctx.prev, ctx.info.fieldName,"
        "Object.hasOwn(ctx.stash.kept, 'gone'), Object.hasOwn(ctx.result, 'gone')];"
    )

    assert await code.run(Unit(getattr(code, stage_of)(request, response))) == [
        {}, {}, {"n": 3, "kept": {"n": 4, "nan": None}}, {"n": 5, "nan": None}, None, "f", False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("request_", ["return [{ payload: 1 }];", 'return "payload";', "return;", "return { a: 1 };"])
async def test_a_request_without_a_payload_has_no_result(code: Code, request_: str) -> None:
    assert await code.run(Unit(code.stage(request_, "return ctx.result ?? 'nothing';"))) == "nothing"


async def test_the_side_effects_of_both_handlers_of_local_code_are_collected(code: Code) -> None:
    add = 'util.appendError("{0}"); util.http.addResponseHeader("x-{0}", "1");'
    stage = code.stage(f"{add.format('asked')} return {{}};", f"{add.format('answered')} return 1;")
    resolution = code.resolution()

    assert await resolution.run(Unit(stage)) == 1
    assert [error.message for error in resolution.appended] == ["asked", "answered"]
    assert resolution.headers == [("x-asked", "1"), ("x-answered", "1")]


@pytest.mark.parametrize(
    ("request_", "response"), [('util.error("no");', "return 1;"), ("return {};", 'util.error("no");')]
)
async def test_an_error_in_either_handler_of_local_code_ends_the_field(
    code: Code, request_: str, response: str
) -> None:
    with pytest.raises(FieldError, match="no"):
        await code.run(Unit(code.stage(request_, response)))


async def test_a_failed_source_may_return_a_result_with_its_error(code: Code) -> None:
    def throw(_: Any) -> Any:
        raise SourceFailed("DynamoDB:ConditionalCheckFailedException", "no", {"stored": 1})

    code.invoker.functions["worker"] = throw
    stage = code.lambda_stage('return { operation: "Invoke" };', "return [ctx.error.type, ctx.result];")

    assert await code.run(Unit(stage)) == ["DynamoDB:ConditionalCheckFailedException", {"stored": 1}]


async def test_the_engines_log_has_the_lines_of_resolver_code_with_the_field(
    code: Code, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "appsync_local")

    await code.run(Unit(code.stage('console.log("n is", { a: 1 }); console.error("bad"); return {};')))

    logged = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "appsync_local"]
    assert logged == [("INFO", 'Query.f: n is {"a":1}'), ("ERROR", "Query.f: bad")]


async def test_code_that_throws_is_logged_with_file_and_line(code: Code, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FieldError, match=r"^code\.js:2:\d+: TypeError"):
        await code.run(Unit(code.stage("return ctx.no.such;")))

    [record] = [r for r in caplog.records if r.levelname == "WARNING"]
    assert record.getMessage().startswith("Query.f failed: code.js:2:")
    assert f"at request ({code.folder}/code1.js:2:" in record.getMessage()


async def test_no_more_code_runs_after_the_time_limit_of_a_request(code: Code) -> None:
    request = RequestContext(Caller(AuthMode.LAMBDA, {"resolverContext": {}}), {}, {}, code_time=CODE_TIME + 0.1)
    info = {"fieldName": "f", "selectionSetList": [], "selectionSetGraphQL": ""}

    with pytest.raises(FieldError) as caught:
        await Resolution(FieldContext(request, "Query", "f", {}, None, info)).run(Unit(code.stage()))

    assert (caught.value.type, caught.value.message) == (
        "ExecutionTimeout",
        "the code of this request ran longer than 3 s in total",
    )


async def test_the_code_of_all_fields_counts_towards_the_time_of_its_request(code: Code) -> None:
    request = RequestContext(Caller(AuthMode.LAMBDA, {"resolverContext": {}}), {}, {})
    info = {"fieldName": "f", "selectionSetList": [], "selectionSetGraphQL": ""}
    field = FieldContext(request, "Query", "f", {}, None, info)

    await Resolution(field).run(Unit(code.stage()))
    after_one = request.code_time
    await Resolution(field).run(Unit(code.stage()))

    assert 0 < after_one < request.code_time


async def test_an_answer_that_is_too_large_to_return_may_be_reduced_by_the_code(code: Code) -> None:
    code.invoker.functions["worker"] = lambda _: "x" * (RESULT_LIMIT + 1)
    stage = code.lambda_stage('return { operation: "Invoke", payload: {} };', "return ctx.result.length;")

    assert await code.run(Unit(stage)) == RESULT_LIMIT + 1
