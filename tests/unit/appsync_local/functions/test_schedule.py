"""Schedules: the timetable with moments of the test's choosing, and a function that really runs every so often."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from appsync_local.functions.schedule import FunctionSchedule, Timetable, scheduled_event
from appsync_local.functions.spec import FunctionSpec
from tests.unit.appsync_local.functions.conftest import StartRuntime
from tests.unit.appsync_local.functions.waiting import eventually, lines

WriteHandlers = Callable[..., None]
SWEEP = FunctionSchedule("sweep", every=60.0)


@pytest.fixture
def environment(notes: Path) -> dict[str, str]:
    """The environment of a function that notes each event."""
    return {"notes": str(notes)}


def test_schedule_is_due_first_after_one_interval_and_then_once_in_each() -> None:
    timetable = Timetable([SWEEP], now=1000.0)

    moments = [moment for moment in range(1000, 1200) if timetable.due(now=float(moment))]

    assert moments == [1060, 1120, 1180]


def test_intervals_missed_while_the_machine_was_suspended_are_made_up_for_once() -> None:
    timetable = Timetable([SWEEP], now=1000.0)

    assert timetable.due(now=1000.0 + 3600 + 5) == [SWEEP]

    assert timetable.due(now=1000.0 + 3600 + 6) == []
    assert timetable.next_moment() == 1000.0 + 3600 + 60


def test_schedule_late_by_a_moment_keeps_its_beat() -> None:
    timetable = Timetable([SWEEP], now=1000.0)

    timetable.due(now=1060.9)

    assert timetable.next_moment() == 1120.0


def test_clock_that_is_set_back_postpones_nothing_by_more_than_one_interval() -> None:
    timetable = Timetable([SWEEP], now=100_000.0)

    assert timetable.due(now=1000.0) == []

    assert timetable.next_moment() == 1060.0


def test_each_schedule_has_its_own_beat() -> None:
    often = FunctionSchedule("often", every=10.0)
    timetable = Timetable([SWEEP, often], now=0.0)

    found = {moment: timetable.due(now=float(moment)) for moment in (10, 20, 30, 40, 50, 60)}

    assert found == {10: [often], 20: [often], 30: [often], 40: [often], 50: [often], 60: [SWEEP, often]}
    assert Timetable([], now=0.0).next_moment() is None


def test_event_is_the_one_that_eventbridge_sends() -> None:
    sweep = FunctionSpec("sweep", "app.sweep", {"AWS_REGION": "eu-west-1"}, 60.0)

    event = dict(scheduled_event(sweep, now=1_444_323_186.6))

    assert len(str(event.pop("id"))) == 36
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2015-10-08T16:53:06Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:events:eu-west-1:123456789012:rule/sweep"],
        "detail": {},
    }


@pytest.mark.parametrize("every", [0.0, -1.0, float("nan")])
def test_interval_that_is_none_is_refused(every: float) -> None:
    with pytest.raises(ValueError, match="over 0, and is"):
        FunctionSchedule("sweep", every=every)


async def test_schedule_for_an_unknown_function_is_refused_before_anything_starts(start_runtime: StartRuntime) -> None:
    with pytest.raises(ValueError, match="the schedule is for 'sweep', which is not a function; known are f"):
        await start_runtime(FunctionSpec("f", "app.f", {}, 20.0), schedules=[SWEEP])


async def test_function_runs_again_and_again_with_an_event_of_its_own(
    notes: Path, environment: dict[str, str], write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(
        """
        import json
        def f(event, context):
            note(os.environ, json.dumps([event["detail-type"], event["id"], context.aws_request_id]))
        """
    )

    runtime = await start_runtime(
        FunctionSpec("f", "app.f", environment, 20.0), schedules=[FunctionSchedule("f", every=0.02)]
    )

    await eventually(lambda: len(lines(notes)) >= 3, "it ran three times")
    await runtime.stop()
    kinds, events, requests = zip(*(json.loads(line) for line in lines(notes)), strict=True)
    assert set(kinds) == {"Scheduled Event"}
    assert len(set(events)) == len(set(requests)) == len(kinds)


async def test_schedule_with_a_payload_of_its_own_sends_that(
    notes: Path, environment: dict[str, str], write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers("def f(event, context): note(os.environ, event)")

    await start_runtime(
        FunctionSpec("f", "app.f", environment, 20.0),
        schedules=[FunctionSchedule("f", every=0.02, payload={"shard": 3})],
    )

    await eventually(lambda: bool(lines(notes)), "it ran")
    assert lines(notes)[0] == "{'shard': 3}"
