"""`Event`: accepted events are tried until they succeed or their failure is passed on, also if processes die."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

import pytest

from appsync_local.functions.delivery import Backoff
from appsync_local.functions.event_queue import EventQueue, QueuedEvent, QueueInUse
from appsync_local.functions.runtime import REFUSAL_DELAYS, FunctionRuntime
from appsync_local.functions.spec import FunctionSpec
from tests.unit.appsync_local.functions.conftest import NOTE_RECORD, StartRuntime
from tests.unit.appsync_local.functions.waiting import eventually, is_running, lines

WriteHandlers = Callable[..., None]


@pytest.fixture
def destination(records: Path) -> FunctionSpec:
    return FunctionSpec("failed", "app.failed", {"RECORDS": str(records)}, 20.0)


def left_in(queue: Path, function: str) -> set[str]:
    """Request ids of events left in a queue that no runtime has open."""
    opened = EventQueue.open(queue)
    try:
        return {event.request_id for event in iter(lambda: opened.claim(function, now=inf), None)}
    finally:
        opened.close()


async def test_event_is_handled_under_the_request_id_its_sender_got_and_leaves_the_queue(
    notes: Path, queue: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): note(event, context.aws_request_id)")
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0, reserved_concurrency=1))

    first = await runtime.enqueue("f", {"notes": str(notes)})
    second = await runtime.enqueue("f", {"notes": str(notes)})

    await eventually(lambda: lines(notes) == [first, second], "both events were handled")
    await runtime.stop()
    assert first not in left_in(queue, "f")  # the second may have been cut short by the stop


async def test_failed_event_is_retried_under_the_same_request_id_until_it_succeeds(
    notes: Path, records: Path, destination: FunctionSpec, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            with open(event["notes"], "a+") as file:
                file.seek(0)
                attempt = len(file.readlines())
                file.write(context.aws_request_id + "\\n")
            if attempt == 0:
                raise ValueError("boom")
            if attempt == 1:
                os._exit(1)
            note(event, "done")
        """,
        NOTE_RECORD,
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0, on_failure="failed"), destination)

    request_id = await runtime.enqueue("f", {"notes": str(notes)})

    await eventually(lambda: "done" in lines(notes), "the third attempt succeeded")
    assert lines(notes) == [request_id, request_id, request_id, "done"]
    assert lines(records) == []


async def test_destination_gets_the_record_of_an_event_whose_retries_are_exhausted(
    notes: Path,
    records: Path,
    queue: Path,
    destination: FunctionSpec,
    write_handlers: WriteHandlers,
    start_runtime: StartRuntime,
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, context.aws_request_id)
            raise ValueError("boom")
        """,
        NOTE_RECORD,
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0, on_failure="failed"), destination)

    request_id = await runtime.enqueue("f", {"notes": str(notes)})

    await eventually(lambda: len(lines(records)) == 1, "the destination has the record")
    assert lines(notes) == [request_id] * 3
    record = json.loads(lines(records)[0])
    trace = record["responsePayload"].pop("stackTrace")
    assert ", in f" in trace[-1]
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"notes": str(notes)},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "boom", "errorType": "ValueError", "requestId": request_id},
    }
    await runtime.stop()
    assert left_in(queue, "f") == set()


@pytest.mark.parametrize(
    ("body", "seconds", "error_type", "sentence"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", 20, "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        ("time.sleep(60)", 0.2, "Sandbox.Timedout", "Task timed out after 0.20 seconds"),
        ("return object()", 20, "Runtime.MarshalError", "Object of type object is not JSON serializable"),
    ],
)
async def test_record_says_how_an_invocation_ended_that_never_raised(
    body: str,
    seconds: float,
    error_type: str,
    sentence: str,
    records: Path,
    destination: FunctionSpec,
    write_handlers: WriteHandlers,
    start_runtime: StartRuntime,
) -> None:
    write_handlers(f"def f(event, context): {body}", NOTE_RECORD)
    function = FunctionSpec("f", "app.f", {}, seconds, on_failure="failed", maximum_retries=0)
    runtime = await start_runtime(function, destination)

    await runtime.enqueue("f", {})

    await eventually(lambda: len(lines(records)) == 1, "the destination has the record")
    record = json.loads(lines(records)[0])
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responsePayload"]["errorType"] == error_type
    assert record["responsePayload"]["errorMessage"].endswith(sentence)


async def test_events_wait_in_line_for_a_busy_function(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, f"starts {event['number']}")
            note(event, f"ends {event['number']}")
        """
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0, reserved_concurrency=1))

    for number in range(20):
        await runtime.enqueue("f", {"notes": str(notes), "number": number})

    await eventually(lambda: len(lines(notes)) == 40, "all events were handled")
    assert lines(notes) == [f"{step} {number}" for number in range(20) for step in ("starts", "ends")]


