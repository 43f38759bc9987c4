"""Who gets a slot: callers who wait before events, and all callers in turn."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appsync_local.errors import FunctionFailed
from appsync_local.functions.spec import FunctionSpec
from tests.unit.appsync_local.functions.conftest import StartRuntime
from tests.unit.appsync_local.functions.waiting import eventually, lines

NOTE_AND_WAIT = """
def f(event, context):
    note(event, event["name"])
    if "gate" in event:
        wait_for(event["gate"])
"""


def spec(name: str) -> FunctionSpec:
    return FunctionSpec(name, f"app.{name}", {}, 60.0)


async def test_events_in_any_number_leave_room_for_callers(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path, tmp_path: Path
) -> None:
    write_handlers(
        """
        def slow(event, context):
            note(event, "began")
            wait_for(event["gate"])

        def quick(event, context):
            return "here"
        """
    )
    runtime = await start_runtime(spec("slow"), spec("quick"), concurrency=4)
    gate = tmp_path / "gate"
    for _ in range(20):
        await runtime.enqueue("slow", {"notes": str(notes), "gate": str(gate)})
    await eventually(lambda: len(lines(notes)) == 2, "the events have taken their half of the slots")

    assert [await runtime.invoke("quick", {}) for _ in range(3)] == ["here"] * 3

    assert len(lines(notes)) == 2
    gate.touch()
    await eventually(lambda: len(lines(notes)) == 20, "all events were handled")


async def test_callers_in_any_number_leave_room_for_events(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path, tmp_path: Path
) -> None:
    write_handlers(
        """
        def slow(event, context):
            wait_for(event["gate"])

        def quick(event, context):
            note(event, "here")
        """
    )
    runtime = await start_runtime(spec("slow"), spec("quick"), concurrency=8, slot_wait=60.0)
    gate = tmp_path / "gate"
    callers = [asyncio.create_task(runtime.invoke("slow", {"gate": str(gate)})) for _ in range(20)]
    await asyncio.sleep(0)  # they are invoked now, before the event

    await runtime.enqueue("quick", {"notes": str(notes)})

    await eventually(lambda: lines(notes) == ["here"], "the event was handled while callers waited")
    gate.touch()
    await asyncio.gather(*callers)


async def test_a_peak_of_callers_is_served_in_turn_and_nobody_is_refused(
    start_runtime: StartRuntime, write_handlers: Callable[..., None]
) -> None:
    write_handlers("def f(event, context): return event")
    runtime = await start_runtime(spec("f"), concurrency=4, slot_wait=60.0)

    answers = await asyncio.gather(*(runtime.invoke("f", number) for number in range(300)))

    assert answers == list(range(300))


async def test_callers_of_several_functions_are_served_in_the_order_in_which_they_came(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path, tmp_path: Path
) -> None:
    write_handlers(f"{NOTE_AND_WAIT}\ng = f\n")
    runtime = await start_runtime(spec("f"), spec("g"), concurrency=1, slot_wait=60.0)
    gate = tmp_path / "gate"
    calls = [asyncio.create_task(runtime.invoke("f", {"notes": str(notes), "name": "first", "gate": str(gate)}))]
    await eventually(lambda: lines(notes) == ["first"], "the slot is taken")
    for function, name in (("g", "second"), ("f", "third"), ("g", "fourth")):
        calls.append(asyncio.create_task(runtime.invoke(function, {"notes": str(notes), "name": name})))
        await asyncio.sleep(0)

    gate.touch()
    await asyncio.gather(*calls)

    assert lines(notes) == ["first", "second", "third", "fourth"]


async def test_a_caller_who_waits_is_served_before_an_event(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path, tmp_path: Path
) -> None:
    write_handlers(NOTE_AND_WAIT)
    runtime = await start_runtime(spec("f"), concurrency=1, slot_wait=60.0)
    gate = tmp_path / "gate"
    first = asyncio.create_task(runtime.invoke("f", {"notes": str(notes), "name": "first", "gate": str(gate)}))
    await eventually(lambda: lines(notes) == ["first"], "the slot is taken")
    await runtime.enqueue("f", {"notes": str(notes), "name": "event"})
    second = asyncio.create_task(runtime.invoke("f", {"notes": str(notes), "name": "caller"}))
    await asyncio.sleep(0)

    gate.touch()
    await asyncio.gather(first, second)

    await eventually(lambda: lines(notes) == ["first", "caller", "event"], "the event came last")


async def test_a_caller_who_left_takes_no_slot(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path, tmp_path: Path
) -> None:
    write_handlers(NOTE_AND_WAIT)
    runtime = await start_runtime(spec("f"), concurrency=1, slot_wait=60.0)
    gate = tmp_path / "gate"
    first = asyncio.create_task(runtime.invoke("f", {"notes": str(notes), "name": "first", "gate": str(gate)}))
    await eventually(lambda: lines(notes) == ["first"], "the slot is taken")
    left = asyncio.create_task(runtime.invoke("f", {"notes": str(notes), "name": "left"}))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)

    gate.touch()
    await first
    await runtime.invoke("f", {"notes": str(notes), "name": "last"})

    assert lines(notes) == ["first", "last"]


@pytest.mark.parametrize("how", ["cancelled", "timed out"])
async def test_a_caller_who_left_gets_no_worker(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path, tmp_path: Path, how: str
) -> None:
    write_handlers(NOTE_AND_WAIT)
    workers = os.cpu_count() or 1  # more are not started within `warm_wait`
    function = FunctionSpec("f", "app.f", {}, 60.0, reserved_concurrency=workers + 1)
    runtime = await start_runtime(function, warm_wait=3600.0, resolver_timeout=0.05)
    stuck = {"notes": str(notes), "name": "stuck", "gate": str(tmp_path / "gate")}
    callers = [asyncio.create_task(runtime.run_to_end("f", stuck)) for _ in range(workers)]
    await eventually(lambda: lines(notes) == ["stuck"] * workers, "all workers are busy")
    left = {"notes": str(notes), "name": "left"}
    if how == "cancelled":
        waiting = asyncio.create_task(runtime.run_to_end("f", left))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    else:
        with pytest.raises(FunctionFailed, match=r"Execution timed out\."):
            await runtime.invoke("f", left)

    last = {"notes": str(notes), "name": "last"}
    callers.append(asyncio.create_task(runtime.run_to_end("f", last)))  # there is a slot again
    await asyncio.sleep(0)
    (tmp_path / "gate").touch()
    await asyncio.gather(*callers)

    assert lines(notes) == ["stuck"] * workers + ["last"]


async def test_a_caller_who_leaves_in_the_moment_it_gets_a_slot_gets_no_worker(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path, tmp_path: Path
) -> None:
    write_handlers(NOTE_AND_WAIT, "def g(event, context): wait_for(event['gate'])")
    workers = os.cpu_count() or 1  # more are not started within `warm_wait`
    slots = workers + 1
    while slots - slots // 8 < workers + 1:  # callers may take seven eighths
        slots += 1
    runtime = await start_runtime(spec("f"), spec("g"), concurrency=slots, slot_wait=60.0, warm_wait=3600.0)
    stuck = {"notes": str(notes), "name": "stuck", "gate": str(tmp_path / "gate")}
    callers = [asyncio.create_task(runtime.run_to_end("f", stuck)) for _ in range(workers)]
    await eventually(lambda: lines(notes) == ["stuck"] * workers, "all workers of f are busy")

    async def hold_the_last_slot() -> None:
        await runtime.run_to_end("g", {"gate": str(tmp_path / "gate of g")})
        left.cancel()  # it has the slot, and has not continued yet

    holding = asyncio.create_task(hold_the_last_slot())
    await asyncio.sleep(0)
    left = asyncio.create_task(runtime.run_to_end("f", {"notes": str(notes), "name": "left"}))
    await asyncio.sleep(0)
    (tmp_path / "gate of g").touch()
    await asyncio.gather(holding, left, return_exceptions=True)

    callers.append(asyncio.create_task(runtime.run_to_end("f", {"notes": str(notes), "name": "last"})))
    await asyncio.sleep(0)
    (tmp_path / "gate").touch()
    await asyncio.gather(*callers)

    assert left.cancelled()
    assert lines(notes) == ["stuck"] * workers + ["last"]


async def test_a_function_without_any_concurrency_refuses_at_once(
    start_runtime: StartRuntime, write_handlers: Callable[..., None]
) -> None:
    write_handlers("def f(event, context): return event")
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 60.0, reserved_concurrency=0), slot_wait=3600.0)

    with pytest.raises(FunctionFailed) as refused:
        await runtime.invoke("f", {})

    assert refused.value.type == "Lambda:TooManyRequestsException"


async def test_short_invocations_wait_for_warm_workers_and_start_no_process_each(
    start_runtime: StartRuntime, write_handlers: Callable[..., None]
) -> None:
    write_handlers("def f(event, context): return os.getpid()")
    runtime = await start_runtime(spec("f"), concurrency=200, warm_wait=60.0)
    await runtime.invoke("f", {})

    processes = await asyncio.gather(*(runtime.invoke("f", {}) for _ in range(150)))

    assert len(set(processes)) <= 2 * (os.cpu_count() or 1)


async def test_an_invocation_that_no_warm_worker_takes_in_time_gets_a_process(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], tmp_path: Path
) -> None:
    write_handlers(
        """
        def f(event, context):
            if event:
                wait_for(event)
            return os.getpid()
        """
    )
    warm = 2 * (os.cpu_count() or 1)
    runtime = await start_runtime(spec("f"), concurrency=200, warm_wait=0.2)
    await asyncio.gather(*(runtime.invoke("f", "") for _ in range(20)))
    gate = tmp_path / "gate"
    blocked = [asyncio.create_task(runtime.invoke("f", str(gate))) for _ in range(warm + 1)]
    await asyncio.sleep(0)  # they are invoked now, before the next one

    answer = await runtime.invoke("f", "")

    gate.touch()
    processes = await asyncio.gather(*blocked)
    assert answer not in processes


async def test_short_invocations_do_not_wait_for_those_that_are_stuck_while_the_processors_are_busy(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path, tmp_path: Path
) -> None:
    write_handlers(
        """
        def f(event, context):
            if event:
                note(event, "stuck")
                wait_for(event["gate"])
            return "here"
        """
    )
    runtime = await start_runtime(spec("f"), concurrency=200, warm_wait=0.2, processors_are_busy=lambda: True)
    for _ in range(100):  # until the start of the first worker is no usual duration any more
        await runtime.invoke("f", {})
    gate = tmp_path / "gate"
    event = {"notes": str(notes), "gate": str(gate)}
    stuck = [asyncio.create_task(runtime.invoke("f", event)) for _ in range(os.cpu_count() or 1)]
    await eventually(lambda: lines(notes) == ["stuck"] * len(stuck), "as many are stuck as may be busy at once")

    async with asyncio.timeout(30):  # they took 0.8 s each while those that are stuck counted
        answers = [await runtime.invoke("f", {}) for _ in range(200)]

    assert answers == ["here"] * 200
    gate.touch()
    await asyncio.gather(*stuck)


async def test_events_begin_one_at_a_time_while_callers_wait_and_the_processors_are_busy(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path, tmp_path: Path
) -> None:
    write_handlers(
        """
        def call(event, context):
            note(event, "call")
            wait_for(event["gate"])

        def work(event, context):
            note(event, "work")
            wait_for(event["gate"])

        def quick(event, context):
            return "here"
        """
    )
    runtime = await start_runtime(
        spec("call"), spec("work"), spec("quick"), concurrency=200, warm_wait=60.0, processors_are_busy=lambda: True
    )
    at_once = os.cpu_count() or 1
    call_gate, work_gate = tmp_path / "calls", tmp_path / "events"
    event = {"notes": str(notes), "gate": str(call_gate)}
    callers = [asyncio.create_task(runtime.invoke("call", event)) for _ in range(at_once + 1)]
    await eventually(lambda: lines(notes).count("call") == at_once, "one caller waits for a worker")

    for _ in range(3):
        await runtime.enqueue("work", {"notes": str(notes), "gate": str(work_gate)})
    await eventually(lambda: "work" in lines(notes), "an event began")
    await runtime.invoke("quick", {})  # it starts a process, and so would another event have done

    assert lines(notes).count("work") == 1

    call_gate.touch()
    await asyncio.gather(*callers)
    await eventually(lambda: lines(notes).count("work") == min(3, at_once), "the other events began")
    work_gate.touch()
