"""Observations that clients write are each examined once, and to the end."""

import asyncio
import threading
from pathlib import Path

import pytest

from certify.arrivals import Arrivals
from certify.observation import Observation


def test_each_complete_line_is_examined_once(tmp_path: Path) -> None:
    file, examined = tmp_path / "observations", list[int]()
    arrivals = Arrivals([file, tmp_path / "not there"], lambda observation: examined.append(observation.number))
    lines = [Observation(number, f"job {number}").dump() for number in range(3)]

    async def scenario() -> None:
        file.write_text(f"{lines[0]}\n{lines[1][:20]}")
        await arrivals.examine_new()
        assert examined == [0]
        file.write_text(f"{lines[0]}\n{lines[1]}\n{lines[2]}\n")
        await arrivals.examine_new()
        await arrivals.examine_new()

    asyncio.run(scenario())

    assert examined == [0, 1, 2]


def test_a_cancelled_examination_ends_after_the_observation_it_is_at_and_leaves_the_others_for_later(
    tmp_path: Path,
) -> None:
    file, examined = tmp_path / "observations", list[int]()
    file.write_text("".join(f"{Observation(number, 'job').dump()}\n" for number in range(2)))
    begun, go_on = threading.Event(), threading.Event()

    def examine(observation: Observation) -> None:
        begun.set()
        assert go_on.wait(60)
        examined.append(observation.number)

    arrivals = Arrivals([file], examine)

    async def scenario() -> None:
        examining = asyncio.create_task(arrivals.examine_new())
        assert await asyncio.to_thread(begun.wait, 60)
        examining.cancel()
        await asyncio.sleep(0)  # the cancellation arrives
        await asyncio.sleep(0)
        assert not examining.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await examining
        assert examined == [0]
        await arrivals.examine_new()

    asyncio.run(scenario())

    assert examined == [0, 1]


def test_an_error_of_an_examination_that_was_cancelled_is_raised(tmp_path: Path) -> None:
    file = tmp_path / "observations"
    file.write_text(f"{Observation(0, 'job').dump()}\n")
    begun, go_on = threading.Event(), threading.Event()

    def examine(_: Observation) -> None:
        begun.set()
        assert go_on.wait(60)
        raise LookupError("a job that nobody planned")

    async def scenario() -> None:
        examining = asyncio.create_task(Arrivals([file], examine).examine_new())
        assert await asyncio.to_thread(begun.wait, 60)
        examining.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await examining

    with pytest.raises(LookupError):
        asyncio.run(scenario())
