"""`RequestResponse`: what a handler is given, and what its caller gets back."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from appsync_local.errors import FunctionFailed
from appsync_local.functions.spec import FunctionSpec
from tests.unit.appsync_local.functions.conftest import StartRuntime
from tests.unit.appsync_local.functions.waiting import eventually, is_running, lines

WriteHandlers = Callable[..., None]


def spec(name: str = "f", *, timeout: float = 20.0, **environment: str) -> FunctionSpec:
    return FunctionSpec(name, f"app.{name}", environment, timeout)


async def test_result_and_event_pass_through_json(write_handlers: WriteHandlers, start_runtime: StartRuntime) -> None:
    write_handlers(
        """
        def f(event, context):
            return {"event": event, "pair": (1, 2), "type": type(event["items"]).__name__}
        """
    )
    runtime = await start_runtime(spec())

    result = await runtime.invoke("f", {"items": (1, "ü", None)})

    assert result == {"event": {"items": [1, "ü", None]}, "pair": [1, 2], "type": "list"}


async def test_large_events_and_results_arrive_whole(
    write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): return event[::-1]")
    runtime = await start_runtime(spec())
    text = "ab" * 1_500_000

    assert await runtime.invoke("f", text) == text[::-1]


async def test_numbers_from_dynamodb_are_encoded_as_numbers(
    write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        from decimal import Decimal
        def f(event, context): return [Decimal("3"), Decimal("0.5")]
        """
    )
    runtime = await start_runtime(spec())

    assert await runtime.invoke("f", None) == [3, 0.5]


async def test_context_has_what_aws_puts_there(write_handlers: WriteHandlers, start_runtime: StartRuntime) -> None:
    write_handlers(
        """
        def f(event, context):
            return {
                "function_name": context.function_name,
                "function_version": context.function_version,
                "invoked_function_arn": context.invoked_function_arn,
                "memory_limit_in_mb": context.memory_limit_in_mb,
                "log_group_name": context.log_group_name,
                "stream_is_the_environments": context.log_stream_name == os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
                "request_id_length": len(context.aws_request_id),
                "remaining": context.get_remaining_time_in_millis(),
            }
        """
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {"AWS_REGION": "eu-west-1"}, 20.0, memory_mb=512))

    context = await runtime.invoke("f", {})

    assert isinstance(context, dict)
    assert 0 < context.pop("remaining") <= 20_000
    assert context == {
        "function_name": "f",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
        "memory_limit_in_mb": "512",
        "log_group_name": "/aws/lambda/f",
        "stream_is_the_environments": True,
        "request_id_length": 36,
    }


async def test_each_function_has_its_own_environment_already_when_its_module_is_imported(
    write_handlers: WriteHandlers, start_runtime: StartRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGINE_ONLY", "not for handlers")
    write_handlers(
        """
        AT_IMPORT = os.environ.get("SECRET")
        def f(event, context):
            names = ["SECRET", "ENGINE_ONLY", "PYTHONPATH", "AWS_LAMBDA_FUNCTION_NAME", "_HANDLER"]
            return [AT_IMPORT, *(os.environ.get(name) for name in names)]
        g = h = f
        """
    )
    runtime = await start_runtime(spec("f", SECRET="one"), spec("g", SECRET="two"), spec("h"))

    assert await runtime.invoke("f", {}) == ["one", "one", None, None, "f", "app.f"]
    assert await runtime.invoke("g", {}) == ["two", "two", None, None, "g", "app.g"]
    assert await runtime.invoke("h", {}) == [None, None, None, None, "h", "app.h"]


async def test_handler_runs_in_the_main_thread_of_a_single_threaded_process_in_the_root_folder(
    root: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            signal.signal(signal.SIGALRM, signal.SIG_IGN)  # refused outside the main thread
            return [threading.current_thread() is threading.main_thread(), threading.active_count(), os.getcwd()]
        """
    )
    runtime = await start_runtime(spec(), preload=("chalice", "boto3", "aiohttp"))

    assert await runtime.invoke("f", {}) == [True, 1, str(root)]


async def test_preloaded_modules_are_there_before_the_handler_imports_anything(
    write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): return ['colorsys' in sys.modules, 'this' in sys.modules]")
    runtime = await start_runtime(spec(), preload=("colorsys",))

    assert await runtime.invoke("f", {}) == [True, False]


async def test_warm_worker_is_used_again(write_handlers: WriteHandlers, start_runtime: StartRuntime) -> None:
    write_handlers(
        """
        seen = []
        def f(event, context):
            seen.append(event)
            return seen
        """
    )
    runtime = await start_runtime(spec())

    await runtime.invoke("f", 1)

    assert await runtime.invoke("f", 2) == [1, 2]


async def test_exception_is_reported_with_its_message_and_leaves_the_worker_warm(
    write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            if event == "raise":
                raise ValueError("boom")
            return os.getpid()
        """
    )
    runtime = await start_runtime(spec())
    before = await runtime.invoke("f", "pid")

    with pytest.raises(FunctionFailed) as failed:
        await runtime.invoke("f", "raise")

    assert (failed.value.type, failed.value.message) == ("Lambda:Unhandled", "boom")
    assert await runtime.invoke("f", "pid") == before


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ("os._exit(3)", "Error: Runtime exited with error: exit status 3"),
        ("sys.exit(4)", "Error: Runtime exited with error: exit status 4"),
        ("sys.exit()", "Error: Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "Error: Runtime exited with error: signal: killed"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "Error: Runtime exited with error: signal: segmentation fault"),
    ],
)
async def test_death_of_the_process_is_reported_and_the_next_event_gets_another(
    way: str, sentence: str, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        f"""
        def f(event, context):
            if event == "die":
                {way}
            return "alive"
        """
    )
    runtime = await start_runtime(spec())

    with pytest.raises(FunctionFailed) as failed:
        await runtime.invoke("f", "die")

    assert failed.value.type == "Lambda:Unhandled"
    assert failed.value.message.startswith("RequestId: ")
    assert failed.value.message.endswith(sentence)
    assert await runtime.invoke("f", "live") == "alive"


