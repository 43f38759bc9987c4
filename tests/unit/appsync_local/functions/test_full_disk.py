"""The queue cannot be written for a while: no loop ends, and no event is lost."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appsync_local.devtools.health import Health, QueueState
from appsync_local.errors import FunctionFailed
from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import FunctionSpec
from tests.unit.appsync_local.functions.conftest import StartRuntime
from tests.unit.appsync_local.functions.waiting import eventually, lines


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow, so SQLite cannot write. Worker processes are not affected."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def spec(name: str, retries: int = 0, on_failure: str | None = None) -> FunctionSpec:
    return FunctionSpec(name, f"app.{name}", {}, 60.0, maximum_retries=retries, on_failure=on_failure)


def is_empty(health: Health) -> bool:
    return health.queues()["events"] == QueueState(0)


async def test_a_schedule_goes_on_after_the_disk_was_full(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path
) -> None:
    write_handlers(f"def f(event, context): note({{'notes': {str(notes)!r}}}, 'ran')")
    health = Health()
    await start_runtime(spec("f"), schedules=[FunctionSchedule("f", every=0.02)], health=health)
    await eventually(lambda: len(lines(notes)) >= 2, "the schedule ran")

    with full_disk():
        await eventually(lambda: health.loop("schedule of f").failures >= 2, "runs of the schedule failed")
    before = len(lines(notes))

    await eventually(lambda: len(lines(notes)) >= before + 2, "the schedule runs again")
    assert "OperationalError" in str(health.loop("schedule of f").last_error)


@pytest.mark.parametrize("ends", ["well", "in an error", "in an error for good"])
async def test_an_event_whose_end_cannot_be_written_ends_when_the_disk_has_room(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path, tmp_path: Path, ends: str
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, "ran")
            wait_for(event["gate"])
            if event["fails"] and open(event["notes"]).read().count("ran") <= event["fails"]:
                raise ValueError

        def failed(event, context):
            note(event["requestPayload"], "gave up")
        """
    )
    health = Health()
    fails = {"well": 0, "in an error": 1, "in an error for good": 2}[ends]
    runtime = await start_runtime(spec("f", retries=1, on_failure="failed"), spec("failed"), health=health)
    gate = tmp_path / "gate"
    await runtime.enqueue("f", {"notes": str(notes), "gate": str(gate), "fails": fails})
    await eventually(lambda: lines(notes) == ["ran"], "the event is being tried")

    with full_disk():
        gate.touch()
        await eventually(lambda: health.loop("event deliveries").failures >= 2, "its end could not be written")

    await eventually(lambda: is_empty(health), "the queue is empty again")
    assert lines(notes) == {
        "well": ["ran"], "in an error": ["ran", "ran"], "in an error for good": ["ran", "ran", "gave up"]
    }[ends]  # fmt: skip
    await runtime.enqueue("f", {"notes": str(notes), "gate": str(gate), "fails": 0})
    await eventually(lambda: is_empty(health), "the next event is handled")


async def test_an_event_that_cannot_be_stored_is_refused_and_the_next_one_is_not(
    start_runtime: StartRuntime, write_handlers: Callable[..., None], notes: Path
) -> None:
    write_handlers("def f(event, context): note(event, 'ran')")
    runtime = await start_runtime(spec("f"))

    with full_disk(), pytest.raises(FunctionFailed, match="could not be written") as refused:
        await runtime.enqueue("f", {"notes": str(notes)})
    await runtime.enqueue("f", {"notes": str(notes)})

    assert isinstance(refused.value.__cause__, sqlite3.Error)
    await eventually(lambda: lines(notes) == ["ran"], "the stored event was handled")
