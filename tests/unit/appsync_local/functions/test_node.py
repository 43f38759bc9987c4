"""Functions on Node.js: what a handler is given, and what its caller gets back."""

import json
import logging
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from appsync_local.errors import FunctionFailed
from appsync_local.functions.fork_server_client import FunctionsNotStarted
from appsync_local.functions.node.executable import why_unusable
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.spec import FunctionSpec, Package
from tests.support.node_packages import node_is_missing
from tests.unit.appsync_local.functions.waiting import eventually, is_running, lines

HANDLERS = Path(__file__).with_name("node_handlers")
OTHERS = {
    "module": "modern.handler",
    "nested": "modern.nested.deep.handler",
    "folders_of_modules": "src/handlers/order.handler",
    "type_module": "typed/index.handler",
    "broken": "broken.handler",
    "missing": "missing.handler",
    "sdk": "sdk.handler",
    "sdk_module": "sdk_module.handler",
    "throws": "throws.handler",
    "waits": "waits.handler",
    "no_module": "nowhere.handler",
    "typescript": "source.handler",
    "no_attribute": "contract.nothingOfThisName",
    "no_function": "modern.nested",
    "climbs": "../contract.echo",
}
CONTRACT = [
    "echo", "counts", "pid", "describe", "environment", "folders", "callsBack", "callsBackWithAnError",
    "neverCallsBack", "returnsWithoutPromise", "waitsForTheEventLoop", "done", "succeed", "failWithContext", "raises",
    "neverSettles", "rejectsUnseen", "throwsLater", "exits", "tooLarge", "large", "bigInt", "nothing", "prints",
]  # fmt: skip

pytestmark = [
    pytest.mark.skipif(node_is_missing() is not None, reason=str(node_is_missing())),
    pytest.mark.asyncio(loop_scope="module"),
]


def on_node(
    name: str, handler: str, *, runtime: str = "nodejs20.x", timeout: float = 20.0, **environment: str
) -> FunctionSpec:
    package = Package(HANDLERS, libraries=Path("/home/project"))
    variables = {"AWS_REGION": "eu-west-1", **environment}
    return FunctionSpec(name, handler, variables, timeout, memory_mb=512, runtime=runtime, package=package)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def functions(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FunctionRuntime]:
    folder = tmp_path_factory.mktemp("node")
    specs = [
        *(on_node(name, f"contract.{name}") for name in CONTRACT),
        *(on_node(name, handler) for name, handler in OTHERS.items()),
        on_node("spins", "contract.spins", timeout=0.2),
        on_node("json", "contract.prints", AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="WARN"),
        on_node("late", "contract.returnsWithoutPromise", runtime="nodejs24.x"),
        on_node("late_callback", "modern.withCallback", runtime="nodejs24.x"),
    ]
    runtime = FunctionRuntime(specs, root=folder, queue=folder / "events.sqlite", retry_delays=(0.0,))
    await runtime.start()
    yield runtime
    await runtime.stop()


async def failure_of(functions: FunctionRuntime, name: str, event: object = None) -> FunctionFailed:
    with pytest.raises(FunctionFailed) as failed:
        await functions.invoke(name, event)
    return failed.value


@pytest.mark.parametrize(
    ("name", "event", "result"),
    [
        ("echo", {"items": [1, "ü", None]}, {"items": [1, "ü", None]}),
        ("large", "ab" * 1_500_000, "ba" * 1_500_000),
        ("nothing", None, None),
        ("callsBack", 1, {"event": 1}),
        ("neverCallsBack", None, None),
        ("returnsWithoutPromise", None, None),
        ("late", None, "lost"),
        ("done", None, "done"),
        ("succeed", None, "succeeded"),
        ("waitsForTheEventLoop", {"waits": True}, ["called back", "timer"]),
        ("waitsForTheEventLoop", {"waits": False}, ["called back"]),
        ("module", "world", "hello world"),
        ("nested", None, True),
        ("folders_of_modules", [1, 2], 3),
        ("type_module", "a/b", "b"),
    ],
)
async def test_result_of_a_handler(functions: FunctionRuntime, name: str, event: object, result: object) -> None:
    assert await functions.invoke(name, event) == result


