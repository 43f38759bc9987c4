"""The live list over real sockets, with a service that loses and repeats pushes and cuts connections."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from longcall import Client, InvalidInput, JobList, LambdaToken, Link, NotAuthorized, RequestRejected, Timing
from tests.unit.longcall.appsync import ALL_JOBS, BOUND, AppSync, Failure
from tests.unit.longcall.conftest import SHORT, token

JOB = "123e4567-e89b-42d3-a456-426614174000"
OTHER = "223e4567-e89b-42d3-a456-426614174000"
HASTY = replace(SHORT, silence=0.02, idle=0.02, absence=0.02)
FAULT = Failure("InternalError", "see the log", 200)


def client_of(service: AppSync, timing: Timing = SHORT, on_link: Callable[[Link], None] = lambda _: None) -> Client:
    return Client(service.url, authorization=LambdaToken(token), timing=timing, on_link=on_link)


def rows(jobs: JobList) -> list[tuple[str, str, int]]:
    return [(job.job_id, str(job.status), job.sequence) for job in jobs.jobs]


async def following(lists: AsyncGenerator[JobList, None]) -> JobList:
    async with asyncio.timeout(BOUND):
        return await anext(lists)


async def until(lists: AsyncGenerator[JobList, None], expected: list[tuple[str, str, int]]) -> None:
    """Iterate until the list is this one."""
    async with asyncio.timeout(BOUND):
        async for jobs in lists:
            if rows(jobs) == expected:
                return


async def test_list_is_subscribed_to_before_it_is_read(service: AppSync, client: Client) -> None:
    service.append(JOB)
    service.acknowledges.clear()
    async with aclosing(client.watch_all()) as lists:
        first = asyncio.create_task(following(lists))
        await service.until(lambda: service.started == [ALL_JOBS])
        read_early = service.asked("listInferences")
        service.acknowledges.set()

        assert rows(await first) == [(JOB, "PENDING", 1)]
        assert read_early == []


async def test_empty_list_is_shown_too(service: AppSync, client: Client) -> None:
    async with aclosing(client.watch_all()) as lists:
        assert (await following(lists)).jobs == ()


async def test_pushes_change_the_list_without_a_read(service: AppSync, client: Client) -> None:
    async with aclosing(client.watch_all()) as lists:
        await following(lists)
        await service.list_push(service.append(JOB))
        assert rows(await following(lists)) == [(JOB, "PENDING", 1)]
        claim = service.append(JOB, status="PROCESSING", attempt=1)
        await service.list_push(claim)
        await service.list_push(claim)
        service.append(JOB, delta="not pushed")
        await service.list_push(service.append(JOB, status="COMPLETED", result="a text"))

        assert rows(await following(lists)) == [(JOB, "PROCESSING", 2)]
        assert rows(last := await following(lists)) == [(JOB, "COMPLETED", 4)]
        assert (last.jobs[0].result, last.jobs[0].delta) == (None, None)
        assert len(service.asked("listInferences")) == 1


async def test_lost_push_is_read_while_a_job_runs(service: AppSync) -> None:
    service.append(JOB)
    async with client_of(service, replace(SHORT, silence=0.02)) as client, aclosing(client.watch_all()) as lists:
        await following(lists)
        service.append(JOB, status="PROCESSING", attempt=1, progress=0.5)

        seen = await following(lists)

    assert (rows(seen), seen.jobs[0].progress) == ([(JOB, "PROCESSING", 2)], 0.5)


async def test_pushes_about_one_job_do_not_delay_the_read_that_finds_the_end_of_another(service: AppSync) -> None:
    service.append(JOB)
    service.append(OTHER)
    async with client_of(service, replace(SHORT, silence=0.3)) as client, aclosing(client.watch_all()) as lists:
        await following(lists)
        service.append(JOB, status="COMPLETED")

        async def chatter() -> None:
            while True:
                await service.list_push(service.append(OTHER, status="PROCESSING"))
                await asyncio.sleep(0)

        talking = asyncio.create_task(chatter())
        async with asyncio.timeout(BOUND):
            async for jobs in lists:
                if (JOB, "COMPLETED", 2) in rows(jobs):
                    break
        talking.cancel()


async def test_list_without_running_jobs_is_read_rarely(service: AppSync) -> None:
    service.append(JOB, status="COMPLETED")
    async with client_of(service, replace(SHORT, silence=0.0)) as client, aclosing(client.watch_all()) as lists:
        await following(lists)
        await service.list_push(service.append(OTHER, status="CANCELLED"))
        await following(lists)

    assert len(service.asked("listInferences")) == 1


async def test_list_is_read_again_after_the_connection_was_cut(service: AppSync) -> None:
    links: list[Link] = []
    async with client_of(service, on_link=links.append) as client, aclosing(client.watch_all()) as lists:
        await following(lists)
        service.append(JOB, status="COMPLETED")
        await service.cut()

        assert rows(await following(lists)) == [(JOB, "COMPLETED", 1)]

    assert links == [Link.LIVE, Link.LOST, Link.LIVE]
    assert service.started == [ALL_JOBS, ALL_JOBS]


@pytest.mark.parametrize(
    "payload",
    [{"data": {"onMyInferences": None}, "errors": [{"message": "Cannot return null"}]},
     {"data": {"onMyInferences": {"jobId": JOB, "owner": "ada"}}}],
)  # fmt: skip
async def test_push_that_cannot_be_read_makes_the_client_read_the_list(
    service: AppSync, client: Client, payload: object
) -> None:
    async with aclosing(client.watch_all()) as lists:
        await following(lists)
        service.append(JOB)
        await service.send(ALL_JOBS, payload)

        assert rows(await following(lists)) == [(JOB, "PENDING", 1)]


async def test_job_that_this_client_deletes_leaves_at_once_and_for_ever(service: AppSync, client: Client) -> None:
    ended = service.append(JOB, status="COMPLETED")
    service.append(OTHER)
    async with aclosing(client.watch_all()) as lists:
        await following(lists)
        waiting = asyncio.create_task(following(lists))
        await client.delete(JOB)
        assert rows(await waiting) == [(OTHER, "PENDING", 1)]
        await service.list_push(ended)
        await service.list_push(service.append(OTHER, status="PROCESSING"))

        assert rows(await following(lists)) == [(OTHER, "PROCESSING", 2)]

    assert len(service.asked("listInferences")) == 1


async def test_job_that_another_client_deletes_leaves_after_two_reads(service: AppSync) -> None:
    service.append(JOB, status="COMPLETED")
    async with client_of(service, HASTY) as client, aclosing(client.watch_all()) as lists:
        await following(lists)
        read_before = len(service.asked("listInferences"))
        del service.logs[JOB]

        assert rows(await following(lists)) == []
        assert len(service.asked("listInferences")) - read_before >= 2


async def test_long_list_is_read_in_pages(service: AppSync, client: Client) -> None:
    for number in range(170):
        service.append(f"{number:08}-e89b-42d3-a456-426614174000")
    async with aclosing(client.watch_all(limit=150)) as lists:
        jobs = await following(lists)

    assert len(jobs.jobs) == 150
    assert [(asked["limit"], asked["nextToken"]) for asked in service.asked("listInferences")] == [
        (100, None), (50, "100")
    ]  # fmt: skip


async def test_list_survives_reads_that_fail_for_a_while(service: AppSync) -> None:
    service.append(JOB)
    async with client_of(service, HASTY) as client, aclosing(client.watch_all()) as lists:
        await following(lists)
        service.fail([FAULT] * 4)
        service.append(JOB, status="COMPLETED")

        await until(lists, [(JOB, "COMPLETED", 2)])


async def test_list_ends_when_each_read_fails_because_of_a_fault(service: AppSync) -> None:
    service.append(JOB)
    async with client_of(service, HASTY) as client, aclosing(client.watch_all()) as lists:
        await following(lists)
        service.fail([FAULT] * 100)

        with pytest.raises(RequestRejected, match="see the log"):
            await until(lists, [])


async def test_list_of_a_refused_caller_is_an_error_at_once(service: AppSync, client: Client) -> None:
    service.refused_tokens.add("Lambda-Auth-token")

    with pytest.raises(NotAuthorized):
        await anext(client.watch_all())


async def test_list_needs_room_for_a_job(client: Client) -> None:
    with pytest.raises(InvalidInput, match="limit must be 1 or more, and is 0"):
        await anext(client.watch_all(limit=0))


async def test_leaving_a_list_unsubscribes(service: AppSync, client: Client) -> None:
    async with aclosing(client.watch_all()) as lists:
        await following(lists)
        assert len(service.subscriptions) == 1

    await service.until(lambda: not service.subscriptions)
