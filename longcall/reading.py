"""Reads the log and the snapshot of a job, and the list of jobs."""

from dataclasses import replace
from typing import Final

from longcall.errors import JobNotFound, ProtocolError, RequestRejected
from longcall.job_list import ListRead
from longcall.models import Event, JobId, Json, Page, Snapshot, Status
from longcall.objects import Objects
from longcall.parsing import parse_event, parse_snapshot
from longcall.transport import Requests

PAGE: Final = 1_000  # events in one answer, the API's maximum
JOBS: Final = 100  # jobs in one answer, the API's maximum


async def read_events(requests: Requests, job_id: JobId, *, after: int, limit: int = PAGE) -> list[Event]:
    """One page of a job's log: the events after the sequence `after`. An empty page means that there are no more.

    Raises:
        JobNotFound: The caller has no such job.
        LongcallError: As for `Requests.execute`.
    """
    variables: dict[str, Json] = {"jobId": job_id, "after": after, "limit": limit}
    try:
        data = await requests.execute("inference_events", variables)
    except RequestRejected as rejected:
        raise JobNotFound(job_id) if rejected.error_type == "JobNotFound" else rejected from rejected
    entries = data.get("inferenceEvents")
    if not isinstance(entries, list):
        raise ProtocolError("expected a log from the API, and found none; check that client and API are of one version")
    return [parse_event(entry) for entry in entries]


async def read_snapshot(requests: Requests, objects: Objects, job_id: JobId) -> Snapshot:
    """The job's present state, with its result, also when that is stored elsewhere.

    Raises:
        JobNotFound: The caller has no such job.
        LongcallError: As for `Requests.execute` and `Objects.read`.
    """
    data = await requests.execute("get_inference", {"jobId": job_id})
    if data.get("getInference") is None:
        raise JobNotFound(job_id)
    snapshot = parse_snapshot(data["getInference"])
    if snapshot.stored is None:
        return snapshot
    result = await objects.read(snapshot.stored)
    return replace(snapshot, event=replace(snapshot.event, result=result, result_omitted=False))


async def read_page(requests: Requests, *, status: Status | None, limit: int, next_token: str | None) -> Page:
    """One page of the caller's jobs, newest first.

    Raises:
        LongcallError: As for `Requests.execute`.
    """
    data = await requests.execute("list_inferences", {"status": status, "limit": limit, "nextToken": next_token})
    match data.get("listInferences"):
        case {"items": [*items], "nextToken": None | str() as following}:
            return Page(tuple(parse_event(item) for item in items), following)
    raise ProtocolError("expected a list of jobs, and found none; check that client and API are of one version")


async def read_newest(requests: Requests, *, limit: int) -> ListRead:
    """The caller's newest jobs, at most `limit`, in as many pages as needed.

    Raises:
        LongcallError: As for `Requests.execute`.
    """
    jobs: list[Event] = []
    next_token: str | None = None
    while True:
        wanted = min(limit - len(jobs), JOBS)
        page = await read_page(requests, status=None, limit=wanted, next_token=next_token)
        jobs.extend(page.jobs)
        next_token = page.next_token
        if next_token is None or len(jobs) >= limit:
            return ListRead(tuple(jobs), has_more=next_token is not None)