@pytest.mark.parametrize(
    ("name", "event", "error_type", "message"),
    [
        ("raises", None, "OrderError", "no such order"),
        ("raises", {"rejects": "in words"}, "string", "in words"),
        ("callsBackWithAnError", None, "TypeError", "not this"),
        ("failWithContext", None, "RangeError", "too far"),
        ("neverSettles", None, "Runtime.NodeJsExit", "never settles"),
        ("rejectsUnseen", None, "Runtime.UnhandledPromiseRejection", "Error: nobody looked"),
        ("throwsLater", None, "Error", "in a timer"),
        ("exits", {"status": 3}, "Runtime.ExitError", "exit status 3"),
        ("exits", {"status": 0}, "Runtime.ExitError", "Runtime exited without providing a reason"),
        ("tooLarge", None, "Function.ResponseSizeTooLarge", "maximum allowed payload size (6291556 bytes)"),
        ("bigInt", None, "Error", "Unable to stringify response body"),
        ("spins", None, "Sandbox.Timedout", "Task timed out after 0.20 seconds"),
        ("late_callback", None, "Runtime.CallbackHandlerDeprecated", "modern.withCallback takes a callback"),
        ("broken", None, "Runtime.UserCodeSyntaxError", "SyntaxError: "),
        ("missing", None, "Runtime.ImportModuleError", "Error: Cannot find module 'no-such-package'"),
        ("sdk", None, "Runtime.ImportModuleError", "npm install --save-dev @aws-sdk/client-sns` in /home/project"),
        ("sdk_module", None, "Error", "npm install --save-dev @aws-sdk/client-s3` in /home/project"),
        ("throws", None, "RangeError", "at the top level"),
        ("waits", None, "Runtime.ExitError", "Runtime exited without providing a reason"),
        (
            "no_module",
            None,
            "Runtime.ImportModuleError",
            "nowhere': expected a file with this name and .js, .mjs or .cjs",
        ),
        ("typescript", None, "Runtime.ImportModuleError", "source.ts is TypeScript; compile it"),
        ("no_attribute", None, "Runtime.HandlerNotFound", "contract.nothingOfThisName is undefined or not exported"),
        ("no_function", None, "Runtime.HandlerNotFound", "modern.nested is not a function"),
        ("climbs", None, "Runtime.MalformedHandlerName", "../contract.echo"),
    ],
)
async def test_failure_of_a_handler(
    functions: FunctionRuntime, name: str, event: object, error_type: str, message: str
) -> None:
    failure = await failure_of(functions, name, event)

    assert (failure.type, failure.name) == ("Lambda:Unhandled", error_type)
    assert message in failure.message


async def test_context_has_what_aws_puts_there(functions: FunctionRuntime) -> None:
    context = await functions.invoke("describe", {})

    assert isinstance(context, dict)
    assert 0 < context.pop("remaining") <= 20_000
    assert len(context.pop("awsRequestId")) == 36
    assert context.pop("logStreamName").count("[$LATEST]") == 1
    assert context == {
        "functionName": "describe",
        "functionVersion": "$LATEST",
        "invokedFunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:describe",
        "memoryLimitInMB": "512",
        "logGroupName": "/aws/lambda/describe",
        "logStreamIsTheEnvironments": True,
        "callbackWaitsForEmptyEventLoop": True,
    }