async def test_event_waiting_for_the_common_limit_goes_ahead_when_another_function_ends(
    tmp_path: Path, notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context): wait_for(event["gate"])
        def g(event, context): note(event, "g")
        """
    )
    gate = tmp_path / "gate"
    functions = [FunctionSpec(name, f"app.{name}", {}, 20.0) for name in ("f", "g")]
    runtime = await start_runtime(*functions, concurrency=1)
    running = asyncio.create_task(runtime.invoke("f", {"gate": str(gate)}))
    await asyncio.sleep(0)  # let it take the only place

    await runtime.enqueue("g", {"notes": str(notes)})
    assert lines(notes) == []
    gate.touch()

    await running
    await eventually(lambda: lines(notes) == ["g"], "the waiting event was handled")


async def test_event_that_never_got_its_turn_is_given_up_at_its_maximum_age(
    tmp_path: Path,
    notes: Path,
    records: Path,
    destination: FunctionSpec,
    write_handlers: WriteHandlers,
    start_runtime: StartRuntime,
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, "started")
            wait_for(event["gate"])
        """,
        NOTE_RECORD,
    )
    gate = tmp_path / "gate"
    function = FunctionSpec("f", "app.f", {}, 20.0, reserved_concurrency=1, on_failure="failed", maximum_event_age=0.1)
    now = time.time()
    runtime = await start_runtime(function, destination, clock=lambda: now)
    event = {"notes": str(notes), "gate": str(gate)}

    await runtime.enqueue("f", event)
    late = await runtime.enqueue("f", {**event, "late": True})
    await eventually(lambda: len(lines(notes)) == 1, "one of them runs")
    now += 1.0

    await eventually(lambda: len(lines(records)) == 1, "the destination has the record")
    record = json.loads(lines(records)[0])
    assert record["requestContext"] == {
        "requestId": late,
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
        "condition": "EventAgeExceeded",
        "approximateInvokeCount": 0,
    }
    assert record["requestPayload"] == {**event, "late": True}
    assert "responsePayload" not in record
    assert lines(notes) == ["started"]  # by the event that is still running, however old it is
    gate.touch()


