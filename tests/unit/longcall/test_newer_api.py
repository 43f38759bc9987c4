"""An API that is newer than the client: words that this version does not know are kept as text."""

import asyncio
from datetime import UTC, datetime

from longcall import Client, ErrorType, JobView, Status, display
from longcall.models import JobId
from longcall.parsing import parse_event
from tests.unit.longcall.appsync import BOUND, AppSync
from tests.unit.longcall.test_watching import JOB, collect

END = "2026-01-01T00:01:00.000Z"


async def test_unknown_status_and_error_type_at_the_end_end_the_watch(service: AppSync, client: Client) -> None:
    async def expires(service: AppSync, job_id: str) -> None:
        await service.report(job_id, status="SUSPENDED")
        await service.report(job_id, status="PROCESSING", attempt=1, delta="half")
        await service.report(job_id, status="EXPIRED", error="too old", errorType="RETENTION", endTime=END)

    service.worker = expires

    async with asyncio.timeout(BOUND):
        views = [view async for view in client.run("a story")]

    assert [view.status for view in views] == [Status.PENDING, "SUSPENDED", Status.PROCESSING, "EXPIRED"]
    assert [view.is_terminal for view in views] == [False, False, False, True]
    assert (views[-1].error_type, views[-1].error, views[-1].output) == ("RETENTION", "too old", "half")


async def test_unknown_words_in_the_log_and_in_a_list_are_kept(service: AppSync, client: Client) -> None:
    service.append(JOB)
    service.append(JOB, status="EXPIRED", errorType="RETENTION", endTime=END)

    views = await collect(client)
    listed = await client.list()
    snapshot = await client.get(JOB)

    assert views[-1].status == listed.jobs[0].status == snapshot.status == "EXPIRED"
    assert snapshot.error_type == "RETENTION"
    assert snapshot.is_final


def test_known_words_are_members_of_their_enums() -> None:
    fields = {"jobId": JOB, "sequence": 1, "owner": "ada", "model": "m", "attempt": 1}

    event = parse_event(fields | {"status": "FAILED", "errorType": "CRASHED"})

    assert event.status is Status.FAILED
    assert event.error_type is ErrorType.CRASHED


def test_unknown_status_is_displayed_as_text_and_cannot_control_a_terminal() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    view = JobView(JobId(JOB), sequence=1, status="PAUSED\x1b[2J", message="later", created_at=now, updated_at=now)

    assert display.headline(view) == "PAUSED\\x1b[2J later"
    assert display.milestone(view).plain == "· PAUSED\\x1b[2J later"
    assert display.wire(view)["status"] == "PAUSED\x1b[2J"
