"""Attempts at events that are throttled, crashed and repeated on purpose, with real workers."""

import itertools
import json
from collections import Counter
from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest

from appsync_local.devtools.chaos.decisions import EventDecisions, SecondDelivery
from appsync_local.devtools.chaos.spec import CALM, Fault, parse_chaos
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.functions.delivery import Backoff
from appsync_local.functions.event_queue import EventQueue
from appsync_local.functions.spec import FunctionSpec
from tests.unit.appsync_local.functions.conftest import NOTE_RECORD, StartRuntime
from tests.unit.appsync_local.functions.waiting import eventually, lines

WriteHandlers = Callable[..., None]
SOON = Backoff(first=0.001, longest=0.004)


@pytest.fixture
def destination(records: Path) -> FunctionSpec:
    return FunctionSpec("failed", "app.failed", {"RECORDS": str(records)}, 20.0, maximum_retries=100)


def chaos(text: str) -> Chaos:
    return Chaos(parse_chaos(text))


def repeating(second: SecondDelivery) -> Chaos:
    """Chaos that delivers the first event twice, in this way."""
    for seed in itertools.count():
        found = Chaos(parse_chaos(f"twice=1,seed={seed}"))
        if EventDecisions(found.spec, Counter()).decide("f").second_delivery is second:
            return found
    raise AssertionError


async def test_worker_is_killed_at_the_latest_when_it_answers_and_the_event_is_retried(
    notes: Path, records: Path, destination: FunctionSpec, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): note(event, context.aws_request_id)", NOTE_RECORD)
    function = FunctionSpec("f", "app.f", {}, 20.0, on_failure="failed", maximum_retries=1)
    switch = chaos("crash=1")
    runtime = await start_runtime(function, destination, chaos=switch)

    request_id = await runtime.enqueue("f", {"notes": str(notes)})

    await eventually(lambda: switch.counts[Fault.CRASH] >= 2, "both attempts were crashed")
    switch.apply(CALM)  # for the destination, which is an event too
    await eventually(lambda: bool(lines(records)), "the destination has the record")
    record = json.loads(lines(records)[0])
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responsePayload"] == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: signal: killed",
    }


async def test_worker_is_killed_in_the_middle_of_what_it_does(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, "starts")
            wait_for(event["gate"])
            note(event, "ends")
        """
    )
    gate = notes.with_name("gate")
    switch = chaos("crash=1")
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0), retry_delays=(0.2,), chaos=switch)

    await runtime.enqueue("f", {"notes": str(notes), "gate": str(gate)})
    await eventually(lambda: switch.counts[Fault.CRASH] == 1, "it is to crash")
    switch.apply(CALM)

    await eventually(lambda: len(lines(notes)) >= 2, "it was retried after a crash")
    assert lines(notes) == ["starts", "starts"]
    gate.touch()
    await eventually(lambda: lines(notes) == ["starts", "starts", "ends"], "the retry succeeds")


async def test_event_delivered_a_second_time_meanwhile_runs_beside_the_first_under_the_same_id(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, context.aws_request_id)
            while len(open(event["notes"]).readlines()) < 2:
                time.sleep(0.002)
            note(event, "met")
        """
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0), chaos=repeating(SecondDelivery.MEANWHILE))

    request_id = await runtime.enqueue("f", {"notes": str(notes)})

    await eventually(lambda: len(lines(notes)) == 4, "both deliveries were handled")
    assert lines(notes) == [request_id, request_id, "met", "met"]


