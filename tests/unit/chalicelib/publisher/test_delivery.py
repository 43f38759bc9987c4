"""Repeating an update until there is an answer, on a clock that only the test moves."""

import asyncio

from chalicelib.jobs.model import Claim, JobId, Status
from chalicelib.publisher.appsync import Unreachable
from chalicelib.publisher.delivery import SHORTEST_TRY, Backoff, deliver
from chalicelib.publisher.fencing import UpdateAnswer

CLAIM = Claim(JobId("7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11"), "event", "claim")
TAKEN = UpdateAnswer(Status.PROCESSING, attempt=1, sequence=2, claimed=True)


def test_a_wait_that_would_be_too_long_ends_in_time_for_a_last_try() -> None:
    now = 0.0
    tried_at: list[float] = []

    class Throttled:
        """Refuses the first try, and takes the second."""

        async def send(self, update: object) -> UpdateAnswer:
            tried_at.append(now)
            if len(tried_at) == 1:
                raise Unreachable("throttled")
            return TAKEN

    async def scenario() -> UpdateAnswer:
        nonlocal now
        endless = Backoff(base=1e9, cap=1e9)
        delivery = asyncio.create_task(deliver(Throttled(), CLAIM, until=1000.0, backoff=endless))
        for time in (0.0, 999.0, 1000.0 - SHORTEST_TRY):
            now = time
            for _ in range(10):  # run what is due now, and what that schedules
                await asyncio.sleep(0)
        return delivery.result()

    with asyncio.Runner() as runner:
        runner.get_loop().time = lambda: now  # type: ignore[method-assign]
        answer = runner.run(scenario())

    assert answer == TAKEN
    assert tried_at == [0.0, 1000.0 - SHORTEST_TRY]