async def test_time_out_ends_the_process_and_all_it_started_before_the_caller_hears_of_it(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            child = subprocess.Popen(["sleep", "60"])
            note(event, os.getpid())
            note(event, child.pid)
            while True:
                pass
        """
    )
    runtime = await start_runtime(spec(timeout=3.0))  # enough to start a process on a machine that is held up

    with pytest.raises(FunctionFailed) as failed:
        await runtime.invoke("f", {"notes": str(notes)})

    assert failed.value.type == "Lambda:Unhandled"
    assert failed.value.message.endswith("Task timed out after 3.00 seconds")
    worker, child = map(int, lines(notes))
    assert not is_running(worker)
    await eventually(lambda: not is_running(child), "the handler's own process is gone")


async def test_process_that_dies_takes_along_what_it_started(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, subprocess.Popen(["sleep", "60"]).pid)
            os._exit(1)
        """
    )
    runtime = await start_runtime(spec())

    with pytest.raises(FunctionFailed):
        await runtime.invoke("f", {"notes": str(notes)})

    await eventually(lambda: not is_running(int(lines(notes)[0])), "the handler's own process is gone")


async def test_stop_kills_what_runs_and_tells_its_callers(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, os.getpid())
            time.sleep(60)
        """
    )
    runtime = await start_runtime(spec())
    running = asyncio.create_task(runtime.invoke("f", {"notes": str(notes)}))
    await eventually(lambda: len(lines(notes)) == 1, "the function runs")

    await runtime.stop()

    with pytest.raises(FunctionFailed, match="the functions were stopped while f ran"):
        await running
    assert not is_running(int(lines(notes)[0]))
    with pytest.raises(FunctionFailed, match="the functions are not running"):
        await runtime.invoke("f", {})


async def test_caller_stops_waiting_while_the_function_goes_on(
    tmp_path: Path, notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            wait_for(event["gate"])
            note(event, "finished")
        """
    )
    runtime = await start_runtime(spec(), resolver_timeout=0.05)
    gate = tmp_path / "gate"

    with pytest.raises(FunctionFailed) as failed:
        await runtime.invoke("f", {"notes": str(notes), "gate": str(gate)})
    gate.touch()

    assert (failed.value.type, failed.value.message) == ("Lambda:ExecutionTimeoutException", "Execution timed out.")
    await eventually(lambda: lines(notes) == ["finished"], "the function has finished")