async def test_event_delivered_a_second_time_afterwards_runs_again_when_it_has_left_the_queue(
    notes: Path, queue: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, f"starts {context.aws_request_id}")
            note(event, f"ends {context.aws_request_id}")
        """
    )
    switch = repeating(SecondDelivery.AFTERWARDS)
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0), chaos=switch)

    request_id = await runtime.enqueue("f", {"notes": str(notes)})

    await eventually(lambda: len(lines(notes)) == 4, "both deliveries were handled")
    await runtime.stop()
    assert lines(notes) == [f"starts {request_id}", f"ends {request_id}"] * 2
    assert switch.counts == {Fault.TWICE: 1}
    opened = EventQueue.open(queue)
    assert opened.claim("f", now=inf) is None
    opened.close()


async def test_failing_first_delivery_is_retried_whatever_became_of_the_second(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, context.aws_request_id)
            if len(open(event["notes"]).readlines()) == 1:
                raise ValueError("boom")
        """
    )
    runtime = await start_runtime(
        FunctionSpec("f", "app.f", {}, 20.0, reserved_concurrency=1), chaos=repeating(SecondDelivery.AFTERWARDS)
    )

    request_id = await runtime.enqueue("f", {"notes": str(notes)})

    await eventually(lambda: len(lines(notes)) >= 3, "delivery, second delivery and retry")
    assert set(lines(notes)) == {request_id}


async def test_repeated_events_keep_to_the_reserved_concurrency(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, f"starts {event['number']}")
            note(event, f"ends {event['number']}")
        """
    )
    runtime = await start_runtime(
        FunctionSpec("f", "app.f", {}, 20.0, reserved_concurrency=1), chaos=chaos("twice=1,seed=3")
    )

    for number in range(10):
        await runtime.enqueue("f", {"notes": str(notes), "number": number})

    await eventually(lambda: len(lines(notes)) == 40, "every event was handled twice")
    pairs = list(zip(lines(notes)[::2], lines(notes)[1::2], strict=True))
    assert all(end == start.replace("starts", "ends") for start, end in pairs)
    assert Counter(start for start, _ in pairs) == {f"starts {number}": 2 for number in range(10)}


async def test_event_that_is_always_throttled_is_given_up_untried_at_its_maximum_age(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    write_handlers("def f(event, context): note(event, 'tried')")
    function = FunctionSpec("f", "app.f", {}, 20.0, maximum_event_age=0.2)
    runtime = await start_runtime(function, chaos=chaos("throttle=1"), refusal_delays=SOON)

    await runtime.enqueue("f", {"notes": str(notes)})

    await eventually(lambda: "f gave up on an event: EventAgeExceeded" in caplog.messages, "it was given up")
    assert lines(notes) == []


async def test_event_that_is_throttled_again_waits_for_longer(
    queue: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): pass")
    now = 1000.0
    function = FunctionSpec("f", "app.f", {}, 20.0)
    runtime = await start_runtime(
        function, chaos=chaos("throttle=1"), refusal_delays=Backoff(first=100.0, longest=300.0), clock=lambda: now
    )

    first = await runtime.enqueue("f", {})
    now = 1100.0
    second = await runtime.enqueue("f", {})  # and the first is due again
    await runtime.stop()

    opened = EventQueue.open(queue)
    due = [opened.claim("f", now=moment) for moment in (1199.0, 1200.0, 1299.0, 1300.0)]
    opened.close()
    assert [event and event.request_id for event in due] == [None, second, None, first]
    assert [event.attempts for event in due if event] == [0, 0]


async def test_throttled_event_is_tried_once_it_is_let_through(
    notes: Path, write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): note(event, context.aws_request_id)")
    switch = chaos("throttle=1")
    runtime = await start_runtime(
        FunctionSpec("f", "app.f", {}, 20.0, maximum_retries=0), chaos=switch, refusal_delays=SOON
    )

    request_id = await runtime.enqueue("f", {"notes": str(notes)})
    await eventually(lambda: switch.counts[Fault.THROTTLE] >= 3, "it was refused three times")
    assert lines(notes) == []
    switch.apply(CALM)

    await eventually(lambda: lines(notes) == [request_id], "it was handled")


async def test_invocation_that_somebody_waits_for_is_left_alone(
    write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): return 'done'")
    switch = chaos("crash=1,twice=1,throttle=1")
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0), chaos=switch)

    assert await runtime.invoke("f", {}) == "done"

    assert not switch.counts