async def test_retry_due_after_the_maximum_age_is_not_made(
    records: Path,
    destination: FunctionSpec,
    write_handlers: WriteHandlers,
    start_runtime: StartRuntime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_handlers("def f(event, context): raise ValueError('boom')", NOTE_RECORD)
    function = FunctionSpec("f", "app.f", {}, 20.0, on_failure="failed", maximum_event_age=0.2)
    now = time.time()
    runtime = await start_runtime(function, destination, retry_delays=(3600.0,), clock=lambda: now)

    await runtime.enqueue("f", {})
    await eventually(lambda: "f failed on an event: ValueError" in caplog.messages, "it was tried")
    now += 1.0

    await eventually(lambda: len(lines(records)) == 1, "the destination has the record")
    record = json.loads(lines(records)[0])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responsePayload"]["errorMessage"] == "boom"


async def test_an_event_does_not_wait_for_a_clock_that_was_set_back(
    tmp_path: Path, notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, "started")
            wait_for(event["gate"])
        """
    )
    gate = tmp_path / "gate"
    now = time.time()
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0, reserved_concurrency=1), clock=lambda: now)
    event = {"notes": str(notes), "gate": str(gate)}
    await runtime.enqueue("f", event)
    await runtime.enqueue("f", event)
    await eventually(lambda: len(lines(notes)) == 1, "one of them runs")

    now -= 3600.0
    gate.touch()

    await eventually(lambda: len(lines(notes)) == 2, "the other one ran")


async def test_an_event_of_an_earlier_run_does_not_wait_for_a_clock_that_was_set_back(
    queue: Path, notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): note(event, 'ran')")
    earlier = EventQueue.open(queue)
    payload = json.dumps({"notes": str(notes)}).encode()
    earlier.accept(QueuedEvent("waiting", "f", payload, time.time() + 3600.0))
    earlier.close()

    await start_runtime(FunctionSpec("f", "app.f", {}, 20.0))

    await eventually(lambda: len(lines(notes)) == 1, "the event ran")


async def test_events_for_a_function_that_is_switched_off_go_straight_to_the_destination(
    records: Path, destination: FunctionSpec, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): pass", NOTE_RECORD)
    function = FunctionSpec("f", "app.f", {}, 20.0, reserved_concurrency=0, on_failure="failed")
    runtime = await start_runtime(function, destination)

    request_id = await runtime.enqueue("f", {"a": 1})

    await eventually(lambda: len(lines(records)) == 1, "the destination has the record")
    record = json.loads(lines(records)[0])
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
        "condition": "ZeroReservedConcurrency",
        "approximateInvokeCount": 0,
    }
    assert "responsePayload" not in record


@pytest.fixture
def exhaust_descriptors() -> Iterator[Callable[[], None]]:
    """Let this process open nothing more, until the test ends."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    def exhaust() -> None:
        lowest_free = os.open(os.devnull, os.O_RDONLY)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))

    yield exhaust
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_event_that_no_process_could_be_had_for_waits_and_loses_no_attempt(
    notes: Path,
    exhaust_descriptors: Callable[[], None],
    write_handlers: WriteHandlers,
    start_runtime: StartRuntime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_handlers("def f(event, context): note(event, context.aws_request_id)")
    function = FunctionSpec("f", "app.f", {}, 20.0, maximum_retries=0)
    runtime = await start_runtime(function, refusal_delays=Backoff(0.001, 0.01))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    exhaust_descriptors()

    request_id = await runtime.enqueue("f", {"notes": str(notes)})
    await eventually(lambda: str(caplog.messages).count("could not be tried on an event") >= 2, "it was refused twice")
    resource.setrlimit(resource.RLIMIT_NOFILE, limit)

    await eventually(lambda: lines(notes) == [request_id], "it was handled")


def test_delays_of_a_refused_event_double_up_to_the_longest() -> None:
    assert [REFUSAL_DELAYS.after(refusals) for refusals in range(1, 12)] == [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300
    ]  # fmt: skip
    assert REFUSAL_DELAYS.after(100_000) == 300


async def test_event_given_up_without_a_destination_leaves_the_queue(
    notes: Path, queue: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, context.aws_request_id)
            raise ValueError("boom")
        """
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0, reserved_concurrency=1, maximum_retries=1))

    first = await runtime.enqueue("f", {"notes": str(notes)})
    second = await runtime.enqueue("f", {"notes": str(notes)})

    await eventually(lambda: lines(notes).count(second) == 2, "all attempts were made")
    await runtime.stop()
    assert lines(notes).count(first) == 2
    assert first not in left_in(queue, "f")


async def test_event_cut_short_by_a_stop_is_delivered_again_after_the_next_start(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, context.aws_request_id)
            wait_for(event["gate"])
        """
    )
    function = FunctionSpec("f", "app.f", {}, 20.0, maximum_retries=0)
    event = {"notes": str(notes), "gate": f"{notes}.gate"}
    first = await start_runtime(function)
    request_id = await first.enqueue("f", event)
    await eventually(lambda: len(lines(notes)) == 1, "the event is being handled")
    await first.stop()

    await start_runtime(function)

    await eventually(lambda: lines(notes) == [request_id, request_id], "it is being handled again")


