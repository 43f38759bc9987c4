"""Many jobs at once, with a service that has all faults that its documentation allows, and more."""

import asyncio
import random
from dataclasses import replace

import pytest

from longcall import Client, JobView, LambdaToken, Status
from tests.unit.longcall.appsync import AppSync
from tests.unit.longcall.conftest import SHORT, token

JOBS = 60
EVENTS = 15


class FaultyWorker:
    """A worker whose pushes are dropped, repeated, delayed or unreadable, and whose sockets and answers are cut."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # reproducible on purpose

    async def __call__(self, service: AppSync, job_id: str) -> None:
        draw = self._random
        late = []
        service.append(job_id, status="PROCESSING", attempt=1)
        for _ in range(EVENTS):
            if draw.random() < 0.05:
                service.append(job_id, attempt=service.logs[job_id][-1]["attempt"] + 1)
            event = service.append(
                job_id, delta=draw.choice(["ß", "🦊 ", "漢字", "word ", "\n", ""]) * draw.randrange(4)
            )
            late.append(event)
            choice = draw.random()
            if choice < 0.3:
                late.pop()
            elif choice < 0.6:
                draw.shuffle(late)
                for each in late * draw.choice([1, 1, 2]):
                    await service.push(each)
                late = late[:1]
            elif choice < 0.65:
                await service.send(job_id, draw.choice([{}, {"data": None}, {"errors": [{"message": "no"}]}]))
            elif choice < 0.67:
                await service.cut()
            elif choice < 0.7:
                service.failures["inferenceEvents"] += 1
            elif choice < 0.73:
                service.lost_answers["inferenceEvents"] += 1
            for _ in range(draw.randrange(40)):  # turns of the loop, in which other tasks run
                await asyncio.sleep(0)
        output = output_of(service, job_id)
        last = service.append(job_id, status="COMPLETED", result=output)
        if draw.random() < 0.5:
            await service.push(last | {"result": None, "resultOmitted": True})


def output_of(service: AppSync, job_id: str) -> str:
    log = service.logs[job_id]
    return "".join(event["delta"] or "" for event in log if event["attempt"] == log[-1]["attempt"])


async def run(client: Client) -> list[JobView]:
    return [view async for view in client.run("a text")]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_job_is_shown_with_all_events_in_order_and_every_byte(service: AppSync, seed: int) -> None:
    service.worker = FaultyWorker(seed)
    service.lost_answers["startInference"] = 5
    timing = replace(SHORT, silence=0.05, tries=20)

    async with (
        asyncio.timeout(90),
        Client(service.url, authorization=LambdaToken(token), timing=timing) as client,
    ):
        runs = await asyncio.gather(*(run(client) for _ in range(JOBS)))

    assert len(service.logs) == JOBS
    assert len(service.started) > 2 * JOBS, "sockets were cut while jobs ran"
    for views in runs:
        final = views[-1]
        assert [view.sequence for view in views] == [event["sequence"] for event in service.logs[final.job_id]]
        assert final.status is Status.COMPLETED
        assert final.output == final.result == output_of(service, final.job_id)