async def test_function_at_its_reserved_concurrency_refuses_another_invocation(
    tmp_path: Path, notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, "started")
            wait_for(event["gate"])
            return "done"
        """
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0, reserved_concurrency=2))
    gate = tmp_path / "gate"
    event = {"notes": str(notes), "gate": str(gate)}
    running = [asyncio.create_task(runtime.invoke("f", event)) for _ in range(2)]
    await eventually(lambda: len(lines(notes)) == 2, "both invocations run")

    with pytest.raises(FunctionFailed) as refused:
        await runtime.invoke("f", event)
    gate.touch()

    assert (refused.value.type, refused.value.message) == ("Lambda:TooManyRequestsException", "Rate Exceeded.")
    assert await asyncio.gather(*running) == ["done", "done"]
    assert await runtime.invoke("f", event) == "done"


async def test_functions_without_reserved_concurrency_share_the_common_limit(
    tmp_path: Path, notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, "started")
            wait_for(event["gate"])
        def g(event, context): return "g"
        r = g
        """
    )
    reserved = FunctionSpec("r", "app.r", {}, 20.0, reserved_concurrency=1)
    runtime = await start_runtime(spec("f"), spec("g"), reserved, concurrency=1)
    gate = tmp_path / "gate"
    running = asyncio.create_task(runtime.invoke("f", {"notes": str(notes), "gate": str(gate)}))
    await eventually(lambda: lines(notes) == ["started"], "the first function runs")

    with pytest.raises(FunctionFailed, match=r"Rate Exceeded\."):
        await runtime.invoke("g", {})
    assert await runtime.invoke("r", {}) == "g"
    gate.touch()
    await running
    assert await runtime.invoke("g", {}) == "g"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("object()", "Unable to marshal response: Object of type object is not JSON serializable"),
        ("{1: {2}}", "Unable to marshal response: Object of type set is not JSON serializable"),
        ("float('nan')", "Unable to marshal response: Out of range float values are not JSON compliant"),
        (
            "'x' * 7_000_000",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        ),
    ],
)
async def test_result_that_lambda_could_not_return_fails_the_invocation(
    result: str, message: str, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(f"def f(event, context): return {result}")
    runtime = await start_runtime(spec())

    with pytest.raises(FunctionFailed) as failed:
        await runtime.invoke("f", {})

    assert failed.value.message.startswith(message)


@pytest.mark.parametrize(
    ("source", "handler", "message"),
    [
        ("import no_such_library", "app.f", "Unable to import module 'app': No module named 'no_such_library'"),
        ("", "nothing.f", "Unable to import module 'nothing': No module named 'nothing'"),
        ("def f(:", "app.f", "Syntax error in module 'app': invalid syntax (app.py, line 11)"),
        ("", "app.f", "Handler 'f' missing on module 'app'"),
        ("", "app", "Bad handler 'app': expected module.attribute"),
        ("raise RuntimeError('no settings')", "app.f", "no settings"),
        ("sys.exit(5)", "app.f", "Error: Runtime exited with error: exit status 5"),
    ],
)
async def test_handler_that_cannot_be_imported_says_why_until_it_is_mended(
    source: str, handler: str, message: str, write_handlers: WriteHandlers, start_runtime: StartRuntime, root: Path
) -> None:
    write_handlers(source)
    runtime = await start_runtime(FunctionSpec("f", handler, {}, 20.0))

    with pytest.raises(FunctionFailed) as failed:
        await runtime.invoke("f", {})

    assert failed.value.type == "Lambda:Unhandled"
    assert failed.value.message.endswith(message)


async def test_new_worker_runs_the_code_as_it_is_on_disk_now(
    write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): os._exit(1) if event else None; return 'old'")
    runtime = await start_runtime(spec())
    assert await runtime.invoke("f", None) == "old"
    write_handlers("def f(event, context): return 'new, and longer'")

    with pytest.raises(FunctionFailed):
        await runtime.invoke("f", "die")

    assert await runtime.invoke("f", None) == "new, and longer"


async def test_unknown_function_is_refused(start_runtime: StartRuntime) -> None:
    runtime = await start_runtime()

    with pytest.raises(FunctionFailed) as refused:
        await runtime.invoke("nobody", {})

    assert refused.value.type == "Lambda:ResourceNotFoundException"
    assert refused.value.message.endswith(":function:nobody")


async def test_event_over_lambdas_limit_is_refused(write_handlers: WriteHandlers, start_runtime: StartRuntime) -> None:
    write_handlers("def f(event, context): return len(event)")
    runtime = await start_runtime(spec())

    with pytest.raises(FunctionFailed, match="RequestTooLargeException"):
        await runtime.invoke("f", "x" * 6_291_456)
    with pytest.raises(FunctionFailed, match="1048577 byte payload is too large for the Event invocation type"):
        await runtime.enqueue("f", "x" * 1_048_575)