async def test_two_runtimes_cannot_share_a_queue(start_runtime: StartRuntime) -> None:
    await start_runtime()

    with pytest.raises(QueueInUse, match="is in use by another running stack"):
        await start_runtime()


ENGINE = """
import asyncio, json, sys
from pathlib import Path
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.spec import FunctionSpec

async def main():
    root, queue, event = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    function = FunctionSpec("f", "app.f", {"LIFE": "first"}, 60.0, reserved_concurrency=2)
    runtime = FunctionRuntime([function], root=root, queue=queue)
    await runtime.start()
    for number in range(5):
        print(await runtime.enqueue("f", {**event, "number": number}), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

LINGER_IN_THE_FIRST_LIFE = """
def f(event, context):
    note(event, f"{os.environ['LIFE']} {context.aws_request_id} {os.getpid()}")
    if os.environ["LIFE"] == "first":
        note(event, f"forkserver - {os.getppid()}")
        note(event, f"child - {subprocess.Popen(['sleep', '60']).pid}")
        while True:  # busy, and deaf to everything but SIGKILL
            pass
"""


@pytest.fixture
def engine(root: Path, queue: Path, notes: Path, write_handlers: WriteHandlers) -> Iterator["subprocess.Popen[str]"]:
    """Another process with a runtime: five events accepted, two of them being handled by busy workers."""
    write_handlers(LINGER_IN_THE_FIRST_LIFE)
    arguments = [str(root), str(queue), json.dumps({"notes": str(notes)})]
    with subprocess.Popen(
        [sys.executable, "-c", ENGINE, *arguments], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[4]
    ) as process:
        yield process
        process.kill()


async def test_events_survive_the_sudden_death_of_the_engine_under_their_request_ids(
    root: Path, queue: Path, notes: Path, engine: "subprocess.Popen[str]"
) -> None:
    assert engine.stdout is not None
    request_ids = [engine.stdout.readline().strip() for _ in range(5)]
    await eventually(lambda: len(lines(notes)) == 6, "two events are being handled")
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()

    second = FunctionRuntime([FunctionSpec("f", "app.f", {"LIFE": "second"}, 20.0)], root=root, queue=queue)
    await second.start()
    try:
        await eventually(lambda: len(lines(notes)) >= 11, "all events were handled")
    finally:
        await second.stop()

    handled = [line.split() for line in lines(notes)]
    assert {found[1] for found in handled if found[0] == "first"} == set(request_ids[:2])
    assert sorted(found[1] for found in handled if found[0] == "second") == sorted(request_ids)


async def test_no_process_outlives_an_engine_that_was_killed(notes: Path, engine: "subprocess.Popen[str]") -> None:
    await eventually(lambda: len(lines(notes)) == 6, "two events are being handled")
    processes = {int(line.split()[2]) for line in lines(notes)}
    assert len(processes) == 5  # two workers with a child each, and the fork server
    assert all(is_running(process) for process in processes)

    os.kill(engine.pid, signal.SIGKILL)

    await eventually(lambda: not any(is_running(process) for process in processes), "they are all gone")


async def test_ctrl_c_in_the_terminal_reaches_neither_fork_server_nor_workers(
    notes: Path, engine: "subprocess.Popen[str]"
) -> None:
    await eventually(lambda: len(lines(notes)) == 6, "two events are being handled")
    processes = {int(line.split()[2]) for line in lines(notes)}

    assert os.getpgid(engine.pid) not in {os.getpgid(process) for process in processes}
    assert os.getsid(engine.pid) not in {os.getsid(process) for process in processes}


async def test_death_of_the_fork_server_fails_what_runs_and_the_next_event_gets_a_new_one(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, os.getpid())
            if event.get("kill"):
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(60)
            return "alive"
        """
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0))

    with pytest.raises(Exception, match="Runtime exited with error: signal: killed"):
        await runtime.invoke("f", {"notes": str(notes), "kill": True})

    assert await runtime.invoke("f", {"notes": str(notes)}) == "alive"
    worker = int(lines(notes)[0])
    await eventually(lambda: not is_running(worker), "the old worker went with the old fork server")