async def test_environment_is_that_of_lambda(functions: FunctionRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {
        "AWS_LAMBDA_FUNCTION_NAME": "environment",
        "AWS_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x",
        "LAMBDA_TASK_ROOT": str(HANDLERS),
        "_HANDLER": "contract.environment",
        "TZ": ":UTC",
        "VIRTUAL_ENV": None,
    }

    assert await functions.invoke("environment", [*expected]) == [*expected.values()]
    assert await functions.invoke("folders", None) == [str(HANDLERS), 2]


async def test_worker_stays_warm_after_an_error(functions: FunctionRuntime) -> None:
    assert await functions.invoke("counts", {}) == 1
    assert (await failure_of(functions, "counts", {"fails": True})).message == "call 2 failed"

    assert await functions.invoke("counts", {}) == 3


async def test_function_that_ended_its_worker_is_served_by_another(functions: FunctionRuntime) -> None:
    await failure_of(functions, "throwsLater")

    assert (await failure_of(functions, "throwsLater")).message == "in a timer"


async def test_lines_of_the_console_are_logged_with_the_request_id(
    functions: FunctionRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "appsync_local.functions.prints")

    await functions.invoke("prints", None)

    records = [it for it in caplog.records if it.name == "appsync_local.functions.prints"]
    assert [it.getMessage() for it in records][:3] == [
        "INFO\tkept 2 of three",
        "WARN\t{ stock: 1 }",
        "ERROR\tError: dropped",
    ]
    assert {len(it.__dict__["request_id"]) for it in records} == {36}


async def test_lines_are_json_where_the_function_asks_for_it(
    functions: FunctionRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "appsync_local.functions.json")

    await functions.invoke("json", None)

    warning, error = [json.loads(it.getMessage()) for it in caplog.records if it.name.endswith(".json")]
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", warning.pop("timestamp"))
    assert len(warning.pop("requestId")) == 36
    assert warning == {"level": "WARN", "message": {"stock": 1}}  # INFO is below the level that it asks for
    assert (error["message"]["errorType"], error["message"]["errorMessage"]) == ("Error", "dropped")
    assert error["message"]["stackTrace"][0] == "Error: dropped"


async def test_logged_error_has_the_trace_of_the_handler_alone(
    functions: FunctionRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "appsync_local.functions.raises")

    await failure_of(functions, "raises")

    (line,) = [it.getMessage() for it in caplog.records if it.name.endswith(".raises")]
    head, _, details = line.partition("{")
    first, *frames = json.loads("{" + details)["stackTrace"]
    assert (head, first) == ("ERROR\tInvoke Error ", "OrderError: no such order")
    assert [frame.split()[1] for frame in frames] == ["exports.raises"]


async def test_event_that_fails_is_tried_again_and_then_recorded(tmp_path: Path, records: Path) -> None:
    failing = replace(on_node("raises", "contract.raises"), maximum_retries=1, on_failure="records")
    runtime = FunctionRuntime(
        [failing, on_node("records", "contract.records", RECORDS=str(records))],
        root=tmp_path, queue=tmp_path / "events.sqlite", retry_delays=(0.0,),
    )  # fmt: skip
    await runtime.start()
    try:
        await runtime.enqueue("raises", {"order": 1})
        await eventually(lambda: bool(lines(records)), "the destination has the record")
    finally:
        await runtime.stop()

    record = json.loads(lines(records)[0])
    assert record["requestPayload"] == {"order": 1}
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert (record["responsePayload"]["errorType"], record["responsePayload"]["errorMessage"]) == (
        "OrderError",
        "no such order",
    )
    assert record["responsePayload"]["trace"][0].endswith("Error: no such order")


@pytest_asyncio.fixture(loop_scope="module")
async def spinning(tmp_path: Path, notes: Path) -> AsyncIterator[tuple[FunctionRuntime, psutil.Process]]:
    """A runtime, and a worker of it that does not return to its event loop."""
    runtime = FunctionRuntime(
        [on_node("spins", "contract.spins", timeout=60.0), on_node("pid", "contract.pid")],
        root=tmp_path, queue=tmp_path / "events.sqlite",
    )  # fmt: skip
    await runtime.start()
    try:
        await runtime.enqueue("spins", {"notes": str(notes)})
        await eventually(lambda: bool(lines(notes)), "the handler runs")
        yield runtime, psutil.Process(int(lines(notes)[0]))
    finally:
        await runtime.stop()


async def test_workers_end_with_the_runtime(spinning: tuple[FunctionRuntime, psutil.Process]) -> None:
    runtime, worker = spinning
    idle = await runtime.invoke("pid", None)
    assert isinstance(idle, int)
    assert is_running(idle)

    await runtime.stop()

    assert (is_running(worker.pid), is_running(idle)) == (False, False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a busy process with its parent")
async def test_busy_worker_ends_with_the_fork_server(spinning: tuple[FunctionRuntime, psutil.Process]) -> None:
    _, worker = spinning

    os.kill(worker.ppid(), signal.SIGKILL)

    await eventually(lambda: not is_running(worker.pid), "the worker has ended")


async def test_idle_worker_is_replaced_when_the_code_changes(functions: FunctionRuntime) -> None:
    before = await functions.invoke("pid", None)
    assert isinstance(before, int)

    functions.renew()

    await eventually(lambda: not is_running(before), "the worker has ended")
    assert await functions.invoke("pid", None) != before


async def test_function_is_refused_on_a_machine_without_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    runtime = FunctionRuntime([on_node("f", "contract.echo")], root=tmp_path, queue=tmp_path / "events.sqlite")

    with pytest.raises(FunctionsNotStarted, match=r"f runs on nodejs20\.x, and this machine has no"):
        await runtime.start()


@pytest.mark.parametrize(
    ("installed", "runtime", "reason"),
    [
        ("v22.1.0", "nodejs22.x", None),
        ("v22.1.0", "nodejs18.x", None),
        ("v20.9.0", "nodejs22.x", "is version 20; install Node.js 22 or newer"),
        ("v18.0.0", "nodejs16.x", "is version 18; install Node.js 20 or newer"),
        ("v18.0.0", "nodejs", "is version 18; install Node.js 20 or newer"),
        ("what?", "nodejs22.x", "does not print its version; install Node.js 22 or newer"),
    ],
)
async def test_node_is_as_new_as_the_runtime(
    installed: str, runtime: str, reason: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "node"
    program.write_text(f"#!/bin/sh\necho '{installed}'\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert why_unusable(runtime) == (None if reason is None else f"{program} {reason}")
